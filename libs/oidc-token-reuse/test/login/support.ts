/** A browser at an application whose provider signs in whomever a test wants. */
import type { OidcModuleOptions } from '../../src/config/options.js';
import type { PrincipalResolver } from '../../src/guard/principal.resolver.js';
import type { CompletedLogin } from '../../src/login/login.service.js';
import { OPTIONS } from '../config/valid-options.js';
import { roomsWith, type Rooms } from '../refresh/support.js';
import { conversation, keptCookies, NOW, type Conversation } from '../session/support.js';
import { makeKey, sign, type Claims, type TestKey } from '../verification/support.js';

export interface Completion extends CompletedLogin {
  readonly talk: Conversation;
}

export class SigningBrowser {
  /** What the browser holds. */
  cookies: Record<string, string> = {};
  /** What the ID Token says beside what it has to; undefined removes a claim. */
  claims: Claims = {};
  /** What the token response says beside what it has to; undefined removes a member. */
  answer: Claims = {};
  private nonce = '';

  constructor(
    readonly rooms: Rooms,
    private readonly key: TestKey,
  ) {
    rooms.endpoint.keys = [key.jwk];
    rooms.endpoint.answer = async () => ({
      body: {
        access_token: 'access',
        token_type: 'Bearer',
        expires_in: 300,
        refresh_token: 'refresh',
        id_token: await this.idToken(),
        ...this.answer,
      },
    });
  }

  /** Begins a sign-in: the URL of the authorization request. */
  async begin(query: Readonly<Record<string, string>> = {}): Promise<URL> {
    const talk = conversation(this.cookies, { query });
    try {
      const url = await this.rooms.logins.begin(talk.exchange);
      this.nonce = url.searchParams.get('nonce') ?? this.nonce;
      return url;
    } finally {
      this.keep(talk);
    }
  }

  /** Comes back from the provider. */
  async complete(parameters: Readonly<Record<string, string | undefined>>): Promise<Completion> {
    const talk = conversation(this.cookies);
    try {
      return { ...(await this.rooms.logins.complete(talk.exchange, parameters)), talk };
    } finally {
      this.keep(talk);
    }
  }

  async signIn(query: Readonly<Record<string, string>> = {}): Promise<Completion> {
    return this.complete({ state: stateOf(await this.begin(query)), code: 'the-code' });
  }

  private keep(talk: Conversation): void {
    const cleared = talk.cookies().flatMap((line) => (line.includes('; Max-Age=0;') ? [line.split('=')[0]] : []));
    const held = Object.entries(this.cookies).filter(([name]) => !cleared.includes(name));
    this.cookies = { ...Object.fromEntries(held), ...keptCookies(talk.cookies()) };
  }

  private idToken(): Promise<string> {
    const good = { iss: OPTIONS.issuer, sub: 'alice', aud: OPTIONS.clientId, iat: NOW, exp: NOW + 300 };
    return sign(this.key, { ...good, nonce: this.nonce, ...this.claims });
  }
}

export function stateOf(url: URL): string {
  return url.searchParams.get('state') ?? '';
}

export interface SigningBrowserSetup extends Partial<OidcModuleOptions> {
  readonly resolver?: PrincipalResolver;
}

const key = makeKey('ES256', { kid: 'k' });

export async function signingBrowser({ resolver, ...options }: SigningBrowserSetup = {}): Promise<SigningBrowser> {
  const rooms = roomsWith({ clockTolerance: 30, ...options }, resolver === undefined ? {} : { resolver });
  return new SigningBrowser(rooms, await key);
}
