/** Starting and stopping the reference application as a process: `npm start` on a copy that was never built. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createTestProvider, TestBrowser } from 'nestjs-oidc-token-reuse-testing';
import { freePorts, occupy, portOf, release } from '../support/ports.js';
import { settingsFor, type Settings } from '../support/reference.js';
import { allLeaks, watched } from '../support/secret-watch.js';
import { until } from '../support/until.js';
import { ApplicationProcess } from './application-process.js';
import { copyProject, removeProject } from './project-copy.js';

// Processes start slowly on a machine that runs other tests at the same time.
jest.setTimeout(180_000);

const PLANTED_LEAK = new URL('../support/planted-leak.mjs', import.meta.url).href;

let project: string;
const folders: string[] = [];
const processes: ApplicationProcess[] = [];

beforeAll(() => {
  project = copyProject();
});
afterAll(async () => {
  await Promise.all(processes.map((each) => each.kill()));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  removeProject(project);
});

/** Starts the application in an empty folder, or in the given one. */
function launch(settings: Settings, folder = emptyFolder()): ApplicationProcess {
  const command = [process.execPath, join(project, 'scripts/start.mjs')] as const;
  const launched = new ApplicationProcess(command, { folder, settings });
  processes.push(launched);
  return launched;
}

function emptyFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'start-'));
  folders.push(folder);
  return folder;
}

async function freePortSettings(): Promise<Settings & { readonly PORT: string; readonly DEV_PROVIDER_PORT: string }> {
  const [port, providerPort] = await freePorts(2);
  return { PORT: String(port), DEV_PROVIDER_PORT: String(providerPort) };
}

function urlOf({ PORT }: { readonly PORT: string }): string {
  return `http://localhost:${PORT}`;
}

/** The provider that was started with it is asked for behind the start. */
async function isWell(settings: { readonly PORT: string }): Promise<boolean> {
  const { status } = (await jsonOf(fetch(`${urlOf(settings)}/health`))) as { readonly status: string };
  return status === 'ok';
}

async function jsonOf(response: Promise<Response>): Promise<unknown> {
  return (await response).json();
}

describe('npm start', () => {
  it('builds once for several that start at once, and says in one line where to open it and who can sign in', async () => {
    const [one, two] = await Promise.all([freePortSettings(), freePortSettings()]);
    const command = ['npm', 'start', '--silent'] as const;
    const first = new ApplicationProcess(command, { folder: project, settings: { ...one, LOG_LEVEL: 'log' } });
    processes.push(first);
    const second = launch(two);
    await Promise.all([first.opened(), second.opened()]);
    const [warning, ...lines] = first.stdout.split('\n');
    expect(warning).toMatch(/WARN \[OidcTokenReuse\] configuration\.warning .*PUBLIC_URL: is http: cookies go without/);
    expect(lines).toEqual([`Open ${urlOf(one)} and sign in as alice / alice (admin) or bob / bob`, '']);
    expect(first.stderr).toBe('');
    await until(() => isWell(one));
    await until(() => isWell(two));
    expect(await first.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(await second.stop('SIGINT')).toEqual({ code: 0, signal: null });
    expect(readdirSync(join(project, 'dist'))).toContain('main.js');
  });
});

describe('LOG_LEVEL', () => {
  it.each([
    ['', ['login.succeeded']],
    ['debug', ['login.started', 'login.succeeded']],
    ['warn', []],
  ])('%j leaves out what is less important', async (LOG_LEVEL, events) => {
    const settings = await freePortSettings();
    const launched = launch({ ...settings, LOG_LEVEL });
    await launched.opened();
    await new TestBrowser().signIn(`${urlOf(settings)}/auth/login`, { login: 'alice', password: 'alice' });
    await launched.stop();
    expect(launched.stdout.match(/login\.\w+/g) ?? []).toEqual(events);
  });
});

describe('the watch over what a process prints', () => {
  it('finds a piece of a token that only this process and the provider inside it have seen', async () => {
    const settings = await freePortSettings();
    const leaking = launch({ ...settings, NODE_OPTIONS: `--import=${PLANTED_LEAK}` });
    await leaking.opened();
    const browser = new TestBrowser();
    await browser.signIn(`${urlOf(settings)}/auth/login`, { login: 'alice', password: 'alice' });
    await leaking.stop();
    expect(leaking.stdout).toContain('got a token that ends in ');
    expect(await allLeaks()).toEqual(['…got a token that ends in <SECRET>']);
    watched.forget();
  });
});

describe('a restart', () => {
  it('keeps everybody signed in, even after a kill; without the state file nobody is', async () => {
    const settings = await freePortSettings();
    const url = urlOf(settings);
    const killed = launch(settings);
    await killed.opened();
    const browser = new TestBrowser();
    await browser.signIn(`${url}/auth/login`, { login: 'alice', password: 'alice' });
    await killed.stop('SIGKILL');

    const folder = folders.at(-1) ?? '';
    const restarted = launch(settings, folder);
    await restarted.opened();
    expect(await jsonOf(browser.fetch(`${url}/auth/session`))).toMatchObject({ claims: { sub: 'user-alice' } });
    expect((await browser.fetch(`${url}/api/profile`)).status).toBe(200);
    expect((await browser.fetch(`${url}/auth/refresh`, { method: 'POST' })).status).toBe(200);
    await restarted.stop();

    rmSync(join(folder, '.dev/state.json'));
    const afresh = launch(settings, folder);
    await afresh.opened();
    expect(await jsonOf(browser.fetch(`${url}/auth/session`))).toEqual({ authenticated: false });
    await afresh.stop();
  });
});

describe('stopping', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'by %s, however often, ends with 0 although browsers keep connections open',
    async (signal) => {
      const settings = { ...(await freePortSettings()), HOST: '127.0.0.1' };
      const launched = launch(settings);
      await launched.opened();
      const port = Number(settings.PORT);
      const [unused, used] = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')];
      await Promise.all([once(unused, 'connect'), once(used, 'connect')]);
      used.write('GET /api/public HTTP/1.1\r\nHost: localhost\r\n\r\n');
      await once(used, 'data');
      const begin = performance.now();
      launched.signal(signal);
      expect(await launched.stop(signal)).toEqual({ code: 0, signal: null });
      expect(performance.now() - begin).toBeLessThan(8000);
    },
  );
});

describe('a start that fails', () => {
  it('says every problem in one message, without a stack', async () => {
    const launched = launch({ PORT: 'x', HTTP_ADAPTER: 'koa', OPENID_CLOCK_TOLERANCE: '-1', OPENID_USE_PKCE: 'maybe' });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stdout).toBe('');
    const [title, ...lines] = launched.stderr.trimEnd().split('\n');
    expect(title).toBe('The OpenID Connect configuration has 4 problem(s):');
    expect(lines.map((line) => line.split(':')[0]?.trim())).toEqual([
      'PORT',
      'HTTP_ADAPTER',
      'OPENID_USE_PKCE',
      'OPENID_CLOCK_TOLERANCE',
    ]);
  });

  it('says in production what is required', async () => {
    const launched = launch({ NODE_ENV: 'production' });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    expect(launched.stderr).toMatch(
      /^ {2}OPENID_ISSUER: is required.*\n {2}OPENID_CLIENT_ID: .*\n {2}OPENID_SESSION_SECRET: /m,
    );
    expect(launched.stderr).not.toContain('    at ');
  });

  it.each(['PORT', 'DEV_PROVIDER_PORT'])('says in one line that %s is in use', async (variable) => {
    const server = await occupy();
    const port = String(portOf(server));
    const launched = launch({ ...(await freePortSettings()), HOST: '127.0.0.1', [variable]: port });
    expect(await launched.end()).toEqual({ code: 1, signal: null });
    await release(server);
    expect(launched.stderr).toBe(`${variable}: port ${port} is in use; set ${variable} to a free port\n`);
    expect(launched.stdout).not.toMatch(/ERROR|provider\.down|^ {4}at /m);
  });
});

describe('with a provider in the environment', () => {
  it('reads .env behind the process, writes no state and never loads the embedded provider', async () => {
    const provider = await createTestProvider();
    const folder = emptyFolder();
    const { PORT } = await freePortSettings();
    const settings = { ...settingsFor(provider), PORT };
    const inFile = { ...settings, PORT: '1', OPENID_CLIENT_ID: 'from-the-file', OPENID_SCOPE: '"openid email"' };
    writeFileSync(
      join(folder, '.env'),
      Object.entries(inFile)
        .map(([name, value]) => `${name}=${value}\n`)
        .join(''),
    );
    const coverage = emptyFolder();
    const launched = launch({ PORT, OPENID_CLIENT_ID: 'web', OPENID_SCOPE: '', NODE_V8_COVERAGE: coverage }, folder);
    expect(await launched.opened()).toBe(`Open ${urlOf(settings)}`);
    provider.registerRedirectUri(`${urlOf(settings)}/auth/callback`);
    const browser = new TestBrowser();
    const login = await browser.navigate(`${urlOf(settings)}/auth/login`, { follow: false });
    const request = new URL(login.headers.get('location') ?? '').searchParams;
    expect({ client: request.get('client_id'), scope: request.get('scope') }).toEqual({
      client: 'web',
      scope: 'openid profile email offline_access',
    });
    expect(await launched.stop()).toEqual({ code: 0, signal: null });
    await provider.close();

    const loaded = loadedScripts(coverage);
    expect(loaded.some((url) => url.includes('/libs/oidc-token-reuse/'))).toBe(true);
    expect(loaded.filter((url) => /oidc-testing|oidc-provider/.test(url))).toEqual([]);
    expect(existsSync(join(folder, '.dev'))).toBe(false);
  });
});

/** URLs of all scripts that a process has loaded, from the coverage that Node left behind. */
function loadedScripts(coverage: string): readonly string[] {
  return readdirSync(coverage).flatMap((file) => {
    const { result } = JSON.parse(readFileSync(join(coverage, file), 'utf8')) as { result: readonly { url: string }[] };
    return result.map(({ url }) => url);
  });
}
