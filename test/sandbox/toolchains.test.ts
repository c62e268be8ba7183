import { mkdir, mkdtemp, readdir, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createBubblewrap } from '../../src/sandbox/bubblewrap.ts';
import { prune } from '../../src/sandbox/toolchains/roots.ts';
import { splitWords } from '../../src/sandbox/toolchains/words.ts';
import { programPaths, toolchainPaths } from '../../src/sandbox/toolchains.ts';
import { needs, openBench } from '../contract/sandbox.ts';

const sandbox = await needs(createBubblewrap());

let root: string;
let home: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'toolchains-')));
  home = join(root, 'people/ada');
  await mkdir(home, { recursive: true });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Creates a program below home (or at an absolute path) and returns its path. */
async function program(path: string, text = '#!/bin/sh\necho ran\n'): Promise<string> {
  const file = path.startsWith('/') ? path : join(home, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text, { mode: 0o755 });
  return file;
}

async function file(path: string, text = ''): Promise<string> {
  const target = path.startsWith('/') ? path : join(home, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, text);
  return target;
}

async function link(path: string, target: string): Promise<string> {
  await mkdir(dirname(join(home, path)), { recursive: true });
  await symlink(target, join(home, path));
  return join(home, path);
}

const of = (...directories: string[]): ReturnType<typeof toolchainPaths> =>
  toolchainPaths({
    path: [
      ...directories.map((name) => (name.startsWith('/') ? name : join(home, name))),
      '/usr/bin',
      '/bin',
    ].join(':'),
    home,
  });
const at = (...paths: string[]): string[] => paths.map((path) => join(home, path));

describe('toolchainPaths', () => {
  it('finds nothing where everything is of the system', async () => {
    const found = await toolchainPaths({
      path: '/usr/local/bin:/usr/bin:/bin:relative::/no/such/place',
      home,
    });
    expect(found).toEqual({ readOnlyPaths: [], env: {}, path: '/usr/local/bin:/usr/bin:/bin' });
  });

  it('shows the version managers, and tells them where they are', async () => {
    await program('.nvm/versions/node/v22.1.0/bin/node');
    await file('.nvm/.cache/secret');
    await program('.pyenv/shims/python');
    await program('.volta/bin/node');
    await program('.asdf/shims/ruby');
    await program('.sdkman/candidates/java/21/bin/java');
    await link('.sdkman/candidates/java/current', '21');
    const directories = [
      '.nvm/versions/node/v22.1.0/bin',
      '.pyenv/shims',
      '.volta/bin',
      '.asdf/shims',
      '.sdkman/candidates/java/current/bin',
    ];
    const found = await of(...directories);
    expect(found.readOnlyPaths).toEqual(
      at('.asdf', '.nvm/versions', '.pyenv', '.sdkman/candidates', '.volta'),
    );
    expect(found.env).toMatchObject({
      PYENV_ROOT: join(home, '.pyenv'),
      VOLTA_HOME: join(home, '.volta'),
      ASDF_DATA_DIR: join(home, '.asdf'),
      JAVA_HOME: join(home, '.sdkman/candidates/java/current'),
    });
    expect(found.path.split(':').slice(0, 5)).toEqual(at(...directories));
  });

  it('shows cargo’s programs and rustup’s toolchains, never cargo’s credentials', async () => {
    await program('.cargo/bin/rustup');
    await link('.cargo/bin/cargo', 'rustup');
    await file('.cargo/credentials.toml', 'token');
    await program('.rustup/toolchains/stable/bin/cargo');
    const found = await of('.cargo/bin');
    expect(found.readOnlyPaths).toEqual(at('.cargo/bin', '.rustup'));
    expect(found.env).toEqual({ RUSTUP_HOME: join(home, '.rustup') });
  });

  it('shows of ~/.local/bin what its links lead to, and not what lies beside it', async () => {
    await program('.local/share/claude/versions/2.0.1');
    await link('.local/bin/claude', join(home, '.local/share/claude/versions/2.0.1'));
    await program('.local/share/uv/tools/ruff/bin/ruff');
    await file('.local/share/uv/credentials/token');
    await link('.local/bin/ruff', join(home, '.local/share/uv/tools/ruff/bin/ruff'));
    await program('.local/share/opencode/bin/opencode');
    await file('.local/share/opencode/auth.json', 'key');
    await link('.local/bin/opencode', '../share/opencode/bin/opencode');
    await file('.local/lib/python3.11/site-packages/x.py');
    const found = await of('.local/bin');
    expect(found.readOnlyPaths).toEqual(
      at(
        '.local/bin',
        '.local/lib',
        '.local/share/claude/versions',
        '.local/share/opencode/bin/opencode',
        '.local/share/uv/tools',
      ),
    );
    expect(found.env).toEqual({ PYTHONUSERBASE: join(home, '.local') });
  });

  it('shows the packages of linked programs with their neighbours', async () => {
    await program('apps/tool/node_modules/tool/cli.js');
    await file('apps/tool/node_modules/tool/package.json', '{}');
    await file('apps/.env', 'SECRET');
    await link('scripts/tool', join(home, 'apps/tool/node_modules/tool/cli.js'));
    await program('python/agent/src/main.py');
    await file('python/agent/pyproject.toml');
    await link('scripts/agent', join(home, 'python/agent/src/main.py'));
    expect((await of('scripts')).readOnlyPaths).toEqual(
      at('apps/tool/node_modules', 'python/agent', 'scripts'),
    );
  });

  it('shows X for X/bin, but of personal directories only the parts of an installation', async () => {
    await program(join(root, 'opt/flink/bin/flink'));
    await file(join(root, 'opt/flink/lib/a.jar'));
    await program('.pulumi/bin/pulumi');
    await file('.pulumi/credentials.json', 'token');
    await file('.pulumi/lib/x');
    await program('projects/bin/mine');
    await program('sdk/go1.23/bin/go');
    await file('sdk/go1.23/src/fmt/print.go');
    await program('work/repo/bin/dev');
    await file('work/repo/.git/HEAD');
    await program('jdk/bin/java');
    await file('jdk/release');
    await file('jdk/lib/modules');
    const found = await of(
      join(root, 'opt/flink/bin'),
      '.pulumi/bin',
      'projects/bin',
      'sdk/go1.23/bin',
      'work/repo/bin',
      'jdk/bin',
    );
    expect(found.readOnlyPaths).toEqual(
      [
        join(root, 'opt/flink'),
        ...at('.pulumi/bin', '.pulumi/lib', 'jdk', 'projects/bin', 'sdk/go1.23', 'work/repo/bin'),
      ].sort(),
    );
  });

  it('never shows home or anything above it', async () => {
    await program('bin/mine');
    await file('.ssh/id_ed25519', 'key');
    const found = await of('bin', '.', '..', '../..', '/');
    expect(found.readOnlyPaths).toEqual(at('bin'));
    expect(found.path).toBe(`${join(home, 'bin')}:/usr/bin:/bin`);
    await link('self', '.');
    expect((await of('self')).readOnlyPaths).toEqual([]);
  });

  it('shows both names of what is reached through a link', async () => {
    await program(join(root, 'data/tools/x/bin/tool'));
    await link('tools', join(root, 'data/tools'));
    const found = await of('tools/x/bin');
    expect(found.readOnlyPaths).toEqual([join(root, 'data/tools/x'), join(home, 'tools/x')]);
  });

  it('never returns home, an ancestor, a duplicate or a nested path, whatever PATH is', async () => {
    const names = [
      '.',
      '..',
      'bin',
      '.cargo/bin',
      '.local/bin',
      'a/bin',
      'a',
      'a/b/bin',
      '.pyenv/shims',
      '.pyenv/bin',
      'gone',
    ];
    for (const name of [
      'bin/x',
      '.cargo/bin/x',
      '.local/bin/x',
      'a/bin/x',
      'a/b/bin/x',
      '.pyenv/shims/x',
      '.pyenv/bin/x',
    ]) {
      await program(name);
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...names, '/', '/usr/bin', '/tmp', '/home', '/run'), { maxLength: 8 }),
        async (list) => {
          const { readOnlyPaths } = await of(...list);
          expect(readOnlyPaths).toEqual(prune(readOnlyPaths));
          for (const path of readOnlyPaths) expect(`${home}/`.startsWith(`${path}/`)).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });

  it.skipIf(!sandbox.works)(`makes the user’s programs run in ${sandbox.label}`, async () => {
    await program('.local/share/tool/run', '#!/bin/sh\necho "tool in $(dirname "$(readlink -f "$0")")"\n');
    await link('.local/bin/tool', '../share/tool/run');
    await program('sdk/x/bin/x', '#!/bin/sh\ncat "$(dirname "$0")/../data"\n');
    await file('sdk/x/data', 'x works\n');
    await file('.ssh/key', 'secret');
    const found = await of('.local/bin', 'sdk/x/bin');
    const bench = await openBench(createBubblewrap(), {
      readOnlyPaths: found.readOnlyPaths,
      env: { ...found.env, PATH: found.path },
    });
    try {
      expect((await bench.sh('tool; x')).stdout).toBe(`tool in ${home}/.local/share/tool\nx works\n`);
      expect((await bench.exec(['ls', '-A', home])).stdout).toBe('.local\nsdk\n');
      expect(await readdir(bench.home)).toEqual([]);
    } finally {
      await bench.remove();
    }
  });
});

describe('programPaths', () => {
  const paths = (command: string, path = '/usr/bin:/bin'): ReturnType<typeof programPaths> =>
    programPaths(command, { path, cwd: root, home });

  it('needs nothing for a program of the system', async () => {
    expect(await paths('FOO=bar sh -c "echo hi" {prompt_file} --flag /usr/share /dev/null')).toEqual({
      paths: [],
      missing: [],
    });
  });

  it('finds scripts with their package, alone otherwise', async () => {
    const alone = await program(join(root, 'x/agent.py'));
    await file('agents/one/pyproject.toml');
    const packaged = await program('agents/one/src/agent.py');
    expect((await paths(`sh ${alone} --flag {prompt_file}`)).paths).toEqual([alone]);
    expect((await paths(`sh "${packaged}"`)).paths).toEqual(at('agents/one'));
    expect((await paths('sh ~/agents/one/src/agent.py')).paths).toEqual(at('agents/one'));
    expect((await paths(`sh --script=${alone}`)).paths).toEqual([alone]);
    expect((await paths('./x/agent.py')).paths).toEqual([alone]);
  });

  it('finds a linked program on PATH, with the link and its package', async () => {
    const real = await program('pkg/lib/node_modules/@acme/agent/cli.js');
    await file('pkg/lib/node_modules/@acme/agent/package.json', '{}');
    const name = await link('tools/agent', real);
    const found = await paths('VAR=1 agent -p', `${join(home, 'tools')}:/usr/bin`);
    expect(found).toEqual({ paths: at('pkg/lib/node_modules', 'tools/agent'), missing: [] });
    expect(found.paths).toContain(name);
  });

  it('finds the interpreter that a script names', async () => {
    await program('venv/bin/python', '#!/bin/sh\n');
    await file('venv/pyvenv.cfg');
    const script = await program(join(root, 'x/agent'), `#!${join(home, 'venv/bin/python')} -I\n`);
    expect((await paths(script)).paths).toEqual([join(home, 'venv'), script]);
  });

  it('says what it could not find', async () => {
    expect(await paths('no-such-agent --x /no/such/file {prompt_file}')).toEqual({
      paths: [],
      missing: ['no-such-agent'],
    });
    expect((await paths('cd /tmp && other-agent | tee log')).missing).toEqual(['other-agent']);
    for (const whole of ['true 2>&1', 'true > /tmp/log 2>&1', 'true &>log', 'echo a; exit 3']) {
      expect((await paths(whole)).missing).toEqual([]);
    }
  });

  it('never returns home, an ancestor or a place of the kernel', async () => {
    await file('package.json', '{}');
    const script = await program('agent.sh');
    const found = await paths(`sh ${script} ~ / ${home} ${dirname(home)} /proc /run /etc /tmp`);
    expect(found.paths).toEqual([script]);
  });

  it('does not hang or throw on anything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ maxLength: 80 }), async (command) => {
        const found = await paths(command);
        for (const path of found.paths) expect(`${home}/`.startsWith(`${path}/`)).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe('splitWords', () => {
  it.each([
    ['claude -p', ['claude!', '-p']],
    [
      'A=1 B="x y" exec env C=2 run \'a b\' c\\ d "e\\"f"',
      ['A=1', 'B=x y', 'C=2', 'run!', 'a b', 'c d', 'e"f'],
    ],
    ['cd /x && make all;other|third', ['/x', 'make!', 'all', 'other!', 'third!']],
    ['', []],
    ['"unclosed', ['unclosed!']],
  ])('reads %j', (command, expected) => {
    expect(splitWords(command).map((word) => word.text + (word.isProgram ? '!' : ''))).toEqual(expected);
  });
});
