/** Mutual TLS (RFC 8705 section 2): requests that present the client's certificate. */
import type { Agent } from 'undici';

export interface TlsIdentity {
  /** Private key in PEM. */
  readonly key: string;
  /** The client's certificate in PEM, then those that lead to its authority. */
  readonly cert: string;
}

/**
 * `fetch` with a client certificate. Node's own `fetch` is undici's; its agent is taken from the package of that name, since the one inside Node
 * cannot be reached, and loaded only when it is needed. Idle connections end by themselves.
 */
export class MutualTls {
  private agent: Agent | undefined;

  constructor(private readonly identity: TlsIdentity) {}

  readonly fetch: typeof fetch = async (input, init) => {
    const undici = await import('undici');
    const dispatcher = (this.agent ??= new undici.Agent({ connect: { ...this.identity } }));
    // The package's types of a request and a response are their own; what they describe is the same.
    const request = [input, { ...init, dispatcher }] as unknown as Parameters<typeof undici.fetch>;
    return undici.fetch(...request);
  };
}
