import { describe, expect, it } from '@jest/globals';
import { exchangeRefusal } from '../../src/on-behalf-of/exchange-refusal.js';
import { ProviderRefusal, type RefusalDetails } from '../../src/provider/provider-refusal.js';

const CLAIMS = '{"access_token":{"acrs":{"essential":true}}}';

describe('exchangeRefusal', () => {
  it.each<[string, RefusalDetails, number, string]>([
    ['interaction_required', {}, 403, 'interaction_required'],
    ['consent_required', {}, 403, 'consent_required'],
    ['login_required', {}, 403, 'login_required'],
    ['account_selection_required', {}, 403, 'account_selection_required'],
    ['invalid_grant', { suberror: 'consent_required' }, 403, 'consent_required'],
    ['invalid_grant', { suberror: 'bad_token' }, 403, 'on_behalf_of_failed'],
    ['invalid_grant', { claims: CLAIMS }, 403, 'interaction_required'],
    ['consent_required', { claims: CLAIMS }, 403, 'consent_required'],
    ['invalid_grant', {}, 403, 'on_behalf_of_failed'],
    ['access_denied', {}, 403, 'on_behalf_of_failed'],
    ['invalid_client', {}, 502, 'provider_rejected'],
    ['unauthorized_client', {}, 502, 'provider_rejected'],
    ['invalid_scope', {}, 502, 'provider_rejected'],
    ['invalid_target', {}, 502, 'provider_rejected'],
    ['unsupported_grant_type', {}, 502, 'provider_rejected'],
    ['unknown_error', {}, 502, 'provider_rejected'],
  ])('makes of %s %j: %i %s', (error, details, status, code) => {
    const refusal = new ProviderRefusal(error, 400, details);
    const exception = exchangeRefusal(refusal);
    expect({ status: exception.getStatus(), code: exception.code, claims: exception.claims }).toEqual({
      status,
      code,
      claims: details.claims,
    });
    expect(exception.cause).toBe(refusal);
  });
});
