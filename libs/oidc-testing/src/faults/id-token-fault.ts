/** Changes the ID Token of a token response and signs it again, rightly or wrongly. */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { jsonBody, withBody, type Reply } from '../http/reply.js';
import type { SignOptions, TokenClaims, TokenHeader, TokenSigner } from '../keys/token-signer.js';

/** The ID Token to send instead; members left out stay as they were, `key` signs with another key. */
export interface MutatedIdToken extends Omit<SignOptions, 'header'> {
  claims?: TokenClaims;
  header?: TokenHeader;
}

/** Decides on the ID Token to send, given the one that the provider made. */
export type IdTokenMutation = (claims: TokenClaims, header: TokenHeader) => MutatedIdToken;

/** The response with its ID Token replaced; a response without one is left as it is. */
export async function mutateIdToken(reply: Reply, mutation: IdTokenMutation, signer: TokenSigner): Promise<Reply> {
  const body = jsonBody(reply);
  const idToken = body?.id_token;
  if (typeof idToken !== 'string') return reply;
  const original = { claims: { ...decodeJwt(idToken) }, header: { ...decodeProtectedHeader(idToken) } };
  const mutated = mutation(structuredClone(original.claims), structuredClone(original.header));
  return withBody(reply, JSON.stringify({ ...body, id_token: await signer.sign({ ...original, ...mutated }) }));
}

/** The times of an ID Token moved by some seconds. */
export function moveInTime(claims: TokenClaims, seconds: number): TokenClaims {
  const times = ['iat', 'exp', 'auth_time'].filter((name) => typeof claims[name] === 'number');
  return { ...claims, ...Object.fromEntries(times.map((name) => [name, Number(claims[name]) + seconds])) };
}
