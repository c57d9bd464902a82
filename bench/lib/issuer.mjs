/** The OpenID Provider of the benchmark: metadata, keys and signed tokens, counted requests, and outages on demand. */
import { createPublicKey, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export const AUDIENCE = 'https://api.example.test';
export const CLIENT_ID = 'bench';
const LIFETIME = 86_400;

const KEY_PAIRS = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
};
const DIGESTS = { RS256: 'sha256', ES256: 'sha256', EdDSA: null };

export class Issuer {
  /** Requests for the JWK Set since the last `resetFetches()`. */
  fetches = 0;
  /** True: every connection is cut. */
  isDown = false;

  static async start() {
    const issuer = new Issuer();
    issuer.keys = ['RS256', 'ES256', 'EdDSA'].map(newKey);
    issuer.server = createServer((request, response) => issuer.answer(request, response)).listen(0, '127.0.0.1');
    await once(issuer.server, 'listening');
    // the path is Keycloak's, which one of the guards builds by itself
    issuer.origin = `http://127.0.0.1:${issuer.server.address().port}`;
    issuer.url = `${issuer.origin}/realms/bench`;
    return issuer;
  }

  get jwksUri() {
    return `${this.url}/protocol/openid-connect/certs`;
  }

  /** What the guards are configured with. */
  get context() {
    const publicKey = createPublicKey(this.keyOf('RS256').privateKey);
    return {
      issuer: this.url,
      origin: this.origin,
      jwksUri: this.jwksUri,
      jwks: this.jwks(),
      pem: publicKey.export({ type: 'spki', format: 'pem' }),
      audience: AUDIENCE,
      clientId: CLIENT_ID,
    };
  }

  jwks() {
    return { keys: this.keys.map(({ jwk }) => jwk) };
  }

  /** Signs with a new RS256 key from now on; of the older ones the last stays published. */
  rotate() {
    const [newest] = this.keys.filter(({ alg }) => alg === 'RS256');
    this.keys = [newKey('RS256'), newest, ...this.keys.filter(({ alg }) => alg !== 'RS256')];
  }

  /** A token of the size that providers with groups and roles issue: 1.3 KB of claims, 2.2 KB in all. */
  accessToken({ alg = 'RS256', kid, sid } = {}) {
    const now = Math.floor(Date.now() / 1000);
    const roles = Array.from({ length: 24 }, (_, index) => `department-${index}:read-and-write`);
    const claims = {
      ...{ iss: this.url, aud: [AUDIENCE, 'account'], sub: randomUUID(), azp: CLIENT_ID, typ: 'Bearer' },
      ...{ jti: randomUUID(), iat: now, nbf: now, exp: now + LIFETIME, sid, scope: 'openid profile email access_user' },
      ...{ name: 'Alice Adams', preferred_username: 'alice', email: 'alice@example.test', email_verified: true },
      realm_access: { roles },
    };
    return this.sign(claims, { alg, kid });
  }

  idToken(subject) {
    const now = Math.floor(Date.now() / 1000);
    const times = { iat: now, exp: now + LIFETIME, auth_time: now };
    return this.sign({ iss: this.url, aud: CLIENT_ID, sub: subject, ...times, name: 'Alice Adams' }, { alg: 'RS256' });
  }

  /** As an attacker makes it: everything is right but the signature, or the key is one that never was. */
  forged({ kid } = {}) {
    const [header, payload] = this.unsigned(
      { iss: this.url, aud: AUDIENCE, sub: randomUUID(), ...this.padding() },
      kid,
    );
    return `${header}.${payload}.${randomBytes(256).toString('base64url')}`;
  }

  resetFetches() {
    this.fetches = 0;
  }

  async close() {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  padding() {
    const now = Math.floor(Date.now() / 1000);
    return { iat: now, exp: now + LIFETIME, jti: randomUUID(), typ: 'Bearer', groups: 'g'.repeat(1050) };
  }

  sign(claims, { alg, kid }) {
    const key = this.keyOf(alg);
    const input = [{ alg, typ: 'JWT', kid: kid ?? key.jwk.kid }, claims].map(encode).join('.');
    const signature = sign(DIGESTS[alg], Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }

  unsigned(claims, kid = this.keyOf('RS256').jwk.kid) {
    return [{ alg: 'RS256', typ: 'JWT', kid }, claims].map(encode);
  }

  keyOf(alg) {
    return this.keys.find((key) => key.alg === alg);
  }

  answer(request, response) {
    const isJwks = request.url.endsWith('/certs');
    if (isJwks) this.fetches += 1;
    if (this.isDown) return request.socket.destroy();
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify(isJwks ? this.jwks() : this.metadata()));
  }

  metadata() {
    const endpoint = (name) => `${this.url}/protocol/openid-connect/${name}`;
    return {
      issuer: this.url,
      jwks_uri: this.jwksUri,
      authorization_endpoint: endpoint('auth'),
      token_endpoint: endpoint('token'),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256', 'ES256', 'EdDSA'],
    };
  }
}

function newKey(alg) {
  const { publicKey, privateKey } = KEY_PAIRS[alg]();
  return { alg, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid: randomUUID(), alg, use: 'sig' } };
}

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
