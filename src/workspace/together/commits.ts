/** Many commits read at once, and what each changed, in two processes whatever their number. Names are bytes. */
import type { Git, GitTarget } from '../git.ts';
import type { ByteName } from '../staging.ts';

/** A commit as git has it; author, committer and message are bytes, one character each. */
export interface RawCommit {
  readonly tree: string;
  /** `Name <mail> seconds zone`, as it stands in the commit. */
  readonly author: string;
  readonly committer: string;
  readonly message: string;
}

function parseCommit(text: string): RawCommit {
  const end = text.indexOf('\n\n');
  const field = (name: string): string =>
    new RegExp(`^${name} (.*)$`, 'm').exec(text.slice(0, end))?.[1] ?? '';
  return {
    tree: field('tree'),
    author: field('author'),
    committer: field('committer'),
    message: text.slice(end + 2),
  };
}

/** Reads commits by their full ids; those that are not there are left out. */
export async function readCommits(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  ids: readonly string[],
): Promise<Map<string, RawCommit>> {
  const found = new Map<string, RawCommit>();
  if (ids.length === 0) return found;
  const { stdout } = await git({ dir }, ['cat-file', '--batch'], {
    stdin: ids.map((id) => `${id}\n`).join(''),
  });
  for (let at = 0; at < stdout.length;) {
    const end = stdout.indexOf(10, at);
    const [id = '', type, size] = stdout.toString('latin1', at, end).split(' ');
    at = end + 1;
    // `<id> missing` has no content behind it.
    if (size === undefined) continue;
    const bytes = Number.parseInt(size, 10);
    if (type === 'commit') found.set(id, parseCommit(stdout.toString('latin1', at, at + bytes)));
    at += bytes + 1;
  }
  return found;
}

/** What a path became: a mode and an id; mode `000000` for what is gone. */
export interface PathChange {
  readonly path: ByteName;
  readonly mode: string;
  readonly id: string;
}

/** Two trees by their ids. */
export interface TreePair {
  readonly before: string;
  readonly after: string;
}

/** What differs between the trees of each pair, path by path: a rename is a path that is gone and one that is new. */
export async function readTreeChanges(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  pairs: readonly TreePair[],
): Promise<readonly (readonly PathChange[])[]> {
  if (pairs.length === 0) return [];
  const args = ['diff-tree', '--stdin', '-r', '-z', '--raw', '--no-abbrev', '--no-renames'];
  const { stdout } = await git({ dir }, [...args, '--ignore-submodules=none'], {
    stdin: pairs.map(({ before, after }) => `${before} ${after}\n`).join(''),
  });
  const all: PathChange[][] = [];
  for (let at = 0; at < stdout.length;) {
    if (stdout[at] !== 0x3a) {
      // The line of a pair: both ids.
      all.push([]);
      at = stdout.indexOf(10, at) + 1;
      continue;
    }
    const fields = stdout.indexOf(0, at);
    const [, mode = '', , id = ''] = stdout.toString('latin1', at, fields).split(' ');
    const end = stdout.indexOf(0, fields + 1);
    all.at(-1)?.push({ path: stdout.toString('latin1', fields + 1, end), mode, id });
    at = end + 1;
  }
  return all;
}
