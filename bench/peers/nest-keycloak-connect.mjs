/** `nest-keycloak-connect` with offline validation, as its documentation shows. */
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard, KeycloakConnectModule, TokenValidation } from 'nest-keycloak-connect';

export const setUp = ({ origin, clientId }) => ({
  imports: [
    KeycloakConnectModule.register({
      authServerUrl: origin,
      realm: 'bench',
      clientId,
      secret: 'secret',
      tokenValidation: TokenValidation.OFFLINE,
    }),
  ],
  providers: [{ provide: APP_GUARD, useClass: AuthGuard }],
});
