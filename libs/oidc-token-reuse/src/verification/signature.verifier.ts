/** Checks signatures with jose against the provider's published keys. */
import { compactVerify, errors, type CryptoKey } from 'jose';
import { withoutStack } from '../errors/oidc.exception.js';
import { ReportableError } from '../observability/reason.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import type { SigningKey } from '../provider/jwk-set.js';
import { assertNothingOver, byteLengthOf, MalformedTokenError, objectOf, readJws, type UnverifiedJws } from './jws.js';
import { JwsHeaders } from './jws-headers.js';
import type { PresentedToken } from './presented-token.js';
import type { VerifiedJws } from './verified-token.cache.js';

/** The token was not signed by a published key of the provider. */
export class BadSignatureError extends ReportableError {
  override readonly name = 'BadSignatureError';
}

/** Made once: what anybody may cause at will costs no error each time, and these have nothing to tell of the token. */
const UNKNOWN_KEY = Object.freeze(badSignature('no published key fits the token'));
const AMBIGUOUS_KEY = Object.freeze(badSignature('more than one published key fits the token'));
const NOT_VALID = 'the signature is not valid';
const WRONG_SIGNATURE = Object.freeze(badSignature(NOT_VALID));

/** Verifies signatures; says nothing about claims, which are read afterwards. */
export class SignatureVerifier {
  private readonly headers = new JwsHeaders();

  constructor(private readonly provider: OpenIdProvider) {}

  /**
   * Verifies the signature of a token that somebody presented, or that a session holds. A signature that is not good is what it returns, since anybody may
   * send one and an error that is thrown costs more than all the rest; at once, without a promise, where nothing has to be waited for.
   *
   * @param inspect Throws for a token that is refused whatever its signature; called before that is checked.
   * @throws MalformedTokenError, ProviderUnavailableException (no keys), and what `inspect` throws
   */
  presented(
    { text: token, isOfSession }: PresentedToken,
    maxLength: number,
    inspect?: (jws: UnverifiedJws) => void,
  ): BadSignatureError | Promise<VerifiedJws | BadSignatureError> {
    const jws = readJws(token, maxLength, this.headers);
    inspect?.(jws);
    const { keys } = this.provider;
    const found = isOfSession
      ? keys.candidatesForSession(jws.algorithm, jws.kid)
      : keys.candidates(jws.algorithm, jws.kid);
    return found instanceof Promise
      ? found.then((candidates) => this.verify(token, jws, candidates))
      : this.verify(token, jws, found);
  }

  /**
   * Verifies the signature of a token that the provider gave us in answer to our own request.
   *
   * @throws MalformedTokenError, BadSignatureError, ProviderUnavailableException (no keys)
   */
  async received(token: string, maxLength: number): Promise<VerifiedJws> {
    const jws = readJws(token, maxLength, this.headers);
    return good(await this.verify(token, jws, await this.provider.keys.candidatesForOwn(jws.algorithm, jws.kid)));
  }

  /** Without a `kid` there has to be one key only (OpenID Connect Core section 10.1), and one `kid` names one key. */
  private verify(
    token: string,
    jws: UnverifiedJws,
    candidates: readonly SigningKey[],
  ): BadSignatureError | Promise<VerifiedJws | BadSignatureError> {
    const [key] = candidates;
    if (key === undefined) return UNKNOWN_KEY;
    if (candidates.length > 1) return AMBIGUOUS_KEY;
    assertNothingOver(jws.signature, byteLengthOf(jws.signature), 'the signature');
    const verifyWith = (publicKey: CryptoKey): Promise<VerifiedJws | BadSignatureError> =>
      compactVerify(token, publicKey, { algorithms: [jws.algorithm] }).then(
        ({ payload }) => this.verifiedJws(jws, key, payload),
        (error: unknown) => {
          assertNothingOver(jws.payload, byteLengthOf(jws.payload));
          return isOnlyWrong(error) ? WRONG_SIGNATURE : badSignature(NOT_VALID, error);
        },
      );
    const imported = key.import(jws.algorithm);
    return 'then' in imported ? imported.then(verifyWith) : verifyWith(imported);
  }

  private verifiedJws(jws: UnverifiedJws, key: SigningKey, payload: Uint8Array): VerifiedJws {
    const { algorithm, kid, type, header, protectedHeader } = jws;
    assertNothingOver(jws.payload, payload.length);
    const claims = objectOf(payload);
    this.headers.keep(protectedHeader, jws);
    return { algorithm, kid, type, header, claims, key };
  }
}

/**
 * What was verified.
 *
 * @throws BadSignatureError
 */
export function good(outcome: VerifiedJws | BadSignatureError): VerifiedJws {
  if (outcome instanceof BadSignatureError) throw outcome;
  return outcome;
}

/** What is the token's own fault. */
export type TokenFault = MalformedTokenError | BadSignatureError;

export function isTokenFault(error: unknown): error is TokenFault {
  return error instanceof MalformedTokenError || error instanceof BadSignatureError;
}

/** The signature was computed, and is another; where it could not be computed, the error says why. */
function isOnlyWrong(error: unknown): boolean {
  return error instanceof errors.JWSSignatureVerificationFailed && error.cause === undefined;
}

function badSignature(message: string, cause?: unknown): BadSignatureError {
  return withoutStack(() => new BadSignatureError(message, { cause }));
}
