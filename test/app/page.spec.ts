/** The page and the library speak of the same failures. */
import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { ERROR_CODES } from 'nestjs-oidc-token-reuse';

/** Codes that only calls of the API are answered with, never a sign-in. */
const OF_CALLS = [
  'insufficient_scope',
  'invalid_token',
  'on_behalf_of_failed',
  'prefetch_refused',
  'token_reuse_disabled',
  'too_many_requests',
  'unauthorized',
];

it('the page explains every code that a sign-in can end with, and no other', () => {
  const script = readFileSync(new URL('../../src/public/app.js', import.meta.url), 'utf8');
  const table = /const ERROR_TEXTS = new Map\(\[(.+?)\n\]\);/s.exec(script)?.[1] ?? '';
  const explained = [...table.matchAll(/\[\s*'([a-z_]+)',/g)].map(([, code]) => code);
  expect(explained).toEqual(ERROR_CODES.filter((code) => !OF_CALLS.includes(code)));
});
