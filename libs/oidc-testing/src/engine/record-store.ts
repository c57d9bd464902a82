/** Sessions, grants, codes and tokens of the provider: one bounded map in memory, with expiry. */

/** What is kept of a record; the engine decides its members. */
export type RecordPayload = Record<string, unknown>;

/** A record as exported: model, id, payload, and expiry in epoch seconds or `null` for none. */
export type StoredRecord = [model: string, id: string, payload: RecordPayload, expiresAt: number | null];

interface Entry {
  model: string;
  id: string;
  payload: RecordPayload;
  expiresAt: number | null;
}

const limit = 20_000;
const now = (): number => Math.floor(Date.now() / 1000);

/** The record store. When full, it drops what expired, then the oldest record. */
export class RecordStore {
  readonly #entries = new Map<string, Entry>();
  readonly #keysByGrant = new Map<string, Set<string>>();
  readonly #changed: () => void;

  constructor(changed: () => void, records: readonly StoredRecord[] = []) {
    this.#changed = changed;
    for (const [model, id, payload, expiresAt] of records) this.#put({ model, id, payload, expiresAt });
  }

  set(record: { model: string; id: string; payload: RecordPayload; ttl: number | undefined }): void {
    const { model, id, payload, ttl } = record;
    this.#makeRoom();
    this.#put({ model, id, payload, expiresAt: ttl === undefined ? null : now() + ttl });
    this.#changed();
  }

  get(model: string, id: string): RecordPayload | undefined {
    const entry = this.#entries.get(keyOf(model, id));
    return entry && !isExpired(entry) ? entry.payload : undefined;
  }

  findBy(model: string, member: string, value: string): RecordPayload | undefined {
    for (const entry of this.#entries.values()) {
      if (entry.model === model && entry.payload[member] === value && !isExpired(entry)) return entry.payload;
    }
    return undefined;
  }

  /** Marks a record as used, keeping the time of its first use. */
  consume(model: string, id: string): void {
    const payload = this.get(model, id);
    if (!payload) return;
    payload.consumed ??= now();
    this.#changed();
  }

  delete(model: string, id: string): void {
    const key = keyOf(model, id);
    const entry = this.#entries.get(key);
    if (!entry) return;
    this.#entries.delete(key);
    this.#keysByGrant.get(grantOf(entry))?.delete(key);
    this.#changed();
  }

  /** Removes everything of one model that a grant gave. */
  deleteByGrant(model: string, grantId: string): void {
    for (const key of [...(this.#keysByGrant.get(grantId) ?? [])]) {
      const entry = this.#entries.get(key);
      if (entry?.model === model) this.delete(model, entry.id);
    }
  }

  export(): StoredRecord[] {
    return [...this.#entries.values()]
      .filter((entry) => !isExpired(entry))
      .map(({ model, id, payload, expiresAt }) => [model, id, structuredClone(payload), expiresAt]);
  }

  #put(entry: Entry): void {
    const key = keyOf(entry.model, entry.id);
    this.#entries.set(key, entry);
    const grantId = grantOf(entry);
    if (!grantId) return;
    const keys = this.#keysByGrant.get(grantId) ?? new Set();
    this.#keysByGrant.set(grantId, keys.add(key));
  }

  #makeRoom(): void {
    if (this.#entries.size < limit) return;
    for (const entry of [...this.#entries.values()]) if (isExpired(entry)) this.delete(entry.model, entry.id);
    const oldest = this.#entries.values().next().value;
    if (oldest && this.#entries.size >= limit) this.delete(oldest.model, oldest.id);
  }
}

const keyOf = (model: string, id: string): string => `${model}:${id}`;
const isExpired = (entry: Entry): boolean => entry.expiresAt !== null && entry.expiresAt <= now();

function grantOf(entry: Entry): string {
  const grantId = entry.payload.grantId;
  return typeof grantId === 'string' ? grantId : '';
}
