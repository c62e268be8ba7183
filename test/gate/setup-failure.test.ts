/** What a failed setup says of itself: the tool that is missing, the server that was not reached. */
import { describe, expect, test } from 'vitest';
import { detectSetup } from '../../src/gate/setup/setup.ts';
import { explainSetup, type OutsideCause } from '../../src/gate/setup/failure.ts';
import { memoryFiles } from './memory-files.ts';

describe('a failed setup names', () => {
  const CASES: readonly (readonly [output: string, cause: OutsideCause | null, named: RegExp | null])[] = [
    [
      'sh: 1: poetry: not found',
      'missing_tool',
      /the tool poetry is missing; install it with: pip install poetry$/,
    ],
    ['/bin/bash: line 1: frob: command not found', 'missing_tool', /the tool frob is missing$/],
    [
      `npm error code 127\nnpm error command failed\nnpm error sh: 1: cmake: not found\n${'npm error more\n'.repeat(60)}`,
      'missing_tool',
      /the tool cmake is missing; install it with: apt-get install cmake$/,
    ],
    [
      `gyp ERR! stack Error: not found: make\n${'gyp ERR! not ok\n'.repeat(100)}`,
      'missing_tool',
      /the tool make is missing/,
    ],
    ['error: linker `cc` not found', 'missing_tool', /build-essential$/],
    ["  error: command 'gcc' failed: No such file or directory", 'missing_tool', /the tool gcc is missing/],
    [
      'cgo: C compiler: exec: "gcc": executable file not found in $PATH',
      'missing_tool',
      /the tool gcc is missing/,
    ],
    [
      'npm error code ENOTFOUND\nnpm error network request failed',
      'unreachable',
      /a server could not be reached$/,
    ],
    [
      "fatal: unable to access 'x': Could not resolve host: git.example",
      'unreachable',
      /could not be reached$/,
    ],
    ['src/a.ts(1,2): error TS2304: Cannot find name x', null, null],
    ['ERROR: not found: the file x', null, null],
  ];
  test.each(CASES)('%s', (output, cause, named) => {
    const trouble = explainSetup('setup: `x` failed (exit code 1)', 'the end', output);
    const [first, ...rest] = trouble.message.split('\n');
    expect(trouble.cause).toBe(cause);
    if (named === null) expect(first).toBe('setup: `x` failed (exit code 1)');
    else expect(first).toMatch(named);
    expect(rest).toEqual(['the end']);
  });
});

describe('a setup that runs the repository’s own code may be mended by any change', () => {
  const DEPENDS = { dependencies: { a: '1' } };
  const CASES: readonly (readonly [name: string, tree: Readonly<Record<string, string>>, own: boolean])[] = [
    ['npm', { 'package.json': JSON.stringify(DEPENDS) }, false],
    [
      'npm with prepare',
      { 'package.json': JSON.stringify({ ...DEPENDS, scripts: { prepare: 'tsc' } }) },
      true,
    ],
    ['requirements', { 'requirements.txt': 'a\n', 'test_a.py': '' }, false],
    ['an editable install', { 'pyproject.toml': '[project]\nname = "a"\n[build-system]\n' }, true],
    ['a hook of pnpm', { 'package.json': JSON.stringify(DEPENDS), '.pnpmfile.cjs': '' }, true],
    ['a plug-in of yarn', { 'package.json': JSON.stringify(DEPENDS), '.yarnrc.yml': '' }, true],
    ['MSBuild', { 'a.csproj': '<Project/>' }, true],
    ['Cargo', { 'Cargo.toml': '' }, false],
    ['Maven', { 'pom.xml': '<project/>' }, true],
    ['Cargo and Maven', { 'Cargo.toml': '', 'pom.xml': '<project/>' }, true],
  ];
  test.each(CASES)('%s', async (_name, tree, own) => {
    expect((await detectSetup(memoryFiles(tree)))?.runsOwnCode).toBe(own);
  });
});

describe('Maven’s setup', () => {
  test.each([
    ['<project/>', 'test'],
    ['<project><plugin>maven-failsafe-plugin</plugin></project>', 'verify'],
  ])('runs the goal of the check, and go-offline only after it: %s', async (pom, goal) => {
    const plan = await detectSetup(memoryFiles({ 'pom.xml': pom, mvnw: '' }));
    const ways = plan?.commands.join('\n').split(' || ') ?? [];
    expect(ways[0]).toMatch(new RegExp(`^sh ./mvnw -B -q --fail-at-end .* ${goal}$`));
    expect(ways[0]).not.toContain('go-offline');
    expect(ways.slice(1)).toEqual([
      'sh ./mvnw -B -q dependency:go-offline',
      'sh ./mvnw -B -q dependency:resolve',
    ]);
  });
});
