/** Three processes under traffic while something goes wrong: nothing is lost, and clients see no more than a 503 that says when to come back. */
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis.js';
import type { Answer } from './support/ask.js';
import { Experiment } from './support/experiment.js';
import { Fleet, NEXT_SECRET, SECRET } from './support/fleet.js';
import { killHolders } from './support/kill.js';
import { restartEach } from './support/restart.js';
import { SCALE } from './support/scale.js';
import type { Tally } from './support/tally.js';

const START_MS = 120_000;
const LIMIT_MS = 900_000;
/** Seconds. */
const REPLAY_WINDOW = 30;
/** Milliseconds after a lost answer in which none is lost: the token is sent again at once, and that answer must come. */
const AFTER_DROP_MS = 400;
const NOTHING_REVOKED = { replays: 0, revokedFamilies: 0 };

const KEPT: ReadonlySet<string> = new Set(['200', '503 provider_unavailable', '503 session_store_unavailable']);

/** Answers of a time in which a session may have to wait. */
function expectKept(...tallies: readonly Tally[]): void {
  const kinds = new Set(tallies.flatMap((tally) => tally.kinds));
  expect([...kinds].filter((kind) => !KEPT.has(kind))).toEqual([]);
  expect(tallies.map(({ withoutAdvice }) => withoutAdvice)).toEqual(tallies.map(() => 0));
}

function expectAnswered(...tallies: readonly Tally[]): void {
  expect(tallies.map(({ kinds }) => kinds)).toEqual(tallies.map(() => ['200']));
}

describeWithRedis.each(['cookie', 'store'] as const)('custody %s, a strict provider', (custody) => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ custody, mode: 'strict' });
  }, START_MS);
  afterAll(() => fleet.close());

  it(
    'loses nothing while Redis is away',
    async () => {
      const { outage } = SCALE;
      const experiment = await Experiment.begin(fleet, { title: `${custody}: Redis is away for ${String(outage)} s` });
      const before = await experiment.phase('before', 1500);
      await fleet.redis.stop();
      const away = await experiment.phase('away', outage * 1000);
      await fleet.redis.start();
      const returning = await experiment.phase('returning', 3000);
      const after = await experiment.phase('after', 2500);
      const result = await experiment.end();
      expectAnswered(before, after);
      expectKept(away, returning);
      expect(result).toMatchObject({ lost: [], ...NOTHING_REVOKED });
    },
    LIMIT_MS,
  );

  it(
    'loses at most the sessions whose redemption died with its process',
    async () => {
      const title = `${custody}, strict provider: the process that holds the leases is killed`;
      const experiment = await Experiment.begin(fleet, { title });
      const held = await killHolders(fleet, experiment);
      const result = await experiment.end();
      expect(result.lost.length).toBeLessThanOrEqual(held);
      expect(result.revokedFamilies).toBe(result.lost.length);
    },
    LIMIT_MS,
  );
});

describeWithRedis('Redis flushed', () => {
  let fleet: Fleet;

  afterEach(() => fleet.close());

  /** Flushes Redis between two requests of a browser that has just had an answer, and renews its session. */
  async function flush(experiment: Experiment): Promise<Answer> {
    await experiment.phase('before', 1500);
    await experiment.rest('coming to rest');
    for (const [index, visitor] of experiment.visitors.entries())
      visitor.take(await fleet.instance(index).ask({ path: '/api/profile', cookie: visitor.cookie }));
    await fleet.redis.command('FLUSHALL');
    const cookie = experiment.visitors[0]?.cookie ?? '';
    const refreshed = await fleet.instance(0).ask({ method: 'POST', path: '/auth/refresh', cookie });
    experiment.add('POST /auth/refresh after it', `${String(refreshed.status)} ${refreshed.body.slice(0, 60)}`);
    return refreshed;
  }

  it(
    'costs custody cookie nothing',
    async () => {
      fleet = await Fleet.start({ custody: 'cookie', mode: 'strict' });
      const experiment = await Experiment.begin(fleet, { title: 'cookie: Redis is flushed' });
      const refreshed = await flush(experiment);
      experiment.visitors[0]?.take(refreshed);
      experiment.resume();
      const after = await experiment.phase('after', 3000);
      const { lost } = await experiment.end();
      expect(refreshed.status).toBe(200);
      expectAnswered(after);
      expect(lost).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'ends the sessions of custody store cleanly',
    async () => {
      fleet = await Fleet.start({ custody: 'store', mode: 'strict' });
      const experiment = await Experiment.begin(fleet, { title: 'store: Redis is flushed' });
      const refreshed = await flush(experiment);
      experiment.resume();
      const after = await experiment.phase('after', 3000);
      const { lost } = await experiment.end();
      expect({ status: refreshed.status, body: JSON.parse(refreshed.body) }).toMatchObject({
        status: 401,
        body: { error: 'session_missing' },
      });
      expect(refreshed.setCookies).toEqual([expect.stringMatching(/^oidc\.session-key=; Max-Age=0;/)]);
      expect(after.kinds).toEqual(['401 unauthorized']);
      expect(lost).toHaveLength(SCALE.sessions);
    },
    LIMIT_MS,
  );
});

describeWithRedis.each(SCALE.custodies)('custody %s, a strict provider with faults of its own', (custody) => {
  let fleet: Fleet;

  beforeAll(async () => {
    fleet = await Fleet.start({ custody, mode: 'strict' });
  }, START_MS);
  afterAll(() => fleet.close());

  it(
    'answers every request while the provider is slow',
    async () => {
      const { slowness } = SCALE;
      const experiment = await Experiment.begin(fleet, {
        title: `${custody}: the provider takes ${String(slowness)} ms`,
      });
      await fleet.provider.slow(slowness);
      const slow = await experiment.phase('slow', 2000 + slowness);
      await fleet.provider.clearFaults();
      const after = await experiment.phase('after', slowness);
      const result = await experiment.end();
      expectAnswered(slow, after);
      const { rotations } = result;
      expect(result).toMatchObject({ lost: [], tokenRequests: rotations, served: rotations, ...NOTHING_REVOKED });
    },
    LIMIT_MS,
  );

  it(
    'loses nothing while the provider answers 500, and then 429',
    async () => {
      const experiment = await Experiment.begin(fleet, { title: `${custody}: the provider answers 500, then 429` });
      await fleet.provider.refuse(500);
      const failing = await experiment.phase('500', 2500);
      await fleet.provider.clearFaults();
      await fleet.provider.refuse(429, 1);
      const limiting = await experiment.phase('429', 2500);
      await fleet.provider.clearFaults();
      const returning = await experiment.phase('returning', 2000);
      const after = await experiment.phase('after', 2500);
      const result = await experiment.end();
      expectKept(failing, limiting, returning);
      expect(failing.kinds).toContain('503 provider_unavailable');
      expect(limiting.kinds).toContain('503 provider_unavailable');
      expectAnswered(after);
      expect(result).toMatchObject({ lost: [], served: result.rotations, ...NOTHING_REVOKED });
    },
    LIMIT_MS,
  );

  it(
    'answers every request while the provider changes its signing keys, announced and not',
    async () => {
      const title = `${custody}: the provider changes its signing keys`;
      const experiment = await Experiment.begin(fleet, { title, withOldCookies: true });
      await fleet.provider.rotateKeys({ announce: true });
      const announced = await experiment.phase('announced', 500);
      await fleet.provider.rotateKeys({ announce: false });
      const used = await experiment.phase('used', 2500);
      await fleet.provider.rotateKeys({ announce: false });
      const unannounced = await experiment.phase('unannounced', 2500);
      await fleet.provider.withdrawKeys();
      const withdrawn = await experiment.phase('withdrawn', 2500);
      const result = await experiment.end();
      expectAnswered(announced, used, unannounced, withdrawn);
      expect(result).toMatchObject({ lost: [], served: result.rotations, ...NOTHING_REVOKED });
    },
    LIMIT_MS,
  );

  it(
    'signs nobody out while the session secret changes by rolling restarts',
    async () => {
      const title = `${custody}: the session secret changes by rolling restarts`;
      const experiment = await Experiment.begin(fleet, { title });
      const steps = [`${SECRET},${NEXT_SECRET}`, `${NEXT_SECRET},${SECRET}`, NEXT_SECRET];
      const tallies: Tally[] = [];
      for (const [index, secrets] of steps.entries()) {
        await restartEach(fleet, experiment, { OPENID_SESSION_SECRET: secrets });
        tallies.push(
          await experiment.phase(['the new secret is known', 'it seals', 'the old one is gone'][index] ?? '', 3000),
        );
      }
      const result = await experiment.end();
      expectAnswered(...tallies);
      const { rotations } = result;
      expect(result).toMatchObject({ lost: [], tokenRequests: rotations, served: rotations, ...NOTHING_REVOKED });
    },
    LIMIT_MS,
  );
});

describeWithRedis.each(SCALE.custodies)('custody %s, a lenient provider', (custody) => {
  let fleet: Fleet;

  beforeAll(async () => {
    const settings = { OPENID_REPLAY_WINDOW: String(REPLAY_WINDOW) };
    fleet = await Fleet.start({ custody, mode: { lenient: REPLAY_WINDOW }, settings });
  }, START_MS);
  afterAll(() => fleet.close());

  it(
    'loses nothing when the process that holds the leases is killed',
    async () => {
      const title = `${custody}, lenient provider: the process that holds the leases is killed`;
      const experiment = await Experiment.begin(fleet, { title });
      await killHolders(fleet, experiment);
      expect(await experiment.end()).toMatchObject({ lost: [], revokedFamilies: 0 });
    },
    LIMIT_MS,
  );

  it(
    'loses nothing when answers of the provider are lost after a rotation',
    async () => {
      const { drops } = SCALE;
      const title = `${custody}, lenient provider: ${String(drops)} answers are lost after a rotation`;
      const experiment = await Experiment.begin(fleet, { title });
      for (let drop = 0; drop < drops; drop += 1) {
        await fleet.provider.dropAnswer();
        await delay(AFTER_DROP_MS);
      }
      const dropping = await experiment.phase('dropping', 1000);
      const result = await experiment.end();
      expectAnswered(dropping);
      expect(result).toMatchObject({ lost: [], replays: drops, revokedFamilies: 0 });
      expect(fleet.events['refresh.lost_response']).toBe(drops);
    },
    LIMIT_MS,
  );
});
