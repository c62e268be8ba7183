/** Changes of several commits brought together: by real git, in a bare repository without files. */
import {
  chmodSync,
  existsSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  mkdirSync,
  renameSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  bringTogether,
  type CarriedChange,
  type Together,
} from '../../../src/workspace/together/together.ts';
import type { Git } from '../../../src/workspace/git.ts';
import { setScene, sh, write, type Scene } from '../scene.ts';

let scene: Scene;
let base: string;
let asked: number;
let git: Git;

beforeEach(() => {
  scene = setScene();
  write(scene.repo, {
    'list.txt': 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n',
    'dir/in.txt': 'in\n',
    'gone.txt': 'x\n',
  });
  base = commit('base');
  asked = 0;
  git = (target, args, options) => {
    asked++;
    return scene.git(target, args, options);
  };
});
afterEach(() => {
  scene.remove();
});

function commit(message: string): string {
  sh(scene.repo, 'add', '--all');
  sh(scene.repo, 'commit', '--quiet', '--allow-empty', '--message', message);
  return sh(scene.repo, 'rev-parse', 'HEAD');
}

/** A step that begins with a commit and leaves what `edit` does. */
function step(name: string, edit: () => void, from: string = base): CarriedChange {
  sh(scene.repo, 'checkout', '--quiet', '--detach', from);
  edit();
  return { name, base: from, head: commit(`Do ${name}\n\nAgent-Runner-Step: ${name}`) };
}

const edit = (files: Readonly<Record<string, string>>) => (): void => write(scene.repo, files);

function bring(changes: readonly CarriedChange[], onto: string = base): Promise<Together> {
  const target = { dir: join(scene.repo, '.git') };
  const options = { git, target, trailer: 'Agent-Runner-Step' };
  return bringTogether(options, onto, changes);
}

function files(at: string): string[] {
  return sh(scene.repo, 'ls-tree', '-r', '--name-only', at).split('\n');
}

function show(at: string, path: string): string {
  return sh(scene.repo, 'show', `${at}:${path}`);
}

describe('changes that touch nothing in common', () => {
  it('become one commit each, with their own message, author and date, and the same ones each time', async () => {
    const a = step('a', edit({ 'a.txt': 'a\n' }));
    const b = step('b', edit({ 'dir/in.txt': 'b\n' }));
    const c = step('c', () => rmSync(join(scene.repo, 'gone.txt')));
    const { commit: made, conflict } = await bring([a, b, c]);
    expect(conflict).toBeNull();
    expect(sh(scene.repo, 'log', '--format=%s', `${base}..${made}`)).toBe('Do c\nDo b\nDo a');
    const who = '--format=%an %ae %ad %cn %cd %B';
    expect(sh(scene.repo, 'log', '-1', who, `${made}~2`)).toBe(sh(scene.repo, 'log', '-1', who, a.head));
    expect(show(made, 'a.txt') + show(made, 'dir/in.txt')).toBe('ab');
    expect(files(made)).not.toContain('gone.txt');
    expect(await bring([a, b, c])).toEqual({ commit: made, conflict: null });
    expect(sh(scene.repo, 'for-each-ref', 'refs/agent-runner')).toBe('');
    // The first is what its step made, as it is.
    expect(sh(scene.repo, 'rev-parse', `${made}~2`)).toBe(a.head);
  });

  it('take as few processes for two hundred as for two', async () => {
    const few = [step('one', edit({ 'one.txt': '1\n' })), step('two', edit({ 'two.txt': '2\n' }))];
    await bring(few);
    const before = asked;
    // One stream makes them all, each on the base.
    const stream = Array.from({ length: 200 }, (_, at) =>
      [
        `commit refs/many/s${at}\ncommitter P <p@example.org> ${1_700_000_000 + at} +0000`,
        `data <<E\nDo s${at}\nE\nfrom ${base}\nM 644 inline many/${at}.txt\ndata 2\nx\n`,
      ].join('\n'),
    );
    await scene.git({ dir: join(scene.repo, '.git') }, ['fast-import', '--quiet'], {
      stdin: stream.join('\n'),
    });
    const heads = sh(scene.repo, 'for-each-ref', '--format=%(objectname)', 'refs/many').split('\n');
    asked = 0;
    const { commit: made } = await bring(heads.map((head, at) => ({ name: `s${at}`, base, head })));
    expect(sh(scene.repo, 'rev-list', '--count', `${base}..${made}`)).toBe('200');
    expect(asked).toBe(before);
  });

  it('keep names, modes and kinds of files as they are', async () => {
    const odd = ['-rf', '--help', 'a b', 'tab\there', 'new\nline', 'ünï', '"quoted\\"', ':(top)x', '*.txt'];
    const named = step('named', () => {
      for (const name of odd) writeFileSync(join(scene.repo, name), `${name}\n`);
      writeFileSync(Buffer.concat([Buffer.from(`${scene.repo}/`), Buffer.from([0xff, 0xfe])]), 'bytes\n');
    });
    const kinds = step('kinds', () => {
      symlinkSync('/etc/passwd', join(scene.repo, 'link'));
      chmodSync(join(scene.repo, 'list.txt'), 0o755);
      writeFileSync(join(scene.repo, 'binary'), Buffer.from([0, 1, 2, 255]));
      sh(scene.repo, 'clone', '--quiet', '.', 'module');
    });
    const { commit: made, conflict } = await bring([named, kinds]);
    expect(conflict).toBeNull();
    const tree = (at: string): string[] => sh(scene.repo, 'ls-tree', '-r', at).split('\n');
    const both = [...tree(named.head), ...tree(kinds.head)];
    expect(tree(made).filter((row) => !both.includes(row))).toEqual([]);
    expect(tree(made).filter((row) => /^(?:120000|160000|100755)/.test(row))).toHaveLength(3);
    expect(files(made)).toHaveLength(new Set([...files(named.head), ...files(kinds.head)]).size);
  });
});

describe('changes of the same files', () => {
  it('are merged by their lines, and through a rename', async () => {
    const first = step('first', edit({ 'list.txt': 'ONE\ntwo\nthree\nfour\nfive\nsix\nseven\n' }));
    const last = step('last', edit({ 'list.txt': 'one\ntwo\nthree\nfour\nfive\nsix\nSEVEN\n' }));
    const moved = step('moved', () =>
      renameSync(join(scene.repo, 'list.txt'), join(scene.repo, 'moved.txt')),
    );
    const { commit: made, conflict } = await bring([first, last, moved]);
    expect(conflict).toBeNull();
    expect(show(made, 'moved.txt')).toBe('ONE\ntwo\nthree\nfour\nfive\nsix\nSEVEN');
    expect(files(made)).not.toContain('list.txt');
    expect(sh(scene.repo, 'rev-list', '--count', `${base}..${made}`)).toBe('3');
    // The same the other way round: the edit finds the file that was moved before.
    const other = await bring([moved, first]);
    expect(show(other.commit, 'moved.txt')).toMatch(/^ONE/);
  });

  it('make no commit where they did the same', async () => {
    const once = step('once', edit({ 'a.txt': 'a\n' }));
    const again = step('again', edit({ 'a.txt': 'a\n' }));
    const { commit: made, conflict } = await bring([once, again]);
    expect([made, conflict]).toEqual([once.head, null]);
  });

  it('are carried from the base that each began with', async () => {
    const a = step('a', edit({ 'list.txt': 'A\ntwo\nthree\nfour\nfive\nsix\nseven\n' }));
    const b = step('b', edit({ 'list.txt': 'A\ntwo\nthree\nfour\nfive\nsix\nB\n' }), a.head);
    const c = step('c', edit({ 'list.txt': 'one\ntwo\nthree\nC\nfive\nsix\nseven\n' }));
    const { commit: made } = await bring([c], b.head);
    expect(show(made, 'list.txt')).toBe('A\ntwo\nthree\nC\nfive\nsix\nB');
    const other = await bring([a, b], c.head);
    expect(show(other.commit, 'list.txt')).toBe('A\ntwo\nthree\nC\nfive\nsix\nB');
  });
});

describe('a conflict', () => {
  it('names whose it is, the files, those it does not fit with, and shows the markers with their names', async () => {
    const other = step('other', edit({ 'x.txt': 'x\n' }));
    const left = step('left', edit({ 'list.txt': 'LEFT\ntwo\nthree\nfour\nfive\nsix\nseven\n' }));
    const right = step(
      'right',
      edit({ 'list.txt': 'RIGHT\ntwo\nthree\nfour\nfive\nsix\nseven\n', 'r.txt': 'r\n' }),
    );
    const { commit: made, conflict } = await bring([other, left, right]);
    expect(conflict).toMatchObject({ at: 2, paths: ['list.txt'], with: ['left'] });
    expect(show(conflict?.marked ?? '', 'list.txt')).toMatch(
      /^<<<<<<< steps\/left\nLEFT\n=======\nRIGHT\n>>>>>>> step\/right\n/,
    );
    expect(sh(scene.repo, 'rev-parse', `${conflict?.marked}^`)).toBe(made);
    expect(show(made, 'list.txt')).toMatch(/^LEFT/);
    expect(files(conflict?.marked ?? '')).toContain('r.txt');
    expect(await bring([other, left, right])).toEqual({ commit: made, conflict });
    // Names for the merge are gone with it.
    expect(sh(scene.repo, 'for-each-ref', 'refs/heads/steps', 'refs/heads/step', 'refs/agent-runner')).toBe(
      '',
    );
  });

  it('is found by the history of what it begins with', async () => {
    const left = step('left', edit({ 'a.txt': 'left\n' }));
    const right = step('right', edit({ 'a.txt': 'right\n' }));
    expect((await bring([right], left.head)).conflict).toMatchObject({
      at: 0,
      with: ['left'],
      paths: ['a.txt'],
    });
  });

  const kinds: readonly (readonly [string, () => void, () => void, string])[] = [
    [
      'deleted and changed',
      () => rmSync(join(scene.repo, 'gone.txt')),
      () => edit({ 'gone.txt': 'y\n' })(),
      'gone.txt',
    ],
    ['two binaries', () => edit({ bin: 'a\0a' })(), () => edit({ bin: 'b\0b' })(), 'bin'],
    [
      'two links',
      () => symlinkSync('a', join(scene.repo, 'l')),
      () => symlinkSync('b', join(scene.repo, 'l')),
      'l',
    ],
    [
      'a file and a folder of one name',
      () => edit({ thing: 'file\n' })(),
      () => edit({ 'thing/in': 'x\n' })(),
      'thing',
    ],
    [
      'names like options',
      () => edit({ '--output=x': 'a\n' })(),
      () => edit({ '--output=x': 'b\n' })(),
      '--output=x',
    ],
    [
      'names like patterns',
      () => edit({ ':(top)*': 'a\n' })(),
      () => edit({ ':(top)*': 'b\n' })(),
      ':(top)*',
    ],
  ];
  it.each(kinds)('%s', async (_name, left, right, path) => {
    const { conflict } = await bring([step('left', left), step('right', right)]);
    expect(conflict).toMatchObject({ at: 1, with: ['left'] });
    expect(conflict?.paths.some((one) => one.startsWith(path))).toBe(true);
    expect(sh(scene.repo, 'cat-file', '-t', conflict?.marked ?? '')).toBe('commit');
  });
});

describe('what would go wrong', () => {
  it('a step that deletes everything is carried, and one that edits what it deleted conflicts', async () => {
    const all = step('all', () => {
      for (const name of readdirSync(scene.repo).filter((one) => one !== '.git'))
        rmSync(join(scene.repo, name), { recursive: true });
    });
    const fresh = step('fresh', edit({ 'fresh.txt': 'f\n' }));
    const { commit: made, conflict } = await bring([all, fresh]);
    expect([files(made), conflict]).toEqual([['fresh.txt'], null]);
    const late = step('late', edit({ 'list.txt': 'late\n' }));
    expect((await bring([all, late])).conflict).toMatchObject({ at: 1, with: ['all'] });
  });

  it('one makes a file where another one makes a folder, which conflicts either way', async () => {
    const file = step('file', edit({ place: 'file\n' }));
    const folder = step('folder', edit({ 'place/in.txt': 'in\n' }));
    for (const changes of [
      [file, folder],
      [folder, file],
    ])
      expect((await bring(changes)).conflict).toMatchObject({ at: 1, with: [changes[0]?.name] });
  });

  it('what is new in a folder that another one moved stays where its step put it', async () => {
    const moved = step('moved', () => {
      renameSync(join(scene.repo, 'dir'), join(scene.repo, 'elsewhere'));
      write(scene.repo, { 'gone.txt': 'moved\n' });
    });
    const added = step('added', () => {
      write(scene.repo, { 'dir/new.txt': 'new\n', 'gone.txt': 'moved\n' });
    });
    const { commit: made, conflict } = await bring([moved, added]);
    expect(conflict).toBeNull();
    expect(files(made)).toEqual(expect.arrayContaining(['dir/new.txt', 'elsewhere/in.txt']));
  });

  it('a name that looks like a pattern blames nobody else', async () => {
    const other = step('other', edit({ 'a.txt': 'a\n' }));
    const left = step('left', edit({ '[ab].txt': 'left\n' }));
    const right = step('right', edit({ '[ab].txt': 'right\n' }));
    expect((await bring([other, left, right])).conflict).toMatchObject({
      paths: ['[ab].txt'],
      with: ['left'],
    });
  });

  it('a folder becomes a file, and a file a folder', async () => {
    const swap = step('swap', () => {
      rmSync(join(scene.repo, 'dir'), { recursive: true });
      rmSync(join(scene.repo, 'gone.txt'));
      edit({ dir: 'file\n' })();
      mkdirSync(join(scene.repo, 'gone.txt'));
      edit({ 'gone.txt/in': 'in\n' })();
    });
    const { commit: made, conflict } = await bring([step('a', edit({ 'a.txt': 'a\n' })), swap]);
    expect(conflict).toBeNull();
    expect(show(made, 'dir') + show(made, 'gone.txt/in')).toBe('filein');
  });

  it('no working copy is written, and a commit that is missing is named', async () => {
    const a = step('a', edit({ 'new-a.txt': 'a\n' }));
    const b = step('b', edit({ 'new-b.txt': 'b\n' }));
    sh(scene.repo, 'checkout', '--quiet', '--detach', base);
    await bring([a, b]);
    expect(existsSync(join(scene.repo, 'new-a.txt'))).toBe(false);
    expect(sh(scene.repo, 'status', '--porcelain')).toBe('');
    const lost = { name: 'lost', base, head: 'f'.repeat(40) };
    await expect(bring([a, lost])).rejects.toThrow(
      /the work of lost is no longer kept: commit f{12} is missing/,
    );
  });
});
