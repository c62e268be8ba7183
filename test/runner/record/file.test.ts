/** Recordings as files that anybody may have written. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Recording } from '../../../src/job/recording/recording.ts';
import { stageFile } from '../../../src/runner/record/file.ts';
import { createGit } from '../../../src/workspace/git.ts';
import { createLayout, type Layout } from '../../../src/workspace/layout.ts';
import { openTreeHouse, TURN, type TreeHouse } from '../../agent/replay/recorded.ts';
import { sh } from '../../workspace/scene.ts';

const git = createGit({ path: process.env['PATH'] ?? '', home: homedir(), network: {} });

let house: TreeHouse;
let good: { readonly recording: Recording; readonly pack: Buffer };
let root: string;
let layout: Layout;

function commit(tree: string, ...more: string[]): string {
  return sh(house.repository, 'commit-tree', tree, '-m', 'x', ...more);
}

/** A pack of everything that some objects reach. */
function packOf(...ids: readonly string[]): Buffer {
  const args = ['--git-dir', house.repository, 'pack-objects', '--revs', '--stdout', '--quiet'];
  return execFileSync('git', args, { input: ids.map((id) => `${id}\n`).join('') });
}

/** A tree with one entry, however wrong it is. */
function rawTree(name: string, blob: string, mode = '100644'): string {
  const body = Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(blob, 'hex')]);
  const args = ['--git-dir', house.repository, 'hash-object', '-t', 'tree', '-w', '--literally', '--stdin'];
  return execFileSync('git', args, { input: body, encoding: 'utf8' }).trim();
}

/** A pack with one more object of a type (1 is a commit, 2 a tree, 3 a file), written by hand. */
function withObject(pack: Buffer, type: number, raw: Buffer): Buffer {
  const sizes = [(type << 4) | (raw.length & 15)];
  for (let left = Math.floor(raw.length / 16); left > 0; left = Math.floor(left / 128)) {
    sizes[sizes.length - 1] = (sizes.at(-1) ?? 0) | 0x80;
    sizes.push(left & 127);
  }
  const head = Buffer.from(pack.subarray(0, 12));
  head.writeUInt32BE(pack.readUInt32BE(8) + 1, 8);
  const body = Buffer.concat([head, pack.subarray(12, -20), Buffer.from(sizes), deflateSync(raw)]);
  return Buffer.concat([body, createHash('sha1').update(body).digest()]);
}

beforeAll(() => {
  house = openTreeHouse();
  const [before, after] = [house.tree({ 'a.txt': 'one\n' }), house.tree({ 'a.txt': 'two\n' })];
  const base = commit(before);
  const listed = execFileSync('git', ['--git-dir', house.repository, 'mktree'], {
    input: [before, after].map((id) => `040000 tree ${id}\t${id}\n`).join(''),
    encoding: 'utf8',
  }).trim();
  const trees = commit(listed, '-p', base);
  const recording: Recording = {
    version: 1,
    job_id: 'job-0123456789ab',
    agent: 'command',
    request: {
      task: 'Do it',
      mode: 'change',
      policy: { on_none: 'open' },
      max_gate_runs: null,
      checks: [{ name: 'ok', kind: 'other', command: 'true', timeout_s: 60 }],
      setup: '',
      allow_test_changes: false,
      draft: false,
      timeout_s: 600,
    },
    base_sha: base,
    trees_sha: trees,
    result: { outcome: 'proposed', error: null, gate: [], tree: after },
    turns: [{ ...TURN, trees: { before, after } }],
  };
  good = { recording, pack: packOf(trees) };
});
afterAll(() => house.remove());
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'agent-runner-file-'));
  layout = createLayout(join(root, 'home'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function write(json: string, pack: Buffer, line?: string): string {
  const path = join(root, 'case.recording');
  const head = line ?? `agent-runner recording 1 ${Buffer.byteLength(json)}\n`;
  writeFileSync(path, Buffer.concat([Buffer.from(head), Buffer.from(json), pack]));
  return path;
}

async function refuses(path: string, said: string | RegExp): Promise<void> {
  await expect(stageFile({ git, layout }, path)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringMatching(said) as string,
    hint: expect.stringContaining('--export') as string,
  });
  const staged = join(layout.home, 'replays');
  expect(existsSync(staged) ? readdirSync(staged) : []).toEqual([]);
}

/** The recording with a field otherwise, named by its path. */
function changed(path: readonly (string | number)[], value: unknown): string {
  const copy = structuredClone(good.recording) as unknown as Record<string, unknown>;
  let at: Record<string | number, unknown> = copy;
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>;
  at[path.at(-1) ?? ''] = value;
  return JSON.stringify(copy);
}

function deep(levels: number): unknown {
  return levels === 0 ? 1 : [deep(levels - 1)];
}

describe('a file', () => {
  it('that is as it must be is laid out once, in a repository without hooks', async () => {
    const path = write(JSON.stringify(good.recording), good.pack);
    const [first, second] = [await stageFile({ git, layout }, path), await stageFile({ git, layout }, path)];
    expect(first).toEqual({ id: second.id, recording: good.recording });
    const { repository } = layout.replay(first.id);
    expect(sh(repository, 'rev-parse', 'refs/heads/main')).toBe(good.recording.base_sha);
    expect(readdirSync(repository)).not.toContain('hooks');
    expect(readdirSync(join(layout.home, 'replays'))).toEqual([first.id]);
  });

  it.each([
    ['empty', '', 'first line'],
    ['something else', 'hello\n', 'first line'],
    ['another version', 'agent-runner recording 2 10\n', 'another version'],
    ['a length beyond the bound', 'agent-runner recording 1 999999999\n', 'too many'],
    ['a length beyond the file', 'agent-runner recording 1 90000\n', 'cut off'],
  ])('that is %s is refused', async (_, line, said) => {
    await refuses(write(line === '' ? '' : '{}', Buffer.alloc(0), line), said);
  });

  it('that is a folder, a device, a pipe or not there is refused', async () => {
    execFileSync('mkfifo', [join(root, 'pipe')]);
    for (const [path, said] of [
      [root, /EISDIR|plain file/],
      ['/dev/zero', 'plain file'],
      [join(root, 'pipe'), 'plain file'],
      [join(root, 'none'), 'ENOENT'],
    ] as const)
      await refuses(path, said);
  });

  it.each([
    [['version'], 2, 'version'],
    [['job_id'], '../../etc', 'job_id'],
    [['base_sha'], '--upload-pack=x', 'base_sha'],
    [['trees_sha'], 'HEAD', 'trees_sha'],
    [['result', 'outcome'], 'won', 'result.outcome'],
    [['result', 'tree'], '..', 'result.tree'],
    [['turns', 0, 'trees', 'after'], '--output=/etc/x', 'turns.0.trees.after'],
    [['turns', 0, 'phase'], '__proto__', 'turns.0.phase'],
    [['turns', 0, 'number'], 0, 'turns.0.number'],
    [['turns', 0, 'events'], [{ type: 'status', data: {} }], 'turns.0.events.0.type'],
    [
      ['turns', 0, 'events'],
      Array.from({ length: 1001 }, () => ({ type: 'log', data: {} })),
      'turns.0.events',
    ],
    [
      ['turns', 0, 'ending'],
      { ok: true, summary: 'x'.repeat(300_000), question: null, session_id: null },
      'summary',
    ],
    [['turns', 0, 'events', 0], { type: 'log', data: { deep: deep(40) } }, 'nested too deep'],
    [['turns', 0, 'extra'], 1, 'turns.0'],
    [['request', 'task'], 'a\u0000b', 'NUL'],
    [['request', 'timeout_s'], 1e12, 'request.timeout_s'],
    [['request', 'checks', 0, 'name'], '../x', 'request.checks.0.name'],
    [['request', 'repo'], '/etc', 'request'],
    [['request', 'sandbox'], 'host', 'request'],
    [['extra'], 1, 'recording'],
  ])('whose %j is not as it must be is refused', async (path, value, said) => {
    await refuses(write(changed(path, value), good.pack), said);
  });

  it('with an event that is nested a hundred thousand deep is refused', async () => {
    const data = `{"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    const json = changed(['turns', 0, 'events'], ['event']).replace(
      '"event"',
      `{"type":"log","data":${data}}`,
    );
    await refuses(write(json, good.pack), /nested too deep|no JSON/);
  });

  it('with a turn twice, or without JSON, is refused', async () => {
    const { turns } = good.recording;
    await refuses(write(changed(['turns'], [...turns, ...turns]), good.pack), 'build-1 comes twice');
    await refuses(write('{"version":1', good.pack), 'no JSON');
  });

  it('whose pack is missing, cut off, or has a byte flipped is refused', async () => {
    const json = JSON.stringify(good.recording);
    await refuses(write(json, Buffer.alloc(0)), 'no pack');
    const path = write(json, good.pack);
    truncateSync(path, readFileSync(path).length - 30);
    await refuses(path, "can't be used");
    const flipped = Buffer.from(good.pack);
    flipped[40] = (flipped[40] ?? 0) ^ 0xff;
    await refuses(write(json, flipped), "can't be used");
  });

  it('whose pack says that it has millions of objects is refused unread', async () => {
    const many = Buffer.from(good.pack);
    many.writeUInt32BE(4_000_000, 8);
    await refuses(write(JSON.stringify(good.recording), many), 'objects are too many');
  });

  it('whose pack lacks a tree that a turn names is refused', async () => {
    const other = house.tree({ 'b.txt': 'three\n' });
    await refuses(write(changed(['turns', 0, 'trees', 'after'], other), good.pack), `no tree ${other}`);
  });

  it('that names a commit as a tree is refused', async () => {
    const { base_sha: base } = good.recording;
    await refuses(write(changed(['turns', 0, 'trees', 'after'], base), good.pack), 'no tree');
  });

  it('whose tree lacks its files is refused', async () => {
    const absent = rawTree('a.txt', createHash('sha1').update('absent').digest('hex'));
    const raw = execFileSync('git', ['--git-dir', house.repository, 'cat-file', 'tree', absent]);
    const pack = withObject(good.pack, 2, raw);
    await refuses(write(changed(['turns', 0, 'trees', 'after'], absent), pack), 'objects are missing');
  });

  it('with a commit of a hundred and thirty megabytes, made of nothing, is refused', async () => {
    const pack = withObject(good.pack, 1, Buffer.alloc(130 * 1024 * 1024, 'a'));
    expect(pack.length).toBeLessThan(1024 * 1024);
    await refuses(write(JSON.stringify(good.recording), pack), 'over limit');
  });

  it.each([
    ['.git', '40000'],
    ['..', '40000'],
    ['.GIT', '40000'],
    ['a/b', '100644'],
    ['git~1', '40000'],
    ['.gitmodules', '120000'],
  ])('with an entry called %s in a tree is refused', async (name, mode) => {
    const [blob, folder] = [
      sh(house.repository, 'rev-parse', `${good.recording.result.tree}:a.txt`),
      good.recording.result.tree,
    ];
    const evil = rawTree(name, mode === '40000' ? folder : blob, mode);
    const pack = packOf(good.recording.trees_sha, evil);
    await refuses(write(changed(['turns', 0, 'trees', 'after'], evil), pack), "can't be used");
  });
});
