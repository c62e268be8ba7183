/** What checks need offline: no hook that asks a registry, and the tools that setup fetched, in the repository's versions. */
import { describe, expect, test } from 'vitest';
import { detectChecks } from '../../src/gate/detect/detect.ts';
import { detectSetup } from '../../src/gate/setup/setup.ts';
import { isPythonTest } from '../../src/gate/project/python-project.ts';
import { findTampering } from '../../src/gate/tamper/tamper.ts';
import { memoryFiles } from './memory-files.ts';

function pkg(scripts: Readonly<Record<string, string>>, more: object = {}): string {
  return JSON.stringify({ name: 'x', scripts, ...more });
}

describe('pre and post scripts', () => {
  const CASES: readonly (readonly [
    name: string,
    scripts: Readonly<Record<string, string>>,
    command: string,
  ])[] = [
    ['npm audit', { posttest: 'npm audit --omit=dev' }, 'npm run --silent --ignore-scripts test'],
    [
      'a pinned npm, and a build before',
      { pretest: 'tsc -p .', posttest: "npx npm@'>=10.2' audit --production" },
      'npm run --silent pretest && npm run --silent --ignore-scripts test',
    ],
    [
      'an audit before, a coverage check after',
      { pretest: 'npx aud --production', posttest: 'c8 check-coverage' },
      'npm run --silent --ignore-scripts test && npm run --silent posttest',
    ],
    ['none that audits', { pretest: 'npm run lint', posttest: 'node audit.js' }, 'npm run --silent test'],
  ];
  test.each(CASES)('%s', async (_name, hooks, command) => {
    const files = memoryFiles({ 'package.json': pkg({ test: 'tape test/*.js', ...hooks }) });
    const found = await detectChecks(files);
    expect(found.checks.map((check) => check.command)).toEqual([command]);
    // The guard still knows which scripts the gate calls.
    const head = memoryFiles({ 'package.json': pkg({ test: 'true', ...hooks }) });
    const changes = [{ path: 'package.json', oldPath: null, status: 'modified' as const }];
    const tampered = await findTampering({ changes, base: files, head, checks: found.checks });
    expect(tampered.map((finding) => finding.severity)).toContain('block');
    const skipped = found.findings.filter((finding) => finding.check === null);
    expect(skipped.length > 0).toBe(command.includes('--ignore-scripts'));
  });

  test('other package managers are left as they are', async () => {
    const files = memoryFiles({
      'package.json': pkg({ test: 'tape', posttest: 'yarn audit' }),
      'yarn.lock': '',
    });
    expect((await detectChecks(files)).checks.map((check) => check.command)).toEqual(['yarn run test']);
  });
});

describe('tool caches', () => {
  const LOCKED = pkg({ test: 'jest' }, { devDependencies: { jest: '1' } });
  test.each([
    ['pnpm-lock.yaml', ['.cache/node/corepack', '.local/share/pnpm/.tools']],
    ['yarn.lock', ['.cache/node/corepack']],
    ['package-lock.json', []],
  ])('%s keeps the package manager that setup fetched', async (lock, caches) => {
    const plan = await detectSetup(memoryFiles({ 'package.json': LOCKED, [lock]: '' }));
    expect(plan?.homeCaches).toEqual(caches);
  });

  test('Go keeps what it compiled', async () => {
    const plan = await detectSetup(memoryFiles({ 'go.mod': 'module x\n' }));
    expect(plan?.homeCaches).toEqual(['go/pkg/mod', '.cache/go-build']);
  });
});

test('test.py in the root is what unittest finds; in a package it may be anything', async () => {
  const text = 'import unittest\n\nclass A(unittest.TestCase):\n    def test_a(self):\n        pass\n';
  const files = memoryFiles({ 'setup.py': '', 'test.py': text, 'x/__init__.py': '' });
  const { checks } = await detectChecks(files);
  expect(checks.map((check) => check.command)).toEqual(['python3 -m unittest -v']);
  expect(isPythonTest('x/test.py')).toBe(false);
});

describe('versions that pre-commit names', () => {
  const PRE_COMMIT = [
    'repos:',
    '  - repo: https://github.com/astral-sh/ruff-pre-commit',
    '    rev: v0.3.7',
    '    hooks: [{id: ruff}, {id: ruff-format}]',
    '  - repo: https://github.com/pre-commit/mirrors-mypy.git',
    '    rev: "v1.9.0"  # frozen',
    '    hooks: [{id: mypy}]',
    '  - repo: https://github.com/other/hooks',
    '    rev: v4.6.0',
    '  - repo: https://github.com/psf/black',
    '    rev: main; rm -rf ~',
  ].join('\n');
  // Paths come as git lists them, dots before letters.
  const TREE = {
    '.pre-commit-config.yaml': PRE_COMMIT,
    'pyproject.toml': '[project]\nname = "x"\n[tool.ruff]\n[tool.black]\n[tool.mypy]\n',
  };

  test('are installed, because another formatter makes base red', async () => {
    const plan = await detectSetup(memoryFiles(TREE));
    const install = plan?.commands[1] ?? '';
    expect(install.replaceAll("'", '').split(' ').slice(-3).sort()).toEqual([
      'black',
      'mypy==1.9.0',
      'ruff==0.3.7',
    ]);
    expect(plan?.lockFiles).toContain('.pre-commit-config.yaml');
    expect(plan?.why).toBe('pyproject.toml');
  });

  test('a declared tool keeps the version it is declared with', async () => {
    const files = memoryFiles({ ...TREE, 'requirements-dev.txt': 'ruff==0.4.1\n' });
    expect((await detectSetup(files))?.commands[1]).not.toMatch(/ruff==/);
  });
});
