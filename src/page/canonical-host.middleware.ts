/** Leads page loads to the origin that the provider knows, since cookies set on another would be missing there. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Inject, Injectable, Logger, type NestMiddleware } from '@nestjs/common';
import { OIDC_OPTIONS, type OidcOptions } from 'nestjs-oidc-token-reuse';

type PageRequest = IncomingMessage & { readonly originalUrl?: string };

/** Set for some seconds with the redirection: a browser that brings it back was on the public host all along. */
const LED = 'canonical-host=led';

@Injectable()
export class CanonicalHostMiddleware implements NestMiddleware<IncomingMessage, ServerResponse> {
  private readonly logger = new Logger(CanonicalHostMiddleware.name);
  private isWarned = false;

  constructor(@Inject(OIDC_OPTIONS) private readonly options: OidcOptions) {}

  use(request: PageRequest, response: ServerResponse, next: () => void): void {
    const publicUrl = this.options.publicUrl();
    if (!isPageLoad(request) || isHost(request, new URL(publicUrl).host)) {
      next();
      return;
    }
    if (wasLed(request)) {
      this.warn();
      next();
      return;
    }
    const cookie = `${LED}; Max-Age=5; Path=/; HttpOnly; SameSite=Lax`;
    response.writeHead(302, { Location: new URL(pathOf(request), publicUrl).href, 'Set-Cookie': cookie }).end();
  }

  private warn(): void {
    if (this.isWarned) return;
    this.isWarned = true;
    this.logger.warn('a proxy rewrites Host: let it pass the Host of the browser on, or send X-Forwarded-Host');
  }
}

function wasLed({ headers }: IncomingMessage): boolean {
  return headers.cookie?.split('; ').includes(LED) === true;
}

function isPageLoad({ method, headers }: IncomingMessage): boolean {
  if (method !== 'GET') return false;
  const mode = headers['sec-fetch-mode'];
  return mode === undefined ? headers.accept?.includes('text/html') === true : mode === 'navigate';
}

/** A proxy that rewrites `Host` says what the browser asked for; who forges it only keeps themselves from being redirected. */
function isHost({ headers }: IncomingMessage, host: string): boolean {
  const forwarded = String(headers['x-forwarded-host'] ?? '').split(',');
  return headers.host === host || forwarded[0]?.trim() === host;
}

/** Path and query on our origin, whatever was asked for. */
function pathOf(request: PageRequest): string {
  return `/${(request.originalUrl ?? request.url ?? '/').replace(/^[/\\]+/, '')}`;
}
