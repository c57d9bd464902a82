/** The application's global prefix: what it does to the module's routes, and what it must not do to the callback. */
import { RequestMethod } from '@nestjs/common';
import type { ApplicationConfig } from '@nestjs/core';

/** The path under which browsers reach a GET route. The prefix is set late: ask when the first request is served. */
export function servedAt(path: string, application: ApplicationConfig): string {
  const prefix = application.getGlobalPrefix().split('/').filter(Boolean);
  return isExempt(path, application) ? path : ['', ...prefix].join('/') + path;
}

/** Serves one path as it stands, whatever the prefix: the redirect URI is registered with the provider to the letter. */
export function exemptFromPrefix(path: string, application: ApplicationConfig): void {
  const options = application.getGlobalPrefixOptions();
  const exempt = { path, requestMethod: RequestMethod.ALL, pathRegex: new RegExp(`^${escaped(path)}/?$`) };
  application.setGlobalPrefixOptions({ ...options, exclude: [...(options.exclude ?? []), exempt] });
}

function isExempt(path: string, application: ApplicationConfig): boolean {
  const { exclude = [] } = application.getGlobalPrefixOptions();
  return exclude.some(
    ({ requestMethod, pathRegex }) =>
      [RequestMethod.ALL, RequestMethod.GET].includes(requestMethod) && pathRegex.test(path),
  );
}

function escaped(path: string): string {
  return path.replace(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
}
