import { it, expect } from '@jest/globals';
import ts from 'typescript';
it('x', () => {
  const root = process.cwd();
  const t0 = performance.now();
  const { config } = ts.readConfigFile(root + '/tsconfig.json', ts.sys.readFile);
  const parsed = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, root);
  const files = new Map<string, string>();
  files.set(root + '/docs/x.ts', `import { Module } from '@nestjs/common';
import { CacheModule } from '@nestjs/cache-manager';
import { ConfigModule } from '@nestjs/config';
import { OidcModule, oidcConfig } from 'nestjs-oidc-token-reuse';
import { createTestProvider } from 'nestjs-oidc-token-reuse-testing';

@Module({
  imports: [
    ConfigModule.forRoot({ isGlobal: true, load: [oidcConfig] }),
    CacheModule.register({ isGlobal: true }),
    OidcModule.forRootAsync(oidcConfig.asProvider()),
  ],
})
export class AppModule {}
const p = await createTestProvider();
const x: number = p.issuer;
`);
  const options = { ...parsed.options, noEmit: true, incremental: false, tsBuildInfoFile: undefined, noUnusedLocals: false, composite: false };
  const host = ts.createCompilerHost(options, true);
  const { readFile, fileExists, getSourceFile } = host;
  host.readFile = (f) => files.get(f) ?? readFile.call(host, f);
  host.fileExists = (f) => files.has(f) || fileExists.call(host, f);
  host.getSourceFile = (f, v, ...r) => files.has(f) ? ts.createSourceFile(f, files.get(f)!, v, true) : getSourceFile.call(host, f, v, ...r);
  const program = ts.createProgram([...files.keys()], options, host);
  const t1 = performance.now();
  const d = [...files.keys()].flatMap((f) => { const s = program.getSourceFile(f); return [...program.getSyntacticDiagnostics(s), ...program.getSemanticDiagnostics(s)]; });
  console.log(t1 - t0, performance.now() - t1, program.getSourceFiles().length);
  console.log(d.map((x) => ts.flattenDiagnosticMessageText(x.messageText, '\n')));
});
