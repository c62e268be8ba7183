/** A row of commits written by one process, each on top of the one before. No working copy and no index is touched. */
import type { Git, GitTarget } from '../git.ts';
import { bytes } from '../staging.ts';
import type { PathChange, RawCommit } from './commits.ts';

/** A commit to be made: what it changes of the one before it, or its whole tree. */
export interface NewCommit {
  readonly like: Pick<RawCommit, 'author' | 'committer' | 'message'>;
  readonly content: { readonly changes: readonly PathChange[] } | { readonly tree: string };
}

/** A commit that was made. */
export interface Made {
  readonly commit: string;
  readonly tree: string;
}

/** A path as `fast-import` takes any bytes: in quotes, with octal escapes for all that is not plain. */
function quoted(path: string): string {
  const plain = path.replace(
    /[^ !#-[\]-~]/g,
    (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  return `"${plain}"`;
}

function linesOf({ content }: NewCommit): string {
  if ('tree' in content) return `M 040000 ${content.tree} ""\n`;
  // First what goes: a file may become a folder, and a folder a file.
  const gone = content.changes.filter(({ mode }) => mode === '000000');
  const kept = content.changes.filter(({ mode }) => mode !== '000000');
  return [
    ...gone.map(({ path }) => `D ${quoted(path)}\n`),
    ...kept.map(({ path, mode, id }) => `M ${mode} ${id} ${quoted(path)}\n`),
  ].join('');
}

/** The command that takes a stream of commits. */
export const FAST_IMPORT: readonly string[] = [
  'fast-import',
  '--quiet',
  '--force',
  '--done',
  '--date-format=raw',
];

/** Commits as a stream for `fast-import`, each on top of the one before; it answers each with its id and its tree. */
export function streamOf(parent: string, ref: string, commits: readonly NewCommit[]): Buffer {
  const parts = commits.map((one, at) => {
    const mark = at + 1;
    const { author, committer, message } = one.like;
    return [
      `commit ${ref}\nmark :${mark}\nauthor ${author}\ncommitter ${committer}\n`,
      `data ${message.length}\n${message}\n`,
      `from ${at === 0 ? parent : `:${at}`}\n${linesOf(one)}\n`,
      `get-mark :${mark}\nls :${mark} ""\n`,
    ].join('');
  });
  return bytes(`${parts.join('')}done\n`);
}

/**
 * Writes commits, each on top of the one before, the first on top of `parent`. Written twice, they are the same ones.
 *
 * @param ref points at the last one afterwards; nobody else may use it at this time
 */
export async function writeCommits(
  git: Git,
  { dir }: Pick<GitTarget, 'dir'>,
  parent: string,
  ref: string,
  commits: readonly NewCommit[],
): Promise<readonly Made[]> {
  if (commits.length === 0) return [];
  const { text } = await git({ dir }, FAST_IMPORT, { stdin: streamOf(parent, ref, commits) });
  const lines = text.split('\n').filter((line) => line !== '');
  return commits.map((_, at) => {
    const tree = /^040000 tree ([0-9a-f]{40})/.exec(lines[2 * at + 1] ?? '')?.[1] ?? '';
    return { commit: lines[2 * at] ?? '', tree };
  });
}
