/** The watch over three processes of the application and the provider: what one of them must not print is found. */
import { afterEach, expect, it } from '@jest/globals';
import { describeWithRedis } from '../support/redis.js';
import { allLeaks, watched } from '../support/secret-watch.js';
import { Fleet } from './support/fleet.js';

const LIMIT_MS = 120_000;
const PLANTED_LEAK = new URL('../support/planted-leak.mjs', import.meta.url).href;

describeWithRedis('the watch over a fleet', () => {
  let fleet: Fleet;

  afterEach(async () => {
    await fleet.close();
    watched.forget();
  });

  it.each([
    ['finds what is planted: a piece of a token that only the application and the provider have seen', PLANTED_LEAK],
    ['finds nothing where nothing is planted', 'data:text/javascript,'],
  ])(
    '%s',
    async (_, loaded) => {
      const settings = { NODE_OPTIONS: `--import=${loaded}` };
      fleet = await Fleet.start({ custody: 'cookie', mode: 'strict', settings });
      const [visitor] = await fleet.signIn(1);
      for (const instance of fleet.instances) {
        const cookie = visitor?.cookie ?? '';
        expect((await instance.ask({ method: 'POST', path: '/auth/refresh', cookie })).status).toBe(200);
      }
      const leaks = await allLeaks();
      const { secrets, seen } = watched.counts;
      expect({ leaks, isWatching: secrets > 10 && seen > 3 }).toEqual({
        leaks: loaded === PLANTED_LEAK ? ['…got a token that ends in <SECRET>'] : [],
        isWatching: true,
      });
    },
    LIMIT_MS,
  );
});
