/** Changes the JSON object that a response carries, plainly or inside a signed JWT. */
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { jsonBody, withBody, type Reply } from '../http/reply.js';
import type { TokenSigner } from '../keys/token-signer.js';

/** Makes another JSON object of the one in a response. */
export type JsonRewrite = (body: Record<string, unknown>) => Record<string, unknown>;

/** The response with its object changed; a response without an object is left as it is. */
export async function rewriteReply(reply: Reply, change: JsonRewrite, signer: TokenSigner): Promise<Reply> {
  if (String(reply.headers['content-type']).startsWith('application/jwt')) {
    const token = reply.body.toString();
    const { typ } = decodeProtectedHeader(token);
    return withBody(reply, await signer.sign({ claims: change({ ...decodeJwt(token) }), header: { typ } }));
  }
  const body = jsonBody(reply);
  return body ? withBody(reply, JSON.stringify(change(body))) : reply;
}
