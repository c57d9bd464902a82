/** The page's behaviour: shows the session and its tokens' lifetimes, makes the calls, and keeps a log of what happened. */

const CALLS = {
  profile: { method: 'GET', path: '/api/profile' },
  admin: { method: 'GET', path: '/api/admin' },
  reports: { method: 'GET', path: '/api/reports' },
  public: { method: 'GET', path: '/api/public' },
  graph: { method: 'GET', path: '/api/graph/me' },
  userinfo: { method: 'GET', path: '/auth/userinfo' },
  refresh: { method: 'POST', path: '/auth/refresh' },
};
const SESSION = { method: 'GET', path: '/auth/session' };
const SIGN_OUT = { method: 'POST', path: '/auth/logout' };

/** What `/?error=CODE` means to the person in front of the page; a code that is not here is shown as it is. */
const ERROR_TEXTS = new Map([
  ['access_denied', 'The sign-in was cancelled, or the provider refused it.'],
  ['account_selection_required', 'The provider needs you to choose an account. Sign in to choose one.'],
  [
    'configuration',
    'The application and the provider are not set up for each other. The application’s log says what to change.',
  ],
  ['consent_required', 'The provider needs your consent. Sign in again to give it.'],
  ['csrf', 'The request did not come from this page and was refused.'],
  ['id_token_invalid', 'The provider’s ID Token did not pass verification, so nobody was signed in.'],
  ['insufficient_user_authentication', 'A stronger sign-in is needed. Sign in again.'],
  ['interaction_required', 'The provider needs you to do something first. Sign in to continue.'],
  ['invalid_request', 'The sign-in request was not valid. Start again from this page.'],
  ['issuer_mismatch', 'The answer came from another provider than the one asked, so nobody was signed in.'],
  ['login_required', 'Your sign-in has ended. Sign in again.'],
  ['provider_rejected', 'The provider refused the sign-in.'],
  ['provider_unavailable', 'The provider does not answer at the moment. Try again shortly.'],
  ['role_required', 'You are signed in at the provider, but have no role that lets you in here.'],
  ['session_conflict', 'Somebody else has signed in here meanwhile. Sign out first.'],
  ['session_missing', 'You are not signed in.'],
  [
    'session_not_stored',
    'The sign-in succeeded, but the browser did not keep the session cookie. Allow cookies for this site.',
  ],
  ['session_store_unavailable', 'The store of the sessions does not answer at the moment. Try again shortly.'],
  ['session_too_large', 'The provider’s tokens do not fit into cookies. The application’s log says what to change.'],
  ['token_not_reusable', 'The provider’s tokens cannot be used here. The application’s log says what to change.'],
  ['transaction_missing', 'The sign-in took too long or was started in another browser. Start again.'],
  ['transaction_used', 'This sign-in was already completed. Start again if you are not signed in.'],
  ['userinfo_invalid', 'What the provider knows about you could not be accepted, so nobody was signed in.'],
]);

const SIGN_IN_ERRORS = new Set(['login_required', 'session_missing']);
const SHOWN_HEADERS = ['WWW-Authenticate', 'Retry-After'];
const TOKEN_MEMBERS = new Set(['access_token', 'id_token', 'refresh_token']);
const POLL_INTERVAL_MS = 15_000;
const FRAME_INTERVAL_MS = 200;
const LOG_LENGTH = 200;
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Distances between two ticks, in seconds: from 5 seconds to 30 days. */
const TICK_STEPS = [
  5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 2592000,
];
const LANES = { access: 'Access token', id: 'ID Token', refresh: 'Refresh token', session: 'Session' };

const state = {
  /** The last answer of `GET /auth/session`. */
  session: { authenticated: false },
  /** Seconds to add to the browser's clock to get the server's. */
  clockOffset: 0,
  /** Resolves when the reads of the session asked for so far are done; they run one after the other. */
  reading: Promise.resolve(),
  /** Whether the last read of the session failed, so an outage is logged once. */
  unreadable: false,
  /** Which time span the timeline shows: `access` or `whole`. */
  view: 'access',
  /** The span drawn last, in epoch seconds; it glides towards the wanted one. */
  span: undefined,
  gliding: false,
  /** What the texts and the ticks were written for last, so they are only written again when that changes. */
  textSecond: undefined,
  ticksFor: undefined,
  drawnAt: -Infinity,
};

const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
const byId = (id) => document.getElementById(id);

/** Makes an element; `content` is text or a list of nodes, never markup. */
function element(name, className, content = '') {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.append(...(Array.isArray(content) ? content : [content]));
  return made;
}

/** Fills a `<dl>` with name and value pairs, leaving out the values that are not there. */
function fillFacts(list, facts) {
  const present = facts.filter(([, value]) => value !== undefined && value !== null && value !== '');
  list.replaceChildren(
    ...present.map(([name, value]) => element('div', '', [element('dt', '', name), element('dd', '', String(value))])),
  );
}

/* ---- Time ---- */

const serverNow = () => Date.now() / 1000 + state.clockOffset;

/**
 * Moves the offset between the two clocks as little as makes it agree with `now`, the whole second that the server's clock
 * showed between `sentAt` and `receivedAt`; with every answer it comes closer.
 */
function correctClock(now, sentAt, receivedAt) {
  const shown = (sentAt + receivedAt) / 2000 + state.clockOffset;
  state.clockOffset += Math.min(Math.max(shown, now), now + 1) - shown;
}

function formatDuration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const part = (unit, modulo = Infinity) => Math.floor(whole / unit) % modulo;
  if (whole >= DAY) return `${part(DAY)} d ${part(HOUR, 24)} h`;
  if (whole >= HOUR) return `${part(HOUR)} h ${part(MINUTE, 60)} min`;
  if (whole >= MINUTE) return `${part(MINUTE)} min ${String(whole % MINUTE).padStart(2, '0')} s`;
  return `${whole} s`;
}

function formatClock(epochSeconds, options = { timeStyle: 'medium', hourCycle: 'h23' }) {
  return new Date(epochSeconds * 1000).toLocaleString(undefined, options);
}

/* ---- Log, notice and hint ---- */

function statusBadge(status) {
  if (status === 0) return element('span', 'badge failed', 'no answer');
  return element('span', `badge s${Math.floor(status / 100)}xx`, String(status));
}

/** One finished call in a line: method, path, status, duration. */
function callLine({ method, path, status, durationMs }) {
  const route = element('code', '', `${method} ${path}`);
  return [route, ' ', statusBadge(status), ' ', element('span', 'muted', `${Math.round(durationMs)} ms`)];
}

/** Puts an entry on top of the log; `kind` is `call` or `event`. */
function log(kind, content) {
  const time = element('time', 'muted', formatClock(Date.now() / 1000));
  const entry = element('li', kind, [time, ' ', ...content]);
  const entries = byId('log-entries');
  entries.prepend(entry);
  if (entries.childElementCount > LOG_LENGTH) entries.lastElementChild.remove();
}

const logEvent = (text) => log('event', [text]);

/** Says beside the answer what can be done about it; the buttons above stay where they are. */
function showHint(text, { signIn = false } = {}) {
  byId('hint-text').textContent = text;
  byId('hint-sign-in').hidden = !signIn;
  byId('hint').hidden = false;
}

function hideHint() {
  byId('hint').hidden = true;
}

/** Shows what `/?error=CODE` means and takes the code out of the address, so a reload does not repeat it. */
function showErrorOfAddress() {
  const address = new URL(location.href);
  const code = address.searchParams.get('error');
  if (!code) return;
  byId('notice').textContent = ERROR_TEXTS.get(code) ?? `The sign-in failed: ${code}`;
  byId('notice').hidden = false;
  logEvent(`sign-in failed: ${code}`);
  address.searchParams.delete('error');
  history.replaceState(null, '', address);
}

/* ---- Calls ---- */

/** Sends one request; an answer that never came has status 0. */
async function send({ method, path }) {
  const sentAt = performance.now();
  const finish = (answer) => ({ method, path, durationMs: performance.now() - sentAt, ...answer });
  try {
    const response = await fetch(path, { method, headers: { Accept: 'application/json' }, cache: 'no-store' });
    const body = parseBody(await response.text());
    return finish({ status: response.status, headers: response.headers, body });
  } catch {
    return finish({ status: 0, headers: new Headers(), body: { error: 'The application did not answer.' } });
  }
}

function parseBody(text) {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: shown as the text it is.
    return text;
  }
}

/** Formats an answer for the eye; a token, should one be in it, is not put on the screen. */
function formatBody(body) {
  if (typeof body === 'string') return body || '(empty)';
  const hideToken = (name, value) =>
    TOKEN_MEMBERS.has(name) && typeof value === 'string' ? `(${value.length} characters, not shown)` : value;
  return JSON.stringify(body, hideToken, 2);
}

function showAnswer(answer) {
  byId('answer').dataset.status = String(answer.status);
  byId('answer-status').replaceChildren(...callLine(answer));
  byId('answer-body').textContent = formatBody(answer.body);
  fillFacts(
    byId('answer-headers'),
    SHOWN_HEADERS.map((name) => [name, answer.headers.get(name)]),
  );
}

/** Says what the person can do about an answer, when there is something. */
function explainAnswer({ status, headers, body }) {
  if (status === 401 && SIGN_IN_ERRORS.has(body?.error)) {
    showHint(ERROR_TEXTS.get(body.error), { signIn: true });
  }
  if (status === 503 && state.session.authenticated) {
    const seconds = Number.parseInt(headers.get('Retry-After') ?? '', 10);
    const when = Number.isNaN(seconds) ? 'Try again shortly.' : `Try again in ${seconds} s.`;
    const who = body?.error === 'session_store_unavailable' ? 'The store of the sessions' : 'The provider';
    showHint(`${who} does not answer. Your session is kept. ${when}`);
  }
}

/** Makes one call, shows and logs its answer, then reads the session again, since the call may have refreshed it. */
async function call(route) {
  hideHint();
  const answer = await send(route);
  log('call', callLine(answer));
  showAnswer(answer);
  explainAnswer(answer);
  await readSession();
}

/** Runs `action` for a button unless it is still running for that button. */
async function whileBusy(button, action) {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  await action().finally(() => button.removeAttribute('aria-busy'));
}

async function signOut() {
  hideHint();
  const answer = await send(SIGN_OUT);
  log('call', callLine(answer));
  const { status, body } = answer;
  if (status === 200 || body?.redirect) return location.assign(body?.redirect ?? '/');
  showAnswer(answer);
  showHint(
    status === 202
      ? 'You are signed out in this browser. The rest follows when the store of the sessions is back.'
      : 'Signing out failed; you are still signed in. Try again.',
  );
  await readSession();
}

/* ---- Session ---- */

/** Reads the session after the reads already under way, so an older answer never replaces a newer one. */
function readSession() {
  state.reading = state.reading.then(updateSession, updateSession);
  return state.reading;
}

async function updateSession() {
  const sentAt = Date.now();
  const { status, body } = await send(SESSION);
  if (status !== 200 || typeof body?.authenticated !== 'boolean')
    return sessionUnreadable(body?.error ?? `status ${status}`);
  state.unreadable = false;
  if (Number.isFinite(body.now)) correctClock(body.now, sentAt, Date.now());
  logChange(state.session, body);
  state.session = body;
  showSession(body);
}

/** Keeps what is shown: a session that cannot be read at the moment is not one that has ended. */
function sessionUnreadable(reason) {
  if (!state.unreadable) logEvent(`the session could not be read (${reason})`);
  state.unreadable = true;
  if (document.body.dataset.state === 'loading') document.body.dataset.state = 'signed-out';
}

function logChange(before, after) {
  if (!before.authenticated && !after.authenticated) return;
  if (!after.authenticated) return logEvent('the session has ended');
  const samePerson = before.authenticated && before.claims?.sub === after.claims?.sub;
  if (!samePerson) return logEvent(`signed in as ${nameOf(after)}`);
  const [earlier, later] = [before, after].map((session) => session.tokens?.access?.issued_at);
  if (Number.isFinite(earlier) && Number.isFinite(later) && earlier !== later) logEvent('access token refreshed');
}

function showSession(session) {
  document.body.dataset.state = session.authenticated ? 'signed-in' : 'signed-out';
  if (!session.authenticated) return;
  showPrincipal(session);
  state.textSecond = undefined;
  drawTimeline();
}

function nameOf({ claims = {} }) {
  return String(claims.name ?? claims.preferred_username ?? claims.email ?? claims.sub ?? 'unknown');
}

function showPrincipal(session) {
  const { claims = {}, custody, instance, last_refresh_at: lastRefreshAt } = session;
  byId('principal-name').textContent = nameOf(session);
  byId('principal-claims').textContent = JSON.stringify(claims, null, 2);
  fillFacts(byId('principal-facts'), [
    ['Subject', claims.sub],
    ['Email', claims.email],
    ['Roles', Array.isArray(claims.roles) ? claims.roles.join(', ') : claims.roles],
    ['Custody', custody],
    ['Instance', instance],
    ['Last refresh', Number.isFinite(lastRefreshAt) ? formatClock(lastRefreshAt) : undefined],
  ]);
}

/* ---- Timeline ---- */

/** The lifetimes to draw, in epoch seconds; `until` is null for one without a stated end. */
function lifetimes({ tokens, now, session_expires_at: sessionUntil }) {
  const { access, id, refresh } = tokens ?? {};
  const earliest = Math.min(...[access?.issued_at, id?.issued_at, now].filter(Number.isFinite));
  return {
    access: access && { from: access.issued_at ?? earliest, until: access.expires_at },
    id: id && { from: id.issued_at ?? earliest, until: id.expires_at },
    // When the refresh token and the session began is not told; the first token known of bounds it.
    refresh: refresh && { from: earliest, until: refresh.expires_at ?? null },
    session: { from: earliest, until: sessionUntil },
  };
}

/** The span that should be in view: the access token with what follows it, or everything. */
function wantedSpan(lives, now) {
  const focus = state.view === 'access' && lives.access ? [lives.access] : Object.values(lives).filter(Boolean);
  const from = Math.min(...focus.map((life) => life.from));
  const until = Math.max(now, ...focus.map((life) => life.until ?? now));
  const length = Math.max(until - from, MINUTE);
  return { from: from - length * 0.06, until: until + length * 0.22 };
}

/** Moves the drawn span a step towards the wanted one; at once when motion is unwanted or there is nothing to glide from. */
function glide(span, wanted) {
  if (!span || reducedMotion.matches) return wanted;
  const step = (key) => span[key] + (wanted[key] - span[key]) * 0.18;
  const next = { from: step('from'), until: step('until') };
  const off = Math.abs(next.from - wanted.from) + Math.abs(next.until - wanted.until);
  return off < (wanted.until - wanted.from) / 1000 ? wanted : next;
}

const percentOf = (time, { from, until }) => Math.min(100, Math.max(0, ((time - from) / (until - from)) * 100));

function placeBar(bar, life, span) {
  const start = percentOf(life.from, span);
  const end = life.until === null ? 100 : percentOf(life.until, span);
  bar.style.left = `${start}%`;
  bar.style.width = `${end - start}%`;
  bar.classList.toggle('from-before', life.from < span.from);
  bar.classList.toggle('goes-on', life.until === null || life.until > span.until);
}

function remainingText(life, now) {
  if (!life) return 'not held';
  if (life.until === null) return 'no stated end';
  if (!Number.isFinite(life.until)) return 'not told';
  return life.until > now
    ? `${formatDuration(life.until - now)} left`
    : `expired ${formatDuration(now - life.until)} ago`;
}

function noteText(lives, now) {
  if (!lives.access) return 'No provider token is kept: the session holds the identity only.';
  if (lives.access.until > now) return 'The past is dimmed. A call that finds the access token expired refreshes it.';
  if (lives.refresh) return 'The access token has expired. The next call refreshes it.';
  return 'The access token has expired, and there is no refresh token: sign in again.';
}

/** Makes a lane once; drawing then only moves its bar and changes its text. */
function makeLane(key, label) {
  const bar = element('div', 'bar');
  const remaining = element('dd', 'remaining');
  const track = element('dd', 'track', [bar]);
  const lane = element('div', 'lane', [element('dt', '', label), remaining, track]);
  track.setAttribute('aria-hidden', 'true');
  lane.dataset.lane = key;
  byId('lanes').append(lane);
  return { key, lane, bar, remaining };
}

/** Writes the texts that count down, once a second. */
function writeCountdown(lives, now) {
  if (state.textSecond === Math.floor(now)) return;
  state.textSecond = Math.floor(now);
  for (const { key, lane, remaining } of lanes) {
    const until = lives[key]?.until;
    remaining.textContent = remainingText(lives[key], now);
    lane.classList.toggle('expired', Number.isFinite(until) && until <= now);
  }
  byId('timeline-note').textContent = noteText(lives, now);
  byId('now-label').textContent = formatClock(now);
}

function drawTicks(span) {
  const width = byId('plot').clientWidth;
  const drawnFor = `${span.from} ${span.until} ${width}`;
  if (state.ticksFor === drawnFor) return;
  state.ticksFor = drawnFor;
  const room = Math.max(2, Math.floor(width / 120));
  const length = span.until - span.from;
  const step = TICK_STEPS.find((candidate) => length / candidate <= room) ?? length;
  const zone = new Date(span.from * 1000).getTimezoneOffset() * MINUTE;
  const first = Math.ceil((span.from - zone) / step) * step + zone;
  const clock = { timeStyle: step < MINUTE ? 'medium' : 'short', hourCycle: 'h23' };
  const format = step >= DAY ? { month: 'short', day: 'numeric' } : clock;
  const ticks = [];
  // A tick too close to the right edge has no room for its text.
  for (let time = first; time < span.until - (length * 64) / width; time += step) {
    const tick = element('div', 'tick', [element('span', '', formatClock(time, format))]);
    tick.style.left = `${percentOf(time, span)}%`;
    ticks.push(tick);
  }
  byId('ticks').replaceChildren(...ticks);
}

function drawTimeline() {
  const now = serverNow();
  const lives = lifetimes(state.session);
  const wanted = wantedSpan(lives, now);
  state.span = glide(state.span, wanted);
  state.gliding = state.span !== wanted;
  for (const { key, bar } of lanes) {
    bar.hidden = !lives[key];
    if (lives[key]) placeBar(bar, lives[key], state.span);
  }
  drawTicks(state.span);
  byId('now').style.width = `${percentOf(now, state.span)}%`;
  byId('now-label').style.left = `clamp(3rem, ${percentOf(now, state.span)}%, 100% - 3rem)`;
  writeCountdown(lives, now);
}

function frameInterval() {
  if (reducedMotion.matches) return 1000;
  return state.gliding ? 0 : FRAME_INTERVAL_MS;
}

/** Draws as often as something moves: every frame while gliding, a few times a second else, once a second without motion. */
function animate(time) {
  requestAnimationFrame(animate);
  if (!state.session.authenticated) return;
  if (time - state.drawnAt < frameInterval()) return;
  state.drawnAt = time;
  drawTimeline();
}

function chooseView(view) {
  state.view = view;
  for (const button of document.querySelectorAll('[data-view]')) {
    button.setAttribute('aria-pressed', String(button.dataset.view === view));
  }
  drawTimeline();
}

/* ---- Start ---- */

const lanes = Object.entries(LANES).map(([key, label]) => makeLane(key, label));

function listen() {
  for (const button of document.querySelectorAll('[data-call]')) {
    button.addEventListener('click', () => whileBusy(button, () => call(CALLS[button.dataset.call])));
  }
  for (const button of document.querySelectorAll('[data-view]')) {
    button.addEventListener('click', () => chooseView(button.dataset.view));
  }
  byId('sign-out').addEventListener('click', (event) => whileBusy(event.currentTarget, signOut));
  // A page that comes back to the front may be about a session that has ended since.
  document.addEventListener('visibilitychange', () => document.hidden || readSession());
  // One that comes out of the back-forward cache begins anew, and shows nothing of before meanwhile.
  window.addEventListener('pagehide', () => (document.body.hidden = true));
  window.addEventListener('pageshow', (event) => event.persisted && location.reload());
  setInterval(() => document.hidden || readSession(), POLL_INTERVAL_MS);
}

listen();
showErrorOfAddress();
await readSession();
requestAnimationFrame(animate);
