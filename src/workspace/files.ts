/** The tracked files of one commit, read from git objects: no checkout, no symbolic link followed. */
import type { Git, GitTarget } from './git.ts';
import { splitNul } from './git.ts';

/** The files of a commit. */
export interface CommitFiles {
  /** Tracked paths, relative and `/`-separated, in git's order. */
  readonly paths: readonly string[];
  /** Text of a file, or `null` when it is absent, a link, binary or larger than `MAX_READ_BYTES`. */
  read(path: string): Promise<string | null>;
  /** Paths of submodules, which are not checked out. */
  readonly submodules: readonly string[];
}

const MAX_READ_BYTES = 1024 * 1024;

/** Lists a commit's files; their contents are read when asked for, each once. */
export async function openCommitFiles(git: Git, target: GitTarget, commit: string): Promise<CommitFiles> {
  const rows = splitNul((await git(target, ['ls-tree', '-r', '-z', '--full-tree', commit])).stdout);
  const blobs = new Map<string, string>();
  const paths: string[] = [];
  const submodules: string[] = [];
  for (const row of rows) {
    const [meta = '', path = ''] = row.split('\t', 2);
    const [mode = '', , id = ''] = meta.split(' ');
    paths.push(path);
    if (mode === '160000') submodules.push(path);
    else if (mode !== '120000') blobs.set(path, id);
  }
  const cache = new Map<string, Promise<string | null>>();
  const load = async (id: string): Promise<string | null> => {
    const { stdout } = await git(target, ['cat-file', '--batch'], { stdin: `${id}\n` });
    const headerEnd = stdout.indexOf(10);
    const size = Number.parseInt(stdout.subarray(0, headerEnd).toString().split(' ')[2] ?? '', 10);
    if (!Number.isInteger(size) || size > MAX_READ_BYTES) return null;
    const content = stdout.subarray(headerEnd + 1, headerEnd + 1 + size);
    return content.includes(0) ? null : content.toString('utf8');
  };
  return {
    paths,
    submodules,
    read(path) {
      const id = blobs.get(path);
      if (id === undefined) return Promise.resolve(null);
      const known = cache.get(id) ?? load(id);
      cache.set(id, known);
      return known;
    },
  };
}
