/** What a provider publishes and answers, when it is hostile: addresses, sizes, types and shapes that are not believed. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { OidcModuleOptions } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type FaultTarget, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { ADAPTERS, API_AUDIENCE, startHarness, type Harness } from '../support/harness.js';
import { startListener } from '../support/listener.js';
import { PublicName } from '../support/public-name.js';

const always = (kind: 'discovery' | 'jwks') => ({ kind, times: Infinity }) as const;
const NAME = 'https://id.example.com';

describe.each(ADAPTERS)('documents of a provider on %s', (adapter) => {
  let provider: TestProvider;
  const running: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    provider = await createTestProvider({ audience: API_AUDIENCE, alg: 'ES256' });
  });
  afterEach(async () => {
    provider.faults.clear();
    for (const each of running.splice(0)) await each.close();
  });
  afterAll(() => provider.close());

  const start = async (name?: PublicName, options: Partial<OidcModuleOptions> = {}): Promise<Harness> => {
    const oidc = name === undefined ? {} : { issuer: name.issuer, fetch: name.fetch };
    const harness = await startHarness({ adapter, provider, oidc: { ...oidc, ...options } });
    running.push(harness);
    return harness;
  };
  /** Whether the keys and the metadata are believed: 200 to a good token, or 503. */
  const outcome = async (harness: Harness, iss = provider.issuer): Promise<number> => {
    const token = await provider.signAccessToken({ iss });
    return (await fetch(`${harness.url}/api/subject`, { headers: { authorization: `Bearer ${token}` } })).status;
  };
  const answerWith = (target: FaultTarget, text: string): unknown =>
    provider.faults.reply(target, {
      status: 200,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(text),
    });
  /** The text of a document as the provider publishes it. */
  const documentOf = async (kind: 'discovery' | 'jwks'): Promise<string> => {
    const path = kind === 'jwks' ? '/jwks' : '/.well-known/openid-configuration';
    return (await fetch(provider.issuer + path)).text();
  };

  describe('N1 addresses', () => {
    it('of a public provider are public and https, or nobody is asked there', async () => {
      const hosts = [
        ...[
          'http://id.example.com',
          'https://localhost',
          'https://api.localhost',
          'https://127.0.0.1',
          'https://[::1]',
        ],
        ...[
          'https://10.0.0.1',
          'https://172.16.0.1',
          'https://192.168.1.1',
          'https://169.254.169.254',
          'https://0.0.0.0',
        ],
        ...['https://100.64.0.1', 'https://[fd00::1]', 'https://[fe80::1]', 'https://[::ffff:169.254.169.254]'],
        ...['https://2130706433', 'https://0x7f.1', 'https://017700000001', 'file://', 'ftp://id.example.com'],
        ...['https://user@id.example.com', 'https://id.example.com#'],
      ];
      for (const host of hosts)
        for (const member of ['jwks_uri', 'token_endpoint', 'userinfo_endpoint']) {
          provider.faults.rewrite(always('discovery'), (body) => ({ ...body, [member]: `${host}/path` }));
          const name = new PublicName(provider, NAME);
          const harness = await start(name);
          const status = await outcome(harness, NAME);
          const elsewhere = name.asked.filter((url) => !url.startsWith(`${NAME}/.well-known/`));
          expect({ host, member, status, elsewhere }).toEqual({ host, member, status: 503, elsewhere: [] });
          await harness.close();
          running.length = 0;
          provider.faults.clear();
        }
      expect(await outcome(await start(new PublicName(provider, NAME)), NAME)).toBe(200);
    });

    it.each(['discovery', 'jwks'] as const)('that %s redirects to are not followed', async (kind) => {
      const listener = await startListener();
      running.push(listener);
      for (const status of [301, 302, 303, 307, 308]) {
        provider.faults.redirect(always(kind), listener.url, status);
        expect(await outcome(await start())).toBe(503);
        provider.faults.clear();
      }
      expect(listener.requests()).toBe(0);
    });
  });

  describe('N2 sizes', () => {
    it('are 512 KiB at most', async () => {
      for (const kind of ['discovery', 'jwks'] as const) {
        const fault = provider.faults.oversize(always(kind), 400_000);
        expect([kind, await outcome(await start())]).toEqual([kind, 200]);
        fault.clear();
        provider.faults.oversize(always(kind), 530_000);
        expect([kind, await outcome(await start())]).toEqual([kind, 503]);
        provider.faults.clear();
      }
    });

    it('of a JWK Set are a hundred keys at most', async () => {
      for (const [count, status] of [
        [99, 200],
        [100, 503],
      ]) {
        provider.faults.rewrite(always('jwks'), ({ keys }) => {
          const [key] = keys as object[];
          return { keys: [key, ...Array.from({ length: Number(count) }, (_, kid) => ({ ...key, kid: String(kid) }))] };
        });
        expect(await outcome(await start())).toBe(status);
        provider.faults.clear();
      }
    });

    it('are twenty levels deep at most', async () => {
      for (const kind of ['discovery', 'jwks'] as const)
        for (const [depth, status] of [
          [19, 200],
          [20, 503],
          [100_000, 503],
        ] as const) {
          const nested = `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},`;
          answerWith(always(kind), (await documentOf(kind)).replace('{', nested));
          expect([kind, depth, await outcome(await start())]).toEqual([kind, depth, status]);
          provider.faults.clear();
        }
    });
  });

  it.each(['discovery', 'jwks'] as const)(
    'N2 of %s are waited for as long as httpTimeout says',
    async (kind) => {
      const hold = provider.faults.hold(always(kind));
      const status = await outcome(await start(undefined, { httpTimeout: 60 }));
      hold.release();
      expect(status).toBe(503);
    },
    10_000,
  );

  it('N2 of UserInfo are waited for as long as httpTimeout says', async () => {
    const harness = await start(undefined, { httpTimeout: 1000 });
    const browser = await harness.signedIn();
    const hold = provider.faults.hold('userinfo');
    const { status } = await browser.fetch(`${harness.url}/auth/userinfo`);
    hold.release();
    expect(status).toBe(503);
  });

  describe('N3 types', () => {
    it('are JSON, or it is no document', async () => {
      for (const kind of ['discovery', 'jwks'] as const)
        for (const [type, status] of [
          ['application/json; charset=utf-8', 200],
          ['Application/JSON', 200],
          ['text/html', 503],
          ['text/plain', 503],
          ['application/octet-stream', 503],
          ['application/jsonp', 503],
          ['text/html; application/json', 503],
          ['', 503],
        ] as const) {
          provider.faults.contentType(always(kind), type);
          expect([kind, type, await outcome(await start())]).toEqual([kind, type, status]);
          provider.faults.clear();
        }
    });
  });

  describe('shapes', () => {
    it('T15 name no prototype, and nothing of them gets into other objects', async () => {
      for (const kind of ['discovery', 'jwks'] as const) {
        const text = await documentOf(kind);
        for (const [member, status] of [
          ['"__proto__":{"polluted":true}', 503],
          ['"__pro\\u0074o__":{"polluted":true}', 503],
          ['"constructor":{"prototype":{"polluted":true}}', 200],
        ] as const) {
          answerWith(always(kind), text.replace('{', `{${member},`));
          expect([kind, member, await outcome(await start())]).toEqual([kind, member, status]);
          provider.faults.clear();
        }
      }
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    });

    it('T15 of UserInfo and token answers hold none either', async () => {
      const harness = await start();
      const browser = await harness.signedIn();
      answerWith('userinfo', '{"sub":"user-alice","__proto__":{"polluted":true}}');
      expect((await browser.fetch(`${harness.url}/auth/userinfo`)).status).toBe(503);
      answerWith('token', '{"access_token":"a","token_type":"Bearer","__proto__":{"polluted":true}}');
      expect((await browser.fetch(`${harness.url}/auth/refresh`, { method: 'POST' })).status).toBe(503);
      expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    });

    it('T16 have no member twice', async () => {
      const { issuer } = provider;
      answerWith(always('discovery'), (await documentOf('discovery')).replace('{', `{"issuer":"${issuer}",`));
      expect(await outcome(await start())).toBe(503);
      provider.faults.clear();
      answerWith(always('jwks'), (await documentOf('jwks')).replace('{', '{"keys":[],'));
      expect(await outcome(await start())).toBe(503);
    });
  });
});
