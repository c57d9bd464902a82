/** Leads page loads to the origin that the provider knows, since cookies set on another would be missing there. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, type NestMiddleware } from '@nestjs/common';
import { OIDC_OPTIONS, type OidcOptions } from 'nestjs-oidc-token-reuse';

@Injectable()
export class CanonicalHostMiddleware implements NestMiddleware<IncomingMessage, ServerResponse> {
  constructor(@Inject(OIDC_OPTIONS) private readonly options: OidcOptions) {}

  use(request: IncomingMessage & { readonly originalUrl?: string }, response: ServerResponse, next: () => void): void {
    const publicUrl = this.options.publicUrl();
    if (!isPageLoad(request) || isHost(request, new URL(publicUrl).host)) {
      next();
      return;
    }
    response.writeHead(302, { Location: new URL(pathOf(request), publicUrl).href }).end();
  }
}

function isPageLoad({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET') return false;
  const mode = headers['sec-fetch-mode'];
  return mode === undefined ? headers.accept?.includes('text/html') === true : mode === 'navigate';
}

/** A proxy that rewrites `Host` says what the browser asked for; who forges it only keeps themselves from being redirected. */
function isHost({ headers }: IncomingMessage, host: string): boolean {
  const forwarded = String(headers['x-forwarded-host'] ?? '').split(',');
  return headers.host === host || forwarded[0]?.trim() === host;
}

/** Path and query on our origin, whatever was asked for. */
function pathOf(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return `/${(request.originalUrl ?? request.url ?? '/').replace(/^[/\\]+/, '')}`;
}
