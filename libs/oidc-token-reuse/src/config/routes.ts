/** Where the module's own routes are served, as browsers see them. */

/** Bytes of a path that a sign-in leads back to: longer ones do not fit into the cookie of an attempt. */
export const MAX_RETURN_TO_BYTES = 300;

export class OidcRoutes {
  constructor(
    private readonly paths: {
      /** Path of the module's routes with the application's global prefix, such as `/auth`; read late, since the prefix is set late. */
      readonly base: () => string;
      readonly errorPath: string | undefined;
    },
  ) {}

  get login(): string {
    return `${this.paths.base()}/login`;
  }

  /** The sign-in that leads back to a path, unless that is too long to be kept. */
  loginFrom(path: string): string {
    return Buffer.byteLength(path) > MAX_RETURN_TO_BYTES
      ? this.login
      : `${this.login}?returnTo=${encodeURIComponent(path)}`;
  }

  /** Where a sign-in that failed ends. */
  get error(): string {
    return this.paths.errorPath ?? `${this.paths.base()}/error`;
  }
}
