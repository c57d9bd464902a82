import { beforeEach, describe, expect, it } from '@jest/globals';
import { createCache, type Cache } from 'cache-manager';
import { OidcEvents } from '../../src/observability/events.js';
import { LastGood } from '../../src/provider/last-good.js';
import { SharedCache } from '../../src/provider/shared-cache.js';
import { TestClock } from './support.js';

const OLD = 'the-old-secret-of-the-application-01';
const NEW = 'the-new-secret-of-the-application-02';

describe('LastGood', () => {
  let clock: TestClock;
  let store: Cache;
  const lastGood = (secrets: readonly string[] = [OLD], owner = 'one'): LastGood =>
    new LastGood(new SharedCache(store, { issuer: owner, namespace: 'oidc', events: new OidcEvents(), clock }), {
      clock,
      secrets,
      owner,
    });

  beforeEach(() => {
    clock = new TestClock();
    store = createCache();
  });

  it('gives back what was kept, with its age', async () => {
    await lastGood().keep('jwks', '{"keys":[]}');
    clock.advance(90_000);
    expect(await lastGood().recall('jwks')).toEqual({ text: '{"keys":[]}', age: 90 });
  });

  it('has nothing before something was kept', async () => {
    expect(await lastGood().recall('metadata')).toBeUndefined();
  });

  it('forgets after a day', async () => {
    await lastGood().keep('metadata', '{}');
    clock.advance(86_400_000);
    expect(await lastGood().recall('metadata')).toEqual({ text: '{}', age: 86_400 });
    clock.advance(1000);
    expect(await lastGood().recall('metadata')).toBeUndefined();
  });

  it('takes a document from the future, of an instance whose clock is ahead, for a new one', async () => {
    await lastGood().keep('metadata', '{}');
    clock.jump(-5000);
    expect(await lastGood().recall('metadata')).toEqual({ text: '{}', age: 0 });
  });

  it('opens what an older secret signed, and signs with the first', async () => {
    await lastGood([OLD]).keep('metadata', '{}');
    expect(await lastGood([NEW, OLD]).recall('metadata')).toBeDefined();
    await lastGood([NEW, OLD]).keep('metadata', '{}');
    expect(await lastGood([NEW]).recall('metadata')).toBeDefined();
    expect(await lastGood([OLD]).recall('metadata')).toBeUndefined();
  });

  it('R4 does not believe what somebody else wrote into the cache', async () => {
    await lastGood().keep('jwks', '{"keys":["good"]}');
    const stored = JSON.parse(String(await store.get('oidc:jwks'))) as Record<string, unknown>;
    const forgeries = [
      { ...stored, text: '{"keys":["evil"]}' },
      { ...stored, at: Number(stored['at']) + 1 },
      { ...stored, code: 'x' },
      { ...stored, code: String(stored['code']).replace(/^./, (first) => (first === 'A' ? 'B' : 'A')) },
      { ...stored, code: 7 },
      { ...stored, at: 'now' },
      { ...stored, text: undefined },
    ];
    for (const forgery of forgeries) {
      await store.set('oidc:jwks', JSON.stringify(forgery));
      expect(await lastGood().recall('jwks')).toBeUndefined();
    }
    await store.set('oidc:jwks', 'no JSON');
    expect(await lastGood().recall('jwks')).toBeUndefined();
  });

  it('R4 does not take a document for another kind, or for one of another provider', async () => {
    await lastGood().keep('metadata', '{}');
    expect(await lastGood([OLD], 'two').recall('metadata')).toBeUndefined();
    await store.set('oidc:jwks', await store.get('oidc:metadata'));
    expect(await lastGood().recall('jwks')).toBeUndefined();
  });
});
