/** `node:crypto` by hand, key imported, on the main thread: the floor of a verification. */
import { createPublicKey, verify } from 'node:crypto';
import { UnauthorizedException } from '@nestjs/common';
import { bearerOf, requestOf } from '../lib/application.mjs';

const DIGESTS = { RS256: 'sha256', ES256: 'sha256', EdDSA: null };

export function setUp({ jwks, issuer, audience }) {
  const keys = new Map(jwks.keys.map((jwk) => [jwk.kid, createPublicKey({ key: jwk, format: 'jwk' })]));
  return {
    guard: (context) => {
      const request = requestOf(context);
      request.user = claimsOf(bearerOf(request) ?? '', keys);
      const { iss, aud, exp, nbf } = request.user;
      const now = Date.now() / 1000;
      if (iss !== issuer || ![aud].flat().includes(audience) || !(exp > now) || nbf > now)
        throw new UnauthorizedException();
      return true;
    },
  };
}

function claimsOf(token, keys) {
  const [header, payload, signature] = token.split('.');
  const { kid, alg } = JSON.parse(Buffer.from(header, 'base64url'));
  const key = keys.get(kid);
  const input = Buffer.from(token.slice(0, header.length + 1 + payload.length));
  const isGood =
    key !== undefined &&
    verify(DIGESTS[alg], input, { key, dsaEncoding: 'ieee-p1363' }, Buffer.from(signature, 'base64url'));
  if (!isGood) throw new UnauthorizedException();
  return JSON.parse(Buffer.from(payload, 'base64url'));
}
