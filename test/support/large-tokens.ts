/** Tokens of the sizes that providers give in practice, with claims that cannot be compressed. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { TestProvider } from 'nestjs-oidc-token-reuse-testing';

const CODE = { kind: 'token', grant: 'authorization_code' } as const;

export interface TokenSizes {
  readonly accessToken: number;
  readonly refreshToken: number;
  readonly idToken: number;
}

/** The next login gets tokens of about these many characters: JWTs signed with RS256, and an opaque refresh token. */
export async function enlargeTokens(provider: TestProvider, sizes: TokenSizes): Promise<void> {
  const claims = { sub: 'user-alice', scope: 'openid access_user' };
  const plain = await provider.signAccessToken({ ...claims, filler: '' });
  const accessToken = await provider.signAccessToken({ ...claims, filler: filler(sizes.accessToken - plain.length) });
  provider.faults.rewrite(CODE, (body) => ({
    ...body,
    access_token: accessToken,
    refresh_token: randomBytes(sizes.refreshToken).toString('base64url').slice(0, sizes.refreshToken),
  }));
  const idToken = await provider.signIdToken({ nonce: randomUUID(), name: 'Alice Example', roles: ['admin'] });
  provider.faults.idToken(
    // The access token is another than the one that `at_hash` is about.
    ({ at_hash: _, ...others }, header) => ({
      claims: { ...others, filler: filler(sizes.idToken - idToken.length) },
      header,
      sign: 'provider',
    }),
    { grant: CODE.grant },
  );
}

/** The next login gets an ID Token that names this many groups, as Entra ID does. */
export function nameGroups(provider: TestProvider, count: number): void {
  const groups = Array.from({ length: count }, () => randomUUID());
  provider.faults.idToken((claims, header) => ({ claims: { ...claims, groups }, header, sign: 'provider' }), {
    grant: CODE.grant,
  });
}

/** Random text that makes a JWT longer by this many characters. */
function filler(length: number): string {
  const characters = Math.max(0, Math.floor((length * 3) / 4));
  return randomBytes(characters).toString('base64').slice(0, characters);
}
