/** Signs tokens with the provider's real keys, outside any flow, for tests of what verifies them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { CompactSign, exportSPKI, importJWK, type CryptoKey, type JWK } from 'jose';
import { publicJwk, type SigningKeys } from './signing-keys.js';

/** Claims of a token to sign; a member set to `undefined` removes the default of that name. */
export type TokenClaims = Record<string, unknown>;

/** Header parameters of a token to sign; `undefined` removes a default. */
export type TokenHeader = Record<string, unknown>;

/**
 * Who signs: `provider` its current key; `none` nobody (`alg: none`); `hs256-public` an HMAC keyed with the public
 * key's PEM, the classic confusion of algorithms; `garbage` random bytes.
 */
export type SigningMode = 'provider' | 'none' | 'hs256-public' | 'garbage';

/** How a token is signed. */
export interface SignOptions {
  /** Header parameters over the defaults. `alg` and `kid` select among the published keys when no `key` is given. */
  header?: TokenHeader;
  /** Another key than the provider's: a private key, a JWK, or a secret for HS256. */
  key?: CryptoKey | Uint8Array | JWK;
  /** Default is `provider`. */
  sign?: SigningMode;
}

/** A token before it is signed. */
export interface UnsignedToken extends SignOptions {
  claims: TokenClaims;
  header: TokenHeader;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Signs arbitrary claims and headers; nothing is validated, since wrong tokens are what tests need. */
export class TokenSigner {
  constructor(private readonly keys: SigningKeys) {}

  /**
   * The compact serialization (RFC 7515, section 7.1) of a token.
   * @throws Error when the header names an `alg` or `kid` that no published key has and no `key` is given.
   */
  async sign(token: UnsignedToken): Promise<string> {
    switch (token.sign ?? 'provider') {
      case 'provider':
        return this.#signWithKey(token);
      case 'none':
        return `${encode({ ...token.header, alg: 'none' })}.${encode(token.claims)}.`;
      case 'garbage':
        return `${encode(this.#fullHeader(token.header))}.${encode(token.claims)}.${randomBytes(256).toString('base64url')}`;
      case 'hs256-public':
        return this.#signWithKey({ ...token, header: { ...token.header, alg: 'HS256' }, key: await this.#publicPem() });
    }
  }

  async #signWithKey({ claims, header, key }: UnsignedToken): Promise<string> {
    const protectedHeader = this.#fullHeader(header, key !== undefined);
    return new CompactSign(Buffer.from(JSON.stringify(claims)))
      .setProtectedHeader({ ...protectedHeader, alg: String(protectedHeader.alg) })
      .sign(await this.#privateKey(protectedHeader, key));
  }

  #fullHeader(header: TokenHeader, ownKey = false): TokenHeader {
    if (ownKey) return { alg: this.keys.current.alg, kid: this.keys.current.kid, ...header };
    const wanted = typeof header.alg === 'string' ? this.keys.find({ alg: header.alg }) : undefined;
    const key = wanted ?? this.keys.current;
    return { alg: key.alg, kid: key.kid, ...header };
  }

  async #privateKey(header: TokenHeader, key: SignOptions['key']): Promise<CryptoKey | Uint8Array> {
    if (key) return isJwk(key) ? importJWK(key, String(header.alg)) : key;
    const own = this.keys.find({ alg: String(header.alg) });
    if (!own) throw new Error(`no signing key has alg "${String(header.alg)}": pass "key", or rotate to that alg`);
    return (this.keys.find({ alg: own.alg, kid: String(header.kid) }) ?? own).privateKey;
  }

  async #publicPem(): Promise<Uint8Array> {
    const { current } = this.keys;
    const key = await importJWK(publicJwk(current), current.alg, { extractable: true });
    return Buffer.from(key instanceof Uint8Array ? key : await exportSPKI(key));
  }
}

const isJwk = (key: CryptoKey | Uint8Array | JWK): key is JWK => 'kty' in key;

/** What the defaults of a standard token are taken from. */
export interface TokenDefaults {
  issuer: string;
  audience: string;
  clientId: string;
  lifetime: number;
  scope: string;
}

const nowInSeconds = (): number => Math.floor(Date.now() / 1000);

/** Default claims of an access token for the API (RFC 9068). */
export function accessTokenClaims(defaults: TokenDefaults): TokenClaims {
  const now = nowInSeconds();
  return {
    iss: defaults.issuer,
    sub: 'user-alice',
    aud: defaults.audience,
    client_id: defaults.clientId,
    scope: defaults.scope,
    roles: ['admin'],
    jti: randomUUID(),
    iat: now,
    exp: now + defaults.lifetime,
  };
}

/** Default claims of an ID Token (OpenID Connect Core, section 2). */
export function idTokenClaims(defaults: TokenDefaults): TokenClaims {
  const now = nowInSeconds();
  return {
    iss: defaults.issuer,
    sub: 'user-alice',
    aud: defaults.clientId,
    iat: now,
    exp: now + defaults.lifetime,
    auth_time: now,
  };
}

/** Default claims of a logout token (OpenID Connect Back-Channel Logout, section 2.4). */
export function logoutTokenClaims(defaults: TokenDefaults): TokenClaims {
  const now = nowInSeconds();
  return {
    iss: defaults.issuer,
    sub: 'user-alice',
    aud: defaults.clientId,
    iat: now,
    exp: now + 120,
    jti: randomUUID(),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  };
}
