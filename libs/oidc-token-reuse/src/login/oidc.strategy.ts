/** The Passport strategy: passport-openidconnect writes the authorization request, and all that it leaves unchecked in the answer is checked by our own rules. */
import { PassportStrategy } from '@nestjs/passport';
import passport from 'passport';
import OpenIDConnectStrategy from 'passport-openidconnect';
import type { OidcOptions } from '../config/options.js';
import type { Session } from '../session/session.js';
import { codeChallengeOf, nonceOf, stateOf, type Transaction } from '../session/transaction.js';
import type { AuthorizationResponse } from './authorization-response.js';
import type { CodeRedemption } from './code-redemption.js';

type RequestParameters = Readonly<Record<string, string>>;

/** A sign-in that begins. */
export interface BeginningLogin {
  readonly transaction: Transaction;
  /** Parameters of this login beside those of the protocol. */
  readonly parameters: RequestParameters;
}

/** A sign-in that comes back from the provider. */
export interface ReturningLogin {
  readonly transaction: Transaction;
  readonly response: AuthorizationResponse;
}

/** What the strategy takes for a request: passport-openidconnect reads `query` only, and an empty one means that a sign-in begins. */
interface StrategyRequest {
  readonly query: unknown;
  readonly beginning?: BeginningLogin;
  readonly returning?: ReturningLogin;
}

export interface OidcStrategyDependencies {
  readonly options: OidcOptions;
  readonly redemption: CodeRedemption;
}

/** The constructor insists on URLs. They are known after discovery only, and it is the protocol client that goes there. */
const PLACEHOLDER = 'https://provider.invalid/';
const ARITY_WITH_TOKENS = 9;

export class OidcStrategy extends PassportStrategy(OpenIDConnectStrategy, 'oidc', ARITY_WITH_TOKENS) {
  constructor(private readonly dependencies: OidcStrategyDependencies) {
    super({
      issuer: PLACEHOLDER,
      authorizationURL: PLACEHOLDER,
      tokenURL: PLACEHOLDER,
      userInfoURL: PLACEHOLDER,
      callbackURL: PLACEHOLDER,
      clientID: dependencies.options.clientId,
      clientSecret: '',
      skipUserProfile: true,
    });
    // In place of the default, which needs express-session; only its outbound half is ever used.
    Reflect.set(this, '_stateStore', { store: giveState });
  }

  /** The parameters of the authorization request. */
  begin(beginning: BeginningLogin): Promise<RequestParameters> {
    return this.run({ query: {}, beginning }, (attempt, { resolve, reject }) => {
      attempt.redirect = (url) => {
        resolve(Object.fromEntries(new URL(url).searchParams));
      };
      attempt.error = reject;
    });
  }

  /**
   * The session that an authorization response leads to.
   *
   * @throws what `CodeRedemption.redeem` throws
   */
  complete(returning: ReturningLogin): Promise<Session> {
    return this.run({ query: {}, returning }, (attempt, { resolve, reject }) => {
      attempt.success = resolve as (user: unknown) => void; // Passport hands on what `validate` returns
      attempt.error = reject;
    });
  }

  /** Passport's entry, on an object of this request's own. */
  override authenticate(request: StrategyRequest): void {
    const { beginning, returning } = request;
    if (returning !== undefined) this.resume(returning);
    else if (beginning !== undefined) this.ask(request, beginning);
    else this.error(new TypeError('the strategy is run by the login routes of this library only'));
  }

  /** Passport's verify step: from a response that belongs to a transaction to a session. */
  validate({ transaction, response }: ReturningLogin): Promise<Session> {
    return this.dependencies.redemption.redeem(transaction, response);
  }

  /** What passport-openidconnect does not send by itself: PKCE, the nonce and the parameters of this login. */
  override authorizationParams({ transaction, parameters }: BeginningLogin): Record<string, string> {
    const { usePkce, responseMode } = this.dependencies.options;
    return {
      ...parameters,
      nonce: nonceOf(transaction),
      ...(usePkce ? { code_challenge: codeChallengeOf(transaction), code_challenge_method: 'S256' } : {}),
      ...(responseMode === 'query' ? {} : { response_mode: responseMode }),
    };
  }

  /** A registry of our own: Passport's global one would let two modules of a process replace each other's strategy. */
  getPassportInstance(): passport.PassportStatic {
    return new passport.Passport() as passport.PassportStatic; // the same class makes the default export
  }

  private ask(request: StrategyRequest, beginning: BeginningLogin): void {
    const { callbackUrl, scope } = this.dependencies.options;
    const options = { ...beginning, callbackURL: callbackUrl(), scope: besideOpenId(scope) };
    super.authenticate(request as Parameters<OpenIDConnectStrategy['authenticate']>[0], options); // it reads `query` and hands the request to the store
  }

  /** In place of passport-openidconnect's callback leg, which verifies no signature and answers for states that it never issued. */
  private resume(returning: ReturningLogin): void {
    this.validate(returning).then(
      (session) => {
        this.success(session);
      },
      (error: unknown) => {
        this.error(error as Error); // whatever was thrown goes on to the caller's promise
      },
    );
  }

  /** Passport's contract without Passport's middleware, which knows Express only and never settles after a redirect. */
  private run<Result>(
    request: StrategyRequest,
    listen: (attempt: this, outcome: Outcome<Result>) => void,
  ): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const attempt = Object.create(this) as this; // as Passport does, so that one request's state stays its own
      listen(attempt, { resolve, reject });
      attempt.authenticate(request);
    });
  }
}

interface Outcome<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

type StoreCallback = (error: unknown, handle: string) => void;

/** The state store of passport-openidconnect, whose handle is the `state`: what belongs to it is in the attempt's cookie. */
function giveState(
  { beginning }: Required<Pick<StrategyRequest, 'beginning'>>,
  _context: unknown,
  _state: unknown,
  _meta: unknown,
  done: StoreCallback,
): void {
  done(null, stateOf(beginning.transaction));
}

/** passport-openidconnect puts `openid` in front by itself. */
function besideOpenId(scope: string): string {
  return scope
    .split(' ')
    .filter((entry) => entry !== 'openid')
    .join(' ');
}
