/**
 * Dependencies are prepared once and copied into every checkout. An editable install and a workspace link must
 * lead each checkout to its own code: a head that breaks the code is red, although base's is green.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { makeRepository, sh, write } from '../workspace/scene.ts';
import { HAS_BUBBLEWRAP, openBench, userPath, type Bench, type Ran } from './cli.ts';

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.remove());

const PYTHON = {
  'pyproject.toml':
    '[build-system]\nrequires = ["setuptools>=64"]\nbuild-backend = "setuptools.build_meta"\n\n[project]\nname = "calc"\nversion = "0.1"\n\n[project.optional-dependencies]\ntest = ["pytest"]\n\n[tool.pytest.ini_options]\ntestpaths = ["tests"]\n',
  'src/calc/__init__.py': 'def add(a, b):\n    return a + b\n',
  'tests/test_add.py': 'from calc import add\n\n\ndef test_add():\n    assert add(1, 2) == 3\n',
};

const WORKSPACE = {
  'package.json': JSON.stringify({
    name: 'root',
    private: true,
    workspaces: ['packages/*'],
    scripts: { test: 'npm test --workspaces' },
  }),
  'packages/lib/package.json': JSON.stringify({
    name: 'lib',
    version: '1.0.0',
    main: 'index.js',
    scripts: { test: 'node -e 0' },
  }),
  'packages/lib/index.js': 'exports.add = (a, b) => a + b;\n',
  'packages/app/package.json': JSON.stringify({
    name: 'app',
    version: '1.0.0',
    dependencies: { lib: '1.0.0' },
    scripts: { test: 'node --test' },
  }),
  'packages/app/app.test.js':
    "const test = require('node:test');\nconst assert = require('node:assert');\ntest('adds', () => assert.equal(require('lib').add(1, 2), 3));\n",
};

const MAVEN = (name: string, inner: string): string =>
  `<project><modelVersion>4.0.0</modelVersion><groupId>x</groupId><artifactId>${name}</artifactId><version>1-SNAPSHOT</version>` +
  `<properties><maven.compiler.source>8</maven.compiler.source><maven.compiler.target>8</maven.compiler.target></properties>${inner}</project>\n`;

/** A module that needs another, which no registry has. */
const MODULES = {
  '.gitignore': 'target/\n',
  'pom.xml': MAVEN(
    'root',
    '<packaging>pom</packaging><modules><module>lib</module><module>app</module></modules>',
  ),
  'lib/pom.xml': MAVEN('lib', ''),
  'lib/src/main/java/x/Two.java': 'package x; public class Two { public static int two() { return 2; } }\n',
  'app/pom.xml': MAVEN(
    'app',
    '<dependencies><dependency><groupId>x</groupId><artifactId>lib</artifactId><version>1-SNAPSHOT</version></dependency>' +
      '<dependency><groupId>junit</groupId><artifactId>junit</artifactId><version>4.13.2</version><scope>test</scope></dependency></dependencies>',
  ),
  'app/src/test/java/x/TwoTest.java':
    'package x; import org.junit.Test; import static org.junit.Assert.assertEquals;\npublic class TwoTest { @Test public void two() { assertEquals(2, Two.two()); } }\n',
};
const HAS_MAVEN = userPath()
  .split(':')
  .some((folder) => existsSync(join(folder, 'mvn')));
if (!HAS_MAVEN && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1')
  throw new Error('Maven is missing: apt-get install maven default-jdk-headless');

async function run(
  repo: string,
  agent: string,
  more: readonly string[] = [],
): Promise<Ran & { result: JobResult }> {
  const ran = await bench.run(
    ['run', 'Change it', '--repo', repo, '--max-gate-runs', '1', '--json', ...more],
    { AGENT_CMD: agent },
  );
  return { ...ran, result: JSON.parse(ran.stdout) as JobResult };
}

/** An agent whose first turn is red and whose second is green: both heads are judged in one job. */
function breaksThenMends(breaks: string, mends: string): string {
  const script = `#!/bin/sh\ncase "$(cat)" in *"This turn: fix"*) ${mends};; *) ${breaks};; esac\n`;
  return bench.script('agent.sh', script);
}

function layers(): string[] {
  return readdirSync(join(bench.home, 'dependencies'));
}

const SANDBOXES = ['bubblewrap', 'host'] as const;

describe.each(SANDBOXES)('on %s', (sandbox) => {
  it.skipIf(sandbox === 'bubblewrap' && !HAS_BUBBLEWRAP)(
    'an editable install is judged on the head’s code',
    { timeout: 300_000 },
    async () => {
      const repo = makeRepository(join(bench.root, 'calc'), PYTHON);
      // On the host every checkout installs anew: there the broken head is enough, the mended one is the workspace's.
      const breaks = 'printf "def add(a, b):\\n    return 0\\n" > src/calc/__init__.py';
      const mends = `${breaks.replace('return 0', 'return a + b')}; echo "# more" >> src/calc/__init__.py`;
      const [agent, gateRuns] = sandbox === 'host' ? [breaks, '1'] : [breaksThenMends(breaks, mends), '2'];
      const { result, stderr } = await run(repo, agent, ['--sandbox', sandbox, '--max-gate-runs', gateRuns]);
      const test = result.gate.runs[0]?.checks.find((check) => check.kind === 'test');
      expect(test, stderr).toMatchObject({ base: 'passed', head: 'failed', verdict: 'failed' });
      expect(test?.new_failures.join()).toContain('test_add');
      if (sandbox === 'host') return expect(result).toMatchObject({ outcome: 'gate_failed' });
      expect(result, stderr).toMatchObject({ outcome: 'proposed', draft: false, gate: { verdict: 'green' } });
      expect(sh(repo, 'diff', '--name-only', `main..${result.branch}`)).toBe('src/calc/__init__.py');
      expect(layers()).toHaveLength(1);
    },
  );

  it.skipIf(sandbox === 'bubblewrap' && !HAS_BUBBLEWRAP)(
    'an npm workspace is judged on the head’s code',
    { timeout: 300_000 },
    async () => {
      const folder = join(bench.root, 'mono');
      makeRepository(folder, WORKSPACE);
      execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts', '--no-audit', '--no-fund'], {
        cwd: folder,
        stdio: 'ignore',
      });
      write(folder, { '.gitignore': 'node_modules\n' });
      sh(folder, 'add', '--all');
      sh(folder, 'commit', '--quiet', '--message', 'lock');
      const { result, stderr } = await run(
        folder,
        breaksThenMends(
          'echo "exports.add = () => 0;" > packages/lib/index.js',
          'echo "exports.add = (a, b) => a + b;" > packages/lib/index.js; echo "exports.sub = (a, b) => a - b;" >> packages/lib/index.js',
        ),
        ['--sandbox', sandbox, '--max-gate-runs', '2'],
      );
      expect(result.gate.runs[0]?.checks[0], stderr).toMatchObject({
        base: 'passed',
        head: 'failed',
        verdict: 'failed',
      });
      expect(result, stderr).toMatchObject({ outcome: 'proposed', gate: { verdict: 'green' } });
    },
  );
});

describe('Maven', () => {
  // Without a sandbox Java writes to the user's own ~/.m2, whatever HOME says.
  it.skipIf(!HAS_MAVEN || !HAS_BUBBLEWRAP)(
    'prepares modules that need each other, and the provider of the tests, for checks without network (apt-get install maven bubblewrap)',
    { timeout: 300_000 },
    async () => {
      const repo = makeRepository(join(bench.root, 'modules'), MODULES);
      const { result, stderr } = await run(
        repo,
        "sed -i 's/return 2/return 3/' lib/src/main/java/x/Two.java",
      );
      expect(result, stderr).toMatchObject({ outcome: 'gate_failed' });
      expect(result.gate.runs[0]?.checks, stderr).toMatchObject([
        { base: 'passed', head: 'failed', base_tests: { passed: 1 }, new_failures: ['x.TwoTest > two'] },
      ]);
    },
  );
});

describe('setup', () => {
  it('that fails on the base is named with its log, and makes the head’s an outcome', async () => {
    const repo = makeRepository(join(bench.root, 'repo'), {
      '.agent-runner.yml':
        'setup: "echo broken by design; exit 3"\ngate:\n  checks:\n    - name: ok\n      command: "true"\n',
    });
    const { code, result } = await run(repo, 'echo x > new.txt');
    expect(result).toMatchObject({ outcome: 'setup_failed', error: { code: 'setup_failed' } });
    expect(result.error?.message).toContain('broken by design');
    expect(result.error?.hint).toMatch(/log is \S+setup-\S+\.log/);
    expect(result.notices.join()).toMatch(/base's dependencies could not be prepared/);
    expect(code).toBe(1);
  });

  /** How often setup was run. */
  const prepared = (stderr: string): number => stderr.split('setup: preparing dependencies').length - 1;

  it.for(SANDBOXES)(
    'names the tool it misses, and is not run again for head: %s',
    async (sandbox, { skip }) => {
      skip(sandbox === 'bubblewrap' && !HAS_BUBBLEWRAP, 'apt-get install bubblewrap');
      const repo = makeRepository(join(bench.root, 'repo'), {
        '.agent-runner.yml':
          'setup: "no-such-tool install"\ngate:\n  checks:\n    - name: ok\n      command: "true"\n',
      });
      const { result, stderr } = await run(repo, 'echo x > new.txt', ['--sandbox', sandbox]);
      expect(result).toMatchObject({ outcome: 'setup_failed', error: { code: 'setup_failed' } });
      expect(result.error?.message.split('\n')[0]).toBe(
        'setup: `no-such-tool install` failed (exit code 127): the tool no-such-tool is missing',
      );
      expect(result.error?.hint).toMatch(/not run again; the whole log is \S+setup\S*\.log/);
      expect(stderr).toMatch(/note: base's dependencies .*the tool no-such-tool is missing/);
      if (sandbox === 'bubblewrap') expect(prepared(stderr)).toBe(1);
    },
  );

  it.skipIf(!HAS_BUBBLEWRAP)(
    'whose lock file is at fault is run again only for a head that changes it',
    async () => {
      const manifest = { name: 'x', version: '1.0.0', dependencies: { left: 'file:./left' } };
      const repo = makeRepository(join(bench.root, 'repo'), {
        'package.json': JSON.stringify({ ...manifest, scripts: { test: 'node -e 0' } }),
        'package-lock.json': JSON.stringify({
          name: 'x',
          version: '1.0.0',
          lockfileVersion: 3,
          packages: { '': {} },
        }),
        'left/package.json': '{"name":"left","version":"1.0.0"}',
      });
      const other = await run(repo, 'echo x > new.txt');
      expect(other.result).toMatchObject({ outcome: 'setup_failed' });
      expect(prepared(other.stderr), other.stderr).toBe(1);
      const mended = await run(
        repo,
        'rm package-lock.json && npm install --package-lock-only --no-audit --no-fund',
      );
      expect(prepared(mended.stderr), mended.stderr).toBe(2);
      expect(mended.result.gate.runs[0]?.checks[0]).toMatchObject({ base: 'inconclusive', head: 'passed' });
    },
  );

  it('that runs a script of the repository is run again, because any change can mend it', async () => {
    const repo = makeRepository(join(bench.root, 'repo'), {
      '.agent-runner.yml': 'setup: sh setup.sh\ngate:\n  checks:\n    - name: ok\n      command: "true"\n',
      'setup.sh': 'exit 1\n',
    });
    const { result } = await run(repo, 'echo "exit 0" > setup.sh');
    expect(result.gate.runs[0]?.checks[0]).toMatchObject({ base: 'inconclusive', head: 'passed' });
  });

  it('never hides a tracked file behind a prepared one, nor follows a link out of the checkout', async () => {
    const repo = makeRepository(join(bench.root, 'repo'), {
      '.agent-runner.yml':
        'setup:\n  command: mkdir -p node_modules/dep && echo prepared > node_modules/dep/a && echo prepared > node_modules/kept\n  keep: []\ngate:\n  checks:\n    - name: ok\n      command: grep -q tracked node_modules/kept && grep -q prepared node_modules/dep/a\n',
      'node_modules/kept': 'tracked\n',
    });
    const { result } = await run(repo, 'echo x > new.txt');
    expect(result.gate).toMatchObject({
      verdict: 'green',
      runs: [{ checks: [{ base: 'passed', head: 'passed' }] }],
    });
  });
});
