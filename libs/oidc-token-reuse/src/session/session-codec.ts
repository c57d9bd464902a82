/** Turns a session into bytes and back, with a version in front so that a newer reader understands an older writer. */
import { Secret } from '../observability/secret.js';
import { parseJsonObject } from '../provider/json.js';
import { claimsOf, type Session } from './session.js';
import { ByteReader, ByteWriter, readToken, writeToken } from './token-codec.js';
import type { TokenSet } from './token-set.js';

const VERSION = 1;

/** The bytes of a session: a version, the small values as JSON, then the three tokens. The claims are those of the ID Token. */
export function encodeSession(session: Session): Uint8Array {
  const { id, issuer, subject, tenant, providerSessionId, startedAt, renewedAt, generation, tokens } = session;
  const { issuedAt, expiresAt, refreshExpiresAt, scope } = tokens;
  const small = [id, issuer, subject, tenant ?? null, providerSessionId ?? null, startedAt, renewedAt, generation, issuedAt, expiresAt];
  const writer = new ByteWriter();
  writer.uint8(VERSION);
  writer.bytes(Buffer.from(JSON.stringify({ s: [...small, refreshExpiresAt ?? null, scope ?? null] })));
  writeToken(writer, tokens.accessToken?.reveal());
  writeToken(writer, tokens.refreshToken?.reveal());
  writeToken(writer, tokens.idToken.reveal());
  return writer.finish();
}

/** A session from its bytes; undefined when a newer or broken writer made them. */
export function decodeSession(bytes: Uint8Array): Session | undefined {
  try {
    const reader = new ByteReader(bytes);
    if (reader.uint8() !== VERSION) return undefined;
    const small = parseJsonObject(Buffer.from(reader.bytes()).toString('utf8'))['s'];
    return Array.isArray(small) ? assemble(small, [readToken(reader), readToken(reader), readToken(reader)]) : undefined;
  } catch {
    // The bytes were authentic but of another format: as good as no session.
    return undefined;
  }
}

type Tokens = readonly [accessToken: string | undefined, refreshToken: string | undefined, idToken: string | undefined];

function assemble(small: readonly unknown[], [accessToken, refreshToken, idToken]: Tokens): Session | undefined {
  const [id, issuer, subject, tenant, providerSessionId, startedAt, renewedAt, generation, issuedAt, expiresAt, refreshExpiresAt, scope] = small;
  if (!isString(id) || !isString(issuer) || !isString(subject) || idToken === undefined) return undefined;
  if (!isNumber(startedAt) || !isNumber(renewedAt) || !isNumber(generation) || !isNumber(issuedAt) || !isNumber(expiresAt)) return undefined;
  const tokens: TokenSet = {
    accessToken: secret(accessToken),
    issuedAt,
    expiresAt,
    refreshToken: secret(refreshToken),
    refreshExpiresAt: isNumber(refreshExpiresAt) ? refreshExpiresAt : undefined,
    idToken: new Secret(idToken),
    scope: isString(scope) ? scope : undefined,
  };
  const identity = { id, issuer, subject, tenant: isString(tenant) ? tenant : undefined };
  const session = { ...identity, providerSessionId: isString(providerSessionId) ? providerSessionId : undefined };
  return { ...session, startedAt, renewedAt, generation, tokens, claims: claimsOf(tokens) };
}

function secret(token: string | undefined): Secret | undefined {
  return token === undefined ? undefined : new Secret(token);
}

function isString(value: unknown): value is string {
  return typeof value === 'string';
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
