/** Distinct sessions without end through one process: each is used once and signed out, and the heap stays flat. */
import { createHash, randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Agent, IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Coordinator, Secret, TokenReuseGuard, type Session } from 'nestjs-oidc-token-reuse';
import { createTestProvider, type TestProvider } from 'nestjs-oidc-token-reuse-testing';
import { httpExchange, type HttpExchange } from '../../libs/oidc-token-reuse/src/http/http-exchange.js';
import { LogoutService } from '../../libs/oidc-token-reuse/src/logout/logout.service.js';
import { purposeOf } from '../../libs/oidc-token-reuse/src/session/cookie.custody.js';
import { Sealer } from '../../libs/oidc-token-reuse/src/session/sealer.js';
import { encodeSession } from '../../libs/oidc-token-reuse/src/session/session-codec.js';
import { API_AUDIENCE, SESSION_SECRET, startHarness, type Harness } from '../support/harness.js';
import { SampleController } from '../support/sample.controller.js';
import { watched } from '../support/secret-watch.js';
import { ask } from './support/ask.js';
import { print } from './support/print.js';
import { SCALE } from './support/scale.js';

const MIB = 2 ** 20;
/** Requests at the same time. */
const BATCH = 50;
/** Of those, over HTTP. */
const OVER_HTTP = 2;
/** What the bounded maps of the process may come to hold, in MiB: sign-outs, index, and with custody store the newest sessions. */
const ALLOWED = { cookie: 64, store: 192 };

describe.each(['cookie', 'store'] as const)('one process with custody %s', (custody) => {
  let provider: TestProvider;
  let harness: Harness;
  let idToken: string;
  let sealer: Sealer;
  const agent = new Agent({ keepAlive: true, maxSockets: BATCH });

  beforeAll(async () => {
    // What is watched is kept, and would count for the application.
    watched.stop();
    provider = await createTestProvider({ audience: API_AUDIENCE });
    // A million revocations would be about the provider.
    provider.faults.rewrite({ kind: 'discovery', times: Infinity }, ({ revocation_endpoint: _, ...others }) => others);
    harness = await startHarness({ provider, oidc: { custody, useEndSessionEndpoint: false, maxOpenedSessions: 500 } });
    const { issuer, client } = provider;
    sealer = new Sealer([SESSION_SECRET], purposeOf({ issuer, clientId: client.clientId }));
    idToken = await provider.signIdToken({ sub: 'user-alice', name: 'Alice' });
  });
  afterAll(async () => {
    agent.destroy();
    await harness.close();
    await provider.close();
  });

  function newSession(): Session {
    const issuedAt = Math.floor(Date.now() / 1000);
    const tokens = {
      accessToken: new Secret(randomBytes(300).toString('base64url')),
      refreshToken: undefined,
      idToken: new Secret(idToken),
      issuedAt,
      expiresAt: issuedAt + 3600,
      refreshExpiresAt: undefined,
      scope: 'openid',
    };
    const identity = {
      id: randomBytes(16).toString('base64url'),
      issuer: harness.provider.issuer,
      subject: 'user-alice',
    };
    const course = { startedAt: Date.now(), renewedAt: issuedAt, generation: 0 };
    return { ...identity, ...course, tenant: undefined, providerSessionId: undefined, tokens, claims: {} };
  }

  /** Begins a session where its custody keeps it, and gives its cookie. */
  async function begun(): Promise<string> {
    const bytes = encodeSession(newSession());
    if (custody === 'cookie') return `oidc.session.0=${await sealer.seal(bytes, { n: 1 })}`;
    const key = randomBytes(32).toString('base64url');
    const place = createHash('sha256').update(`place:${key}`).digest('base64url');
    const value = await new Sealer([key], 'session-store').seal(bytes);
    await harness.application.get(Coordinator).put('session', place, { value, ttl: 3600 });
    return `oidc.session-key=${key}`;
  }

  /** Uses a session, and every second one is signed out; true when it was let in. */
  function pass(index: number): Promise<boolean> {
    return index < OVER_HTTP ? passOverHttp(index) : passStraight(index);
  }

  async function passOverHttp(index: number): Promise<boolean> {
    const cookie = await begun();
    const way = { agent, port: Number(new URL(harness.url).port) };
    const { status } = await ask(way, { path: '/api/profile', cookie });
    if (index % 2 === 0) await ask(way, { method: 'POST', path: '/auth/logout', cookie });
    return status === 200;
  }

  /** To the guard and the logout without the server in front of them: what is remembered is behind it. */
  async function passStraight(index: number): Promise<boolean> {
    const cookie = await begun();
    const request = requestWith(cookie);
    const response = new ServerResponse(request);
    const context = new ExecutionContextHost([request, response], SampleController, SampleController.prototype.profile);
    const isIn = await harness.application.get(TokenReuseGuard).canActivate(context);
    if (index % 2 === 0) await harness.application.get(LogoutService).logout(exchangeWith(cookie), undefined);
    return isIn;
  }

  it('keeps its heap flat', async () => {
    const { sessionsForHeap: count } = SCALE;
    const heaps: number[] = [];
    let refused = 0;
    for (let passed = 0; passed < count; passed += BATCH) {
      const letIn = await Promise.all(Array.from({ length: BATCH }, (_, index) => pass(index)));
      refused += letIn.filter((isIn) => !isIn).length;
      harness.events.length = 0;
      if ((passed + BATCH) % (count / 4) === 0) heaps.push(heap());
    }
    const growth = (heaps[3] ?? 0) - (heaps[0] ?? 0);
    print(`custody ${custody}: ${String(count)} distinct sessions through one process, each second one signed out`, {
      'heap after each quarter, in MiB': heaps.map((bytes) => Math.round(bytes / MIB)).join(', '),
      'requests refused': refused,
    });
    expect(refused).toBe(0);
    expect(growth / MIB).toBeLessThan(ALLOWED[custody]);
  }, 3_600_000);
});

function requestWith(cookie: string): IncomingMessage {
  const request = new IncomingMessage(new Socket());
  request.headers = { cookie };
  request.rawHeaders = ['Cookie', cookie];
  return request;
}

function exchangeWith(cookie: string): HttpExchange {
  const request = requestWith(cookie);
  return httpExchange(request, new ServerResponse(request));
}

/** Bytes in use after everything that can be collected is. */
function heap(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed;
}
