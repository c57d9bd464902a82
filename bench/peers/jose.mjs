/** A bare `jose` guard whose keys are already imported. */
import { UnauthorizedException } from '@nestjs/common';
import { importJWK, jwtVerify } from 'jose';
import { bearerOf, requestOf } from '../lib/application.mjs';

export async function setUp({ jwks, issuer, audience }) {
  const entries = await Promise.all(jwks.keys.map(async (jwk) => [jwk.kid, await importJWK(jwk, jwk.alg)]));
  const keys = new Map(entries);
  const keyOf = ({ kid }) => keys.get(kid);
  return {
    guard: async (context) => {
      const request = requestOf(context);
      try {
        request.user = (await jwtVerify(bearerOf(request) ?? '', keyOf, { issuer, audience })).payload;
        return true;
      } catch {
        throw new UnauthorizedException();
      }
    },
  };
}
