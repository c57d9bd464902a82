/** Where the module's own routes are served, as browsers see them. */

/** Bytes of a path that a sign-in leads back to: longer ones do not fit into the cookie of an attempt. */
export const MAX_RETURN_TO_BYTES = 300;

export class OidcRoutes {
  constructor(
    private readonly paths: {
      /** The path of a route of the module as browsers see it, such as `/auth/login` for `login`; read late, since the global prefix is set late. */
      readonly of: (route: string) => string;
      readonly errorPath: string | undefined;
      readonly areServed: boolean;
    },
  ) {}

  /** False for an application that serves none of the module's routes: nobody can sign in there. */
  get areServed(): boolean {
    return this.paths.areServed;
  }

  get login(): string {
    return this.paths.of('login');
  }

  /** The sign-in that leads back to a path, unless that is too long to be kept. */
  loginFrom(path: string): string {
    return Buffer.byteLength(path) > MAX_RETURN_TO_BYTES
      ? this.login
      : `${this.login}?returnTo=${encodeURIComponent(path)}`;
  }

  /** Where a sign-in that failed ends. */
  get error(): string {
    return this.paths.errorPath ?? this.paths.of('error');
  }
}
