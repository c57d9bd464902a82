/** Loaded by a process before its own program: writes down, for the test that started it, everything secret that it serves. */
import { appendFileSync } from 'node:fs';
import { watchWire } from './wire-secrets.js';

const { WATCHED_SECRETS_FILE: file = '' } = process.env;

watchWire((...values) => {
  const found = values.filter((value) => typeof value === 'string');
  if (found.length > 0) appendFileSync(file, found.map((value) => `${JSON.stringify(value)}\n`).join(''));
});
