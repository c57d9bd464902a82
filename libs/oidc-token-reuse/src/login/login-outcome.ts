/** Answers a sign-in that failed: pages are led to the error page, everything else gets JSON. */
import type { OidcRoutes } from '../config/routes.js';
import { OidcException } from '../errors/oidc.exception.js';
import { isPageLoad } from '../http/fetch-metadata.js';
import type { HttpExchange } from '../http/http-exchange.js';
import type { LoginService } from './login.service.js';

/** What Nest's `@Redirect()` takes. */
export interface Redirection {
  readonly url: string;
}

export class LoginOutcome {
  constructor(
    private readonly routes: OidcRoutes,
    private readonly logins: LoginService,
  ) {}

  /**
   * Where a page load goes after a failure.
   *
   * @throws the failure itself for every other request
   */
  ofFailure(exchange: HttpExchange, error: unknown): Redirection {
    if (!(error instanceof OidcException)) throw error;
    this.logins.failed(error);
    if (!isPageLoad(exchange)) throw error;
    return { url: `${this.routes.error}?error=${error.code}` };
  }
}
