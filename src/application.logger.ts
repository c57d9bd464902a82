/** The application's log: without Nest's lines about its own start, so that the line with the address to open stands alone. */
import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { LOG_LEVELS } from './application.config.js';

const ABOUT_THE_START = new Set<unknown>([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
]);

export class ApplicationLogger extends ConsoleLogger {
  constructor({ json, level }: { readonly json: boolean; readonly level: LogLevel }) {
    super({ json, logLevels: LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)) });
  }

  override log(message: unknown, ...rest: unknown[]): void {
    if (!ABOUT_THE_START.has(rest.at(-1))) super.log(message, ...rest);
  }

  /** What keeps the application from listening is said by whoever started it. */
  override error(message: unknown, ...rest: unknown[]): void {
    if (!ABOUT_THE_START.has(rest.at(-1))) super.error(message, ...rest);
  }
}
