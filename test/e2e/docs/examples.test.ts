/** Every marked example of the documents is run, and prints what is written there. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { BIN, HAS_BUBBLEWRAP, ROOT, userPath } from '../cli.ts';
import type { TestForge } from '../../forge/forge.ts';
import { startDocumentedForge, withApp, withToken } from './forge.ts';
import { install } from './installed.ts';
import { driftOf, isAsWritten, readPage, runPage, type Page, type Printed } from './examples.ts';

/** What nobody should have to find out by trying; each has a page with an example. */
const TOPICS: Readonly<Record<string, string>> = {
  gate: 'docs/gate.md',
  baseline: 'docs/baseline.md',
  'tamper guard': 'docs/tamper-guard.md',
  outcomes: 'docs/outcomes.md',
  configuration: 'docs/configuration.md',
  recovery: 'docs/recovery.md',
  'HTTP API': 'docs/api.md',
  library: 'docs/library.md',
  GitHub: 'docs/github.md',
  'GitHub Actions': 'docs/actions.md',
  triggers: 'docs/triggers.md',
  pipelines: 'docs/pipelines.md',
};

/** Pages that are run against a forge. */
const ON_FORGE: Readonly<Record<string, typeof withToken>> = {
  'docs/github.md': withApp,
  'docs/actions.md': withToken,
  'docs/triggers.md': withToken,
  'docs/pipelines.md': withToken,
};

/** Pages that run beside each other. */
const PAGES_AT_ONCE = 4;

const PATHS = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const PAGES: ReadonlyMap<string, Page> = new Map(
  PATHS.map((path) => [path, readPage(readFileSync(join(ROOT, path), 'utf8'))] as const),
);
const WITH_EXAMPLES = [...PAGES].filter(([, { blocks }]) => blocks.length > 0);

/** A heading's anchor, as forges make it. */
function anchorOf(heading = ''): string {
  return heading
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-');
}

describe('the pages', () => {
  it.each(PATHS)('%s marks every console block, and every mark has its block', (path) => {
    expect(PAGES.get(path)?.problems).toEqual([]);
  });

  it.each(Object.entries(TOPICS))('the %s has a page with an example, and the README links it', (_, path) => {
    expect(PAGES.get(path)?.blocks.filter((one) => one.kind === 'example')).not.toEqual([]);
    expect(readFileSync(join(ROOT, 'README.md'), 'utf8')).toContain(`](${path})`);
  });

  it.each(PATHS)('%s links to pages and headings that are there', (path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    for (const [link, target = '', anchor] of text.matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]+))?\)/g)) {
      const file = target === '' ? path : join(dirname(path), target);
      expect(existsSync(join(ROOT, file)), link).toBe(true);
      if (anchor === undefined) continue;
      const headings = readFileSync(join(ROOT, file), 'utf8').matchAll(/^#+ (.+)$/gm);
      expect(
        Array.from(headings, ([, heading]) => anchorOf(heading)),
        link,
      ).toContain(anchor);
    }
  });

  it('write no file that no example uses', () => {
    for (const [path, { blocks }] of WITH_EXAMPLES)
      expect([path, blocks.at(-1)?.kind]).toEqual([path, 'example']);
  });
});

/** What the shop of a page has besides: the pipeline that it shows, and a check that costs next to nothing. */
function filesFor(path: string): Readonly<Record<string, string>> {
  const shown = PAGES.get(path)?.blocks.find((one) => one.kind === 'file' && one.name === 'checks.yml');
  return path === 'docs/pipelines.md' && shown?.kind === 'file'
    ? {
        '.agent-runner.yml': 'gate:\n  checks:\n    - name: test\n      command: node sum.test.mjs\n',
        '.agent-runner/pipelines/ci.yml': shown.text,
      }
    : {};
}

/** A folder as a reader has it: the clone beside it, git with a name, and the command on the PATH. */
function openPlace(root: string, path: string): { cwd: string; env: Record<string, string> } {
  const folder = join(root, path.replaceAll('/', '-'));
  const cwd = join(folder, 'here');
  const [tools, tmp, config] = ['tools/bin', 'tmp', 'config'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const one of [cwd, tools, tmp, config]) mkdirSync(one, { recursive: true });
  symlinkSync(ROOT, join(cwd, 'agent-runner'));
  const wrapper = join(tools, 'agent-runner');
  writeFileSync(wrapper, `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`);
  chmodSync(wrapper, 0o755);
  if (path === 'docs/library.md') {
    install(cwd);
    symlinkSync(process.execPath, join(tools, 'node'));
  }
  const git = join(folder, 'gitconfig');
  writeFileSync(git, '[user]\nname = You\nemail = you@example.org\n[init]\ndefaultBranch = main\n');
  return {
    cwd: path === 'README.md' ? ROOT : cwd,
    env: {
      PATH: `${tools}:${userPath()}`,
      HOME: homedir(),
      TMPDIR: tmp,
      XDG_CONFIG_HOME: config,
      AGENT_RUNNER_HOME: join(folder, 'home'),
      GIT_CONFIG_GLOBAL: git,
      NO_COLOR: '1',
      LANG: 'C.UTF-8',
    },
  };
}

describe.skipIf(!HAS_BUBBLEWRAP)('the examples, run (apt-get install bubblewrap)', () => {
  const root = mkdtempSync(join(tmpdir(), 'agent-runner-docs-'));
  const ran = new Map<string, ReadonlyMap<string, Printed>>();
  const forges = new Map<string, TestForge>();
  beforeAll(async () => {
    for (const path of Object.keys(ON_FORGE))
      forges.set(path, await startDocumentedForge(path === 'docs/triggers.md', filesFor(path)));
    // Some at a time: pages wait for processes, and share nothing.
    const left = [...WITH_EXAMPLES];
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next !== undefined; next = left.pop()) {
        const [path, { blocks }] = next;
        const place = openPlace(root, path);
        const forge = forges.get(path);
        const on = ON_FORGE[path];
        const there = forge === undefined || on === undefined ? place : on(place, forge);
        ran.set(path, await runPage(blocks, there));
      }
    };
    await Promise.all(Array.from({ length: PAGES_AT_ONCE }, work));
  }, 300_000);
  afterAll(async () => {
    rmSync(root, { recursive: true, force: true });
    for (const forge of forges.values()) await forge.close();
  });

  const examples = WITH_EXAMPLES.flatMap(([path, { blocks }]) =>
    blocks.flatMap((block, at) => (block.kind === 'example' ? [[path, block.name, block, at] as const] : [])),
  );
  it.each(examples)('%s: %s', (path, _name, block, at) => {
    expect(driftOf(block, at, ran.get(path) ?? new Map())).toBe('');
  });
});

describe('an example', () => {
  const page = (...lines: readonly string[]): Page => readPage(lines.join('\n'));
  const MARK = '<!-- example: one -->';

  it.each([
    ['without its mark', ['```console', '$ date', 'x', '```']],
    ['with a mark that is misspelt', ['<!-- exmaple: one -->', '```console', '$ date', 'x', '```']],
    ['that is indented out of sight of its mark', [MARK, '', '  ```console', '$ date', 'x', '```']],
    ['that is no console block', [MARK, '```sh', 'date', '```']],
    ['that is gone', [MARK, 'text']],
    ['without a command', [MARK, '```console', 'x', '```']],
    ['that compares nothing', [MARK, '```console', '$ date', '…', '```']],
    [
      'of a name that is taken',
      [MARK, '```console', '$ a', 'x', '```', MARK, '```console', '$ b', 'x', '```'],
    ],
  ])('%s is found', (_, lines) => {
    expect(page(...lines).problems).toHaveLength(lines.includes('') ? 2 : 1);
  });

  it('is read with its lines that go on, and the file before it', () => {
    expect(
      page(
        '<!-- file: a.txt -->',
        '```',
        'hello',
        '```',
        '',
        MARK,
        '```console',
        '$ cat \\',
        '>   a.txt',
        'hello',
        '',
        '$ true',
        '```',
      ),
    ).toEqual({
      problems: [],
      blocks: [
        { kind: 'file', name: 'a.txt', text: 'hello\n' },
        {
          kind: 'example',
          name: 'one',
          typed: [
            { command: 'cat \\\n  a.txt', output: ['hello'] },
            { command: 'true', output: [] },
          ],
        },
      ],
    });
  });

  it.each([
    [['a  b'], ['a     b'], true],
    [['a … c'], ['a 12ms c'], true],
    [['a … c'], ['a c'], false],
    [['a (b)'], ['a (b)'], true],
    [['a.b'], ['axb'], false],
    [['…', 'b'], ['x', 'y', 'b'], true],
    [['…', 'b'], ['b'], true],
    [['…', 'b'], ['b', 'c'], false],
    [['a', '…'], ['a'], true],
    [['a'], ['a', 'b'], false],
    [['a', 'b'], ['a'], false],
    [[], ['a'], false],
  ])('that says %j is met by %j: %j', (wanted, printed, met) => {
    expect(isAsWritten(wanted, printed)).toBe(met);
  });

  it('fails when it drifts, never runs, or hides how it ends; nothing of one that is as written', async () => {
    const place = { cwd: tmpdir(), env: { PATH: process.env['PATH'] ?? '' } };
    const drift = async (...lines: readonly string[]): Promise<string> => {
      const [block] = page(MARK, '```console', ...lines, '```').blocks;
      if (block?.kind !== 'example') throw new Error('no example');
      return driftOf(block, 0, await runPage([block], place));
    };
    expect(await drift('$ echo a; echo b >&2', 'a', 'b', '$ (exit 3)', '$ echo $?', '3')).toBe('');
    expect(await drift('$ x=4', '$ echo $x', '4')).toBe('');
    expect(await drift('$ echo a', 'b')).toContain('printed\na\ninstead of\nb');
    expect(await drift('$ echo a; (exit 3)', 'a')).toContain('ends with 3');
    expect(await drift('$ exit 0', '$ echo a', 'a')).toContain('never ran');
  });
});
