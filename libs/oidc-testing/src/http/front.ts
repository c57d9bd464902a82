/** The HTTP layer in front of the engine: counts, applies faults, routes, and sends what comes out. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { graphUserInfoPath, type ProviderParts } from '../engine/provider-parts.js';
import type { Faults } from '../faults/faults.js';
import { GraphApi } from '../graph/graph-api.js';
import { Interactions } from '../interactions.js';
import { capture, type RequestHandler } from './captured-call.js';
import { readExchange, type Exchange } from './exchange.js';
import { aliasesAt } from './mutual-tls.js';
import { jsonBody, jsonReply, withBody, type Outcome, type Reply } from './reply.js';
import { confirmLogout } from './silent-logout.js';

/** Serves every request of the provider's address. */
export class Front {
  readonly #graph: GraphApi;
  readonly #interactions: Interactions;

  constructor(
    private readonly parts: ProviderParts,
    private readonly faults: Faults,
    private readonly engine: () => Provider,
  ) {
    this.#graph = new GraphApi(parts);
    this.#interactions = new Interactions(parts);
  }

  /** Reads the request, decides its outcome and carries it out. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const exchange = await readExchange(request, this.parts.issuer);
    const logged = this.parts.requests.arrived(exchange);
    const outcome = await this.#outcome(exchange).catch(serverError);
    if (outcome === 'drop') {
      request.socket.destroy();
      return;
    }
    logged.status = outcome.status;
    response.writeHead(outcome.status, outcome.headers);
    response.end(outcome.body);
  }

  async #outcome(exchange: Exchange): Promise<Outcome> {
    const faults = this.faults.take(exchange);
    for (const fault of faults) {
      const early = await fault.before?.(exchange);
      if (early) return early;
    }
    let outcome: Outcome = await this.#route(exchange);
    for (const fault of faults) {
      if (outcome !== 'drop') outcome = (await fault.after?.(outcome, exchange)) ?? outcome;
    }
    return outcome;
  }

  async #route(exchange: Exchange): Promise<Reply> {
    const graph = await this.#graph.handle(exchange);
    if (graph) return graph;
    const engine = this.engine();
    if (exchange.url.pathname.startsWith('/interaction/')) {
      return capture((request, response) => {
        return this.#interactions.handle({ engine, request, response }, exchange.body);
      }, exchange);
    }
    const handler: RequestHandler = engine.callback();
    const reply = await capture(handler, exchange);
    if (exchange.kind === 'end_session') return confirmLogout(handler, exchange, reply);
    return exchange.kind === 'discovery' ? this.#discovery(reply) : reply;
  }

  /** Names the Graph-like UserInfo endpoint, when that is the one to use, and the aliases for clients with certificates. */
  #discovery(reply: Reply): Reply {
    const { issuer, options, mutualTlsOrigin } = this.parts;
    const document = jsonBody(reply);
    if (!document) return reply;
    if (options.userInfo === 'graph') document['userinfo_endpoint'] = `${issuer}${graphUserInfoPath}`;
    if (mutualTlsOrigin !== undefined) document['mtls_endpoint_aliases'] = aliasesAt(mutualTlsOrigin, document);
    return withBody(reply, JSON.stringify(document));
  }
}

/** A failure inside the provider, or in a function given to a fault, shows in the response. */
function serverError(error: unknown): Reply {
  return jsonReply(500, { error: 'server_error', error_description: String(error) });
}
