/** `fast-jwt` with its cache, as its documentation shows. */
import { UnauthorizedException } from '@nestjs/common';
import { createVerifier } from 'fast-jwt';
import { bearerOf, requestOf } from '../lib/application.mjs';

export function setUp({ pem, issuer, audience }) {
  const verify = createVerifier({
    key: pem,
    algorithms: ['RS256'],
    allowedIss: issuer,
    allowedAud: audience,
    cache: 20_000,
  });
  return {
    guard: (context) => {
      const request = requestOf(context);
      try {
        request.user = verify(bearerOf(request) ?? '');
        return true;
      } catch {
        throw new UnauthorizedException();
      }
    },
  };
}
