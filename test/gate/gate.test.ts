import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cancelled } from '../../src/job/error.ts';
import type { Check, CheckReport } from '../../src/job/gate.ts';
import { createBaselines, type BaselineCache, type GateInput, type GateSide } from '../../src/gate/gate.ts';
import { createHost } from '../../src/sandbox/host.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gate-'));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

const PATH = `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`;

interface TestSide extends GateSide {
  /** How many sandboxes were opened. */
  opened(): number;
  open_now(): number;
}

/** A side over a folder of files; every `open` copies it anew, as a clean checkout. */
function side(name: string, files: Readonly<Record<string, string>>, more: Partial<GateSide> = {}): TestSide {
  const source = join(root, name);
  mkdirSync(source, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(source, path)), { recursive: true });
    writeFileSync(join(source, path), text);
  }
  let [opened, openNow] = [0, 0];
  return {
    commit: `${name}-commit`,
    tree: `${name}-tree`,
    setupError: null,
    opened: () => opened,
    open_now: () => openNow,
    async open() {
      opened++;
      openNow++;
      const workspace = join(root, `${name}-${opened}`);
      const home = join(root, `${name}-${opened}-home`);
      cpSync(source, workspace, { recursive: true });
      mkdirSync(home);
      const sandbox = await createHost().open({ workspace, home, env: { PATH }, network: false });
      return {
        sandbox,
        env: {},
        folders: { workspace, below: [], home },
        async close() {
          openNow--;
          await sandbox.close();
        },
      };
    },
    ...more,
  };
}

function memoryCache(): BaselineCache & { readonly stored: Map<string, unknown> } {
  const stored = new Map<string, unknown>();
  return {
    stored,
    get: (key) => Promise.resolve(stored.get(key)),
    put: (key, value) => {
      stored.set(key, JSON.parse(JSON.stringify(value)));
      return Promise.resolve();
    },
  };
}

function check(name: string, command: string, more: Partial<Check> = {}): Check {
  return { name, kind: 'test', command, timeout_s: 60, ...more };
}

function input(
  checks: readonly Check[],
  base: GateSide | null,
  head: GateSide,
  more: Partial<GateInput> = {},
): GateInput {
  return {
    checks,
    base,
    head,
    fingerprint: 'machine',
    logDir: join(root, 'logs'),
    signal: new AbortController().signal,
    tamper: [],
    ...more,
  };
}

async function judgeOne(one: Check, base: GateSide | null, head: GateSide): Promise<CheckReport> {
  const report = await createBaselines(memoryCache()).runGate(input([one], base, head));
  expect(report.checks).toHaveLength(1);
  return report.checks[0] as CheckReport;
}

function nodeTests(...failing: readonly string[]): Readonly<Record<string, string>> {
  const tests = ['adds', 'subs', 'muls'].map(
    (name) => `test('${name}', () => assert.ok(${String(!failing.includes(name))}));`,
  );
  return {
    'a.test.mjs': `import test from 'node:test';\nimport assert from 'node:assert';\n${tests.join('\n')}\n`,
  };
}
const NODE = check('test', 'node --test');

describe('one check on both sides', () => {
  test('green on both', async () => {
    const report = await createBaselines(memoryCache()).runGate(
      input([NODE], side('base', nodeTests()), side('head', nodeTests())),
    );
    expect(report).toMatchObject({ verdict: 'green', commit: 'head-commit', tree: 'head-tree' });
    expect(report.checks[0]).toMatchObject({
      base: 'passed',
      head: 'passed',
      verdict: 'passed',
      new_failures: [],
    });
  });

  test('a new red test is red, by name', async () => {
    const report = await judgeOne(
      NODE,
      side('base', nodeTests('adds')),
      side('head', nodeTests('adds', 'subs')),
    );
    expect(report).toMatchObject({
      base: 'failed',
      head: 'failed',
      verdict: 'failed',
      new_failures: ['a.test.mjs: subs'],
    });
    expect(report.excerpt).toContain('subs');
    expect(readFileSync(report.log ?? '', 'utf8')).toContain('failing tests');
  });

  test('the same red test is pre-existing, though the checkouts lie elsewhere', async () => {
    const failing = { 'run.sh': 'echo "$PWD/src/a.ts:3:5 - error TS2322: no"; exit 1' };
    const one = check('types', 'sh run.sh');
    expect(await judgeOne(one, side('base', failing), side('head', failing))).toMatchObject({
      verdict: 'pre_existing',
    });
    expect(
      await judgeOne(NODE, side('base2', nodeTests('adds')), side('head2', nodeTests('adds'))),
    ).toMatchObject({ verdict: 'pre_existing' });
  });

  test('a mended test is fixed', async () => {
    expect(await judgeOne(NODE, side('base', nodeTests('adds')), side('head', nodeTests()))).toMatchObject({
      verdict: 'fixed',
    });
  });

  test('red without any name on both sides is inconclusive', async () => {
    expect(await judgeOne(check('x', 'exit 1'), side('base', {}), side('head', {}))).toMatchObject({
      verdict: 'inconclusive',
    });
  });

  test('without a baseline red is red', async () => {
    expect(await judgeOne(NODE, null, side('head', nodeTests('adds')))).toMatchObject({
      verdict: 'failed',
      base: 'not_run',
    });
  });

  test('a base that could not be set up leaves head to be judged alone', async () => {
    const base = side('base', nodeTests(), { setupError: 'npm ci failed' });
    expect(await judgeOne(NODE, base, side('head', nodeTests('adds')))).toMatchObject({ verdict: 'failed' });
    expect(await judgeOne(NODE, base, side('head2', nodeTests()))).toMatchObject({ verdict: 'passed' });
    expect(base.opened()).toBe(0);
  });

  test('a red that passes when it is run again is flaky, in a sandbox of its own', async () => {
    const marker = join(root, 'was-here');
    const one = check(
      'flaky',
      `test -e '${marker}' || { touch '${marker}'; echo 'FAILED a.py::test_x - boom'; exit 1; }; test ! -e left; touch left`,
    );
    const head = side('head', {});
    expect(await judgeOne(one, null, head)).toMatchObject({ verdict: 'flaky', head: 'passed' });
    expect(head.opened()).toBe(2);
  });

  test('of two red runs only what failed in both counts against head', async () => {
    const marker = join(root, 'was-here');
    const flaky = check(
      't',
      `echo 'FAILED a.py::test_old - x'; test -e '${marker}' || { touch '${marker}'; echo 'FAILED a.py::test_flaky - x'; }; exit 1`,
    );
    const cache = memoryCache();
    writeFileSync(marker, '');
    const baselines = createBaselines(cache);
    const base = side('base', {});
    await baselines.runBaseline({ ...input([flaky], base, base), base });
    rmSync(marker);
    const report = await baselines.runGate(input([flaky], base, side('head', {})));
    expect(report.checks[0]).toMatchObject({ verdict: 'pre_existing' });
  });
});

describe('which tests ran', () => {
  test('numbers of both sides are in the report', async () => {
    const skipping = {
      'a.test.mjs': (nodeTests()['a.test.mjs'] ?? '').replace("'adds',", "'adds', {skip: true},"),
    };
    const report = await judgeOne(NODE, side('base', nodeTests()), side('head', skipping));
    expect(report.base_tests).toEqual({ passed: 3, failed: 0, skipped: 0 });
    expect(report.head_tests).toEqual({ passed: 2, failed: 0, skipped: 1 });
  });

  test('they come from the store with the baseline, and are handed out by name', async () => {
    const cache = memoryCache();
    const told: string[] = [];
    for (let round = 0; round < 2; round++) {
      await createBaselines(cache).runGate({
        ...input(
          [NODE],
          side(`base${round}`, nodeTests(), { tree: 'same' }),
          side(`head${round}`, nodeTests('subs')),
        ),
        onRan: (_check, { base, head }) =>
          told.push([...(base?.passed ?? []), '|', ...(head?.failed ?? [])].join(' ')),
      });
    }
    expect(cache.stored.size).toBe(1);
    expect(told).toEqual(['adds muls subs | subs', 'adds muls subs | subs']);
  });

  test('a report that the check names decides which failures are new; the exit code decides the state', async () => {
    const xml = (...failing: readonly string[]): string =>
      ['a', 'b']
        .map((name) => `<testcase name="${name}">${failing.includes(name) ? '<failure/>' : ''}</testcase>`)
        .join('');
    const report = { report: 'out/*.xml' };
    const write = (text: string, code: number): Check =>
      check('t', `sleep 0.05; mkdir -p out; cp ${text} out/r.xml; exit ${code}`, report);
    const files = {
      'one.xml': `<testsuite>${xml('a')}</testsuite>`,
      'out/old.xml': `<testsuite>${xml('b')}</testsuite>`,
    };
    const more = { ...files, 'one.xml': `<testsuite>${xml('a', 'b')}</testsuite>` };
    expect(await judgeOne(write('one.xml', 1), side('base', files), side('head', more))).toMatchObject({
      verdict: 'failed',
      new_failures: ['b'],
    });
    expect(await judgeOne(write('one.xml', 0), side('base1', files), side('head1', more))).toMatchObject({
      verdict: 'passed',
      head_tests: { passed: 0, failed: 2, skipped: 0 },
    });
  });

  test('pytest’s own report is read from HOME, and the checkout stays clean', async (context) => {
    const missing = spawnSync('python3', ['-m', 'pytest', '--version']).status !== 0;
    if (missing && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') throw new Error('pip install pytest');
    context.skip(missing, 'pytest is missing: pip install pytest');
    const files = {
      'test_a.py': 'import pytest\n\ndef test_ok(): pass\n\n@pytest.mark.skip\ndef test_later(): pass\n',
    };
    const command = 'python3 -B -m pytest -q -p no:cacheprovider && test "$(ls)" = test_a.py';
    const told: unknown[] = [];
    const report = await createBaselines(memoryCache()).runGate({
      ...input([check('t', command)], null, side('head', files)),
      onRan: (_check, { head }) => told.push(head),
    });
    expect(report.verdict).toBe('green');
    expect(told).toMatchObject([
      { source: 'report', passed: ['test_a > test_ok'], skipped: ['test_a > test_later'], named: true },
    ]);
  });

  test('pytest’s option is taken back where pytest does not know it', async () => {
    const command =
      'case "$PYTEST_ADDOPTS" in *--junitxml*) echo "error: unrecognized arguments: $PYTEST_ADDOPTS"; exit 4;; esac';
    expect(await judgeOne(check('t', command), null, side('head', {}))).toMatchObject({ verdict: 'passed' });
  });
});

describe('a chain of commands', () => {
  const parts = ['sh a.sh', 'sh b.sh'];
  const chain = check('all', parts.join(' && '), { parts });
  const red = { 'a.sh': 'echo "a.js:1:1 error: old"; exit 1', 'b.sh': 'exit 0' };

  test('what its red part hides on both sides is judged by itself', async () => {
    const head = { ...red, 'b.sh': 'echo "b.js:1:1 error: new"; exit 1' };
    const report = await createBaselines(memoryCache()).runGate(
      input([chain], side('base', red), side('head', head)),
    );
    expect(report.verdict).toBe('red');
    expect(report.checks.map(({ name, verdict }) => [name, verdict])).toEqual([
      ['all', 'pre_existing'],
      ['all (1 of 2)', 'pre_existing'],
      ['all (2 of 2)', 'failed'],
    ]);
  });

  test('a green one is not taken apart', async () => {
    const green = { ...red, 'a.sh': 'exit 0' };
    const report = await createBaselines(memoryCache()).runGate(
      input([chain], side('base', green), side('head', green)),
    );
    expect(report.checks.map(({ name }) => name)).toEqual(['all']);
  });
});

describe('a base that only CI and FORCE_COLOR turn red', () => {
  const command = 'if [ "$FORCE_COLOR" = 0 ]; then echo "a.js:1:1 error: colour"; exit 1; fi; sh b.sh';

  test('is green, and so is head without them', async () => {
    const files = { 'b.sh': 'exit 0' };
    const report = await judgeOne(check('t', command), side('base', files), side('head', files));
    expect(report).toMatchObject({ base: 'passed', head: 'passed', verdict: 'passed' });
    expect(report.reason).toContain('without CI and FORCE_COLOR');
  });

  test('hides nothing that head breaks', async () => {
    const head = { 'b.sh': 'echo "b.js:1:1 error: new"; exit 1' };
    const report = await judgeOne(
      check('t', command),
      side('base', { 'b.sh': 'exit 0' }),
      side('head', head),
    );
    expect(report).toMatchObject({
      base: 'passed',
      verdict: 'failed',
      new_failures: ['b.js:<n> error: new'],
    });
  });
});

/** A check that prints a text with `\\n` and `\\t` in it, and fails. */
function say(text: string): string {
  return `printf '${text}\\n'; exit 1`;
}
/** What Go 1.26 says of a package that it looks up in a read-only cache. */
const NO_CACHE = `open /c/go/82/${'82'.repeat(32)}-d: read-only file system`;

describe('what says nothing about the code is inconclusive', () => {
  test.each([
    ['a missing tool', 'no-such-tool-here --x', /no-such-tool-here is missing/],
    [
      'a missing tool behind make',
      "printf 'test:\\n\\tno-such-tool-here\\n' > Makefile; make test",
      /missing/,
    ],
    ['a missing Python module', 'python3 -m pytest_no_such', /pytest_no_such is missing/],
    ['a program that can’t be executed', 'echo x > f; ./f', /126/],
    ['a killed process', 'kill -9 $$', /killed/],
    ['a killed child', "sh -c 'kill -9 $$'; exit $?", /137/],
    [
      'a dependency that was not prepared',
      'echo "Cannot access central (https://example.org) in offline mode and the artifact x:y:1 has not been downloaded"; exit 1',
      /x:y:1 was not prepared/,
    ],
    [
      'Go’s build cache that can’t be written, behind vet',
      say(`pattern ./...: ${NO_CACHE}`),
      /cache \(\/c\/go: /,
    ],
    [
      'Go’s build cache that can’t be written, behind test',
      say(`# ./...\\npattern ./...: ${NO_CACHE}\\nFAIL\\t./... [setup failed]\\nFAIL`),
      /cache \(\/c\/go: /,
    ],
    [
      'Go’s build cache that can’t be made',
      say('failed to initialize build cache at /c/go: mkdir /c: permission denied'),
      /cache \(\/c\/go: permission denied\)/,
    ],
  ])('%s', async (_name, command, reason) => {
    const report = await judgeOne(check('c', command), side('base', {}), side('head', {}));
    expect(report).toMatchObject({ head: 'inconclusive', verdict: 'inconclusive' });
    expect(report.reason).toMatch(reason);
  });

  test.each([
    [
      'a package that can’t be loaded',
      '# m/a\\na.go:3:8: package x is not in std\\nFAIL\\tm/a [setup failed]',
    ],
    ['one that does not compile beside it', `b.go:1:1: ${NO_CACHE}\\nFAIL\\tm/a [build failed]`],
    ['a test that prints the words', `${NO_CACHE}\\nok  \\tm/b\\t0.003s\\nFAIL\\tm/a [setup failed]`],
    ['a failing test that prints the words', `${NO_CACHE}\\nFAIL\\tm/b\\t0.003s`],
  ])('%s in Go is red', async (_name, output) => {
    const report = await judgeOne(check('c', say(output)), side('base', {}), side('head', {}));
    expect(report.head).toBe('failed');
  });

  test('a timeout', async () => {
    const report = await judgeOne(check('c', 'sleep 30', { timeout_s: 0.3 }), null, side('head', {}));
    expect(report).toMatchObject({ verdict: 'inconclusive' });
    expect(report.reason).toContain('0.3 seconds');
  });

  test('a test that prints "not found" among named failures is red', async () => {
    const report = await judgeOne(
      check('c', "echo 'sh: 1: foo: not found'; echo 'FAILED a.py::test_x - x'; exit 1"),
      side('base', { a: '' }),
      side('head', {}),
    );
    expect(report.head).toBe('failed');
  });
});

describe('a run', () => {
  test('all checks run, in the order of their kinds, and none stops another', async () => {
    const order: string[] = [];
    const checks = [
      check('t', 'exit 1'),
      check('l', 'exit 1', { kind: 'lint' }),
      check('b', 'true', { kind: 'build' }),
    ];
    const report = await createBaselines(memoryCache()).runGate(
      input(checks, null, side('head', {}), {
        onCheck: (of, name, state) => void (state === 'running' && order.push(`${of} ${name}`)),
      }),
    );
    expect(report.checks.map((one) => one.name)).toEqual(['l', 'b', 't']);
    expect(order).toEqual(['head l', 'head b', 'head t']);
    expect(report.verdict).toBe('red');
  });

  test('no checks at all', async () => {
    const head = side('head', {});
    expect(await createBaselines(memoryCache()).runGate(input([], side('base', {}), head))).toMatchObject({
      verdict: 'none',
      checks: [],
    });
  });

  test('environment, closed input, and the root of a clean checkout', async () => {
    const head = side('head', { 'here.txt': '' });
    const one = check(
      'env',
      'test "$CI" = true && test "$FORCE_COLOR" = 0 && test -e here.txt && ! read line',
    );
    expect(await judgeOne(one, null, head)).toMatchObject({ verdict: 'passed' });
  });

  test('a rerun of tests gets the build before it', async () => {
    const marker = join(root, 'red-once');
    const build = check('build', 'echo made > dist', { kind: 'build' });
    const tests = check(
      'test',
      `test -e dist || { echo 'error: no dist'; exit 1; }; test -e '${marker}' || { touch '${marker}'; exit 1; }`,
    );
    const report = await createBaselines(memoryCache()).runGate(
      input([tests, build], null, side('head', {})),
    );
    expect(report.checks.map((one) => one.verdict)).toEqual(['passed', 'flaky']);
  });

  test('names of checks become safe and different log files', async () => {
    const checks = [check('a/../b', 'exit 1'), check('a .. b', 'exit 1'), check('', 'exit 1')];
    const report = await createBaselines(memoryCache()).runGate(input(checks, null, side('head', {})));
    const logs = report.checks.map((one) => one.log ?? '');
    expect(new Set(logs).size).toBe(3);
    for (const log of logs) expect(dirname(log)).toBe(join(root, 'logs'));
    for (const log of logs) expect(existsSync(log)).toBe(true);
  });

  test('long output is bounded in the report and whole on disk, and names in its middle are read', async () => {
    const script =
      "for (let i = 0; i < 40000; i++) console.log('filler line number ' + i + (i === 20000 ? '\\nFAILED a.py::test_hidden - x' : '')); process.exitCode = 1";
    const report = await judgeOne(check('loud', `node -e "${script}"`), null, side('head', {}));
    expect(report.new_failures).toEqual(['a.py::test_hidden']);
    expect(report.excerpt.length).toBeLessThanOrEqual(8000);
    // `process.exit` would drop what Node has not written yet, so the script sets an exit code.
    expect(statSync(report.log ?? '').size).toBe(988_890 + '\nFAILED a.py::test_hidden - x'.length);
  });

  test('a report of many red checks fits into a step’s result', async () => {
    const checks = Array.from({ length: 12 }, (_, at) =>
      check(
        `c${at}`,
        'i=0; while [ $i -lt 400 ]; do echo "FAILED tests/a_long_name_of_a_file.py::test_$i - x"; i=$((i+1)); done; exit 1',
      ),
    );
    const report = await createBaselines(memoryCache()).runGate(input(checks, null, side('head', {})));
    expect(report.verdict).toBe('red');
    expect(Buffer.byteLength(JSON.stringify(report))).toBeLessThan(64 * 1024);
    expect(report.checks[0]?.new_failures.at(-1)).toMatch(/^… and \d+ more$/);
  });

  test('a sandbox that does not open is the caller’s error, and nothing stays open', async () => {
    const head = side('head', {}, { open: () => Promise.reject(new Error('no space left')) });
    const base = side('base', {});
    await expect(
      createBaselines(memoryCache()).runGate(input([check('c', 'true')], base, head)),
    ).rejects.toThrow('no space left');
    expect(base.open_now()).toBe(0);
  });
});

test('places of this machine do not reach names, errors or the excerpt', async () => {
  const report = await judgeOne(
    check('c', 'echo "error in $PWD/a.c, $PWD and $HOME/x"; exit 1'),
    null,
    side('head', {}),
  );
  expect(report.new_failures).toEqual(['error in a.c, . and ~/x']);
  expect(report.excerpt).not.toContain(root);
});

describe('cancelling', () => {
  test('stops what runs, and throws Cancelled', async () => {
    const stop = new AbortController();
    const head = side('head', {});
    const run = createBaselines(memoryCache()).runGate(
      input([check('c', 'sleep 300')], null, head, { signal: stop.signal }),
    );
    setTimeout(() => stop.abort(), 300);
    await expect(run).rejects.toBeInstanceOf(Cancelled);
    expect(head.open_now()).toBe(0);
  });

  test('before it begins', async () => {
    await expect(
      createBaselines(memoryCache()).runGate(
        input([], null, side('head', {}), { signal: AbortSignal.abort() }),
      ),
    ).rejects.toBeInstanceOf(Cancelled);
  });
});

describe('baselines', () => {
  test('are computed once and then come from the store', async () => {
    const cache = memoryCache();
    const base = side('base', nodeTests('adds'));
    const head = side('head', nodeTests('adds'));
    await createBaselines(cache).runGate(input([NODE], base, head));
    expect(base.opened()).toBe(2);
    const again = await createBaselines(cache).runGate(input([NODE], base, head));
    expect(base.opened()).toBe(2);
    expect(again.checks[0]).toMatchObject({ base: 'failed', verdict: 'pre_existing' });
  });

  test.each([
    ['another fingerprint', { fingerprint: 'other' }, NODE],
    ['another command', {}, check('test', 'node --test a.test.mjs')],
  ])('%s is another baseline', async (_name, more, one) => {
    const baselines = createBaselines(memoryCache());
    const base = side('base', nodeTests());
    await baselines.runGate(input([NODE], base, side('head', nodeTests())));
    await baselines.runGate(input([one], base, side('head2', nodeTests()), more));
    expect(base.opened()).toBe(2);
  });

  test('asked for twice at a time, computed once', async () => {
    const baselines = createBaselines(memoryCache());
    const base = side('base', { 'run.sh': 'sleep 0.3' });
    const one = check('c', 'sh run.sh');
    const background = baselines.runBaseline({ ...input([one], base, base), base });
    const [report, other] = await Promise.all([
      baselines.runGate(input([one], base, side('head', { 'run.sh': '' }))),
      baselines.runGate(input([one], base, side('head2', { 'run.sh': '' }))),
      background,
    ]);
    expect([report.verdict, other.verdict]).toEqual(['green', 'green']);
    expect(base.opened()).toBe(1);
  });

  test('a cancelled background is taken over', async () => {
    const baselines = createBaselines(memoryCache());
    const base = side('base', { 'run.sh': 'sleep 1' });
    const one = check('c', 'sh run.sh');
    const stop = new AbortController();
    const background = baselines.runBaseline({ ...input([one], base, base, { signal: stop.signal }), base });
    const gate = baselines.runGate(input([one], base, side('head', { 'run.sh': '' })));
    setTimeout(() => stop.abort(), 200);
    await expect(background).rejects.toBeInstanceOf(Cancelled);
    expect(await gate).toMatchObject({ verdict: 'green' });
    expect(base.opened()).toBe(2);
  });

  test('what waits for another’s baseline can be cancelled', async () => {
    const baselines = createBaselines(memoryCache());
    const base = side('base', {});
    const one = check('c', 'sleep 2');
    let isDone = false;
    const background = baselines.runBaseline({ ...input([one], base, base), base }).finally(() => {
      isDone = true;
    });
    const stop = new AbortController();
    const gate = baselines.runGate(input([one], base, side('head', {}), { signal: stop.signal }));
    setTimeout(() => stop.abort(), 200);
    await expect(gate).rejects.toBeInstanceOf(Cancelled);
    expect(isDone).toBe(false);
    await background;
  });

  test('what does not come out the same twice is not stored', async () => {
    const cache = memoryCache();
    const marker = join(root, 'count');
    const flaky = check(
      'flaky',
      `echo x >> '${marker}'; echo "FAILED a.py::test_$(wc -l < '${marker}' | tr -d ' ') - x"; exit 1`,
    );
    const base = side('base', {});
    await createBaselines(cache).runBaseline({
      ...input([flaky, check('slow', 'sleep 9', { timeout_s: 0.2 })], base, base),
      base,
    });
    expect(cache.stored.size).toBe(0);
  });

  test.each([
    null,
    1,
    'passed',
    [],
    { version: 1 },
    { version: 1, state: 'passed', exit_code: 1, failures: { tests: [], errors: [] } },
    { version: 1, state: 'failed', exit_code: 1, failures: { tests: [1], errors: [] } },
    { version: 0, state: 'passed', exit_code: 0, failures: { tests: [], errors: [] } },
  ])('a stored %j is not believed', async (value) => {
    const cache: BaselineCache = { get: () => Promise.resolve(value), put: () => Promise.resolve() };
    const base = side('base', {});
    const report = await createBaselines(cache).runGate(input([check('c', 'true')], base, side('head', {})));
    expect(report.verdict).toBe('green');
    expect(base.opened()).toBe(1);
  });

  test('a store that is broken costs time, not the gate', async () => {
    const cache: BaselineCache = {
      get: () => Promise.reject(new Error('disk')),
      put: () => Promise.reject(new Error('disk')),
    };
    expect(
      await createBaselines(cache).runGate(input([check('c', 'true')], side('base', {}), side('head', {}))),
    ).toMatchObject({ verdict: 'green' });
  });
});
