/** What `CACHE_URL` names: one Redis, or with `-cluster` or `-sentinel` in its scheme a list of hosts. */
import KeyvRedis from '@keyv/redis';
import { SentinelStore, type Address } from './sentinel-store.js';

export const CACHE_URL = /^rediss?:\/\/.+|^rediss?-cluster:\/\/[^/]+\/?$|^rediss?-sentinel:\/\/[^/]+\/[^/]+$/;

const CONNECT_TIMEOUT_MS = 1000;
const OPTIONS = { namespace: 'app', connectionTimeout: CONNECT_TIMEOUT_MS, throwOnErrors: true } as const;
/** Milliseconds between two pings, and those without any answer after which a connection is given up: the other end may be gone without a word. */
const PING_MS = 1000;
const SILENCE_MS = 20_000;

interface Parts {
  readonly kind: string;
  readonly isSecure: boolean;
  readonly credentials: { readonly username?: string; readonly password?: string };
  readonly hosts: readonly Address[];
  readonly path: string;
}

/** A store that fails at once while Redis is away, instead of queueing for ever. */
export function redisStore(text: string): KeyvRedis<string> {
  const { kind, isSecure, credentials, hosts, path } = partsOf(text);
  const timeouts = { connectTimeout: CONNECT_TIMEOUT_MS, socketTimeout: SILENCE_MS };
  const socket = {
    ...timeouts,
    reconnectStrategy: (retries: number) => Math.min(retries * 50, 1000),
  };
  const common = { disableOfflineQueue: true, pingInterval: PING_MS };
  const client = { ...common, ...credentials };
  switch (kind) {
    case 'cluster': {
      const defaults = { ...client, socket: isSecure ? { ...socket, tls: true as const } : socket };
      const rootNodes = hosts.map((node) => ({ socket: { ...node, ...defaults.socket } }));
      return new KeyvRedis({ rootNodes, defaults }, OPTIONS);
    }
    case 'sentinel': {
      const each = isSecure ? { ...timeouts, tls: true as const } : timeouts;
      const sentinels = { addresses: hosts, name: path, socket: each, pingInterval: PING_MS, client };
      return new SentinelStore(sentinels, OPTIONS);
    }
    default:
      return new KeyvRedis({ ...common, url: text, socket }, OPTIONS);
  }
}

/** A list of hosts is no URL of the standard: each host is read as one. */
function partsOf(text: string): Parts {
  const [, secure = '', kind = '', user = '', list = '', path = ''] =
    /^redis(s?)(?:-(cluster|sentinel))?:\/\/(?:([^@/]*)@)?([^/]*)\/?(.*)$/.exec(text) ?? [];
  const defaultPort = kind === 'sentinel' ? 26_379 : 6379;
  const hosts = list.split(',').map((entry) => hostOf(entry, defaultPort));
  return { kind, isSecure: secure === 's', credentials: credentialsOf(user), hosts, path };
}

function credentialsOf(user: string): Parts['credentials'] {
  const [username = '', password = ''] = user.split(':').map(decodeURIComponent);
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function hostOf(entry: string, defaultPort: number): Address {
  const { hostname, port } = new URL(`http://${entry}`);
  return { host: hostname, port: port === '' ? defaultPort : Number(port) };
}
