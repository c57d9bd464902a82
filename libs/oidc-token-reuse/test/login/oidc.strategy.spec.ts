import { describe, expect, it } from '@jest/globals';
import { SystemClock } from '../../src/clock.js';
import { resolveOptions } from '../../src/config/resolve-options.js';
import { CodeRedemption } from '../../src/login/code-redemption.js';
import { OidcStrategy } from '../../src/login/oidc.strategy.js';
import { OidcEvents } from '../../src/observability/events.js';
import { OpenIdProvider } from '../../src/provider/openid-provider.js';
import { codeChallengeOf, newTransaction, nonceOf, stateOf } from '../../src/session/transaction.js';
import { IdTokenVerifier } from '../../src/verification/id-token.verifier.js';
import { SignatureVerifier } from '../../src/verification/signature.verifier.js';
import { OPTIONS } from '../config/valid-options.js';
import type { OidcModuleOptions } from '../../src/config/options.js';

function strategyWith(some: Partial<OidcModuleOptions> = {}): OidcStrategy {
  const options = resolveOptions({ ...OPTIONS, ...some });
  const clock = new SystemClock();
  const provider = new OpenIdProvider({ options, clock, events: new OidcEvents(), cache: undefined });
  const idTokens = new IdTokenVerifier(provider, new SignatureVerifier(provider), clock);
  return new OidcStrategy({ options, redemption: new CodeRedemption({ provider, idTokens, clock }) });
}

function attempt() {
  const { issuer } = OPTIONS;
  return newTransaction({
    issuer,
    current: undefined,
    startedAt: 0,
    maxAge: undefined,
    isForced: false,
    returnTo: '/',
  });
}

describe('OidcStrategy', () => {
  it('writes an authorization request with PKCE, nonce and state', async () => {
    const transaction = attempt();
    expect(await strategyWith().begin({ transaction, parameters: { prompt: 'consent' } })).toEqual({
      response_type: 'code',
      client_id: 'client-1',
      redirect_uri: 'https://app.example.com/auth/callback',
      scope: 'openid profile email offline_access',
      prompt: 'consent',
      nonce: nonceOf(transaction),
      state: stateOf(transaction),
      code_challenge: codeChallengeOf(transaction),
      code_challenge_method: 'S256',
    });
  });

  it('lets no parameter of a page take the place of one of the protocol', async () => {
    const transaction = attempt();
    const own = await strategyWith({ responseMode: 'form_post' }).begin({ transaction, parameters: {} });
    const parameters = Object.fromEntries(Object.keys(own).map((name) => [name, 'forged']));
    expect(await strategyWith({ responseMode: 'form_post' }).begin({ transaction, parameters })).toEqual(own);
  });

  it.each([
    ['openid', 'openid '],
    ['profile openid', 'openid profile'],
    ['openid  profile', 'openid profile'],
  ])('asks for openid once when the scope is %j', async (scope, sent) => {
    const parameters = await strategyWith({ scope }).begin({ transaction: attempt(), parameters: {} });
    expect(parameters['scope']?.trim()).toBe(sent.trim());
  });

  it.each([
    ['query', undefined],
    ['form_post', 'form_post'],
  ] as const)('asks for the response mode %s where that is not the usual one', async (responseMode, sent) => {
    const parameters = await strategyWith({ responseMode }).begin({ transaction: attempt(), parameters: {} });
    expect(parameters['response_mode']).toBe(sent);
  });

  it('keeps attempts apart that are made at once', async () => {
    const strategy = strategyWith();
    const transactions = Array.from({ length: 20 }, attempt);
    const made = await Promise.all(transactions.map((transaction) => strategy.begin({ transaction, parameters: {} })));
    expect(made.map(({ state }) => state)).toEqual(transactions.map(stateOf));
  });

  it('is of no use to anybody else: Passport without our routes gets an error, not a sign-in', () => {
    const attemptOfPassport = Object.create(strategyWith()) as OidcStrategy;
    let failure: unknown;
    attemptOfPassport.error = (error: unknown) => {
      failure = error;
    };
    attemptOfPassport.authenticate({ query: { code: 'c', state: 's' } });
    expect(failure).toEqual(new TypeError('the strategy is run by the login routes of this library only'));
  });
});
