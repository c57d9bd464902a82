/** The provider in its own process, spoken to by messages. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProviderOptions, ReplayMode } from 'nestjs-oidc-token-reuse-testing';
import { reportingEnvironment, watchOutput } from '../../support/secret-watch.js';

const PROGRAM = fileURLToPath(new URL('./provider-process.mjs', import.meta.url));

export interface ProviderIdentity {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly audience: string;
}

/** What the provider saw since the last `resetRequests`; replays and revoked families since its start. */
export interface ProviderFigures {
  /** Requests with the refresh grant. */
  readonly tokenRequests: number;
  /** Those of them that got tokens. */
  readonly served: number;
  readonly replays: number;
  readonly revokedFamilies: number;
}

interface Reply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

export class RemoteProvider {
  private readonly waiting = new Map<number, (reply: Reply) => void>();
  private lastId = 0;

  private constructor(private readonly child: ChildProcess) {
    child.on('message', (reply: Reply) => {
      this.waiting.get(reply.id)?.(reply);
      this.waiting.delete(reply.id);
    });
  }

  static async start(options: Partial<ProviderOptions>): Promise<RemoteProvider> {
    const env = { ...process.env, ...reportingEnvironment() };
    const child = fork(PROGRAM, [JSON.stringify(options)], {
      execArgv: [],
      serialization: 'advanced',
      env,
      silent: true,
    });
    watchOutput(child);
    child.stderr?.pipe(process.stderr);
    const failed = once(child, 'exit').then(() => {
      throw new Error('the provider did not start');
    });
    await Promise.race([once(child, 'message'), failed]);
    failed.catch(() => undefined);
    return new RemoteProvider(child);
  }

  describe(): Promise<ProviderIdentity> {
    return this.ask('describe') as Promise<ProviderIdentity>; // as `provider-process.mjs` answers
  }

  figures(): Promise<ProviderFigures> {
    return this.ask('figures') as Promise<ProviderFigures>; // as `provider-process.mjs` answers
  }

  async resetRequests(): Promise<void> {
    await this.ask('resetRequests');
  }

  async registerRedirectUri(uri: string): Promise<void> {
    await this.ask('registerRedirectUri', uri);
  }

  async setMode(mode: ReplayMode): Promise<void> {
    await this.ask('setMode', mode);
  }

  /** Of tokens issued from now on, in seconds. */
  async setAccessTokenLifetime(seconds: number): Promise<void> {
    await this.ask('setAccessTokenLifetime', seconds);
  }

  /** Every refresh from now on takes so many milliseconds longer. */
  async slow(milliseconds: number): Promise<void> {
    await this.ask('slow', milliseconds);
  }

  /** Every refresh from now on is answered with this status, unprocessed. */
  async refuse(status: number, retryAfter?: number): Promise<void> {
    await this.ask('refuse', status, retryAfter);
  }

  /** The next refresh is processed, and its answer lost; resolves when it is. */
  async dropAnswer(): Promise<void> {
    await this.ask('dropAnswer');
  }

  /** Every access token from now on is an opaque one of this length. */
  async padAccessTokens(bytes: number): Promise<void> {
    await this.ask('padAccessTokens', bytes);
  }

  async clearFaults(): Promise<void> {
    await this.ask('clearFaults');
  }

  /** Publishes the next signing key, or signs with it. */
  async rotateKeys({ announce }: { readonly announce: boolean }): Promise<void> {
    await this.ask('rotateKeys', announce);
  }

  /** Stops publishing every signing key but the current one. */
  async withdrawKeys(): Promise<void> {
    await this.ask('withdrawKeys');
  }

  async close(): Promise<void> {
    const exit = once(this.child, 'exit');
    this.child.disconnect();
    await exit;
  }

  private async ask(operation: string, ...values: readonly unknown[]): Promise<unknown> {
    this.lastId += 1;
    const id = this.lastId;
    const reply = await new Promise<Reply>((resolve) => {
      this.waiting.set(id, resolve);
      this.child.send({ id, operation, values });
    });
    if (reply.error !== undefined) throw new Error(reply.error);
    return reply.result;
  }
}
