import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger, type LoggerService } from '@nestjs/common';
import { OidcEventListener, OidcEvents, type OidcEvent } from '../../src/observability/events.js';

const ISSUER = 'https://provider.example';
type Level = 'log' | 'warn' | 'debug' | 'error';

class Recorder implements LoggerService {
  readonly entries: unknown[][] = [];
  log = (...entry: unknown[]) => this.add('log', entry);
  warn = (...entry: unknown[]) => this.add('warn', entry);
  debug = (...entry: unknown[]) => this.add('debug', entry);
  error = (...entry: unknown[]) => this.add('error', entry);

  private add(level: Level, entry: unknown[]): void {
    this.entries.push([level, ...entry]);
  }
}

class Listener extends OidcEventListener {
  constructor(private readonly react: (event: OidcEvent) => void | Promise<void>) {
    super();
  }

  handle(event: OidcEvent): void | Promise<void> {
    return this.react(event);
  }
}

describe('OidcEvents', () => {
  let recorder: Recorder;
  beforeEach(() => {
    recorder = new Recorder();
    Logger.overrideLogger(recorder);
  });
  afterEach(() => {
    Logger.overrideLogger(false);
  });

  it.each<[Level, OidcEvent]>([
    ['log', { type: 'login.succeeded', issuer: ISSUER, subject: 'alice', session: 'digest' }],
    ['log', { type: 'refresh.succeeded', issuer: ISSUER, rotated: true }],
    ['log', { type: 'session.ended', issuer: ISSUER, reason: 'nothing can renew it' }],
    ['log', { type: 'logout', issuer: ISSUER, revoked: true }],
    ['log', { type: 'provider.up', issuer: ISSUER }],
    ['debug', { type: 'login.started', issuer: ISSUER }],
    ['debug', { type: 'token.rejected', issuer: ISSUER, reason: 'the token is too long' }],
    ['debug', { type: 'refresh.adopted', issuer: ISSUER }],
    ['debug', { type: 'on_behalf_of.succeeded', issuer: ISSUER, scope: 'user.read' }],
    ['warn', { type: 'login.failed', issuer: ISSUER, code: 'access_denied', reason: 'no' }],
    ['warn', { type: 'refresh.replay_detected', issuer: ISSUER }],
    ['warn', { type: 'token.not_verifiable', issuer: ISSUER, reason: 'opaque' }],
    ['warn', { type: 'on_behalf_of.failed', issuer: ISSUER, scope: 'a', code: 'b', reason: 'c' }],
    ['warn', { type: 'provider.down', issuer: ISSUER, reason: 'no' }],
    ['warn', { type: 'cache.failed', issuer: ISSUER, reason: 'no' }],
    ['warn', { type: 'configuration.warning', issuer: ISSUER, reason: 'no' }],
  ])('logs at level %s as one structured entry: %j', (level, event) => {
    const { type, ...fields } = event;
    new OidcEvents().emit(event);
    expect(recorder.entries).toEqual([[level, type, fields, 'OidcTokenReuse']]);
  });

  it('leaves it to the logger of the application whether a detail is written, whatever was set before it came', () => {
    Logger.overrideLogger(['error', 'warn']);
    Logger.overrideLogger(recorder);
    new OidcEvents().emit({ type: 'token.rejected', issuer: ISSUER, reason: 'the token is too long' });
    expect(recorder.entries).toHaveLength(1);
  });

  it('hands every event to the listener as it is', () => {
    const heard: OidcEvent[] = [];
    const event: OidcEvent = { type: 'login.started', issuer: ISSUER };
    new OidcEvents(new Listener((each) => void heard.push(each))).emit(event);
    expect(heard).toEqual([event]);
  });

  it('logs a listener that throws, and goes on', () => {
    const listener = new Listener(() => {
      throw new TypeError('a token: eyJ');
    });
    new OidcEvents(listener).emit({ type: 'provider.up', issuer: ISSUER });
    expect(recorder.entries.slice(1)).toEqual([
      ['error', 'an event listener failed', { event: 'provider.up', reason: 'TypeError' }, 'OidcTokenReuse'],
    ]);
  });

  it('logs a listener that rejects, which would end the process otherwise', async () => {
    const listener = new Listener(() => Promise.reject(new RangeError('a token: eyJ')));
    new OidcEvents(listener).emit({ type: 'provider.up', issuer: ISSUER });
    await new Promise(setImmediate);
    expect(recorder.entries.slice(1)).toEqual([
      ['error', 'an event listener failed', { event: 'provider.up', reason: 'RangeError' }, 'OidcTokenReuse'],
    ]);
  });
});
