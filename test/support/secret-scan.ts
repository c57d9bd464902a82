/** Collects what must never be seen, and everything that can be seen, and looks for the one in the other. */
import { inspect } from 'node:util';
import { Catch, type ArgumentsHost, type INestApplication, type LoggerService } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import type { RecordingFetch } from './recording-fetch.js';

/** Shorter values are found everywhere. */
const SHORTEST = 12;
const TOKENS = /"(?:access|refresh|id)_token":"([^"]+)/g;
const FORM_SECRETS = [
  'code',
  'code_verifier',
  'refresh_token',
  'assertion',
  'subject_token',
  'token',
  'client_secret',
] as const;

export class SecretScan {
  private readonly secrets = new Set<string>();
  private readonly seen: string[] = [];

  /** Writes down every line of every level. */
  readonly logger: LoggerService = {
    log: (...parts: unknown[]) => this.see(...parts),
    error: (...parts: unknown[]) => this.see(...parts),
    warn: (...parts: unknown[]) => this.see(...parts),
    debug: (...parts: unknown[]) => this.see(...parts),
    verbose: (...parts: unknown[]) => this.see(...parts),
    fatal: (...parts: unknown[]) => this.see(...parts),
  };

  /** A value that must not be seen; what is too short to be one is ignored. */
  hide(...values: readonly (string | null | undefined)[]): void {
    for (const value of values)
      if (value !== null && value !== undefined && value.length >= SHORTEST) this.secrets.add(value);
  }

  /** Everything secret that went to the provider and came back. */
  hideTraffic({ sent, received }: RecordingFetch): void {
    for (const { form, headers } of sent) {
      this.hide(...FORM_SECRETS.map((name) => form[name]), headers.get('authorization')?.split(' ')[1]);
    }
    // By text, since an answer may have come in half.
    for (const body of received) this.hide(...[...body.matchAll(TOKENS)].map(([, token]) => token));
  }

  /** Something that others can see, in every form in which it is usually printed. */
  see(...parts: readonly unknown[]): void {
    for (const part of parts) {
      this.seen.push(
        inspect(part, { depth: Infinity, showHidden: true, maxStringLength: Infinity, maxArrayLength: Infinity }),
      );
      this.seen.push(String(part), JSON.stringify(part) ?? '');
    }
  }

  /** What was seen although it is secret, with the place. */
  leaks(): readonly string[] {
    return this.seen.flatMap((text) =>
      [...this.secrets]
        .filter((secret) => text.includes(secret))
        .map((secret) => `…${text.slice(0, text.indexOf(secret)).slice(-300)}<SECRET>`),
    );
  }

  get counts(): { readonly secrets: number; readonly seen: number } {
    return { secrets: this.secrets.size, seen: this.seen.length };
  }

  /** Looks at every error that a handler or a guard of the application throws, before it is answered. */
  watchErrors(application: INestApplication): void {
    const see = this.see.bind(this);
    @Catch()
    class WatchingFilter extends BaseExceptionFilter {
      override catch(exception: unknown, host: ArgumentsHost): void {
        see(exception);
        super.catch(exception, host);
      }
    }
    application.useGlobalFilters(new WatchingFilter(application.getHttpAdapter()));
  }
}
