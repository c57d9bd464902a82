/** What follows from a session alone, worked out once for all requests that come with it. */
import type { OidcOptions } from '../config/options.js';
import { deepFrozen, type JsonObject } from '../provider/json.js';
import { identityClaims, type Session } from '../session/session.js';
import { peekClaims } from '../session/token-set.js';
import { looksLikeJws } from '../verification/jws.js';
import { rolesAt } from '../verification/roles.js';
import { PresentedToken } from '../verification/presented-token.js';

export interface FactsOfSession {
  /** What the ID Token says about the end-user. */
  readonly claims: JsonObject;
  /** Roles at the configured path of the ID Token's claims. */
  readonly roles: readonly string[];
  /** The access token, if it says that it is for this API, so that it can be verified like a bearer token. */
  readonly verifiable: PresentedToken | undefined;
}

export class SessionFacts {
  private readonly known = new WeakMap<Session, FactsOfSession>();

  constructor(private readonly options: Pick<OidcOptions, 'reusedToken' | 'acceptedAudiences' | 'rolePath'>) {}

  of(session: Session): FactsOfSession {
    const known = this.known.get(session);
    if (known !== undefined) return known;
    const facts = {
      claims: deepFrozen(identityClaims(session.claims)),
      roles: Object.freeze(rolesAt(session.claims, this.options.rolePath)),
      verifiable: this.verifiableOf(session),
    };
    this.known.set(session, facts);
    return facts;
  }

  private verifiableOf({ tokens }: Session): PresentedToken | undefined {
    const token = tokens.accessToken?.reveal();
    if (token === undefined || this.options.reusedToken === 'id_token' || !this.isForThisApi(token)) return undefined;
    return new PresentedToken(token, true);
  }

  private isForThisApi(token: string): boolean {
    if (!looksLikeJws(token)) return false;
    const aud = peekClaims(token)?.['aud'];
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    return audiences.some((audience) => this.options.acceptedAudiences.some((accepted) => accepted === audience));
  }
}
