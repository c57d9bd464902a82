/** The page: three files without a build step, read once. */
import { readFileSync } from 'node:fs';
import { Controller, Get, Header, HttpCode } from '@nestjs/common';
import { Public } from 'nestjs-oidc-token-reuse';

const CSP = "default-src 'self'; frame-ancestors 'none'";

function asset(name: string): string {
  return readFileSync(new URL(`../public/${name}`, import.meta.url), 'utf8');
}

@Controller()
@Public()
export class PageController {
  private readonly html = asset('index.html');
  private readonly script = asset('app.js');
  private readonly style = asset('app.css');

  @Get()
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('Referrer-Policy', 'no-referrer')
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Cache-Control', 'no-cache')
  page(): string {
    return this.html;
  }

  @Get('app.js')
  @Header('Content-Type', 'text/javascript; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Cache-Control', 'no-cache')
  app(): string {
    return this.script;
  }

  @Get('app.css')
  @Header('Content-Type', 'text/css; charset=utf-8')
  @Header('Content-Security-Policy', CSP)
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Cache-Control', 'no-cache')
  css(): string {
    return this.style;
  }

  /** Browsers ask for it; there is none. */
  @Get('favicon.ico')
  @HttpCode(204)
  favicon(): void {
    return undefined;
  }
}
