/** Makes the principal of a request from a verified bearer token or a live session. */
import type { OidcOptions } from '../config/options.js';
import { CoordinationUnavailableException, InvalidTokenException } from '../errors/exceptions.js';
import { Secret } from '../observability/secret.js';
import type { JsonObject } from '../provider/json.js';
import { Principal, type PrincipalParts } from '../session/principal.js';
import { identityClaims, type Session } from '../session/session.js';
import type { Tombstones } from '../session/tombstones.js';
import { peekClaims } from '../session/token-set.js';
import type { RecentUserInfo } from '../on-behalf-of/recent-userinfo.js';
import type { AccessTokenVerifier, VerifiedAccessToken } from '../verification/access-token.verifier.js';
import { looksLikeJws } from '../verification/jws.js';
import { requireAnyRole } from './authorization.js';
import type { PrincipalResolver } from './principal.resolver.js';
import { rolesAt } from './roles.js';

export interface PrincipalFactoryDependencies {
  readonly options: OidcOptions;
  readonly accessTokens: AccessTokenVerifier;
  readonly tombstones: Tombstones;
  readonly userInfo: RecentUserInfo;
  readonly resolver: PrincipalResolver | undefined;
}

export class PrincipalFactory {
  constructor(private readonly dependencies: PrincipalFactoryDependencies) {}

  /**
   * @throws InvalidTokenException, ProviderUnavailableException, ForbiddenException `role_required`, and what the application's resolver throws
   */
  async fromBearer(token: string): Promise<Principal> {
    const verified = await this.dependencies.accessTokens.verify(token);
    await this.assertNotSignedOut(verified);
    const { issuer, subject, tenant, claims, expiresAt } = verified;
    const isAccessToken = this.dependencies.options.reusedToken === 'access_token';
    return this.complete(
      {
        kind: 'bearer',
        issuer,
        subject,
        tenant,
        claims,
        expiresAt,
        accessToken: isAccessToken ? new Secret(token) : undefined,
        verified,
      },
      claims,
    );
  }

  /** As `fromBearer`. The identity is that of the ID Token; the access token is verified too where it is one of this API. */
  async fromSession(session: Session): Promise<Principal> {
    const { issuer, subject, tenant, tokens } = session;
    const verified = await this.verifiedAccessToken(session);
    return this.complete(
      {
        kind: 'session',
        issuer,
        subject,
        tenant,
        claims: identityClaims(session.claims),
        expiresAt: tokens.expiresAt,
        accessToken: tokens.accessToken,
        verified,
        session,
      },
      session.claims,
    );
  }

  /** True when the session's access token says that it is for this API, so that it can be verified like a bearer token. */
  isForThisApi({ tokens }: Session): boolean {
    const token = tokens.accessToken?.reveal();
    if (token === undefined || !looksLikeJws(token)) return false;
    const aud = peekClaims(token)?.['aud'];
    const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
    return audiences.some((audience) =>
      this.dependencies.options.acceptedAudiences.some((accepted) => accepted === audience),
    );
  }

  /** A token that names its session at the provider ends with it. While that cannot be looked up, the token's own end has to do. */
  private async assertNotSignedOut({ issuer, providerSessionId }: VerifiedAccessToken): Promise<void> {
    if (providerSessionId === undefined) return;
    try {
      if (!(await this.dependencies.tombstones.hasArrivedFor({ issuer, providerSessionId }))) return;
    } catch (error) {
      if (error instanceof CoordinationUnavailableException) return;
      throw error;
    }
    throw new InvalidTokenException('the session of the access token was signed out');
  }

  private async verifiedAccessToken(session: Session): Promise<VerifiedAccessToken | undefined> {
    const token = session.tokens.accessToken?.reveal();
    if (token === undefined || this.dependencies.options.reusedToken === 'id_token' || !this.isForThisApi(session))
      return undefined;
    const verified = await this.dependencies.accessTokens.verify(token);
    if (verified.subject !== session.subject)
      throw new InvalidTokenException('the access token is about another subject');
    return verified;
  }

  private async complete(parts: Omit<PrincipalParts, 'roles'>, idClaims: JsonObject): Promise<Principal> {
    const { options, resolver } = this.dependencies;
    const principal = new Principal({ ...parts, roles: await this.roles(parts, idClaims) });
    requireAnyRole(principal, options.requiredRoles);
    principal.user = await resolver?.resolve(principal);
    return principal;
  }

  private async roles(parts: Omit<PrincipalParts, 'roles'>, idClaims: JsonObject): Promise<readonly string[]> {
    const { roleTokenKind, rolePath } = this.dependencies.options;
    switch (roleTokenKind) {
      case 'id':
        return rolesAt(idClaims, rolePath);
      case 'access':
        return rolesAt(parts.verified?.claims ?? {}, rolePath);
      case 'userinfo':
        return rolesAt(await this.dependencies.userInfo.fetch(new Principal({ ...parts, roles: [] })), rolePath);
    }
  }
}
