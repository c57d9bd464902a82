/** Every `env` block of the documentation is read without a problem; one without an issuer is a part, read on top of a complete one. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readEnvironment } from 'nestjs-oidc-token-reuse';
import { selfSigned } from '../support/certificates.js';
import { codeBlocks, PAGES, type CodeBlock } from './markdown.js';

const COMPLETE = {
  OPENID_ISSUER: 'https://id.example.com',
  OPENID_CLIENT_ID: 'my-app',
  OPENID_CLIENT_SECRET: 'the-secret-that-the-provider-gave-you',
  OPENID_SESSION_SECRET: 'at-least-32-characters-from-openssl-rand-base64-48',
  PUBLIC_URL: 'https://app.example.com',
};

const BLOCKS = PAGES.flatMap((page) => codeBlocks(page, 'env'));

/** Where the pages say that files are, and where they are during the test. */
const NAMED_FOLDER = '/run/secrets/';
let folder: string;

beforeAll(async () => {
  folder = `${mkdtempSync(join(tmpdir(), 'secrets-'))}/`;
  const { key, cert } = await selfSigned('my-app');
  writeFileSync(`${folder}key.pem`, key);
  writeFileSync(`${folder}cert.pem`, cert);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function readBlock({ code }: CodeBlock) {
  const variables = parseEnv(code.replaceAll(NAMED_FOLDER, folder));
  return readEnvironment('OPENID_ISSUER' in variables ? variables : { ...COMPLETE, ...variables });
}

function blockOf(page: string, text: string) {
  const block = codeBlocks(page, 'env').find(({ code }) => code.includes(text));
  if (block === undefined) throw new Error(`${page} has no env block with ${text}`);
  return readBlock(block).options;
}

describe('the env blocks of the documentation', () => {
  it.each(BLOCKS.map((block) => [`${block.page}:${block.line}`, block] as const))('%s is read', (_, block) => {
    const warnings = block.page === 'docs/migrating.md' ? migrationWarnings() : [];
    expect(readBlock(block).warnings).toEqual(warnings);
  });

  it('switch on what the walk-through of Entra ID promises', () => {
    expect(blockOf('docs/entra-id.md', 'OPENID_REUSE_TOKENS=true')).toMatchObject({
      reuseTokens: true,
      scope: 'api://my-app/.default openid profile email offline_access',
      jwksCache: true,
      jwksCacheTime: 600_000,
      userInfoOnBehalfOf: true,
      userInfoScope: 'user.read',
      useEndSessionEndpoint: true,
    });
  });

  it('allow several tenants of Entra ID', () => {
    expect(blockOf('docs/entra-id.md', 'OPENID_TENANTS').tenants).toHaveLength(2);
  });
});

/** What the page says that the start says. */
function migrationWarnings(): readonly string[] {
  const [block] = codeBlocks('docs/migrating.md', 'text');
  return (block?.code ?? '').trim().split('\n');
}
