/** When the browser must sign in again, and what is granted without asking. */
import type { Grant, interactionPolicy, KoaContextWithOIDC } from 'oidc-provider';
import type { EngineModule } from './engine-module.js';

/** The engine's policy, plus: a session below every requested `acr` must sign in again (step-up). */
export function interactionPolicyFor(engine: EngineModule, supported: string[]): interactionPolicy.DefaultPolicy {
  const { Check, base } = engine.interactionPolicy;
  const policy = base();
  policy.get('login')?.checks.add(
    new Check('acr_values_not_met', 'a requested authentication context is not met', (ctx) => {
      const wanted = requestedAcr(ctx.oidc.params?.acr_values).filter((acr) => supported.includes(acr));
      const { session, result } = ctx.oidc;
      if (wanted.length === 0 || result?.login) return Check.NO_NEED_TO_PROMPT;
      return session?.acr !== undefined && wanted.includes(session.acr)
        ? Check.NO_NEED_TO_PROMPT
        : Check.REQUEST_PROMPT;
    }),
  );
  return policy;
}

/** The values of an `acr_values` parameter, in order of preference. */
export function requestedAcr(parameter: unknown): string[] {
  return typeof parameter === 'string' ? parameter.split(' ').filter(Boolean) : [];
}

/** The values that a `claims` parameter asks for (OpenID Connect Core, section 5.5.1.1); the engine has checked its form. */
export function acrInClaims(parameter: unknown): string[] {
  if (typeof parameter !== 'string') return [];
  const { id_token: idToken } = JSON.parse(parameter) as { id_token?: { acr?: { value?: string; values?: string[] } } };
  const { value, values = [] } = idToken?.acr ?? {};
  return value === undefined ? values : [value, ...values];
}

/** The grant of this session and client, with everything granted that the request asks for: consent without a page. */
export async function grantForRequest(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { requestParamOIDCScopes, requestParamClaims, requestParamScopes, resourceServers } = ctx.oidc;
  const grant = await grantOfSession(ctx);
  if (!grant) return undefined;
  grant.addOIDCScope(requestParamOIDCScopes);
  if (requestParamClaims.size > 0) grant.addOIDCClaims(requestParamClaims);
  for (const [resource, server] of Object.entries(resourceServers ?? {})) {
    const offered = new Set(server.scope.split(' '));
    grant.addResourceScope(
      resource,
      [...requestParamScopes].filter((scope) => offered.has(scope)),
    );
  }
  await grant.save();
  return grant;
}

async function grantOfSession({ oidc: { session, client, provider } }: KoaContextWithOIDC): Promise<Grant | undefined> {
  if (!session?.accountId || !client) return undefined;
  const grantId = session.grantIdFor(client.clientId);
  const known = grantId === undefined ? undefined : await provider.Grant.find(grantId);
  return known ?? new provider.Grant({ accountId: session.accountId, clientId: client.clientId });
}
