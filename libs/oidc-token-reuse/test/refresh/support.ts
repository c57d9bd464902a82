/** The rooms put together for a provider whose token endpoint answers as a test says. */
import { Logger } from '@nestjs/common';
import type { JWK } from 'jose';
import { resolveOptions } from '../../src/config/resolve-options.js';
import type { OidcModuleOptions } from '../../src/config/options.js';
import type { Coordinator, KnownRecord, Lease, LeaseLimits } from '../../src/coordination/coordinator.js';
import { MemoryCoordinator } from '../../src/coordination/memory.coordinator.js';
import { CoordinationUnavailableException } from '../../src/errors/exceptions.js';
import type { PrincipalResolver } from '../../src/guard/principal.resolver.js';
import { OidcEventListener, OidcEvents, type OidcEvent } from '../../src/observability/events.js';
import { compose, type OidcComposition } from '../../src/oidc.composition.js';
import { OPTIONS } from '../config/valid-options.js';
import { TestClock } from '../session/support.js';

Logger.overrideLogger(false);

type Form = Readonly<Record<string, string>>;

/** What the token endpoint answers; `undefined` loses the answer. */
export type Answer = { readonly status?: number; readonly body: object } | undefined;

const METADATA = {
  issuer: OPTIONS.issuer,
  authorization_endpoint: `${OPTIONS.issuer}/authorize`,
  token_endpoint: `${OPTIONS.issuer}/token`,
  jwks_uri: `${OPTIONS.issuer}/jwks`,
};

/** A token endpoint that rotates: each refresh token is answered with the next one. Everything else is not there, unless a test says so. */
export class TokenEndpoint {
  readonly forms: Form[] = [];
  /** What the provider says of itself beside what it has to. */
  metadata: Readonly<Record<string, unknown>> = {};
  /** What it answers where that is asked for. */
  discovery = (): Response => Response.json({ ...METADATA, ...this.metadata });
  /** The keys it publishes; `undefined` where they cannot be had. */
  keys: readonly JWK[] | undefined;
  /** Its other endpoints, by URL. */
  others: Readonly<Record<string, (form: Form) => Answer | Promise<Answer>>> = {};
  answer: (form: Form) => Answer | Promise<Answer> = ({ refresh_token: token = '' }) => ({
    body: { access_token: `access by ${token}`, token_type: 'Bearer', expires_in: 300, refresh_token: `${token}'` },
  });

  readonly fetch: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    if (url.includes('/.well-known/')) return this.discovery();
    if (url === METADATA.jwks_uri && this.keys !== undefined) return Response.json({ keys: this.keys });
    const form = Object.fromEntries(new URLSearchParams(typeof init?.body === 'string' ? init.body : ''));
    const other = this.others[url];
    if (other === undefined && url !== METADATA.token_endpoint)
      throw new TypeError('an unexpected request', { cause: { code: 'ECONNREFUSED' } });
    if (other === undefined) this.forms.push(form);
    const answer = await (other ?? this.answer)(form);
    if (answer === undefined) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } });
    return Response.json(answer.body, { status: answer.status ?? 200 });
  };

  /** The refresh tokens it has seen. */
  get seen(): readonly (string | undefined)[] {
    return this.forms.map(({ refresh_token: token }) => token);
  }
}

const METHODS = [
  ...(['get', 'put', 'putIfAbsent', 'replace', 'delete'] as const),
  ...(['addMember', 'removeMember', 'members', 'acquire'] as const),
];

/** Coordination that can go away. */
export class FailingCoordinator extends MemoryCoordinator {
  /** The methods that fail. */
  readonly failing = new Set<keyof Coordinator>();

  /** While it fails nothing is known without asking. */
  override atOnce(...parts: Parameters<MemoryCoordinator['atOnce']>): KnownRecord | undefined {
    return this.failing.has('get') ? undefined : super.atOnce(...parts);
  }

  override get(...parts: Parameters<MemoryCoordinator['get']>): Promise<string | undefined> {
    return this.unless('get', () => super.get(...parts));
  }

  override put(...parts: Parameters<MemoryCoordinator['put']>): Promise<void> {
    return this.unless('put', () => super.put(...parts));
  }

  override putIfAbsent(...parts: Parameters<MemoryCoordinator['putIfAbsent']>): Promise<boolean> {
    return this.unless('putIfAbsent', () => super.putIfAbsent(...parts));
  }

  override replace(...parts: Parameters<MemoryCoordinator['replace']>): Promise<boolean> {
    return this.unless('replace', () => super.replace(...parts));
  }

  override delete(...parts: Parameters<MemoryCoordinator['delete']>): Promise<void> {
    return this.unless('delete', () => super.delete(...parts));
  }

  override acquire(key: string, limits: LeaseLimits): Promise<Lease | undefined> {
    return this.unless('acquire', () => super.acquire(key, limits));
  }

  override addMember(...parts: Parameters<MemoryCoordinator['addMember']>): Promise<void> {
    return this.unless('addMember', () => super.addMember(...parts));
  }

  override removeMember(...parts: Parameters<MemoryCoordinator['removeMember']>): Promise<void> {
    return this.unless('removeMember', () => super.removeMember(...parts));
  }

  override members(key: string): Promise<readonly string[]> {
    return this.unless('members', () => super.members(key));
  }

  /** From now on nothing of it answers. */
  goAway(): void {
    for (const method of METHODS) this.failing.add(method);
  }

  comeBack(): void {
    this.failing.clear();
  }

  private unless<Result>(method: keyof Coordinator, act: () => Promise<Result>): Promise<Result> {
    return this.failing.has(method) ? Promise.reject(new CoordinationUnavailableException()) : act();
  }
}

export interface Rooms extends OidcComposition {
  readonly clock: TestClock;
  readonly endpoint: TokenEndpoint;
  readonly store: FailingCoordinator;
  readonly events: OidcEvent[];
}

/** Two calls with one `store` are two processes that coordinate through it. */
export function roomsWith(
  options: Partial<OidcModuleOptions> = {},
  shared: Partial<Pick<Rooms, 'clock' | 'endpoint' | 'store'>> & { readonly resolver?: PrincipalResolver } = {},
): Rooms {
  const clock = shared.clock ?? new TestClock();
  const endpoint = shared.endpoint ?? new TokenEndpoint();
  const store = shared.store ?? new FailingCoordinator(clock);
  const recorder = new (class extends OidcEventListener {
    readonly events: OidcEvent[] = [];
    handle(event: OidcEvent): void {
      this.events.push(event);
    }
  })();
  const composition = compose({
    options: resolveOptions({ ...OPTIONS, fetch: endpoint.fetch, ...options }),
    clock,
    events: new OidcEvents(recorder),
    coordinator: store,
    cache: undefined,
    resolver: shared.resolver,
  });
  return { ...composition, clock, endpoint, store, events: recorder.events };
}
