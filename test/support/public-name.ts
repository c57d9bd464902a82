/** A provider on loopback that the application knows under a public name: what it sends there arrives, and every address that it asks is written down. */
import type { TestProvider } from 'nestjs-oidc-token-reuse-testing';

const DISCOVERY = '/.well-known/openid-configuration';

export class PublicName {
  /** Every address that the application has asked. */
  readonly asked: string[] = [];

  constructor(
    private readonly provider: TestProvider,
    /** The issuer as the application is configured with it. */
    readonly issuer: string,
  ) {}

  /** For the option of that name. */
  readonly fetch: typeof fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    this.asked.push(url);
    if (!url.startsWith(`${this.issuer}/`)) return new Response('nobody is here', { status: 404 });
    const path = url.slice(this.issuer.length);
    const response = await fetch(this.provider.issuer + path, init);
    return path === DISCOVERY ? this.renamed(response) : response;
  };

  private async renamed(response: Response): Promise<Response> {
    const text = (await response.text()).replaceAll(this.provider.issuer, this.issuer);
    return new Response(text, { status: response.status, headers: response.headers });
  }
}
