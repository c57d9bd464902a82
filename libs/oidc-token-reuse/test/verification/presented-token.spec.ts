import { expect, it } from '@jest/globals';
import { PresentedToken } from '../../src/verification/presented-token.js';

it('a presented token is looked up by the last 43 characters of its signature', () => {
  const end = 'z'.repeat(43);
  expect(['', 'header.claims.signature'].map((begin) => new PresentedToken(begin + end).name)).toEqual([end, end]);
});
