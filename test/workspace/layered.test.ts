import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { probeOverlay, withOverlays } from '../../src/sandbox/process/overlay.ts';
import type { OverlayMode, OverlayMount } from '../../src/sandbox/sandbox.ts';
import { commitTree } from '../../src/workspace/change.ts';
import {
  createWorkingCopy,
  reopenWorkingCopy,
  type Checkout,
} from '../../src/workspace/copy/working-copy.ts';
import { AUTHOR, BURY, DESCEND, setScene, sh, write, type Scene } from './scene.ts';

const INFO = { message: 'change\n', author: AUTHOR, date: '2026-01-02T03:04:05.000Z' };
const FILES = {
  'a.txt': 'one\n',
  'dir/b.txt': 'two\n',
  'dir/c.txt': 'three\n',
  'dir/deep/d.txt': 'four\n',
  'dir/deep/e.txt': 'five\n',
  'other/f.txt': 'six\n',
  '.gitignore': 'ignored/\n*.log\n',
  'kept.log': 'tracked though ignored\n',
};

let scene: Scene;
let mode: OverlayMode | null;
let count = 0;

beforeAll(async () => {
  scene = setScene(FILES);
  sh(scene.repo, 'add', '--force', 'kept.log');
  sh(scene.repo, 'commit', '--quiet', '--message', 'the log');
  mkdirSync(scene.layout.home, { recursive: true });
  mode = await probeOverlay(scene.layout.home);
  if (mode === null && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1')
    throw new Error('overlayfs can not be mounted here, and AGENT_RUNNER_REQUIRE_ALL=1');
});
afterAll(() => scene.remove());

/** Runs a shell script where a command in the sandbox would run it. */
function run(place: Checkout, script: string, home = false): string {
  const { workspaceLayers, homeLayers } = place.layers();
  const mounts: OverlayMount[] = [
    ...(workspaceLayers === undefined ? [] : [{ layers: workspaceLayers, target: place.tree }]),
    ...(homeLayers === undefined ? [] : [{ layers: homeLayers, target: place.home }]),
  ];
  const cwd = home ? place.home : place.tree;
  const command = ['/bin/sh', '-c', script] as const;
  const [first, ...rest] = mounts;
  const argv = first === undefined ? command : withOverlays([first, ...rest], cwd, command);
  return execFileSync(argv[0], argv.slice(1), { cwd, encoding: 'utf8' });
}

async function open(overlay: OverlayMode | null): ReturnType<Scene['open']> {
  return scene.open(`job-${++count}`, undefined, overlay);
}

const PATHS = [
  'a.txt',
  'dir',
  'dir/b.txt',
  'dir/deep',
  'dir/deep/d.txt',
  'other',
  'other/f.txt',
  'kept.log',
  'new.txt',
  'dir/new',
  'dir/new/n.txt',
  'ignored/x',
  'x.log',
  ':(glob)odd',
  '-rf',
  'sp ace\n.txt',
  'node_modules/m/i.js',
  '.gitignore',
];
const quote = (word: string): string => `'./${word.replaceAll("'", `'\\''`)}'`;

/** One thing that an agent does; what fails there fails. */
const step = fc.oneof(
  fc
    .record({ path: fc.constantFrom(...PATHS), text: fc.constantFrom('', 'x\n', 'one\n') })
    .map(
      ({ path, text }) => `mkdir -p "$(dirname ${quote(path)})" && printf '%s' '${text}' > ${quote(path)}`,
    ),
  fc.constantFrom(...PATHS).map((path) => `rm -rf ${quote(path)}`),
  fc.constantFrom(...PATHS).map((path) => `rm -rf ${quote(path)} && mkdir -p ${quote(path)}`),
  fc.constantFrom(...PATHS).map((path) => `rm -rf ${quote(path)} && ln -s a.txt ${quote(path)}`),
  fc.constantFrom(...PATHS).map((path) => `chmod +x ${quote(path)}`),
  fc
    .tuple(fc.constantFrom(...PATHS), fc.constantFrom(...PATHS))
    .map(([from, to]) => `mkdir -p "$(dirname ${quote(to)})" && mv ${quote(from)} ${quote(to)}`),
);

describe.skipIf(process.platform !== 'linux')('a copy-on-write working copy', () => {
  it('has the same tree as a plain one, whatever is done in both', async () => {
    if (mode === null) return;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const script = steps.map((one) => `{ ${one}; } 2>/dev/null`).join('; ');
        const [plain, layered] = [await open(null), await open(mode)];
        for (const { copy } of [plain, layered]) run(copy, `${script}; true`);
        const [want, got] = [await plain.copy.snapshot(), await layered.copy.snapshot()];
        expect(got).toBe(want);
      }),
      { numRuns: 25 },
    );
  }, 120_000);

  it('takes no file of the repository as its own, and none of it reaches the warm tree', async () => {
    if (mode === null) return;
    const { copy, options } = await open(mode);
    const warm = join(options.repo.warm, options.baseSha, 'tree');
    const before = readFileSync(join(warm, 'a.txt'), 'utf8');
    run(copy, 'echo more >> a.txt; rm -r dir; chmod 777 other; ln other/f.txt hard; echo z >> hard');
    expect(readFileSync(join(warm, 'a.txt'), 'utf8')).toBe(before);
    expect(existsSync(join(warm, 'dir/deep/d.txt'))).toBe(true);
    expect(statSync(join(warm, 'other')).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(warm, 'other/f.txt'), 'utf8')).toBe('six\n');
    expect(readdirSync(copy.tree)).toEqual([]);
  });

  it('has a clean inner .git that shows base', async () => {
    if (mode === null) return;
    const { copy, base } = await open(mode);
    expect(run(copy, 'git status --porcelain; git log --format=%H -1; git remote').trim()).toBe(base.sha);
    run(copy, 'git rm -q a.txt; git -c user.name=x -c user.email=x@x commit -qm mine');
    const listed = (await scene.git(copy.target, ['ls-tree', '--name-only', await copy.snapshot()])).text;
    expect(listed.split('\n')).toEqual(['.gitignore', 'dir', 'kept.log', 'other']);
  });

  it('forgets what was taken back between two snapshots', async () => {
    if (mode === null) return;
    const { copy, base } = await open(mode);
    const clean = sh(scene.repo, 'rev-parse', `${base.sha}^{tree}`);
    expect(await copy.snapshot()).toBe(clean);
    run(copy, 'echo x > new.txt; echo y >> a.txt');
    expect(await copy.snapshot()).not.toBe(clean);
    run(copy, 'rm new.txt; printf "one\\n" > a.txt');
    expect(await copy.snapshot()).toBe(clean);
  });

  it('looks again where something that stayed open has written', async () => {
    if (mode === null) return;
    const { copy } = await open(mode);
    run(copy, 'echo wrong > a.txt');
    const before = await copy.snapshot();
    // As a command does that was started before the snapshot.
    writeFileSync(join(copy.where, 'a.txt'), 'right\n');
    copy.touched();
    expect(await copy.snapshot()).not.toBe(before);
  });

  it('can be thrown away and laid again, in this process or another', async () => {
    if (mode === null) return;
    const { copy, options } = await open(mode);
    run(copy, 'echo x > new.txt; rm -r dir; mkdir dir; echo n > dir/only.txt');
    const tree = await copy.snapshot();
    const again = await reopenWorkingCopy(options);
    expect(await again.snapshot()).toBe(tree);
    await again.reset(options.baseSha);
    expect(run(again, 'git status --porcelain; cat dir/b.txt')).toBe('two\n');
    await again.reset(tree);
    expect(run(again, 'ls dir')).toBe('only.txt\n');
    expect(await again.snapshot()).toBe(tree);
  });

  it('opens after a process that was killed while it threw everything away', async () => {
    if (mode === null) return;
    const { copy, options } = await open(mode);
    run(copy, 'echo x > new.txt');
    const tree = await copy.snapshot();
    for (const name of ['upper', 'work'])
      await rm(join(options.paths.layers, 'tree', name), { recursive: true });
    const again = await reopenWorkingCopy(options);
    expect(await again.snapshot()).not.toBe(tree);
    await again.reset(tree);
    expect(run(again, 'cat new.txt')).toBe('x\n');
  });

  it('can be laid anew over what an agent buried too deep to name', async () => {
    if (mode === null) return;
    const { copy, options } = await open(mode);
    run(copy, BURY);
    await expect(rm(copy.where, { recursive: true })).rejects.toThrow(/ENAMETOOLONG/);
    await copy.reset(options.baseSha);
    expect(run(copy, 'git status --porcelain; ls')).toBe('a.txt\ndir\nkept.log\nother\n');
    const checkout = await copy.checkOutClean('head', options.baseSha);
    run(checkout, BURY);
    await checkout.remove();
    expect(readdirSync(options.paths.checkouts)).toEqual([]);
    run(copy, BURY);
    const again = await createWorkingCopy(options);
    expect(run(again, 'git status --porcelain; ls')).toBe('a.txt\ndir\nkept.log\nother\n');
  });

  it('gives clean checkouts of base and of a change, with a .git that is clean', async () => {
    if (mode === null) return;
    const { copy, options, base } = await open(mode);
    run(copy, 'rm -r dir; echo x > new.txt; echo two >> a.txt; ln -s a.txt other/link');
    const tree = await copy.snapshot();
    const commit = await commitTree(scene.git, copy.target, tree, base.sha, 'refs/x', INFO);
    // A process that was thought dead laid the same, and removes it while this one is at work.
    const late = await (await reopenWorkingCopy(options)).checkOutClean('head', commit);
    const head = await copy.checkOutClean('head', commit);
    await late.remove();
    expect(run(head, 'git status --porcelain; git rev-parse HEAD; cat a.txt; ls -A')).toBe(
      `${commit}\none\ntwo\n.git\n.gitignore\na.txt\nkept.log\nnew.txt\nother\n`,
    );
    const plain = await copy.checkOutClean('base', options.baseSha);
    expect(run(plain, 'git status --porcelain; cat dir/b.txt')).toBe('two\n');
    await head.remove();
    await plain.remove();
    expect(readdirSync(options.paths.checkouts)).toEqual([]);
  });

  it.each([
    [
      'adds and edits',
      'echo two >> a.txt; mkdir -p dir/new; echo n > dir/new/n; printf x > "sp ace"; chmod +x a.txt; ln -s a.txt other/link',
    ],
    ['says how text is read', 'printf "* text eol=crlf\\n" > .gitattributes; printf "a\\nb\\n" > eol.txt'],
    ['takes a file away', 'rm dir/b.txt; echo x > dir/new.txt'],
    ['moves a folder', 'mv dir elsewhere'],
    [
      'puts a link in the place of a folder, and a folder in that of a file',
      'rm -r dir a.txt; ln -s other dir; mkdir a.txt; echo x > a.txt/x',
    ],
    ['has a name that is no UTF-8', `printf x > "$(printf 'odd-\\377.txt')"; echo y > plain.txt`],
    ['changes nothing', 'true'],
  ])('lays a change of a tree as it lays its commit: one that %s', async (_, script) => {
    if (mode === null) return;
    const { copy, base } = await open(mode);
    run(copy, script);
    const tree = await copy.snapshot();
    const made = commitTree(scene.git, copy.target, tree, base.sha, 'refs/agent-runner/work', INFO);
    const soon = await copy.checkOutClean('soon', made, tree);
    const later = await copy.checkOutClean('later', await made);
    const look = `git status --porcelain; git rev-parse HEAD; git fsck --no-progress;
      find . -path ./.git -prune -o ! -type d -printf '%p %y %m %l\\n' -type f -exec cksum {} + | sort`;
    expect(run(soon, look)).toBe(run(later, look));
    expect(run(soon, 'git status --porcelain; git rev-parse HEAD')).toBe(`${await made}\n`);
    // The snapshot's index is still the runner's own: the next snapshot tells the same tree.
    run(copy, 'echo more > more.txt; rm more.txt');
    expect(await copy.snapshot()).toBe(tree);
  });

  it('has dependencies as a layer of their own, below what the commit tracks', async () => {
    if (mode === null) return;
    const { copy } = await open(mode);
    const dir = join(scene.root, `layer-${count}`);
    write(dir, {
      'tree/node_modules/m/i.js': 'm\n',
      'tree/dir/b.txt': 'not base’s\n',
      'home/.cache/c': 'cached\n',
    });
    const clean = await copy.snapshot();
    await copy.lay({ fingerprint: 'f', dir, entries: ['node_modules', 'dir'] });
    const said = run(copy, 'cat node_modules/m/i.js dir/b.txt; echo mine > node_modules/m/i.js');
    expect(said).toBe('m\ntwo\n');
    expect(run(copy, 'cat .cache/c; echo x > .cache/c', true)).toBe('cached\n');
    expect(readFileSync(join(dir, 'tree/node_modules/m/i.js'), 'utf8')).toBe('m\n');
    expect(readFileSync(join(dir, 'home/.cache/c'), 'utf8')).toBe('cached\n');
    expect(await copy.snapshot()).toBe(clean);
  });

  it('keeps names that are not UTF-8, and reads what an agent made unreadable', async () => {
    if (mode === null) return;
    const { copy } = await open(mode);
    run(copy, `printf x > "$(printf 'odd-\\377.txt')"; mkdir -p shut; echo s > shut/s; chmod 0 shut/s shut`);
    const listed = (await scene.git(copy.target, ['ls-tree', '-r', '-z', await copy.snapshot()])).stdout;
    expect(listed.includes(Buffer.from('odd-\xff.txt', 'latin1'))).toBe(true);
    expect(listed.toString()).toContain('shut/s');
  });

  it('passes by what lies deeper than the system can name', async () => {
    if (mode === null) return;
    const { copy } = await open(mode);
    run(copy, DESCEND);
    const id = await copy.snapshot();
    const listed = (await scene.git(copy.target, ['ls-tree', '-r', '--name-only', id])).text.split('\n');
    expect(listed.filter((path) => path.includes('/l')).length).toBeGreaterThan(15);
    await copy.reset(id);
  });

  it('keeps every byte of a name beside files that an attribute makes git refuse', async () => {
    if (mode === null) return;
    const { copy } = await open(mode);
    run(
      copy,
      `echo '*.txt working-tree-encoding=UTF-16' > .gitattributes; printf x > "$(printf 'odd-\\377.txt')"`,
    );
    const listed = (await scene.git(copy.target, ['ls-tree', '-r', '-z', await copy.snapshot()])).stdout;
    expect(listed.includes(Buffer.from('odd-\xff.txt', 'latin1'))).toBe(true);
  });

  it('leaves pipes, sockets, nested .git folders and files that pose as .git out', async () => {
    if (mode === null) return;
    const { copy } = await open(mode);
    run(
      copy,
      'mkfifo pipe dir/.gitignore; git init -q nested; echo n > nested/n; mkdir .GIT; echo x > .GIT/config',
    );
    const listed = (await scene.git(copy.target, ['ls-tree', '-r', '--name-only', await copy.snapshot()]))
      .text;
    expect(listed.split('\n').filter((path) => !(path in FILES))).toEqual(['nested/n']);
  });

  it('is made once a base, and is told apart from a half-made one', async () => {
    if (mode === null) return;
    const { options } = await open(mode);
    const folder = options.repo.warm;
    const marker = join(folder, options.baseSha, 'tree', 'a.txt');
    const inode = statSync(marker).ino;
    mkdirSync(join(folder, '.new-000000'));
    writeFileSync(join(folder, '.new-000000', 'half'), '');
    await open(mode);
    expect(statSync(marker).ino).toBe(inode);
  });
});
