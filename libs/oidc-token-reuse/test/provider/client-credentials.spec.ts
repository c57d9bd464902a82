/** A credential that changes: in its file, in the function that gives it, among several keys. */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import type { OidcModuleOptions } from '../../src/config/options.js';
import { ProviderUnavailableException } from '../../src/errors/exceptions.js';
import { ProviderRefusal } from '../../src/provider/provider-refusal.js';
import {
  failureOf,
  json,
  providerFor,
  respond,
  metadataOf,
  startIssuer,
  type Handler,
  type ProviderUnderTest,
  type TestIssuer,
} from './support.js';

const JSON_TYPE = { 'content-type': 'application/json' };
const GRANTED = json({ access_token: 'a', token_type: 'Bearer' });
const UNAVAILABLE = 'the credential of this application cannot be read; its log says why';

let issuer: TestIssuer;
let folder: string;
/** What the provider accepts, and what it was sent: secrets, or `kid`s. */
let accepted: string;
let sent: string[];
let refusal: Handler;

beforeEach(async () => {
  issuer = await startIssuer();
  issuer.discovery = json(
    metadataOf(issuer.url, {
      revocation_endpoint: `${issuer.url}/revoke`,
      pushed_authorization_request_endpoint: `${issuer.url}/par`,
    }),
  );
  folder = mkdtempSync(join(tmpdir(), 'credentials-'));
  accepted = 'one';
  sent = [];
  refusal = respond(401, '{"error":"invalid_client"}', JSON_TYPE);
  issuer.others = (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const form = new URLSearchParams(Buffer.concat(chunks).toString());
      const credential = form.get('client_secret') ?? kidOf(form.get('client_assertion') ?? '');
      sent.push(credential);
      const granted = request.url === '/par' ? json201({ request_uri: 'urn:1', expires_in: 60 }) : GRANTED;
      (credential === accepted ? granted : refusal)(request, response);
    });
  };
});
afterEach(async () => {
  rmSync(folder, { recursive: true });
  await issuer.close();
});

function json201(body: unknown): Handler {
  return respond(201, JSON.stringify(body), JSON_TYPE);
}

function kidOf(assertion: string): string {
  return decodeProtectedHeader(assertion).kid ?? '';
}

function subject(
  options: Partial<OidcModuleOptions>,
): ProviderUnderTest & { readonly refresh: () => Promise<unknown> } {
  const under = providerFor({ issuer: issuer.url, options: { clientAuthMethod: 'client_secret_post', ...options } });
  const refresh = () => under.provider.client.requestTokens('refresh_token', { refresh_token: 'r' });
  return { ...under, refresh };
}

/** A function that gives these secrets in turn, the last one for ever. */
function giving(...secrets: readonly string[]): {
  readonly calls: () => number;
  readonly clientSecret: () => Promise<string>;
} {
  let calls = 0;
  return {
    calls: () => calls,
    clientSecret: () => {
      calls += 1;
      return Promise.resolve(secrets[Math.min(calls, secrets.length) - 1] ?? '');
    },
  };
}

function typesOf({ recorder }: ProviderUnderTest): readonly string[] {
  return recorder.events.map(({ type }) => type).filter((type) => type.startsWith('client.'));
}

async function codeOf(request: Promise<unknown>): Promise<string> {
  const failure = await failureOf(request);
  return failure instanceof ProviderRefusal ? failure.error : String(failure);
}

describe('a function that gives the secret', () => {
  it('is called once for all who need it at first, and not again while its secret is accepted', async () => {
    const { calls, clientSecret } = giving('one', 'two');
    const { refresh, clock } = subject({ clientSecret });
    await Promise.all([refresh(), refresh(), refresh()]);
    clock.advance(86_400_000);
    await refresh();
    expect({ calls: calls(), sent }).toEqual({ calls: 1, sent: ['one', 'one', 'one', 'one'] });
  });

  it('is called again when the provider refuses its secret, and the request sent once more', async () => {
    const { calls, clientSecret } = giving('one', 'two');
    const under = subject({ clientSecret });
    await under.refresh();
    accepted = 'two';
    await under.refresh();
    await under.refresh();
    expect({ calls: calls(), sent }).toEqual({ calls: 2, sent: ['one', 'one', 'two', 'two'] });
    expect(typesOf(under)).toEqual(['client.credential_reloaded']);
  });

  it.each<[string, (under: ProviderUnderTest) => Promise<unknown>]>([
    ['a pushed authorization request', ({ provider }) => provider.client.authorizationUrl({ scope: 'openid' })],
    ['a revocation', ({ provider }) => provider.client.revoke('r', 'refresh_token')],
  ])('is called again for %s', async (_, request) => {
    const { clientSecret } = giving('old', 'one');
    await request(subject({ clientSecret, usePar: true }));
    expect(sent).toEqual(['old', 'one']);
  });

  it('is called once for many who are refused at the same time, and each sends once more', async () => {
    const { calls, clientSecret } = giving('old', 'one');
    const { refresh } = subject({ clientSecret });
    await Promise.all(Array.from({ length: 20 }, refresh));
    expect({ calls: calls(), old: sent.filter((secret) => secret === 'old').length }).toEqual({ calls: 2, old: 20 });
    expect(sent).toHaveLength(40);
  });

  it('is never answered by a third request, though its next secret is wrong too', async () => {
    const { clientSecret } = giving('wrong-1', 'wrong-2', 'wrong-3');
    const { refresh } = subject({ clientSecret });
    expect(await codeOf(refresh())).toBe('invalid_client');
    expect(sent).toEqual(['wrong-1', 'wrong-2']);
  });

  it('makes no storm while the secret stays wrong: one call in half a minute, and no second request', async () => {
    const { calls, clientSecret } = giving('wrong');
    const under = subject({ clientSecret });
    for (let request = 0; request < 5; request += 1) expect(await codeOf(under.refresh())).toBe('invalid_client');
    expect({ calls: calls(), requests: sent.length }).toEqual({ calls: 2, requests: 5 });
    expect(typesOf(under)).toEqual(['client.credential_refused']);
    under.clock.advance(30_000);
    expect(await codeOf(under.refresh())).toBe('invalid_client');
    expect({ calls: calls(), requests: sent.length }).toEqual({ calls: 3, requests: 6 });
  });

  it.each<[string, () => string | Promise<string>, string]>([
    ['fails', () => Promise.reject(new Error('the vault says hush-hush')), 'Error'],
    ['gives nothing', () => '', 'the function that gives the client secret gave none'],
    ['never answers', () => new Promise(() => undefined), 'the function that gives the client secret took too long'],
  ])('that %s is no refusal of the provider', async (_, clientSecret, reason) => {
    const under = subject({ clientSecret });
    await under.provider.metadata.get();
    Object.assign(under.provider.options, { httpTimeout: 20 });
    const failures = [await failureOf(under.refresh()), await failureOf(under.refresh())];
    expect(failures).toEqual([
      new ProviderUnavailableException(UNAVAILABLE),
      new ProviderUnavailableException(UNAVAILABLE),
    ]);
    expect(under.recorder.reasons('client.credential_unreadable')).toEqual([reason]);
    expect(sent).toEqual([]);
  });
});

describe('what the provider may say', () => {
  it.each([
    [400, 'invalid_client', 2],
    [401, 'invalid_client', 2],
    [401, 'unauthorized_client', 2],
    [401, 'invalid_grant', 1],
    [400, 'invalid_grant', 1],
    [400, 'unauthorized_client', 1],
    [403, 'access_denied', 1],
  ])('%d %s makes %d requests', async (status, error, requests) => {
    refusal = respond(status, JSON.stringify({ error }), JSON_TYPE);
    const { refresh } = subject({ clientSecret: giving('old', 'wrong').clientSecret });
    expect(await codeOf(refresh())).toBe(error);
    expect(sent).toHaveLength(requests);
  });

  it.each([
    ['500', respond(500)],
    ['429', respond(429)],
    ['401 of somebody else', respond(401, 'proxy')],
  ])('%s makes one request', async (_, answer) => {
    refusal = answer;
    const { calls, clientSecret } = giving('old', 'one');
    expect(await failureOf(subject({ clientSecret }).refresh())).toBeInstanceOf(ProviderUnavailableException);
    expect({ calls: calls(), sent }).toEqual({ calls: 1, sent: ['old'] });
  });
});

describe('a file with the secret', () => {
  const fileWith = (content: string): string => {
    const path = join(folder, 'secret');
    writeFileSync(path, content);
    return path;
  };

  it('is read again when it changes, within a second', async () => {
    const clientSecretFile = fileWith(' one\n');
    const under = subject({ clientSecret: undefined, clientSecretFile });
    await under.refresh();
    fileWith('two\n');
    await under.refresh();
    accepted = 'two';
    under.clock.advance(1000);
    await under.refresh();
    expect(sent).toEqual(['one', 'one', 'two']);
    expect(typesOf(under)).toEqual(['client.credential_reloaded']);
  });

  it('is read again at once when the provider refuses what was in it', async () => {
    const clientSecretFile = fileWith('one');
    const under = subject({ clientSecret: undefined, clientSecretFile });
    await under.refresh();
    fileWith('two');
    accepted = 'two';
    await under.refresh();
    expect(sent).toEqual(['one', 'one', 'two']);
  });

  it('that is away or empty for a while changes nothing', async () => {
    const clientSecretFile = fileWith('one');
    const under = subject({ clientSecret: undefined, clientSecretFile });
    await under.refresh();
    rmSync(clientSecretFile);
    for (let second = 0; second < 3; second += 1) {
      under.clock.advance(1000);
      await under.refresh();
    }
    fileWith('');
    under.clock.advance(1000);
    await under.refresh();
    expect(new Set(sent)).toEqual(new Set(['one']));
    expect(under.recorder.reasons('client.credential_unreadable')).toEqual([
      'names a file that cannot be read (ENOENT); check the path and its permissions',
      'names a file that is empty',
    ]);
  });

  it('that is away before it was ever read is tried again with each request', async () => {
    const clientSecretFile = fileWith('one');
    const under = subject({ clientSecret: undefined, clientSecretFile });
    rmSync(clientSecretFile);
    expect(await failureOf(under.refresh())).toEqual(new ProviderUnavailableException(UNAVAILABLE));
    fileWith('one');
    await under.refresh();
    expect(sent).toEqual(['one']);
  });
});

describe('several keys', () => {
  const keyNamed = (kid: string): string => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return JSON.stringify({ ...privateKey.export({ format: 'jwk' }), kid });
  };
  const withKeys = (...clientKeys: readonly string[]) =>
    subject({ clientAuthMethod: 'private_key_jwt', clientSecret: undefined, clientKeys });

  it('the first signs', async () => {
    const { refresh } = withKeys(keyNamed('one'), keyNamed('two'));
    await refresh();
    await refresh();
    expect(sent).toEqual(['one', 'one']);
  });

  it('the next signs while the provider does not know the first', async () => {
    const under = withKeys(keyNamed('new'), keyNamed('one'));
    await under.refresh();
    await under.refresh();
    expect(sent).toEqual(['new', 'one', 'one']);
    expect(typesOf(under)).toEqual(['client.credential_reloaded']);
  });

  it('the first signs again when the next is refused', async () => {
    const { refresh } = withKeys(keyNamed('new'), keyNamed('one'));
    await refresh();
    accepted = 'new';
    await refresh();
    await refresh();
    expect(sent).toEqual(['new', 'one', 'one', 'new', 'new']);
  });

  it('no more than two are tried for one request', async () => {
    const { refresh } = withKeys(keyNamed('a'), keyNamed('b'), keyNamed('c'));
    expect(await codeOf(refresh())).toBe('invalid_client');
    expect(sent).toEqual(['a', 'b']);
  });

  it('a file of keys is read again when it changes', async () => {
    const path = join(folder, 'keys.json');
    const both = (first: string, second: string) => {
      writeFileSync(path, `{"keys":[${keyNamed(first)},${keyNamed(second)}]}`);
    };
    both('one', 'two');
    const { refresh, clock } = withKeys(path);
    await refresh();
    both('two', 'three');
    accepted = 'two';
    clock.advance(1000);
    await refresh();
    expect(sent).toEqual(['one', 'two']);
  });
});
