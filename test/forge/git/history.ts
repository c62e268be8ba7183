/** Commits and differences of a bare repository. Forks share one object store, so shas of one network are known to all. */
import { git, tryGit } from './git.ts';

export interface Person {
  readonly name: string;
  readonly email: string;
  readonly date: string;
}

export interface Commit {
  readonly sha: string;
  readonly tree: string;
  readonly parents: readonly string[];
  readonly author: Person;
  readonly committer: Person;
  readonly message: string;
}

export interface FileChange {
  readonly path: string;
  readonly previousPath: string | null;
  readonly status: 'added' | 'removed' | 'modified' | 'renamed' | 'changed';
  readonly blob: string | null;
  readonly additions: number;
  readonly deletions: number;
}

const FORMAT = ['%H', '%T', '%P', '%an', '%ae', '%aI', '%cn', '%ce', '%cI', '%B'].join('%x00');

function utc(date: string): string {
  return new Date(date).toISOString().replace('.000Z', 'Z');
}

/**
 * Commits, newest first, as `git log` with these arguments finds them; `[]` when a revision is unknown.
 *
 * @param revisions revisions and options of `git log`
 */
export async function log(
  folder: string,
  revisions: readonly string[],
  options: { readonly max?: number; readonly skip?: number; readonly path?: string | null } = {},
): Promise<readonly Commit[]> {
  const ran = await tryGit(folder, [
    'log',
    '-z',
    `--format=${FORMAT}%x00%x01`,
    `--max-count=${options.max ?? 250}`,
    `--skip=${options.skip ?? 0}`,
    ...revisions,
    '--',
    ...(options.path ? [options.path] : []),
  ]);
  if (ran.code !== 0) return [];
  return ran.stdout
    .split('\0\x01')
    .map((entry) => entry.replace(/^[\0\n]/, ''))
    .filter((entry) => entry !== '')
    .map((entry) => {
      const [
        sha = '',
        tree = '',
        parents = '',
        an = '',
        ae = '',
        ad = '',
        cn = '',
        ce = '',
        cd = '',
        ...rest
      ] = entry.split('\0');
      return {
        sha,
        tree,
        parents: parents.split(' ').filter(Boolean),
        author: { name: an, email: ae, date: utc(ad) },
        committer: { name: cn, email: ce, date: utc(cd) },
        message: rest.join('\0').replace(/\n$/, ''),
      };
    });
}

/** The commit that `revision` names, or `null`. */
export async function commit(folder: string, revision: string): Promise<Commit | null> {
  if (revision.startsWith('-')) return null;
  return (await log(folder, [revision], { max: 1 }))[0] ?? null;
}

/** How many commits of `to` are not in `from`. */
export async function countCommits(folder: string, from: string, to: string): Promise<number> {
  return Number((await git(folder, ['rev-list', '--count', to, `^${from}`])).trim());
}

/** Best common ancestor, or `null`. */
export async function mergeBase(folder: string, a: string, b: string): Promise<string | null> {
  const ran = await tryGit(folder, ['merge-base', a, b]);
  return ran.code === 0 ? ran.stdout.trim() : null;
}

const STATUSES: Readonly<Record<string, FileChange['status']>> = {
  A: 'added',
  D: 'removed',
  M: 'modified',
  R: 'renamed',
  T: 'changed',
};

/** Files that differ between two commits, by path, renames found. */
export async function changedFiles(folder: string, from: string, to: string): Promise<readonly FileChange[]> {
  const out = await git(folder, ['diff', '--raw', '--numstat', '--no-abbrev', '-z', '-M', from, to]);
  const words = out.split('\0');
  const counts = new Map<string, readonly [number, number]>();
  const raw: Omit<FileChange, 'additions' | 'deletions'>[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (word.startsWith(':')) {
      const [, , , blob = '', letter = ''] = word.split(' ');
      const moved = /^[RC]/.test(letter);
      const first = words[(at += 1)] ?? '';
      const path = moved ? (words[(at += 1)] ?? '') : first;
      raw.push({
        path,
        previousPath: moved ? first : null,
        status: STATUSES[letter.slice(0, 1)] ?? 'changed',
        blob: /^0+$/.test(blob) ? null : blob,
      });
    } else if (word !== '') {
      const [added = '', deleted = '', path = ''] = word.split('\t');
      const moved = path === '';
      if (moved) at += 2;
      // "-" stands for a binary file, which GitHub counts as no lines.
      counts.set(moved ? (words[at] ?? '') : path, [Number(added) || 0, Number(deleted) || 0]);
    }
  }
  return raw.map((file) => {
    const [additions, deletions] = counts.get(file.path) ?? [0, 0];
    return { ...file, additions, deletions };
  });
}

/** The patch of one file without its header, as GitHub shows it; `null` for binary files. */
export async function patchOf(
  folder: string,
  from: string,
  to: string,
  path: string,
): Promise<string | null> {
  const out = await git(folder, ['diff', '-M', from, to, '--', path]);
  const at = out.indexOf('\n@@');
  return at === -1 ? null : out.slice(at + 1).replace(/\n$/, '');
}

/** Whether the two merge without a conflict. */
export async function mergesCleanly(folder: string, a: string, b: string): Promise<boolean> {
  return (await tryGit(folder, ['merge-tree', '--write-tree', a, b])).code === 0;
}

export interface Entry {
  readonly mode: string;
  readonly type: 'blob' | 'tree' | 'commit';
  readonly sha: string;
  readonly size: number;
  readonly path: string;
}

/** What lies at `path` of a commit: its entry, and for a folder what is in it; `null`: nothing. */
export async function entriesAt(
  folder: string,
  revision: string,
  path: string,
): Promise<{ readonly self: Entry | null; readonly children: readonly Entry[] } | null> {
  const read = async (at: string): Promise<readonly Entry[] | null> => {
    const ran = await tryGit(folder, ['ls-tree', '-l', '-z', revision, '--', ...(at === '' ? [] : [at])]);
    if (ran.code !== 0) return null;
    return ran.stdout
      .split('\0')
      .filter(Boolean)
      .map((line) => {
        const [head = '', name = ''] = line.split('\t');
        const [mode = '', type = 'blob', sha = '', size = '0'] = head.split(/ +/);
        return { mode, type: type as Entry['type'], sha, size: Number(size) || 0, path: name };
      });
  };
  if (path === '') {
    const children = await read('');
    return children === null ? null : { self: null, children };
  }
  const self = (await read(path))?.[0];
  if (self === undefined) return null;
  return { self, children: self.type === 'tree' ? ((await read(`${path}/`)) ?? []) : [] };
}

/** A blob as base64 in lines of 60, as GitHub sends it. */
export async function blobBase64(folder: string, sha: string): Promise<string> {
  const { execFile } = await import('node:child_process');
  const { gitEnv } = await import('./git.ts');
  const bytes = await new Promise<Buffer>((resolve, reject) => {
    execFile(
      'git',
      ['cat-file', 'blob', sha],
      { cwd: folder, env: gitEnv(), encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 },
      (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
    );
  });
  return bytes.toString('base64').replace(/(.{60})/g, '$1\n') + '\n';
}
