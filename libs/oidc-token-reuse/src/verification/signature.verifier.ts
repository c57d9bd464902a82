/** Checks signatures with jose against the provider's published keys. */
import { compactVerify, type CryptoKey } from 'jose';
import { withoutStack } from '../errors/oidc.exception.js';
import { ReportableError } from '../observability/reason.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import type { SigningAlgorithm, SigningKey } from '../provider/jwk-set.js';
import { assertCanonical, MalformedTokenError, objectOf, readJws, type JwsHeader, type UnverifiedJws } from './jws.js';
import type { PresentedToken } from './presented-token.js';
import type { VerifiedJws } from './verified-token.cache.js';

/** The token was not signed by a published key of the provider. */
export class BadSignatureError extends ReportableError {
  override readonly name = 'BadSignatureError';
}

/** A provider has few keys and kinds of token. */
const MAX_HEADERS = 100;

/** Verifies signatures; says nothing about claims, which are read afterwards. */
export class SignatureVerifier {
  /** Headers of tokens that were well signed, by their segment. */
  private readonly headers = new Map<string, JwsHeader>();

  constructor(private readonly provider: OpenIdProvider) {}

  /**
   * Verifies the signature of a token that somebody presented, or that a session holds. Refuses at once, without a promise, where nothing has to be
   * waited for.
   *
   * @param inspect Throws for a token that is refused whatever its signature; called before that is checked.
   * @throws MalformedTokenError, BadSignatureError, ProviderUnavailableException (no keys), and what `inspect` throws
   */
  presented(
    { text: token, isOfSession }: PresentedToken,
    maxLength: number,
    inspect?: (jws: UnverifiedJws) => void,
  ): Promise<VerifiedJws> {
    const jws = readJws(token, maxLength, this.headers);
    inspect?.(jws);
    const { keys } = this.provider;
    const found = isOfSession
      ? keys.candidatesForSession(jws.algorithm, jws.kid)
      : keys.candidates(jws.algorithm, jws.kid);
    return found instanceof Promise
      ? found.then((candidates) => this.verify(token, jws, onlyOne(candidates)))
      : this.verify(token, jws, onlyOne(found));
  }

  /** Verifies the signature of a token that the provider gave us in answer to our own request. */
  async received(token: string, maxLength: number): Promise<VerifiedJws> {
    const jws = readJws(token, maxLength, this.headers);
    return this.verify(token, jws, onlyOne(await this.provider.keys.candidatesForOwn(jws.algorithm, jws.kid)));
  }

  private async verify(token: string, jws: UnverifiedJws, key: SigningKey): Promise<VerifiedJws> {
    const { algorithm, kid, type, header, protectedHeader } = jws;
    assertCanonical(jws.payload);
    assertCanonical(jws.signature, 'the signature');
    const imported = key.import(algorithm);
    const publicKey = 'then' in imported ? await imported : imported;
    const claims = objectOf(await signedPayload(token, publicKey, algorithm));
    if (!this.headers.has(protectedHeader)) this.rememberHeader(protectedHeader, { algorithm, kid, type, header });
    return { algorithm, kid, type, header, claims, key };
  }

  private rememberHeader(segment: string, header: JwsHeader): void {
    if (this.headers.size >= MAX_HEADERS) this.headers.clear();
    // A copy: a piece of a token keeps the whole token in memory.
    this.headers.set(Buffer.from(segment, 'latin1').toString('latin1'), header);
  }
}

function signedPayload(token: string, key: CryptoKey, algorithm: SigningAlgorithm): Promise<Uint8Array> {
  return compactVerify(token, key, { algorithms: [algorithm] }).then(
    ({ payload }) => payload,
    (error: unknown) => {
      // Key and algorithm fit each other, so whatever fails is about the token.
      throw badSignature('the signature is not valid', error);
    },
  );
}

/** Without a `kid` there has to be one key only (OpenID Connect Core section 10.1), and one `kid` names one key. */
function onlyOne([key, another]: readonly SigningKey[]): SigningKey {
  if (key === undefined) throw badSignature('no published key fits the token');
  if (another !== undefined) throw badSignature('more than one published key fits the token');
  return key;
}

function badSignature(message: string, cause?: unknown): BadSignatureError {
  return withoutStack(() => new BadSignatureError(message, { cause }));
}

/** True for every failure that is the token's own fault. */
export function isTokenFault(error: unknown): error is MalformedTokenError | BadSignatureError {
  return error instanceof MalformedTokenError || error instanceof BadSignatureError;
}
