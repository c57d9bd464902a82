import { describe, expect, it } from '@jest/globals';
import { OidcHealth } from '../../src/provider/health.js';

const ISSUER = 'https://provider.example';

describe('OidcHealth', () => {
  it.each([
    [true, true, 'ok'],
    [false, true, 'degraded'],
    [true, false, 'degraded'],
    [false, false, 'degraded'],
  ])('provider %s, shared store %s: %s', (isHealthy, isStoreHealthy, status) => {
    const metadata = { known: isHealthy ? {} : undefined };
    const health = new OidcHealth(
      { issuer: ISSUER, metadata, keys: { age: undefined }, isHealthy },
      { isHealthy: isStoreHealthy },
    );
    expect(health.check()).toEqual({
      status,
      issuer: ISSUER,
      metadata: isHealthy,
      sharedStore: isStoreHealthy,
      keysAge: null,
    });
  });

  it('says how old the signing keys are', () => {
    const provider = { issuer: ISSUER, metadata: { known: {} }, keys: { age: 42 }, isHealthy: true };
    expect(new OidcHealth(provider, { isHealthy: true }).check().keysAge).toBe(42);
  });
});
