import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOORS, INVARIANTS, missingInvariants, RULES } from './tidy/rules.ts';
import { importsOf, roomOf, scan, type Files } from './tidy/source.ts';

const ROOT = join(import.meta.dirname, '..');

async function sources(): Promise<Files> {
  const folders = ['src', 'dashboard/src'].map((folder) => join(ROOT, folder));
  const entries = await Promise.all(
    folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })),
  );
  const paths = entries
    .flat()
    .filter((e) => e.isFile() && /\.tsx?$/.test(e.name))
    .map((e) => relative(ROOT, join(e.parentPath, e.name)));
  return new Map(
    await Promise.all(
      paths.toSorted().map(async (path) => [path, await readFile(join(ROOT, path), 'utf8')] as const),
    ),
  );
}

describe('src', async () => {
  const files = await sources();

  it.each(Object.entries(RULES))('%s', (_name, rule) => {
    expect(rule(files)).toEqual([]);
  });

  it('is seen by these rules: every import is read, and reads a file that is there', () => {
    let seen = 0;
    for (const [path, text] of files) {
      const words = [
        ...scan(text).bare.matchAll(/^(import|export)\b[^;=(]*?\bfrom\b|\bimport\s*\(|^import '/gm),
      ].length;
      const imports = importsOf(text);
      expect([path, imports.length]).toEqual([path, words]);
      seen += words;
    }
    expect(files.size).toBeGreaterThan(10);
    expect(seen).toBeGreaterThan(files.size / 2);
  });
});

describe('ARCHITECTURE.md', () => {
  it('has a sentence for every invariant', async () => {
    expect(missingInvariants(await readFile(join(ROOT, 'ARCHITECTURE.md'), 'utf8'))).toEqual([]);
  });
});

/** Plants `text` at `path` and says what the rule finds. */
function found(
  rule: keyof typeof RULES,
  ...files: readonly (readonly [path: string, text: string])[]
): readonly string[] {
  return RULES[rule]?.(new Map(files)) ?? [];
}

describe('the rules find what is planted', () => {
  const plants: Readonly<
    Record<
      string,
      { bad: readonly (readonly [string, string])[]; good: readonly (readonly [string, string])[] }
    >
  > = {
    'a room imports only through its doors': {
      bad: [
        ['src/job/a.ts', "import { x } from '../store/store.ts';"],
        ['src/store/a.ts', "import type { X } from '../sandbox/sandbox.ts';"],
        ['src/forge/a.ts', "export { x } from '../workspace/git.ts';"],
        ['src/agent/a.ts', "const x = await import('../gate/gate.ts');"],
        ['src/gate/deep/a.ts', "import { x } from '../../agent/agent.ts';"],
        ['src/runner/a.ts', "import { resolveConfig } from '../config.ts';"],
        ['src/runner/a.ts', "import '../cli/main.ts';"],
        ['src/cli/a.ts', "import { x } from '../store/sqlite.ts';"],
        ['src/cli/a.ts', "import { x } from '../server/server.ts';"],
        ['src/cli/commands/a.ts', "import { x } from '../../sandbox/sandbox.ts';"],
        ['src/index.ts', "export { x } from './config.ts';"],
        ['src/log.ts', "import { x } from './job/error.ts';"],
        ['src/config.ts', "import { x } from './sandbox/sandbox.ts';"],
        ['src/config/a.ts', "import { x } from '../runner/open.ts';"],
        ['src/temporal/workflow.ts', "import { x } from '../runner/runner.ts';"],
        ['src/job/a.ts', "import { x } from '../../test/job/script.ts';"],
        ['src/job/a.ts', "import { x } from './b';"],
        ['src/queue/a.ts', 'const x = 1;'],
        ['src/main.ts', 'const x = 1;'],
        ['dashboard/src/a.tsx', "import { x } from '../../src/job/status.ts';"],
        ['dashboard/src/jobs/a.tsx', "import type { X } from '../../../src/runner/runner.ts';"],
        ['dashboard/src/a.tsx', "import { x } from '../../test/job/script.ts';"],
        ['src/server/a.ts', "import { x } from '../../dashboard/src/app.tsx';"],
      ],
      good: [
        ['src/job/a.ts', "import { x } from './b.ts'; import { y } from '../log.ts';"],
        [
          'src/runner/a.ts',
          "import type { Config } from '../config.ts'; import { x } from '../gate/gate.ts';",
        ],
        [
          'src/cli/commands/a.ts',
          "const s = await import('../../server/server.ts'); import { r } from '../../runner/open.ts';",
        ],
        [
          'src/job/a.ts',
          "// import { x } from '../store/store.ts';\nconst s = `import { x } from '../store/store.ts'`;",
        ],
        ['src/store/a.ts', "import { DatabaseSync } from 'node:sqlite';"],
        ['src/temporal/workflow.ts', "import { x } from '../job/procedure.ts';"],
        [
          'dashboard/src/jobs/a.tsx',
          "import type { X } from '../../../src/job/status.ts'; import { y } from '../parts/y.tsx'; import './a.css';",
        ],
      ],
    },
    'exports are named, types are erasable, nothing is any': {
      bad: [
        ['src/job/a.ts', 'export default function f() {}'],
        ['src/job/a.ts', 'export { f as default };'],
        ['src/job/a.ts', "export * from './b.ts';"],
        ['src/job/a.ts', "export type * from './b.ts';"],
        ['src/job/a.ts', 'export const enum Color { Red }'],
        ['src/job/a.ts', 'namespace N { }'],
        ['src/job/a.ts', 'const x: any = 1;'],
        ['src/job/a.ts', 'const x = y as any;'],
        ['src/job/a.ts', 'const x: Map<string, any> = y;'],
        ['src/job/a.ts', 'function f(a: string | any) {}'],
      ],
      good: [
        ['src/job/a.ts', 'const any = 1; const x = list.any(y); const o = { any: 1 }; // : any'],
        ['src/job/a.ts', "const s = 'export default'; const t = `: any ${x}`;"],
        ['src/job/a.ts', 'const x = /[\'"`]: any/.test(y); const z = 4 / 2 / 1;'],
      ],
    },
    'names say what is in a file': {
      bad: [
        ['src/job/utils.ts', ''],
        ['src/helpers/a.ts', ''],
        ['src/gate/path-helper.ts', ''],
        ['src/common/a.ts', ''],
        ['src/lib/a.ts', ''],
        ['src/shared.ts', ''],
      ],
      good: [['src/gate/library.ts', '']],
    },
    'SQL stands only in store': {
      bad: [
        ['src/runner/a.ts', "db.run('SELECT id FROM jobs');"],
        ['src/runner/a.ts', 'db.run(`insert into jobs values (${x})`);'],
        ['src/job/a.ts', "const s = 'CREATE TABLE jobs (id TEXT)';"],
        ['src/cli/a.ts', "const s = 'UPDATE jobs SET status = ?';"],
        ['src/cli/a.ts', "import { DatabaseSync } from 'node:sqlite';"],
      ],
      good: [
        ['src/store/sqlite/a.ts', "db.run('SELECT id FROM jobs');"],
        ['src/job/a.ts', '// SELECT id FROM jobs\nconst s = "select a job from the list";'],
      ],
    },
    'only sandbox starts processes': {
      bad: [
        ['src/workspace/git.ts', "import { spawn } from 'node:child_process';"],
        ['src/cli/a.ts', "const { exec } = await import('child_process');"],
        ['src/cli/a.ts', "const c = process.getBuiltinModule('node:child_process');"],
        ['src/cli/a.ts', "import cluster from 'node:cluster';"],
      ],
      good: [
        ['src/sandbox/process.ts', "import { spawn } from 'node:child_process';"],
        ['src/gate/a.ts', '// node:child_process is not used'],
      ],
    },
    'only config.ts reads the environment': {
      bad: [
        ['src/cli/a.ts', 'const x = process.env.HOME;'],
        ['src/cli/a.ts', "const x = process?.env['HOME'];"],
        ['src/cli/a.ts', "const x = process['env'];"],
        ['src/cli/a.ts', 'const { env } = process;'],
        ['src/cli/a.ts', "import { env } from 'node:process';"],
        ['src/config/a.ts', 'const x = process.env;'],
        ['src/cli/a.ts', 'const s = `${process.env.HOME}`;'],
      ],
      good: [
        ['src/config.ts', 'const x = { ...process.env };'],
        ['src/cli/a.ts', "const s = 'process.env'; // process.env"],
      ],
    },
    'job and prompt are pure': {
      bad: [
        ['src/job/a.ts', "import { join } from 'node:path';"],
        ['src/job/a.ts', "import { parse } from 'yaml';"],
        ['src/prompt/a.ts', 'const now = Date.now();'],
        ['src/job/a.ts', 'const now = new Date();'],
        ['src/job/a.ts', 'const id = Math.random();'],
        ['src/job/a.ts', 'const x = process.pid;'],
        ['src/prompt/a.ts', 'setTimeout(f, 1);'],
        ['src/prompt/a.ts', 'const x = crypto.randomUUID();'],
      ],
      good: [
        [
          'src/job/a.ts',
          'const ms = Date.parse(text); const iso = new Date(ms).toISOString(); // Math.random',
        ],
        ['src/gate/a.ts', 'const now = Date.now();'],
      ],
    },
    'no path merges': {
      bad: [
        ['src/forge/forge.ts', 'interface Forge { merge(): void }'],
        ['src/forge/github.ts', "request('PUT', `/pulls/${n}/merge`);"],
        ['src/forge/github.ts', 'const autoMerge = true;'],
        ['src/runner/a.ts', "request('/repos/o/n/pulls/1/merge');"],
        ['src/server/a.ts', "const q = 'mutation { mergePullRequest }';"],
      ],
      good: [
        ['src/forge/forge.ts', '/** There is no merge. */ interface Forge { propose(): void }'],
        ['src/workspace/a.ts', "git(['merge-base', a, b]);"],
      ],
    },
    'bounds have their unit in their name': {
      bad: [
        ['src/gate/a.ts', 'const timeout = 5;'],
        ['src/gate/a.ts', 'interface O { readonly timeout: number }'],
        ['src/gate/a.ts', 'interface O { maxSize?: number }'],
        ['src/gate/a.ts', 'f({ interval: 5000 });'],
        ['src/gate/a.ts', 'f({ delay });'],
        ['src/gate/a.ts', 'function f(delay: number) {}'],
      ],
      good: [
        ['src/gate/a.ts', "const timeoutMs = 5; type End = 'timeout' | 'idle_timeout';"],
        ['src/store/a.ts', 'new DatabaseSync(path, { timeout: busyTimeoutMs });'],
        ['src/gate/a.ts', "const WORDS = { timeout: 'it took too long' };"],
        [
          'src/gate/a.ts',
          'const o = { forkTimeout: 120, forkPollInterval: 5 }; AbortSignal.timeout(waitMs);',
        ],
      ],
    },
    'files and folders are small': {
      bad: [['src/job/a.ts', 'x;\n'.repeat(401)]],
      good: [['src/job/a.ts', 'x;\n'.repeat(400)]],
    },
    'every file begins by saying what it is': {
      bad: [
        ['src/job/a.ts', 'const x = 1; // late'],
        ['src/job/a.ts', ''],
      ],
      good: [
        ['src/job/a.ts', '/** What it is. */\nconst x = 1;'],
        ['src/job/a.ts', '#!/usr/bin/env node\n// What it is.'],
      ],
    },
  };

  const cases = (which: 'bad' | 'good') =>
    Object.entries(plants).flatMap(([rule, plant]) =>
      plant[which].map(([path, text]) => [rule, path, text.slice(0, 100), text] as const),
    );

  it.each(cases('bad'))('%s: %s with %j is found', (rule, path, _shown, text) => {
    const said = found(rule, [path, text]);
    expect(said.length).toBeGreaterThan(0);
    expect(said[0]).toContain(path);
  });

  it.each(cases('good'))('%s: %s with %j is left alone', (rule, path, _shown, text) => {
    expect(found(rule, [path, text])).toEqual([]);
  });

  it('cycles are found across files, but not through types or lazy imports', () => {
    const rule = 'no module waits for itself to load';
    const back = (text: string): readonly (readonly [string, string])[] => [
      ['src/job/a.ts', "import { b } from './b.ts';"],
      ['src/job/b.ts', "import { c } from './c.ts';"],
      ['src/job/c.ts', text],
    ];
    expect(found(rule, ...back("import { a } from './a.ts';"))).toEqual([
      'import cycle: src/job/a.ts -> src/job/b.ts -> src/job/c.ts -> src/job/a.ts',
    ]);
    expect(found(rule, ...back("export { a } from './a.ts';"))).toHaveLength(1);
    expect(found(rule, ...back("import type { A } from './a.ts';"))).toEqual([]);
    expect(found(rule, ...back("const a = () => import('./a.ts');"))).toEqual([]);
  });

  it('crowded folders are found', () => {
    const crowd = Array.from({ length: 11 }, (_, at) => [`src/gate/f${at}.ts`, '// x'] as const);
    expect(found('files and folders are small', ...crowd)).toEqual([
      'src/gate: 11 files (at most 10); split it by noun',
    ]);
    expect(found('files and folders are small', ...crowd.slice(1), ['src/gate/deep/f.ts', '// x'])).toEqual(
      [],
    );
  });

  it('every rule has a plant', () => {
    expect([...Object.keys(plants), 'no module waits for itself to load'].toSorted()).toEqual(
      Object.keys(RULES).toSorted(),
    );
  });

  it('a missing invariant is found, and 1 is not 11', () => {
    const page = Array.from({ length: INVARIANTS }, (_, at) => `Invariant ${at + 1}. Words.`).join('\n');
    expect(missingInvariants(page)).toEqual([]);
    expect(missingInvariants(page.replace('Invariant 1.', ''))).toEqual(['Invariant 1']);
    expect(missingInvariants('')).toHaveLength(12);
  });

  it('no door leads around the rules: what may be imported has a row too', () => {
    for (const { may, types = [], lazy = [] } of Object.values(DOORS)) {
      for (const to of [...may, ...types, ...lazy]) expect(Object.keys(DOORS)).toContain(to);
    }
    expect(['src/job/job.ts', 'src/config.ts', 'src/config/host.ts', 'src/gate/a/b.ts'].map(roomOf)).toEqual([
      'job',
      'config',
      'config',
      'gate',
    ]);
  });
});
