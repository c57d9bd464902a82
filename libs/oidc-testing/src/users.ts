/** The people who can sign in at the provider, and the claims said about them. */

/** A person who can sign in. `sub` is the subject identifier, on purpose not the login name. */
export interface TestUser {
  login: string;
  password: string;
  sub: string;
  name: string;
  email: string;
  emailVerified?: boolean;
  roles?: string[];
  /** More claims for the ID Token; names must be known when the provider is created. */
  claims?: Record<string, unknown>;
}

export const defaultUsers: TestUser[] = [
  {
    login: 'alice',
    password: 'alice',
    sub: 'user-alice',
    name: 'Alice Adams',
    email: 'alice@example.test',
    emailVerified: true,
    roles: ['admin'],
  },
  {
    login: 'bob',
    password: 'bob',
    sub: 'user-bob',
    name: 'Bob Brown',
    email: 'bob@example.test',
    emailVerified: true,
    roles: [],
  },
];

/** The directory: found by login name when signing in, by subject afterwards. May be changed at any time. */
export class Users {
  readonly #byLogin = new Map<string, TestUser>();

  constructor(users: readonly TestUser[]) {
    for (const user of users) this.set(user);
  }

  /** Adds a user, or replaces the one with the same login name. */
  set(user: TestUser): void {
    this.#byLogin.set(user.login, user);
  }

  /** Removes a user: new logins fail, and so does the refresh of tokens already issued. */
  remove(login: string): void {
    this.#byLogin.delete(login);
  }

  list(): TestUser[] {
    return [...this.#byLogin.values()];
  }

  find(login: string): TestUser | undefined {
    return this.#byLogin.get(login);
  }

  findBySubject(sub: string): TestUser | undefined {
    return this.list().find((user) => user.sub === sub);
  }

  /** The user whose login name and password are these, else `undefined`. */
  authenticate(login: string, password: string): TestUser | undefined {
    const user = this.#byLogin.get(login);
    return user?.password === password ? user : undefined;
  }
}

/** The claims about a user, as the ID Token and the UserInfo response carry them. */
export function claimsOf(user: TestUser): { sub: string } & Record<string, unknown> {
  return {
    name: user.name,
    preferred_username: user.login,
    email: user.email,
    email_verified: user.emailVerified ?? true,
    roles: user.roles ?? [],
    ...user.claims,
    sub: user.sub,
  };
}
