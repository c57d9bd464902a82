// What is mutated, quick files first, and the specs that may notice: the file's own unit tests, and where it has none those of a whole application.

const unit = (...names) => names.map((name) => `libs/oidc-token-reuse/test/${name}.spec.ts`);
const application = (...names) => names.map((name) => `test/e2e/${name}.e2e-spec.ts`);

export const SPECS = {
  ...withOwn(
    ...['verification/token-kind', 'verification/claims', 'verification/issuer', 'verification/jws'],
    ...[
      'session/cookie-chunks',
      'session/token-codec',
      'session/session-codec',
      'session/session',
      'session/token-set',
    ],
    ...[
      'login/return-to',
      'login/authorization-response',
      'login/login-request',
      'logout/rate-limit',
      'logout/logout-url',
    ],
    ...['logout/logout-channels.service', 'session/login-mark', 'session/session-index', 'session/transaction'],
    ...['session/principal'],
    ...['session/sealer', 'session/store.custody', 'session/transaction.cookies', 'session/cookie.custody'],
    ...['verification/verified-token.cache', 'verification/logout-token.verifier', 'verification/id-token.verifier'],
    ...[
      'verification/access-token.verifier',
      'refresh/successors',
      'refresh/leader-time',
      'refresh/refresh.service',
      'login/oidc.strategy',
    ],
  ),
  'session/tombstones': unit('session/tombstones', 'session/fate'),
  'verification/signature.verifier': unit('verification/access-token.verifier'),
  'refresh/outbox': unit('refresh/refresh.service'),
  'refresh/redemption': unit('refresh/refresh.service'),
  'refresh/renewal': unit('refresh/refresh.service'),
  'refresh/shared-knowledge': unit('refresh/refresh.service'),
  'refresh/token-source': application('refresh'),
  'refresh/session.service': application('session'),
  'login/code-redemption': application('login-provider'),
  'login/login-outcome': application('login'),
  'login/login.service': application('login', 'login-session'),
  'login/callback.controller': application('login'),
  'login/login.controller': application('login'),
  'logout/logout.service': application('logout'),
  'logout/logout.controller': application('logout'),
  'logout/logout-channels.controller': [
    ...application('back-channel-logout'),
    'test/conformance/front-channel-logout.e2e-spec.ts',
  ],
};

export const FILES = Object.keys(SPECS);

function withOwn(...files) {
  return Object.fromEntries(files.map((file) => [file, unit(file)]));
}
