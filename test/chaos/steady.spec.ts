/** Three processes, many sessions, many requests at once, tokens of two seconds: one token request for each rotation, and nobody signed out. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis.js';
import { Fleet } from './support/fleet.js';
import { print } from './support/print.js';
import { closing } from './support/rotations.js';
import { SCALE } from './support/scale.js';
import { Traffic } from './support/traffic.js';

describeWithRedis.each(['cookie', 'store'] as const)(
  'three processes with custody %s and a strict provider',
  (custody) => {
    let fleet: Fleet;

    beforeAll(async () => {
      fleet = await Fleet.start({ custody, mode: 'strict' });
    }, 120_000);
    afterAll(() => fleet.close());

    it(
      'renew each session once per rotation, answer every request, and lose nobody',
      async () => {
        const { sessions, parallel, seconds } = SCALE;
        const visitors = await fleet.signIn(sessions);
        const traffic = Traffic.start({ visitors, targets: fleet.instances, parallel, rest: 0, withOldCookies: true });
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
        const tally = await traffic.stop();
        const { alive, lost, rotations } = await closing(fleet, visitors);
        const { tokenRequests, served, replays, revokedFamilies } = await fleet.provider.figures();
        print(
          `custody ${custody}: ${String(sessions)} sessions x ${String(parallel)} requests for ${String(seconds)} s`,
          {
            requests: tally.total,
            'with cookies several rotations old': tally.withOldCookies,
            answers: tally,
            rotations,
            'token requests': tokenRequests,
            'replays seen by the provider': replays,
            'sessions lost': lost.length,
            events: fleet.events,
          },
        );
        expect(tally.kinds).toEqual(['200']);
        expect({ alive, lost }).toEqual({ alive: sessions, lost: [] });
        expect({ tokenRequests, served }).toEqual({ tokenRequests: rotations, served: rotations });
        expect({ replays, revokedFamilies }).toEqual({ replays: 0, revokedFamilies: 0 });
        expect(rotations).toBeGreaterThan(sessions);
        expect(tally.withOldCookies > 0).toBe(custody === 'cookie');
      },
      (SCALE.seconds + 180) * 1000,
    );
  },
);
