/** A cache store on the primary that sentinels name. They are asked again whenever the connection to it has ended. */
import KeyvRedis, { createClient, type RedisClientOptions } from '@keyv/redis';

export interface Address {
  readonly host: string;
  readonly port: number;
}

export interface Sentinels {
  readonly addresses: readonly Address[];
  /** What they call the primary. */
  readonly name: string;
  /** Of every connection. */
  readonly socket: { readonly connectTimeout: number; readonly socketTimeout: number; readonly tls?: true };
  readonly pingInterval: number;
  /** Of connections to the primary only: sentinels are asked without credentials. */
  readonly client: Omit<RedisClientOptions, 'socket' | 'url'>;
}

type Client = ReturnType<typeof createClient>;

interface Primary {
  readonly client: Client;
  readonly address: Address;
}

/** Milliseconds after which a sentinel that was lost is listened to again. */
const RETRY_MS = 1000;

/**
 * One connection to the primary, as to a single server. The pool that node-redis has for sentinels is not used: commands that are the first after a
 * pause, several at once, may stay there without an answer, and it goes on connecting to a primary that has died.
 */
export class SentinelStore extends KeyvRedis<string> {
  private finding: Promise<Client> | undefined;
  private found: Address | undefined;
  private watchers: readonly Client[] | undefined;

  constructor(
    private readonly sentinels: Sentinels,
    options: ConstructorParameters<typeof KeyvRedis>[1],
  ) {
    super(undefined, options);
  }

  /** A client that does not reconnect by itself, since another server may be the primary by then. */
  override getClient(): ReturnType<KeyvRedis<string>['getClient']> {
    if (this.client.isOpen) return Promise.resolve(this.client);
    this.watchers ??= this.sentinels.addresses.map((sentinel) => this.watch(sentinel));
    this.finding ??= this.find().finally(() => {
      this.finding = undefined;
    });
    return this.finding;
  }

  override async disconnect(force?: boolean): Promise<void> {
    await this.finding?.catch(ignore);
    for (const watcher of this.watchers ?? []) watcher.destroy();
    this.watchers = undefined;
    await super.disconnect(force);
  }

  /** Whichever sentinel is the first to lead to a primary: one may be gone, and one may be behind the others. */
  private async find(): Promise<Client> {
    const ways = this.sentinels.addresses.map((sentinel) => this.through(sentinel));
    const found = await Promise.any(ways).catch((cause: unknown) => {
      throw new Error(`no sentinel leads to the primary '${this.sentinels.name}'`, { cause });
    });
    for (const way of ways) {
      way.then((primary) => {
        if (primary !== found) primary.client.destroy();
      }, ignore);
    }
    this.found = found.address;
    this.client = found.client;
    return found.client;
  }

  private async through(sentinel: Address): Promise<Primary> {
    const address = await this.primaryAt(sentinel);
    const client = await this.connected(address, this.sentinels.client);
    return asked(client, async () => {
      const [role] = await client.sendCommand<string[]>(['ROLE']);
      if (role !== 'master') throw new Error('the server that a sentinel names is not the primary');
      return { client, address };
    });
  }

  private async primaryAt(sentinel: Address): Promise<Address> {
    const { name } = this.sentinels;
    const client = await this.connected(sentinel);
    const question = ['SENTINEL', 'get-master-addr-by-name', name];
    const answer = await asked(client, () => client.sendCommand<string[] | null>(question));
    client.destroy();
    const [host, port] = answer ?? [];
    if (host === undefined) throw new Error(`a sentinel knows no '${name}'`);
    return { host, port: Number(port) };
  }

  private async connected(address: Address, options: Sentinels['client'] = {}): Promise<Client> {
    const socket = { ...this.sentinels.socket, ...address, reconnectStrategy: false as const };
    const client = createClient({ ...options, socket });
    client.on('error', ignore);
    await client.connect();
    return client;
  }

  /** A primary that was replaced goes on answering for some seconds, and forgets what it is told. */
  private watch(sentinel: Address): Client {
    const { socket, pingInterval } = this.sentinels;
    const options: RedisClientOptions = {
      pingInterval,
      socket: { ...socket, ...sentinel, reconnectStrategy: RETRY_MS },
    };
    const client = createClient(options);
    client.on('error', ignore);
    client
      .connect()
      .then(() =>
        client.subscribe('+switch-master', (message) => {
          this.hear(message);
        }),
      )
      .catch(ignore);
    return client;
  }

  /** Each sentinel says so when it knows, with the names of both. */
  private hear(message: string): void {
    const [name, , , host, port] = message.split(' ');
    const isKnown = host === this.found?.host && Number(port) === this.found?.port;
    if (name === this.sentinels.name && !isKnown && this.client.isOpen) void this.client.destroy();
  }
}

/** Leaves no connection behind when the answer is not the expected one. */
async function asked<Answer>(client: Client, question: () => Promise<Answer>): Promise<Answer> {
  try {
    return await question();
  } catch (error) {
    client.destroy();
    throw error;
  }
}

function ignore(): void {
  // Whoever needs the connection finds out.
}
