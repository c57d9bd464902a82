/** Long and broken input at every place where somebody outside may put it: answered by the book, and at once. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ADAPTERS, startHarness, type Harness } from '../support/harness.js';
import { parsedAnswer, rawRequest } from '../support/raw-request.js';

/** What makes an expression with nested or overlapping quantifiers try everything: long runs, and an end that does not fit. */
const RUNS = [
  'a',
  ' ',
  '/',
  '.',
  '-',
  '=',
  ';',
  ',',
  '%',
  '%5c',
  '\\',
  '\t',
  '"',
  'a.',
  'a=',
  'a ',
  '/a',
  '../',
  'a=;',
  '!',
];
const LENGTH = 14_000;
/** Milliseconds of computing time; what goes over every pair of characters takes many times that. */
const LIMIT = 150;
/** A collection of garbage also takes computing time, but not every time. */
const ATTEMPTS = 5;

describe.each(ADAPTERS)('hostile input on %s', (adapter) => {
  let harness: Harness;

  beforeAll(async () => {
    harness = await startHarness({ adapter, providerOptions: { alg: 'ES256' } });
  });
  afterAll(() => harness.close());

  /** Whether computing time, which waits for nothing and nobody, stayed under the limit in one of a few attempts. */
  const timed = async (send: () => Promise<number>): Promise<{ readonly status: number; readonly isFast: boolean }> => {
    let answer = { status: 0, isFast: false };
    for (let attempt = 0; attempt < ATTEMPTS && !answer.isFast; attempt += 1) {
      const before = process.cpuUsage();
      const status = await send();
      const { user, system } = process.cpuUsage(before);
      answer = { status: Math.max(answer.status, status), isFast: (user + system) / 1000 < LIMIT };
    }
    return answer;
  };
  const withHeaders = (path: string, ...headers: readonly string[]) =>
    timed(async () => parsedAnswer(await rawRequest(harness.url + path, headers)).status);
  const withForm = (path: string, form: Record<string, string>) =>
    timed(async () => {
      const body = new URLSearchParams(form);
      return (await fetch(harness.url + path, { method: 'POST', body, redirect: 'manual' })).status;
    });

  const places: readonly (readonly [string, (run: string) => ReturnType<typeof timed>])[] = [
    ['Authorization', (run) => withHeaders('/api/subject', `Authorization: Bearer ${run}!`)],
    ['Authorization as a scheme', (run) => withHeaders('/api/subject', `Authorization: ${run}!`)],
    [
      'Authorization as a token',
      (run) => withHeaders('/api/subject', `Authorization: Bearer ${run}.${run.slice(0, 9)}.!`),
    ],
    ['the Cookie header', (run) => withHeaders('/api/subject', `Cookie: ${run}`)],
    ['a session cookie', (run) => withHeaders('/api/subject', `Cookie: oidc.session.0=${run}!`)],
    ['the name of a session cookie', (run) => withHeaders('/api/subject', `Cookie: oidc.session.${run}!=a`)],
    ['the name of an attempt', (run) => withHeaders('/auth/session', `Cookie: oidc.txn.${run}!=a`)],
    ['Accept', (run) => withHeaders('/api/subject', `Accept: ${run}!`)],
    ['Sec-Fetch-Site', (run) => withHeaders('/auth/session', `Sec-Fetch-Site: ${run}!`, 'Sec-Purpose: prefetc')],
    ['returnTo', (run) => withHeaders(`/auth/login?returnTo=/${encodeURIComponent(run).slice(0, LENGTH)}`)],
    ['max_age', (run) => withHeaders(`/auth/login?max_age=${encodeURIComponent(run).slice(0, LENGTH)}`)],
    ['acr_values', (run) => withHeaders(`/auth/login?acr_values=${encodeURIComponent(run).slice(0, 9000)}`)],
    ['state', (run) => withHeaders(`/auth/callback?state=${encodeURIComponent(run).slice(0, 9000)}`)],
    ['error', (run) => withHeaders(`/auth/error?error=${encodeURIComponent(run).slice(0, 8000)}`)],
    ['sid', (run) => withHeaders(`/auth/frontchannel-logout?iss=a&sid=${encodeURIComponent(run).slice(0, 8000)}`)],
    ['a logout token', (run) => withForm('/auth/backchannel-logout', { logout_token: run.slice(0, 8000) })],
    ['the state of a logout', (run) => withForm('/auth/logout', { state: run.slice(0, 8000) })],
  ];

  it.each(places)('N4 is answered at once in %s', async (_place, send) => {
    await send('a');
    for (const run of RUNS) {
      const answer = await send(run.repeat(Math.floor(LENGTH / run.length)));
      expect({ run, isFast: answer.isFast, isFailure: answer.status >= 500 }).toEqual({
        run,
        isFast: true,
        isFailure: false,
      });
    }
  });

  it('N6 is left as it is where its percent-encoding is broken', async () => {
    for (const broken of ['%', '%z', '%zz', '%E0%A4%A', '%ff', '%C0%80', '%u0041', '%00']) {
      const paths = [`/auth/login?returnTo=/${broken}&login_hint=${broken}`, `/api/public?a=${broken}`];
      for (const path of paths) {
        const answer = await rawRequest(harness.url + path, [
          `Cookie: a=${broken}; ${broken}=a; oidc.txn.${broken}=${broken}; oidc.session.0=${broken}`,
        ]);
        expect([path, parsedAnswer(answer).status < 400]).toEqual([path, true]);
      }
    }
  });
});
