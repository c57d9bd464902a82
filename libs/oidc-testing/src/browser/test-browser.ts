/** A browser for tests of HTTP: cookies, redirects, forms and fetch metadata, without pages. */
import { CookieJar, type StoredCookie } from './cookie-jar.js';
import { fartherSite, siteOf, type FetchSite } from './fetch-metadata.js';
import { firstForm, type HtmlForm } from './html-form.js';
import { sendRequest } from './send-request.js';

/** Headers of a request; `null` leaves out one that the browser would send. */
export type RequestHeaders = Record<string, string | null>;

/** A navigation: what happens to the whole page. */
export interface NavigateOptions {
  method?: 'GET' | 'POST';
  /** Form fields of a POST. */
  form?: Record<string, string> | undefined;
  headers?: RequestHeaders;
  /** URL of the page that the navigation starts from. Default is none, as from the address bar. */
  initiator?: string | undefined;
  /** Whether redirects are followed. Default is `true`. */
  follow?: boolean;
  /** Stops before a redirect to a URL that starts with this. */
  stopAt?: string | undefined;
}

/** A request by script on the page. */
export interface FetchOptions {
  method?: string;
  headers?: RequestHeaders;
  body?: string | URLSearchParams;
}

/** What to type into the login form. */
export interface Credentials {
  login: string;
  password: string;
}

interface Step {
  url: URL;
  method: string;
  body: string | undefined;
  /** Relation of this target to the page; decides on cookies. */
  site: FetchSite;
  /** Farthest relation of the whole chain of redirects; decides on `Sec-Fetch-Site`. */
  chainSite: FetchSite;
  initiator: string | undefined;
  headers: RequestHeaders;
}

interface RawRequest {
  url: URL;
  method: string;
  body: string | undefined;
  headers: RequestHeaders;
}

const formType = { 'content-type': 'application/x-www-form-urlencoded' };
const maxRedirects = 20;

/** One browser profile. */
export class TestBrowser {
  readonly jar = new CookieJar();
  readonly #ca: string | undefined;
  /** URLs of all navigations so far, redirects included. */
  readonly history: string[] = [];

  constructor(options: { ca?: string | undefined } = {}) {
    this.#ca = options.ca;
  }

  /** The cookies that a request to `url` would carry. */
  cookies(url: string): StoredCookie[] {
    return this.jar.matching(url);
  }

  /** What `document.cookie` gives on a page at `url`. */
  documentCookie(url: string): string {
    const visible = this.jar.matching(url).filter((cookie) => !cookie.httpOnly);
    return visible.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /**
   * A request by script of a page on the same origin. Redirects are not followed. Sends `Sec-Fetch-Site: same-origin`,
   * `Sec-Fetch-Mode: cors` and, for unsafe methods, `Origin`; `headers` override them.
   */
  async fetch(url: string, options: FetchOptions = {}): Promise<Response> {
    const target = new URL(url);
    const { method = 'GET', headers = {}, body } = options;
    const isSafe = method === 'GET' || method === 'HEAD';
    const sent: RequestHeaders = {
      accept: '*/*',
      'sec-fetch-site': 'same-origin',
      'sec-fetch-mode': 'cors',
      'sec-fetch-dest': 'empty',
      ...(isSafe ? {} : { origin: target.origin }),
      ...(body instanceof URLSearchParams ? formType : {}),
      cookie: this.jar.header(target),
      ...lowerCased(headers),
    };
    return this.#send({ url: target, method, body: body?.toString(), headers: sent });
  }

  /** Goes to a page, follows redirects, and gives the last response; its `url` says where that was. */
  async navigate(url: string, options: NavigateOptions = {}): Promise<Response> {
    let step = firstStep(new URL(url), options);
    for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
      const response = await this.#visit(step);
      const next = redirectOf(response);
      if (next === undefined || !isFollowed(next, options)) return response;
      step = nextStep(step, response.status, new URL(next));
    }
    throw new Error(`more than ${maxRedirects} redirects after ${new URL(url).origin}`);
  }

  /**
   * Goes to a page that leads to the provider, fills in the login form, and follows back to the application, over
   * pages that submit themselves (`form_post`) too. Gives the last response: the provider's form again, with status
   * 401, when the password was wrong.
   */
  async signIn(startUrl: string, credentials: Credentials, options: NavigateOptions = {}): Promise<Response> {
    let response = await this.navigate(startUrl, options);
    let typed = false;
    for (let pages = 0; pages < maxRedirects; pages += 1) {
      const form = firstForm(await response.clone().text(), response.url);
      const isLogin = form?.fields.has('login') === true && form.fields.has('password');
      if (!form || (isLogin ? typed : !form.autoSubmit)) return response;
      if (isLogin) typed = true;
      const filled = isLogin ? { ...credentials } : {};
      response = await this.#submit(form, filled, { initiator: response.url, stopAt: options.stopAt });
    }
    return response;
  }

  #submit(form: HtmlForm, filled: Record<string, string>, options: NavigateOptions): Promise<Response> {
    const fields = { ...Object.fromEntries(form.fields), ...filled };
    if (form.method === 'POST') return this.navigate(form.action, { ...options, method: 'POST', form: fields });
    return this.navigate(`${form.action}?${new URLSearchParams(fields).toString()}`, options);
  }

  async #visit(step: Step): Promise<Response> {
    const { url, method, body, initiator } = step;
    this.history.push(url.href);
    const isPost = method === 'POST';
    const headers: RequestHeaders = {
      accept: 'text/html,application/xhtml+xml,*/*;q=0.8',
      'upgrade-insecure-requests': '1',
      'sec-fetch-site': step.chainSite,
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
      'sec-fetch-user': '?1',
      ...(isPost ? { ...formType, origin: new URL(initiator ?? url).origin } : {}),
      cookie: this.jar.header(url, { crossSite: step.site === 'cross-site', safeNavigation: !isPost }),
      ...lowerCased(step.headers),
    };
    return this.#send({ url, method, body, headers });
  }

  async #send({ url, method, body, headers }: RawRequest): Promise<Response> {
    const sent = Object.entries(headers).filter((entry): entry is [string, string] => Boolean(entry[1]));
    const response = await sendRequest(url, { method, body, headers: Object.fromEntries(sent), ca: this.#ca });
    for (const cookie of response.headers.getSetCookie()) this.jar.store(cookie, url);
    return response;
  }
}

function lowerCased(headers: RequestHeaders): RequestHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function firstStep(url: URL, { form, method, initiator, headers = {} }: NavigateOptions): Step {
  const site = siteOf(url, initiator);
  return {
    url,
    method: method ?? (form ? 'POST' : 'GET'),
    body: form && new URLSearchParams(form).toString(),
    site,
    chainSite: site,
    initiator,
    headers,
  };
}

function nextStep(step: Step, status: number, url: URL): Step {
  const site = siteOf(url, step.initiator);
  const next = { ...step, url, site, chainSite: fartherSite(step.chainSite, site) };
  return status === 307 || status === 308 ? next : { ...next, method: 'GET', body: undefined };
}

function redirectOf(response: Response): string | undefined {
  const location = response.headers.get('location');
  const isRedirect = [301, 302, 303, 307, 308].includes(response.status);
  return isRedirect && location !== null ? new URL(location, response.url).href : undefined;
}

function isFollowed(location: string, { follow = true, stopAt }: NavigateOptions): boolean {
  return follow && (stopAt === undefined || !location.startsWith(stopAt));
}
