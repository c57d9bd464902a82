/** Every example in TypeScript compiles as it stands: it is a whole module, checked with the project's own strict settings. */
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { codeBlocks, PAGES, ROOT, type CodeBlock } from './markdown.js';

const EXAMPLES = PAGES.flatMap((page) => codeBlocks(page, 'ts'));

describe('the examples of the documentation', () => {
  it('compile', () => {
    expect(EXAMPLES.length).toBeGreaterThan(10);
    expect(compile(EXAMPLES)).toEqual([]);
  });
});

/** Faults, each with the page and the line of the example it is in. */
function compile(examples: readonly CodeBlock[]): readonly string[] {
  const files = new Map(examples.map((example, index) => [`${ROOT}test/example-${index}.ts`, example]));
  const options = compilerOptions();
  const program = ts.createProgram([...files.keys()], options, hostOf(files, options));
  return [...files].flatMap(([file, example]) =>
    ts.getPreEmitDiagnostics(program, program.getSourceFile(file)).map((fault) => describeFault(fault, example)),
  );
}

/** Names that an example only shows are no fault. */
function compilerOptions(): ts.CompilerOptions {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: [] }, ts.sys, ROOT);
  return { ...options, incremental: false, noUnusedLocals: false, noUnusedParameters: false };
}

/** The compiler's view of the disk, with the examples on it. */
function hostOf(files: ReadonlyMap<string, CodeBlock>, options: ts.CompilerOptions): ts.CompilerHost {
  const host = ts.createCompilerHost(options);
  const disk = { ...host };
  return Object.assign(host, {
    fileExists: (path: string) => files.has(path) || disk.fileExists(path),
    readFile: (path: string) => files.get(path)?.code ?? disk.readFile(path),
  });
}

function describeFault({ messageText, file, start = 0 }: ts.Diagnostic, { page, line }: CodeBlock): string {
  const offset = file?.getLineAndCharacterOfPosition(start).line ?? 0;
  return `${page}:${line + 1 + offset} ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}
