/** `@5stones/nest-oidc`, as its documentation shows; it checks neither issuer nor audience. */
import { AuthModule, JwtAuthGuard } from '@5stones/nest-oidc';
import { APP_GUARD } from '@nestjs/core';

export const setUp = ({ issuer }) => ({
  imports: [AuthModule.forRoot({ oidcAuthority: issuer })],
  providers: [{ provide: APP_GUARD, useClass: JwtAuthGuard }],
});
