/** What survives a restart in development, so that a restart signs nobody out: one file that only its owner can read. */
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Logger } from '@nestjs/common';
import { z } from 'zod';
import type { ProviderState, TestProvider } from 'nestjs-oidc-token-reuse-testing';

const STATE_VERSION = 1;

const schema = z.object({
  /** Seals the cookies. */
  sessionSecret: z.string().min(32),
  provider: z.custom<ProviderState>(
    (value) => z.looseObject({ version: z.literal(STATE_VERSION) }).safeParse(value).success,
  ),
});

export type DevelopmentState = z.output<typeof schema>;

/** Undefined when there is none, or none that this version can read: both start afresh. */
export function readState(file: string): DevelopmentState | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(file, 'utf8')));
  } catch {
    return undefined;
  }
}

/** Written aside and renamed: whoever is killed meanwhile leaves the old state. */
export function writeState(file: string, state: DevelopmentState): void {
  mkdirSync(dirname(file), { recursive: true });
  const draft = `${file}.${String(process.pid)}`;
  writeFileSync(draft, JSON.stringify(state), { mode: 0o600 });
  chmodSync(draft, 0o600);
  renameSync(draft, file);
}

/** Saves a provider's state, once after any number of changes in the same turn. */
export class StateSaver {
  private provider: TestProvider | undefined;
  private scheduled: NodeJS.Immediate | undefined;
  private readonly logger = new Logger('DevelopmentProvider');
  private isFailing = false;

  constructor(
    private readonly file: string,
    private readonly sessionSecret: string,
  ) {}

  /** From now on there is something to save. */
  watch(provider: TestProvider): void {
    this.provider = provider;
    this.save();
  }

  schedule(): void {
    this.scheduled ??= setImmediate(() => {
      this.save();
    });
  }

  save(): void {
    clearImmediate(this.scheduled);
    this.scheduled = undefined;
    if (this.provider === undefined) return;
    try {
      writeState(this.file, { sessionSecret: this.sessionSecret, provider: this.provider.exportState() });
      this.isFailing = false;
    } catch (error) {
      // Without the file a restart signs everybody out, and nothing else happens.
      if (!this.isFailing)
        this.logger.warn(`${this.file} cannot be written (${codeOf(error)}): a restart signs everybody out`);
      this.isFailing = true;
    }
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : 'unknown';
}
