/** The last good documents of a provider, kept in the shared cache so that an application that starts during an outage finds them. */
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.js';
import { parseJsonObject } from './json.js';
import type { SharedCache } from './shared-cache.js';

/** Seconds for which a document serves when the provider cannot be asked. */
export const MAX_STALE_SECONDS = 86_400;
const PURPOSE = 'last-good';
const KEY_BYTES = 32;

export type DocumentKind = 'metadata' | 'jwks';

export interface RecalledDocument {
  readonly text: string;
  /** Seconds since the provider gave it. */
  readonly age: number;
}

/**
 * Stores documents with an authentication code under the application's secret: whoever can write to the cache cannot make the application believe
 * keys that are not the provider's.
 */
export class LastGood {
  private readonly keys: readonly Buffer[];

  constructor(
    private readonly cache: SharedCache,
    private readonly context: { readonly clock: Clock; readonly secrets: readonly string[]; readonly owner: string },
  ) {
    this.keys = context.secrets.map((secret) =>
      Buffer.from(hkdfSync('sha256', secret, 'nestjs-oidc-token-reuse', PURPOSE, KEY_BYTES)),
    );
  }

  async keep(kind: DocumentKind, text: string): Promise<void> {
    const at = this.context.clock.now();
    const [code] = this.codesOf({ kind, at, text });
    await this.cache.set(kind, { value: JSON.stringify({ at, text, code }), ttl: MAX_STALE_SECONDS });
  }

  /** The document, if there is one that this application stored less than a day ago. */
  async recall(kind: DocumentKind): Promise<RecalledDocument | undefined> {
    const stored = parseStored(await this.cache.get(kind));
    if (stored === undefined || !this.isAuthentic(kind, stored)) return undefined;
    const age = Math.max(0, this.context.clock.now() - stored.at);
    return age > MAX_STALE_SECONDS ? undefined : { text: stored.text, age };
  }

  private isAuthentic(kind: DocumentKind, { at, text, code }: Stored): boolean {
    const given = Buffer.from(code);
    return this.codesOf({ kind, at, text }).some((own) => {
      const expected = Buffer.from(own);
      return expected.length === given.length && timingSafeEqual(expected, given);
    });
  }

  /** One code per secret, the first secret's first. The owner is in it, so that no document moves from one provider to another. */
  private codesOf({ kind, at, text }: Omit<Stored, 'code'> & { readonly kind: DocumentKind }): readonly string[] {
    const message = JSON.stringify([this.context.owner, kind, at, text]);
    return this.keys.map((key) => createHmac('sha256', key).update(message).digest('base64url'));
  }
}

interface Stored {
  /** Epoch seconds. */
  readonly at: number;
  readonly text: string;
  readonly code: string;
}

function parseStored(value: string | undefined): Stored | undefined {
  if (value === undefined) return undefined;
  try {
    const { at, text, code } = parseJsonObject(value);
    if (typeof at !== 'number' || typeof text !== 'string' || typeof code !== 'string') return undefined;
    return { at, text, code };
  } catch {
    // Written by somebody else: as good as absent.
    return undefined;
  }
}
