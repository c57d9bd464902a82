/** What happened, as typed events: to Nest's logger as structured entries and to the application's own listener. */
import { Logger } from '@nestjs/common';
import { reasonOf } from './reason.js';

/** Every event names the issuer; `subject` and `session` are identifiers, never credentials. */
export type OidcEvent = {
  readonly issuer: string;
  readonly subject?: string;
  /** A digest of the session id, the same for all events of one session. */
  readonly session?: string;
} & (
  | { readonly type: 'login.started' }
  | { readonly type: 'login.succeeded' }
  | { readonly type: 'login.failed'; readonly code: string; readonly reason: string }
  | { readonly type: 'refresh.succeeded'; readonly rotated: boolean }
  | { readonly type: 'refresh.adopted' }
  | { readonly type: 'refresh.taken_over' }
  | { readonly type: 'refresh.not_published'; readonly reason: string }
  | { readonly type: 'coordination.failed'; readonly reason: string }
  | { readonly type: 'refresh.unavailable'; readonly reason: string }
  | { readonly type: 'refresh.lost_response'; readonly replayed: boolean }
  | { readonly type: 'refresh.replay_detected' }
  | { readonly type: 'refresh.identity_changed'; readonly claim: string }
  | { readonly type: 'session.ended'; readonly reason: string }
  | { readonly type: 'session.rejected'; readonly reason: string }
  | { readonly type: 'token.rejected'; readonly reason: string }
  | { readonly type: 'token.not_verifiable'; readonly reason: string }
  | { readonly type: 'on_behalf_of.succeeded'; readonly scope: string }
  | { readonly type: 'on_behalf_of.failed'; readonly scope: string; readonly code: string; readonly reason: string }
  | { readonly type: 'userinfo.failed'; readonly reason: string }
  | { readonly type: 'logout'; readonly revoked: boolean }
  | { readonly type: 'logout.received'; readonly channel: 'back' | 'front' }
  | { readonly type: 'revocation.failed'; readonly reason: string }
  | { readonly type: 'provider.down'; readonly reason: string }
  | { readonly type: 'provider.up' }
  | { readonly type: 'client.credential_reloaded' }
  | { readonly type: 'client.credential_refused' }
  | { readonly type: 'client.credential_unreadable'; readonly reason: string }
  | { readonly type: 'metadata.rejected'; readonly reason: string }
  | { readonly type: 'keys.stale'; readonly reason: string }
  | { readonly type: 'cache.failed'; readonly reason: string }
  | { readonly type: 'configuration.warning'; readonly reason: string }
);

export type OidcEventType = OidcEvent['type'];

/**
 * The application's hook for events. Implement it as an injectable class and name it in `OidcModule.forRoot({ eventListener })`.
 * It is called synchronously and not waited for. What it throws, or rejects with, is logged and goes no further.
 *
 * @publicApi
 */
export abstract class OidcEventListener {
  abstract handle(event: OidcEvent): void | Promise<void>;
}

const WARNINGS: ReadonlySet<OidcEventType> = new Set<OidcEventType>([
  'login.failed',
  'refresh.unavailable',
  'refresh.lost_response',
  'refresh.replay_detected',
  'refresh.taken_over',
  'refresh.not_published',
  'coordination.failed',
  'refresh.identity_changed',
  'session.rejected',
  'token.not_verifiable',
  'on_behalf_of.failed',
  'userinfo.failed',
  'revocation.failed',
  'provider.down',
  'client.credential_refused',
  'client.credential_unreadable',
  'metadata.rejected',
  'keys.stale',
  'cache.failed',
  'configuration.warning',
]);

/** Frequent in normal traffic, or caused at will by anybody: not worth a line at the default level. */
const DETAILS: ReadonlySet<OidcEventType> = new Set<OidcEventType>([
  'login.started',
  'token.rejected',
  'refresh.adopted',
  'on_behalf_of.succeeded',
]);

/** Sends each event to the log and to the listener. */
export class OidcEvents {
  private readonly logger = new Logger('OidcTokenReuse');

  constructor(private readonly listener?: OidcEventListener) {}

  emit(event: OidcEvent): void {
    this.log(event);
    try {
      const handled = this.listener?.handle(event);
      if (handled instanceof Promise)
        handled.catch((error: unknown) => {
          this.report(event, error);
        });
    } catch (error) {
      this.report(event, error);
    }
  }

  private report({ type }: OidcEvent, error: unknown): void {
    this.logger.error('an event listener failed', { event: type, reason: reasonOf(error) });
  }

  private log(event: OidcEvent): void {
    const { type, ...fields } = event;
    if (WARNINGS.has(type)) this.logger.warn(type, fields);
    else if (DETAILS.has(type)) this.logger.debug(type, fields);
    else this.logger.log(type, fields);
  }
}
