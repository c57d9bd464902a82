/** A `jose` guard with `createRemoteJWKSet`, as its documentation shows. */
import { UnauthorizedException } from '@nestjs/common';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { bearerOf, requestOf } from '../lib/application.mjs';

export function setUp({ jwksUri, issuer, audience }) {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return {
    guard: async (context) => {
      const request = requestOf(context);
      try {
        request.user = (await jwtVerify(bearerOf(request) ?? '', keys, { issuer, audience })).payload;
        return true;
      } catch {
        throw new UnauthorizedException();
      }
    },
  };
}
