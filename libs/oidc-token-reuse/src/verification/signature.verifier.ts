/** Checks signatures with jose against the provider's published keys. */
import { compactVerify } from 'jose';
import { ReportableError } from '../observability/reason.js';
import type { OpenIdProvider } from '../provider/openid-provider.js';
import type { SigningAlgorithm, SigningKey } from '../provider/jwk-set.js';
import type { PresentedToken } from './presented-token.js';
import { MalformedTokenError, parseJws, type UnverifiedJws } from './jws.js';
import type { VerifiedJws } from './verified-token.cache.js';

/** The token was not signed by a published key of the provider. */
export class BadSignatureError extends ReportableError {
  override readonly name = 'BadSignatureError';
}

type Candidates = (
  algorithm: SigningAlgorithm,
  kid: string | undefined,
) => readonly SigningKey[] | Promise<readonly SigningKey[]>;

/** Verifies signatures; says nothing about claims. */
export class SignatureVerifier {
  constructor(private readonly provider: OpenIdProvider) {}

  /**
   * Verifies the signature of a token that somebody presented, or that a session holds.
   *
   * @param inspect Throws for a token that is refused whatever its signature; called before that is checked.
   * @throws MalformedTokenError, BadSignatureError, ProviderUnavailableException (no keys), and what `inspect` throws
   */
  async presented(
    { text, isOfSession }: PresentedToken,
    maxLength: number,
    inspect?: (jws: UnverifiedJws) => void,
  ): Promise<VerifiedJws> {
    const { keys } = this.provider;
    const jws = parseJws(text, maxLength);
    inspect?.(jws);
    return verifySignature(text, jws, (algorithm, kid) =>
      isOfSession ? keys.candidatesForSession(algorithm, kid) : keys.candidates(algorithm, kid),
    );
  }

  /** Verifies the signature of a token that the provider gave us in answer to our own request. */
  async received(token: string, maxLength: number): Promise<VerifiedJws> {
    const { keys } = this.provider;
    return verifySignature(token, parseJws(token, maxLength), (algorithm, kid) =>
      keys.candidatesForOwn(algorithm, kid),
    );
  }
}

async function verifySignature(token: string, jws: UnverifiedJws, candidates: Candidates): Promise<VerifiedJws> {
  const found = candidates(jws.algorithm, jws.kid);
  const [key, another] = found instanceof Promise ? await found : found;
  if (key === undefined) throw new BadSignatureError('no published key fits the token');
  // Without a `kid` there has to be one key only (OpenID Connect Core section 10.1), and one `kid` names one key.
  if (another !== undefined) throw new BadSignatureError('more than one published key fits the token');
  const publicKey = await key.import(jws.algorithm);
  try {
    await compactVerify(token, publicKey, { algorithms: [jws.algorithm] });
  } catch (error) {
    // Key and algorithm fit each other, so whatever fails is about the token.
    throw new BadSignatureError('the signature is not valid', { cause: error });
  }
  const { algorithm, kid, type, header, claims } = jws;
  return { algorithm, kid, type, header, claims, key };
}

/** True for every failure that is the token's own fault. */
export function isTokenFault(error: unknown): error is MalformedTokenError | BadSignatureError {
  return error instanceof MalformedTokenError || error instanceof BadSignatureError;
}
