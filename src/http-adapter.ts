/** Express or Fastify, alike from outside. */
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ApplicationConfig } from './application.config.js';

export function adapterOf({ httpAdapter }: ApplicationConfig): ExpressAdapter | FastifyAdapter {
  if (httpAdapter === 'fastify') return fastifyAdapter();
  const adapter = new ExpressAdapter();
  adapter.disable('x-powered-by');
  return adapter;
}

/** As Express does: a body that is empty or of a type that nobody reads is no reason to refuse a request. */
function fastifyAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter();
  const fastify = adapter.getInstance();
  const parseJson = fastify.getDefaultJsonParser('error', 'error');
  adapter.useBodyParser('application/json', false, {}, (request, body, done) => {
    if (body.length === 0) done(null, undefined);
    else void parseJson(request, body.toString(), done);
  });
  fastify.addContentTypeParser('*', (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  return adapter;
}
