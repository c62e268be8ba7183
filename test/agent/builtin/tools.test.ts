/** The built-in agent's tools on real sandboxes: what they do, what they refuse, and that they end. */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toolsOf } from '../../../src/agent/builtin/tools/tools.ts';
import { placeOf } from '../../../src/agent/builtin/tools/place.ts';
import type { ToolAnswer } from '../../../src/agent/builtin/tools/tool.ts';
import { BUILTIN_TOOLS, type BuiltinTool } from '../../../src/job/agents/declared.ts';
import { SANDBOX_ADAPTERS, type SandboxName } from '../../../src/sandbox/sandbox.ts';
import { processesWith } from '../../e2e/cli.ts';
import { whySkip } from '../bench.ts';

interface Place {
  readonly workspace: string;
  readonly use: (tool: BuiltinTool, input: object) => Promise<ToolAnswer>;
  /** The answer of a call that must go well. */
  readonly ok: (tool: BuiltinTool, input: object) => Promise<string>;
  /** The answer of a call that must fail. */
  readonly bad: (tool: BuiltinTool, input: object) => Promise<string>;
  readonly read: (path: string) => Promise<string>;
}

async function openPlace(
  name: SandboxName,
  files: Readonly<Record<string, string>> = {},
  readOnlyWorkspace = false,
): Promise<Place> {
  const root = await mkdtemp(join(tmpdir(), 'agent-runner-tools-'));
  const [workspace, home] = [join(root, 'work space'), join(root, 'home')];
  await mkdir(workspace);
  await mkdir(home);
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(workspace, path)), { recursive: true });
    await writeFile(join(workspace, path), text);
  }
  const sandbox = await (
    await SANDBOX_ADAPTERS[name]()
  ).open({
    workspace,
    home,
    readOnlyWorkspace,
    env: { PATH: '/usr/local/bin:/usr/bin:/bin' },
    network: false,
  });
  onTestFinished(async () => {
    await sandbox.close();
    await rm(root, { recursive: true, force: true });
  });
  const use: Place['use'] = (name_, input) => {
    const tool = toolsOf(BUILTIN_TOOLS, 'build').find((one) => one.name === name_);
    if (tool === undefined) throw new Error(`there is no ${name_}`);
    const env = { AGENT_RUNNER_OUT: join(sandbox.homePath, 'turn', 'out') };
    const { workspacePath } = sandbox;
    return tool.run(input, {
      workspacePath,
      exec: (argv, options) => sandbox.exec(argv, { ...options, env }),
    });
  };
  const told = async (tool: BuiltinTool, input: object, isError: boolean): Promise<string> => {
    const { text, isError: was } = await use(tool, input);
    if (was !== isError) throw new Error(`${tool} ${was ? 'failed' : 'went well'}: ${text}`);
    return text;
  };
  return {
    workspace,
    use,
    ok: (tool, input) => told(tool, input, false),
    bad: (tool, input) => told(tool, input, true),
    read: (path) => readFile(join(workspace, path), 'utf8'),
  };
}

describe('a path', () => {
  it.each([
    ['a.txt', './a.txt'],
    ['./b/../a.txt', './a.txt'],
    ['.', '.'],
    ['-rf', './-rf'],
    ['/workspace', '.'],
    ['/workspace/b/a.txt', './b/a.txt'],
    ['..a', './..a'],
  ])('%s is taken', (path, taken) => {
    expect(placeOf(path, '/workspace')).toEqual({ path: taken });
  });

  it.each([
    '..',
    '../a',
    'b/../../a',
    '/etc/passwd',
    '/workspace/../etc',
    '/workspaces/a',
    '',
    'a\0b',
    'a\nb',
  ])('%j is refused', (path) => {
    expect(placeOf(path, '/workspace')).toHaveProperty('why');
  });
});

describe('phases', () => {
  it('that only read have no tool that edits', () => {
    const names = (phase: 'explore' | 'build'): readonly string[] =>
      toolsOf(BUILTIN_TOOLS, phase).map(({ name }) => name);
    expect(names('build')).toEqual(BUILTIN_TOOLS);
    expect(names('explore')).toEqual(['read', 'list', 'grep', 'shell']);
  });
});

describe.each(Object.keys(SANDBOX_ADAPTERS) as SandboxName[])('on %s', async (name) => {
  const reason = await whySkip(name);
  if (reason !== null) {
    it.skip(reason, () => {});
    return;
  }

  it('read shows lines with their numbers, from where it is asked to', async () => {
    const { ok, bad } = await openPlace(name, {
      'a b.txt': 'one\ntwo\nthree\n',
      'open.txt': 'x\ny',
      'empty.txt': '',
      'long.txt': `${'l'.repeat(5000)}\nnext\n`,
      '-n': 'dash\n',
    });
    expect(await ok('read', { path: 'a b.txt' })).toBe('1\tone\n2\ttwo\n3\tthree');
    expect(await ok('read', { path: 'a b.txt', from: 2, lines: 1 })).toBe('2\ttwo\n(more from line 3 on)');
    expect(await ok('read', { path: 'a b.txt', from: 3 })).toBe('3\tthree');
    expect(await ok('read', { path: 'a b.txt', from: 9 })).toBe('(there is no line 9)');
    expect(await ok('read', { path: 'open.txt' })).toBe('1\tx\n2\ty');
    expect(await ok('read', { path: 'empty.txt' })).toBe('(the file is empty)');
    expect(await ok('read', { path: '-n' })).toBe('1\tdash');
    expect(await ok('read', { path: 'long.txt' })).toMatch(/^1\tl{2000}…\n2\tnext$/);
    expect(await bad('read', { path: 'no.txt' })).toContain('it is not there');
    expect(await bad('read', { path: '.' })).toContain('it is a folder');
  });

  it('read is bounded, and takes no pipe, no device and nothing binary', async () => {
    const place = await openPlace(name, {
      'big.txt': 'a line of the file\n'.repeat(20_000),
      binary: 'a\0b',
    });
    execFileSync('mkfifo', [join(place.workspace, 'pipe')]);
    const text = await place.ok('read', { path: 'big.txt', lines: 5000 });
    expect(text.length).toBeLessThan(150_000);
    const more = /\(more from line (\d+) on\)$/.exec(text)?.[1];
    expect(await place.ok('read', { path: 'big.txt', from: Number(more), lines: 1 })).toContain(
      `${more}\ta line of the file`,
    );
    expect(await place.bad('read', { path: 'binary' })).toContain('it is no text');
    expect(await place.bad('read', { path: 'pipe' })).toContain('it is no regular file');
    await writeFile(join(place.workspace, 'huge'), Buffer.alloc(11 * 1024 * 1024, 'x'));
    expect(await place.bad('read', { path: 'huge' })).toContain('more than');
  });

  it('write makes files and folders and says what was there', async () => {
    const place = await openPlace(name, { 'a.txt': 'old\n', binary: 'a\0\xff' });
    const made = await place.use('write', { path: 'new/deep/b.txt', content: '$(id) `id` "q"\n' });
    expect(made).toMatchObject({ isError: false, diff: { path: 'new/deep/b.txt', oldText: null } });
    expect(await place.read('new/deep/b.txt')).toBe('$(id) `id` "q"\n');
    const over = await place.use('write', { path: './a.txt', content: 'ü' });
    expect(over).toMatchObject({ isError: false, diff: { path: 'a.txt', oldText: 'old\n', newText: 'ü' } });
    expect(await place.read('a.txt')).toBe('ü');
    await place.ok('write', { path: 'binary', content: '' });
    expect(await place.read('binary')).toBe('');
    expect(await place.bad('write', { path: 'new', content: 'x' })).toContain('it is a folder');
    expect(await place.bad('write', { path: 'a.txt/b', content: 'x' })).not.toBe('');
    expect((await readdir(place.workspace)).toSorted()).toEqual(['a.txt', 'binary', 'new']);
  });

  it('write takes a megabyte', async () => {
    const place = await openPlace(name);
    const content = 'line of text\n'.repeat(80_000);
    await place.ok('write', { path: 'a.txt', content });
    expect(await place.read('a.txt')).toBe(content);
  });

  it('edit replaces what is there once, word for word', async () => {
    const place = await openPlace(name, {
      'a.txt': 'one two one\n',
      'money.txt': 'costs X here\n',
      'dos.txt': 'a\r\nb\r\nc\r\n',
      latin: Buffer.from('caf\xe9', 'latin1').toString('latin1'),
    });
    expect(await place.bad('edit', { path: 'a.txt', old: 'one', new: '1' })).toContain('2 times');
    expect(await place.bad('edit', { path: 'a.txt', old: 'three', new: '3' })).toContain('not in it');
    expect(await place.bad('edit', { path: 'a.txt', old: 'two', new: 'two' })).toContain('the same');
    expect(await place.bad('edit', { path: 'no.txt', old: 'a', new: 'b' })).toContain('not there');
    const { diff } = await place.use('edit', { path: 'a.txt', old: 'one', new: '1', all: true });
    expect(diff).toEqual({ path: 'a.txt', oldText: 'one', newText: '1' });
    expect(await place.read('a.txt')).toBe('1 two 1\n');
    await place.ok('edit', { path: 'money.txt', old: 'X', new: "$& $1 $$ $`'" });
    expect(await place.read('money.txt')).toBe("costs $& $1 $$ $`' here\n");
    await place.ok('edit', { path: 'dos.txt', old: 'a\nb\n', new: 'a\nB\n' });
    expect(await place.read('dos.txt')).toBe('a\r\nB\r\nc\r\n');
    await writeFile(join(place.workspace, 'latin'), Buffer.from('caf\xe9', 'latin1'));
    expect(await place.bad('edit', { path: 'latin', old: 'caf', new: 'tea' })).toContain('no UTF-8');
  });

  it('what a link leads to is taken inside the workspace and refused outside', async () => {
    const place = await openPlace(name, { 'in/a.txt': 'inner\n' });
    const link = (target: string, path: string): Promise<void> =>
      symlink(target, join(place.workspace, path));
    await link('in/a.txt', 'good');
    await link('in', 'folder');
    await link('/etc/passwd', 'absolute');
    await link('../../../../../../../../etc', 'climbing');
    await link('nowhere/at/all', 'dangling');
    await link('/nowhere-at-all', 'dangling-out');
    await link('round', 'round');
    expect(await place.ok('read', { path: 'good' })).toBe('1\tinner');
    await place.ok('write', { path: 'folder/b.txt', content: 'b' });
    expect(await place.read('in/b.txt')).toBe('b');
    for (const path of ['absolute', 'climbing/passwd', 'climbing/new/file', 'dangling-out']) {
      expect(await place.bad('read', { path })).toContain('leads out of the workspace');
      expect(await place.bad('write', { path, content: 'x' })).toContain('leads out of the workspace');
      expect(await place.bad('edit', { path, old: 'r', new: 'x' })).toContain('leads out of the workspace');
      expect(await place.bad('grep', { pattern: 'r', path })).toContain('leads out of the workspace');
      expect(await place.bad('list', { path })).toContain('leads out of the workspace');
    }
    for (const path of ['dangling', 'round']) await place.bad('write', { path, content: 'x' });
    for (const path of ['../a', '/etc/passwd']) {
      expect(await place.bad('write', { path, content: 'x' })).toContain('outside the workspace');
    }
    // A search through everything follows no link.
    expect(await place.ok('grep', { pattern: 'root:|inner' })).toBe('in/a.txt:1:inner');
  });

  it('list shows a folder, or what matches below it', async () => {
    const place = await openPlace(name, {
      'a.ts': '',
      'src/b.ts': '',
      'src/deep/c.ts': '',
      'src/deep/d.js': '',
      'node_modules/x/e.ts': '',
      '.git/f.ts': '',
      '.hidden': '',
    });
    expect(await place.ok('list', {})).toBe('.git/\n.hidden\na.ts\nnode_modules/\nsrc/');
    const found = async (input: object): Promise<readonly string[]> =>
      (await place.ok('list', input)).split('\n').toSorted();
    expect(await found({ pattern: '*.ts' })).toEqual(['a.ts', 'src/b.ts', 'src/deep/c.ts']);
    expect(await found({ pattern: 'src/**/*.ts' })).toEqual(['src/deep/c.ts']);
    expect(await found({ pattern: 'src/*.ts' })).toEqual(['src/b.ts', 'src/deep/c.ts']);
    expect(await found({ path: 'src/deep', pattern: '*' })).toEqual(['src/deep/c.ts', 'src/deep/d.js']);
    expect(await found({ pattern: '*.py' })).toEqual(['(nothing)']);
    expect(await place.bad('list', { path: 'a.ts' })).toContain('no folder');
    for (let at = 0; at < 600; at++) await writeFile(join(place.workspace, `many-${at}.txt`), '');
    expect(await place.ok('list', {})).toContain('(more than 500; take a narrower question)');
  });

  it('grep finds lines, and says what is wrong with a pattern', async () => {
    const place = await openPlace(name, {
      'a.ts': 'alpha\nBeta -x\n',
      'src/b.js': 'alpha\n',
      'node_modules/c.ts': 'alpha\n',
      'min.js': `${'m'.repeat(3000)}alpha\n`,
    });
    const found = async (input: object): Promise<readonly string[]> =>
      (await place.ok('grep', input)).split('\n').toSorted();
    expect(await found({ pattern: 'alpha', files: '*.ts' })).toEqual(['a.ts:1:alpha']);
    expect(await found({ pattern: 'alpha', path: 'src' })).toEqual(['src/b.js:1:alpha']);
    expect(await found({ pattern: 'b[a-z]+ ', ignore_case: true })).toEqual(['a.ts:2:Beta -x']);
    expect(await found({ pattern: '-x' })).toEqual(['a.ts:2:Beta -x']);
    expect(await found({ pattern: 'nothing' })).toEqual(['(no match)']);
    expect((await found({ pattern: 'malpha' }))[0]?.length).toBeLessThan(450);
    expect(await place.bad('grep', { pattern: '(' })).toMatch(/unmatched|parenthes/i);
    await writeFile(join(place.workspace, 'many.txt'), 'many\n'.repeat(2000));
    expect(await place.ok('grep', { pattern: 'many' })).toContain('(more than 300;');
  });

  it('shell runs bash in the workspace, without input, and tells how it ended', async () => {
    const place = await openPlace(name, { 'a.txt': 'one\n' });
    expect(await place.ok('shell', { command: 'cat a.txt; [[ 1 == 1 ]] && echo bash' })).toBe('one\nbash');
    expect(await place.ok('shell', { command: 'true' })).toBe('(it printed nothing)');
    expect(await place.ok('shell', { command: 'cat' })).toBe('(it printed nothing)');
    expect(await place.bad('shell', { command: 'echo out; echo err >&2; exit 3' })).toBe(
      '(exit code 3)\nout\nstderr:\nerr',
    );
    expect(await place.bad('shell', { command: 'no-such-programme' })).toContain('(exit code 127)');
    expect(await place.ok('shell', { command: 'test -d "$AGENT_RUNNER_OUT" && echo there' })).toBe('there');
  });

  it('shell keeps head and tail of much output, and stops what prints for ever', async () => {
    const place = await openPlace(name);
    const much = await place.ok('shell', { command: 'seq 1 100000' });
    expect(much).toMatch(/^1\n2\n[\s\S]*bytes dropped[\s\S]*\n100000$/);
    expect(much.length).toBeLessThan(20_000);
    const flood = await place.bad('shell', { command: 'yes', timeout_s: 120 });
    expect(flood).toContain('it printed more than 67108864 bytes');
  });

  it('shell stops what takes too long, with all that it started', async () => {
    const place = await openPlace(name);
    const mark = `mark-${process.pid}-${Date.now()}`;
    const command = `(sleep 300; echo ${mark}) & sleep 300; echo ${mark}`;
    expect(await place.bad('shell', { command, timeout_s: 1 })).toContain('(stopped after 1 s');
    // A command that ends leaves nothing behind, too, and is not waited for.
    await place.ok('shell', { command: `(sleep 300; echo ${mark}) > /dev/null 2>&1 & echo started` });
    await expect.poll(() => processesWith(mark), { timeout: 10_000 }).toEqual([]);
  });

  it.skipIf(name === 'host')('nothing can be written where the workspace is mounted read-only', async () => {
    const place = await openPlace(name, { 'a.txt': 'one\n' }, true);
    expect(await place.bad('shell', { command: 'echo x > a.txt' })).toMatch(/read-only/i);
    await place.bad('write', { path: 'a.txt', content: 'x' });
    expect(await place.read('a.txt')).toBe('one\n');
  });
});
