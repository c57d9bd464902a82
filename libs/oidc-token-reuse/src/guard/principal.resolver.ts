/** The application's hook from an identity to its own user. */
import type { Principal } from '../session/principal.js';

/**
 * Maps a principal to the application's own user, which becomes `principal.user`. Implement it as an injectable class and name it in
 * `OidcModule.forRoot({ principalResolver })`. Key accounts by `(issuer, subject)`, never by e-mail. It is called at login and for every
 * authenticated request, so cache what is slow. Throw an `HttpException` to refuse: a login then fails with `access_denied`.
 *
 * @publicApi
 */
export abstract class PrincipalResolver {
  abstract resolve(principal: Principal): unknown;
}
