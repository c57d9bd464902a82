/** Where keys and certificates come from: text that holds them, or the path of a file that does. */
import { readFileSync } from 'node:fs';
import { types } from 'node:util';
import { ReportableError } from '../observability/reason.js';

/** Key material that cannot be used. The message says why and what to do, with nothing of the material in it, nor of the path: it may be a key that was taken for one. */
export class UnusableKeyError extends ReportableError {
  override readonly name = 'UnusableKeyError';
}

const PEM_BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g;

export interface PemBlock {
  readonly label: string;
  readonly text: string;
}

/** True for a path; false for a PEM block or JSON. */
export function isPath(source: string): boolean {
  return !isPem(source) && !source.trimStart().startsWith('{');
}

function isPem(text: string): boolean {
  return text.includes('-----BEGIN');
}

/**
 * The text itself or what the file holds, its lines apart also where an environment file has `\n` between them.
 *
 * @throws UnusableKeyError for a file that cannot be read
 */
export function contentOf(source: string): string {
  const content = isPath(source) ? fileContent(source) : source;
  return isPem(content) ? content.replaceAll('\\n', '\n') : content;
}

/** @throws UnusableKeyError for a file that cannot be read, or holds nothing */
export function fileContent(path: string): string {
  let content: string;
  try {
    content = readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new UnusableKeyError(
      `names a file that cannot be read (${codeOf(error)}); check the path and its permissions`,
    );
  }
  if (content === '') throw new UnusableKeyError('names a file that is empty');
  return content;
}

/** The PEM blocks of a text (RFC 7468), in order. */
export function pemBlocks(text: string): readonly PemBlock[] {
  return [...text.matchAll(PEM_BLOCK)].map(([block, label = '']) => ({ label, text: block }));
}

function codeOf(error: unknown): string {
  return types.isNativeError(error) && 'code' in error ? String(error.code) : 'unknown';
}
