/** Calls a downstream API as the end-user. */
import { BadGatewayException, ServiceUnavailableException } from '@nestjs/common';
import { OidcException, type OnBehalfOfService, type Principal } from 'nestjs-oidc-token-reuse';

const SCOPE = 'user.read';
const TIMEOUT_MS = 5000;

export class GraphService {
  constructor(
    private readonly url: string | undefined,
    private readonly onBehalfOf: OnBehalfOfService,
  ) {}

  /** The end-user's own entry, read with a token that was exchanged for theirs. */
  async me(principal: Principal): Promise<unknown> {
    if (this.url === undefined)
      throw new OidcException('configuration', 501, {
        description: 'set GRAPH_ME_URL to the URL of the downstream API',
      });
    const { accessToken } = await this.onBehalfOf.getToken(principal, { scope: SCOPE });
    const response = await this.request(this.url, accessToken.reveal());
    if (!response.ok) throw new BadGatewayException(`the downstream API answered ${String(response.status)}`);
    return response.json().catch((cause: unknown) => {
      throw new BadGatewayException('the downstream API answered no JSON', { cause });
    });
  }

  private async request(url: string, token: string): Promise<Response> {
    try {
      return await fetch(url, {
        headers: { authorization: `Bearer ${token}` },
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
    } catch (cause) {
      throw new ServiceUnavailableException('the downstream API does not answer', { cause });
    }
  }
}
