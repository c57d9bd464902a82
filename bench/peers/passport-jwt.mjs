/** `passport-jwt` with `jwks-rsa`, as the documentation of `jwks-rsa` shows. */
import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard, PassportModule, PassportStrategy } from '@nestjs/passport';
import { passportJwtSecret } from 'jwks-rsa';
import { ExtractJwt, Strategy } from 'passport-jwt';

export function setUp({ jwksUri, issuer, audience }) {
  class JwtStrategy extends PassportStrategy(Strategy) {
    constructor() {
      super({
        secretOrKeyProvider: passportJwtSecret({ cache: true, rateLimit: true, jwksRequestsPerMinute: 5, jwksUri }),
        jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(),
        algorithms: ['RS256'],
        issuer,
        audience,
      });
    }

    validate(payload) {
      return payload;
    }
  }
  class AuthModule {}
  Module({ imports: [PassportModule], providers: [JwtStrategy] })(AuthModule);
  return { imports: [AuthModule], providers: [{ provide: APP_GUARD, useClass: AuthGuard('jwt') }] };
}
