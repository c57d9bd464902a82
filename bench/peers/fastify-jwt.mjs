/** `@fastify/jwt` with its cache, as its documentation shows. */
import fastifyJwt from '@fastify/jwt';
import { UnauthorizedException } from '@nestjs/common';
import { requestOf } from '../lib/application.mjs';

export const setUp = ({ pem, issuer, audience }) => ({
  prepare: (application) =>
    application.register(fastifyJwt, {
      secret: { public: pem },
      verify: { algorithms: ['RS256'], allowedIss: issuer, allowedAud: audience, cache: 20_000 },
    }),
  guard: async (context) => {
    try {
      await requestOf(context).jwtVerify();
      return true;
    } catch {
      throw new UnauthorizedException();
    }
  },
});
