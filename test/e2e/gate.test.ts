/** `gate`: any branch judged without an agent, in every form it can be printed in. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Judgement } from '../../src/runner/look/gate/judge.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, processesWith, ROOT, userPath, type Bench, type Ran } from './cli.ts';

let bench: Bench;
let repo: string;
beforeEach(() => {
  bench = openBench();
  repo = makeRepository(join(bench.root, 'repo'), {
    'package.json': JSON.stringify({ name: 'p', type: 'module', scripts: { test: 'node --test' } }),
    'add.js': 'export const add = (a, b) => a + b;\n',
    'add.test.js':
      "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from './add.js';\ntest('adds', () => assert.equal(add(1, 2), 3));\n",
  });
  sh(repo, 'switch', '--quiet', '--create', 'work');
});
afterEach(() => bench.remove());

function commit(files: Readonly<Record<string, string>>): void {
  write(repo, files);
  sh(repo, 'add', '--all');
  sh(repo, 'commit', '--quiet', '--message', 'work');
}

async function gate(...args: string[]): Promise<Ran> {
  return bench.run(['gate', ...args], {}, repo);
}

describe('gate', () => {
  it('judges the current branch against where it left the default branch', async () => {
    commit({ 'add.js': 'export const add = () => 0;\n' });
    commit({ 'notes.md': 'x\n' });
    const ran = await gate('--json');
    const judgement = JSON.parse(ran.stdout) as Judgement;
    expect(judgement).toMatchObject({
      base_sha: sh(repo, 'rev-parse', 'main'),
      head_sha: sh(repo, 'rev-parse', 'work'),
      report: {
        verdict: 'red',
        checks: [{ name: 'test', base: 'passed', head: 'failed', verdict: 'failed' }],
      },
    });
    expect(ran.code).toBe(1);
    expect(sh(repo, 'for-each-ref', '--format=%(refname)').split('\n')).toEqual([
      'refs/heads/main',
      'refs/heads/work',
    ]);
    expect(JSON.parse((await bench.run(['list', '--json'])).stdout)).toEqual({ jobs: [] });
  });

  it.each([
    ['a named report', 'out/report.xml', 'report: out/report.xml', 'notes.md'],
    ['Surefire’s, where there is a pom.xml', 'target/surefire-reports/TEST-A.xml', 'kind: test', 'pom.xml'],
  ])('reads %s that a check wrote, whatever the checkout is made of', async (_name, path, more, beside) => {
    const suite = (...names: string[]): string =>
      `<testsuite>${names.map((name) => `<testcase classname="A" name="${name}"/>`).join('')}</testsuite>`;
    const command = `mkdir -p ${dirname(path)} && cat tests.xml > ${path}`;
    const config = `gate:\n  checks:\n    - name: test\n      command: ${command}\n      ${more}\n`;
    sh(repo, 'switch', '--quiet', 'main');
    commit({ '.agent-runner.yml': config, [beside]: '<project/>', 'tests.xml': suite('a', 'b') });
    sh(repo, 'switch', '--quiet', '--create', 'more');
    commit({ 'tests.xml': suite('a', 'b', 'c') });
    const { report } = JSON.parse(
      (await gate('--base', 'main', '--setup', '', '--json')).stdout,
    ) as Judgement;
    expect(report.checks).toMatchObject([{ base_tests: { passed: 2 }, head_tests: { passed: 3 } }]);
  });

  it('prints a table, Markdown and JUnit XML, with foreign text made harmless', async () => {
    commit({
      'add.js': 'export const add = () => 0;\n',
      'x.test.js':
        "import test from 'node:test';\ntest('<b>|`]]>&\\u001b[31m', () => { throw new Error('no'); });\n",
    });
    const table = await gate('--base', 'main', '--head', 'work');
    expect(table.stdout).toMatch(/gate: red/);
    expect(table.stdout).toMatch(/test +passed +failed +failed/);
    const junit = await gate('--format', 'junit');
    expect(junit.stdout).toMatch(/^<\?xml/);
    expect(junit.stdout).toMatch(/failures="1"/);
    expect(junit.stdout).toContain('&lt;b&gt;');
    expect(junit.stdout).not.toContain('\u001b');
    const markdown = await gate('--format', 'markdown');
    expect(markdown.stdout).toMatch(/^## Gate: red/);
    expect(markdown.stdout).not.toContain('<b>');
  });

  it('is green, exit 0, for an honest change, and names a cheat, exit 1', async () => {
    commit({ 'add.js': 'export const add = (a, b) => b + a;\n' });
    expect((await gate()).code).toBe(0);
    commit({
      'add.js': 'export const add = () => 0;\n',
      'add.test.js': "import test from 'node:test';\ntest.skip('adds', () => {});\n",
    });
    const cheat = await gate();
    expect(cheat.code).toBe(1);
    expect(cheat.stdout).toMatch(/block: add\.test\.js/);
    expect((await gate('--on-tamper', 'allow')).code).toBe(0);
  });

  it('says in its first line what the exit code says: green, but blocked', async () => {
    commit({ 'add.test.js': "import test from 'node:test';\ntest.skip('adds', () => {});\n" });
    const cheat = await gate();
    expect(cheat.code).toBe(1);
    expect(cheat.stdout).toMatch(/^gate: green, blocked by the tamper guard$/m);
    expect(cheat.stderr).toMatch(/gate 1: green, with a blocking finding[^]*block: add\.test\.js:\d+ /);
    expect((await gate('--format', 'markdown')).stdout).toMatch(
      /^## Gate: green, blocked by the tamper guard$/m,
    );
  });

  it('ends with 130 and a word when it is cancelled: no stack, no agent, and no process is left', async () => {
    commit({ 'add.js': 'export const add = (a, b) => b + a;\n' });
    const marker = `${Date.now() % 1e6}.123`;
    const running = bench.start(['gate', '--check', `slow=sleep ${marker}`], {}, repo);
    await running.seen('checks: slow');
    for (let waited = 0; processesWith(`sleep ${marker}`).length === 0; waited++) {
      expect(waited, 'the check never ran').toBeLessThan(3000);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    running.child.kill('SIGINT');
    const ran = await running.done;
    expect(ran.code, ran.stderr).toBe(130);
    expect(ran.stderr).toMatch(/^cancelling \(once more to stop at once\)$/m);
    expect(ran.stderr).toMatch(/^agent-runner: cancelled$/m);
    expect(ran.stderr).not.toMatch(/the agent|^ {4}at /m);
    expect(processesWith(`sleep ${marker}`)).toEqual([]);
    const running2 = bench.start(['gate', '--check', `slow=sleep ${marker}`, '--json'], {}, repo);
    await running2.seen('checks: slow');
    running2.child.kill('SIGTERM');
    const second = await running2.done;
    expect(second.code, second.stderr).toBe(130);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { code: 'cancelled', hint: null } });
  });

  it('runs base’s tests beside head’s: what text can’t tell is seen by running', async () => {
    commit({
      'add.js': 'export const add = () => 0;\n',
      'add.test.js':
        "import test from 'node:test';\nimport assert from 'node:assert';\nimport { add } from './add.js';\ntest('adds', () => { if (add) return; assert.equal(add(1, 2), 3); });\n",
    });
    const ran = await gate('--json');
    const { report } = JSON.parse(ran.stdout) as Judgement;
    expect(report.verdict).toBe('green');
    expect(report.tamper).toContainEqual(
      expect.objectContaining({
        kind: 'base_tests_fail',
        severity: 'draft',
        file: 'add.test.js',
        detail: expect.stringContaining('adds') as string,
      }),
    );
    expect(ran.stderr).toMatch(/test +\(with base's tests\)/);
  });

  it('never passes what nothing verified, unless the policy opens it', async () => {
    commit({ 'add.js': '//\n' });
    expect((await gate('--check', 'lint=no-such-tool')).code).toBe(7);
    expect((await gate('--check', 'lint=no-such-tool', '--on-inconclusive', 'open')).code).toBe(0);
  });

  it('says that uncommitted edits are not judged, and calls revisions by the names they were given', async () => {
    commit({ 'add.js': 'export const add = (a, b) => b + a;\n' });
    write(repo, { 'add.js': 'broken(\n', 'new.js': 'mine\n' });
    const ran = await gate('--base', 'main', '--json');
    const judgement = JSON.parse(ran.stdout) as Judgement;
    expect(judgement).toMatchObject({ base: 'main', head: 'HEAD', report: { verdict: 'green' } });
    expect(judgement.notices).toEqual([
      'only commits are judged; uncommitted changes are not: add.js, new.js',
    ]);
    expect(ran.stderr).toMatch(/note: only commits are judged/);
    const other = JSON.parse((await gate('--base', 'work', '--head', 'main', '--json')).stdout) as Judgement;
    expect(other.notices).toEqual([]);
    const same = await gate('--base', 'work');
    expect(same.stderr).toMatch(/head: HEAD is the base itself/);
    expect(same.stderr).not.toMatch(/stay out of this job/);
    expect(same.stderr).toMatch(/commit your changes first, only commits are judged: add\.js/);
  });

  it('says of a repository with one commit and edits on top that they have to be committed', async () => {
    write(repo, { 'add.js': 'broken(\n' });
    const only = await gate();
    expect(only.code).toBe(64);
    expect(only.stderr).toMatch(/head: HEAD is the base itself[\s\S]*commit your changes first[^\n]*add\.js/);
    expect(only.stderr).not.toMatch(/stay out of this job/);
  });

  it('names what can’t be judged', async () => {
    const same = await gate('--base', 'work');
    expect([same.code, same.stderr]).toEqual([64, expect.stringMatching(/is the base itself/)]);
    const nowhere = await gate('--head', 'nowhere');
    expect([nowhere.code, nowhere.stderr]).toEqual([64, expect.stringMatching(/"nowhere" is no revision/)]);
    expect((await gate('--head', '--upload-pack=touch pwned')).code).toBe(64);
    expect((await gate('--format', 'pdf')).stderr).toMatch(/allowed: table, json, junit, markdown/);
  });
});

const HAS_GO = userPath()
  .split(':')
  .some((folder) => existsSync(join(folder, 'go')));
if (!HAS_GO && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1')
  throw new Error('Go is missing: apt-get install golang-go');

// Go looks a package up in its build cache, and writes it there, once its files are two seconds old. Their age is
// set here, so that nothing depends on how long a checkout took.
describe.skipIf(!HAS_GO || !HAS_BUBBLEWRAP)('Go’s build cache (apt-get install golang-go bubblewrap)', () => {
  const made = (date: string): string => `find . -maxdepth 1 -type f -exec touch -d ${date} {} +`;
  const [OLD, YOUNG] = [made('2001-01-01'), made('2037-01-01')];
  let cache: string;

  /** A Go module on `main`, judged by `settings`, and a branch that changes its code and its tests. */
  function makeModule(settings: (cache: string) => string): void {
    cache = join(bench.root, 'cache');
    repo = makeRepository(join(bench.root, 'go'), {
      'go.mod': 'module example.org/q\n\ngo 1.21\n',
      'q.go': '// Package q counts.\npackage q\n\n// Two is two.\nfunc Two() int { return 2 }\n',
      'q_test.go': 'package q\n\nvar want = 2\n',
      '.agent-runner.yml': settings(cache),
    });
    const env = { PATH: userPath(), HOME: join(bench.root, 'own'), GOCACHE: cache };
    execFileSync('go', ['vet', './...'], { cwd: repo, env });
    const readable = JSON.stringify({ sandbox: { ro_paths: [cache] } });
    write(bench.root, { 'config/agent-runner/config.yml': readable });
    sh(repo, 'switch', '--quiet', '--create', 'work');
    commit({
      'q.go': 'package q\n\n// Two is changed.\nfunc Two() int { return 1 + 1 }\n',
      'q_test.go': 'package q\n\nvar want, changed = 2, 2\n',
    });
  }

  async function judged(...checks: string[]): Promise<Judgement> {
    const flags = checks.flatMap((check) => ['--check', check]);
    const ran = await gate('--base', 'main', '--sandbox', 'bubblewrap', '--json', ...flags);
    return JSON.parse(ran.stdout) as Judgement;
  }

  it('that can’t be written makes a check inconclusive, and accuses nobody', async () => {
    makeModule((path) => `setup: false\ngate: { env: { GOCACHE: ${JSON.stringify(path)} } }\n`);
    const restored = 'grep -q changed q.go && ! grep -q changed q_test.go';
    const { report } = await judged(
      `young=${YOUNG} && go vet ./...`,
      `old=${OLD} && go vet ./...`,
      `restored=if ${restored}; then ${OLD}; else ${YOUNG}; fi && go vet ./...`,
    );
    expect(report.checks).toMatchObject([
      { name: 'young', base: 'passed', head: 'passed', verdict: 'passed' },
      { name: 'old', base: 'inconclusive', head: 'inconclusive', verdict: 'inconclusive' },
      { name: 'restored', base: 'passed', head: 'passed', verdict: 'passed' },
    ]);
    expect(report.checks[1]?.reason).toContain(`its build cache (${cache}: read-only file system)`);
    expect(report.tamper.map((finding) => finding.kind)).not.toContain('base_tests_fail');
  });

  it('of a checkout’s own, as the corpus has it, serves files of every age', async () => {
    const settings = readFileSync(join(ROOT, 'corpus/repositories/go-queue/.agent-runner.yml'), 'utf8');
    makeModule((path) => settings.replaceAll('{{shared}}/go', path));
    const { report } = await judged(`young=${YOUNG} && go vet ./...`, `old=${OLD} && go vet ./...`);
    expect(report.verdict).toBe('green');
    expect(report.checks.map(({ base, head }) => [base, head])).toEqual([
      ['passed', 'passed'],
      ['passed', 'passed'],
    ]);
  });
});
