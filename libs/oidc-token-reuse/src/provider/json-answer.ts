/** Takes the JSON out of an answer of the provider, if it is what was asked for. */
import { LostResponseException } from './provider-fetch.js';

const JSON_TYPES = /^application\/json *(;|$)/i;
const JWK_SET_TYPES = /^application\/(jwk-set\+)?json *(;|$)/i;

/**
 * The text of a JSON answer: status 200 and `application/json`. Not checked: whether it is JSON.
 *
 * @throws LostResponseException for everything else, such as the page of a proxy
 */
export function jsonTextOf(response: Response): Promise<string> {
  return textOf(response, JSON_TYPES);
}

/** As `jsonTextOf`, and also for `application/jwk-set+json` (RFC 7517 section 8.5.2). */
export function jwkSetTextOf(response: Response): Promise<string> {
  return textOf(response, JWK_SET_TYPES);
}

async function textOf(response: Response, types: RegExp): Promise<string> {
  if (response.status !== 200)
    throw new LostResponseException(`the OpenID Provider answered ${String(response.status)} where a document belongs`);
  if (!types.test(response.headers.get('content-type') ?? ''))
    throw new LostResponseException('the OpenID Provider answered with something else than JSON');
  return response.text();
}
