/** Where the module's own routes are served, as browsers see them. */

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

  /** Where a sign-in that failed ends. */
  get error(): string {
    return this.paths.errorPath ?? `${this.paths.base()}/error`;
  }
}
