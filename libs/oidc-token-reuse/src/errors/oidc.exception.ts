/** Every failure this library reports: a code from one closed list, an HTTP status, a cause, and the headers that go with it. */
import { HttpException } from '@nestjs/common';

/** The closed list of error codes that answers, `errorPath` and events use; `docs/errors.md` explains each. */
export const ERROR_CODES = [
  'access_denied',
  'account_selection_required',
  'configuration',
  'consent_required',
  'csrf',
  'id_token_invalid',
  'insufficient_scope',
  'insufficient_user_authentication',
  'interaction_required',
  'invalid_request',
  'invalid_token',
  'issuer_mismatch',
  'login_required',
  'on_behalf_of_failed',
  'prefetch_refused',
  'provider_rejected',
  'provider_unavailable',
  'role_required',
  'session_conflict',
  'session_missing',
  'session_not_stored',
  'session_store_unavailable',
  'session_too_large',
  'token_not_reusable',
  'token_reuse_disabled',
  'too_many_requests',
  'transaction_missing',
  'transaction_used',
  'unauthorized',
  'userinfo_invalid',
] as const;

export type OidcErrorCode = (typeof ERROR_CODES)[number];

export interface OidcExceptionOptions {
  /** What went wrong and what to do about it. Shown to the client: no token, code, secret or personal data, ASCII only. */
  readonly description: string;
  readonly cause?: unknown;
  /** Response headers that belong to this failure, such as `WWW-Authenticate`, `Retry-After` or `Location`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Further members of the JSON answer, such as `scope`. */
  readonly members?: Readonly<Record<string, string>>;
}

/**
 * Makes an error that does not say where it was made: that costs several times as much as everything else about it, and tells nothing of what anybody
 * may cause at will.
 */
export function withoutStack<Failure extends Error>(make: () => Failure): Failure {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/**
 * Base of every failure this library throws. The answer is `{"error":code,"error_description":text}`.
 *
 * @publicApi
 */
export class OidcException extends HttpException {
  readonly code: OidcErrorCode;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: OidcErrorCode, status: number, options: OidcExceptionOptions) {
    super({ error: code, error_description: options.description, ...options.members }, status, {
      cause: options.cause,
      description: options.description,
    });
    this.message = options.description;
    this.code = code;
    this.headers = options.headers ?? {};
  }

  override initMessage(): void {
    // Nest would make one of the name of the class; ours is the description.
  }
}
