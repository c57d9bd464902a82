// What is mutated, and the specs that may notice: the unit tests of the same name, unless `SPECS` names others.
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOMS = ['verification', 'session', 'login', 'logout', 'refresh'];
const SOURCE = fileURLToPath(new URL('../libs/oidc-token-reuse/src/', import.meta.url));

const unit = (...names) => names.map((name) => `libs/oidc-token-reuse/test/${name}.spec.ts`);

const SPECS = {
  'verification/jws-headers': unit('verification/jws-headers', 'verification/jws'),
  'session/custody': unit('session/cookie.custody', 'refresh/session.service'),
  'session/tombstones': unit('session/tombstones', 'session/fate'),
  'refresh/redemption': unit('refresh/redemption', 'refresh/refresh.service'),
  'refresh/renewal': unit('refresh/renewal', 'refresh/refresh.service'),
  'refresh/session.service': unit('refresh/session.service', 'refresh/session-at-hand'),
  'refresh/session-ending': unit('refresh/session-ending', 'refresh/session.service'),
  'refresh/shared-knowledge': unit('refresh/session-ending', 'refresh/session.service', 'refresh/session-at-hand'),
  'refresh/successors': unit('refresh/successors', 'refresh/session-at-hand'),
  'refresh/token-source': unit('refresh/refresh.service'),
  'login/oidc.strategy': unit('login/oidc.strategy', 'login/code-redemption'),
  'login/callback.controller': unit('login/controllers'),
  'login/login.controller': unit('login/controllers'),
  'login/login-outcome': unit('login/controllers'),
  'logout/logout.controller': unit('logout/controllers'),
  'logout/logout-channels.controller': unit('logout/controllers'),
};

/** Rooms in the order of what their failure costs. */
export const FILES = ROOMS.flatMap((room) =>
  readdirSync(`${SOURCE}${room}`, { recursive: true })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => `${room}/${name.slice(0, -'.ts'.length)}`),
);

export function specsOf(file) {
  return SPECS[file] ?? unit(file);
}
