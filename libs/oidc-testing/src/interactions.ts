/** The login page's requests: shows the form, checks the password, hands the result back to the engine. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import type { Interaction, InteractionResults } from 'oidc-provider';
import { acrInClaims, requestedAcr } from './engine/interaction-policy.js';
import type { ProviderParts } from './engine/provider-parts.js';
import { loginPage, page } from './pages.js';

interface Visit {
  engine: Provider;
  request: IncomingMessage;
  response: ServerResponse;
}

/** Serves `/interaction/:uid`. */
export class Interactions {
  constructor(private readonly parts: ProviderParts) {}

  /** Consent is given silently; a wrong password shows the form again with status 401. */
  async handle(visit: Visit, body: Buffer): Promise<void> {
    const interaction = await this.#find(visit);
    if (!interaction) return send(visit.response, 400, page('This sign-in has expired', ['Please start again.']));
    if (interaction.prompt.name !== 'login') return finish(visit, { consent: {} });
    if (visit.request.method !== 'POST') return this.#show(visit, interaction);
    const form = new URLSearchParams(body.toString());
    if (form.has('cancel')) return finish(visit, { error: 'access_denied', error_description: 'the user cancelled' });
    const user = this.parts.users.authenticate(form.get('login') ?? '', form.get('password') ?? '');
    if (!user) return this.#show(visit, interaction, form.get('login') ?? '');
    const acr = this.#acrFor(interaction);
    return finish(visit, { login: { accountId: user.sub, amr: ['pwd'], ...(acr === undefined ? {} : { acr }) } });
  }

  async #find({ engine, request, response }: Visit): Promise<Interaction | undefined> {
    try {
      return await engine.interactionDetails(request, response);
    } catch {
      // no cookie or no such interaction: the person took too long, or used another browser
      return undefined;
    }
  }

  #show({ request, response }: Visit, interaction: Interaction, failedLogin?: string): void {
    const hint = interaction.params.login_hint;
    const html = loginPage({
      action: request.url ?? '',
      login: failedLogin ?? (typeof hint === 'string' ? hint : ''),
      problem: failedLogin === undefined ? undefined : 'The login name or the password is wrong.',
      users: this.parts.users.list(),
    });
    send(response, failedLogin === undefined ? 200 : 401, html);
  }

  #acrFor(interaction: Interaction): string | undefined {
    const { acrValues } = this.parts.options;
    const { acr_values: parameter, claims } = interaction.params;
    const wanted = [...acrInClaims(claims), ...requestedAcr(parameter)];
    return wanted.find((acr) => acrValues.includes(acr)) ?? acrValues[0];
  }
}

function finish({ engine, request, response }: Visit, result: InteractionResults): Promise<void> {
  return engine.interactionFinished(request, response, result, { mergeWithLastSubmission: !('error' in result) });
}

function send(response: ServerResponse, status: number, html: string): void {
  response.statusCode = status;
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.setHeader('cache-control', 'no-store');
  response.setHeader(
    'content-security-policy',
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  );
  response.end(html);
}
