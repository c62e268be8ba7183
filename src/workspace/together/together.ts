/**
 * Changes of several commits brought together in a row of commits, one a change. What touches no path that anybody else
 * touched is carried over by its paths, however many changes there are; only the rest is merged file by file, by git.
 */
import { randomBytes } from 'node:crypto';
import { JobError } from '../../job/error.ts';
import type { Git, GitTarget } from '../git.ts';
import type { ByteName } from '../staging.ts';
import { bytes } from '../staging.ts';
import { readCommits, readTreeChanges, type PathChange, type RawCommit, type TreePair } from './commits.ts';
import { deleteRefs, mergeChange, mergeNamed } from './merge.ts';
import { writeCommits, type Made, type NewCommit } from './write.ts';

/** One change: what `head` has and `base` has not. */
export interface CarriedChange {
  /** Whose it is. */
  readonly name: string;
  readonly base: string;
  readonly head: string;
}

/** What came of it. */
export interface Together {
  readonly commit: string;
  /** The first change that does not fit; `commit` holds those before it. */
  readonly conflict: {
    readonly at: number;
    readonly paths: readonly string[];
    /** Whose earlier work it does not fit with, by the trailers of their commits. */
    readonly with: readonly string[];
    /** The commit with conflict markers. */
    readonly marked: string;
  } | null;
}

/** What the work is done with. */
export interface TogetherOptions {
  readonly git: Git;
  readonly target: Pick<GitTarget, 'dir'>;
  /** Trailer of a commit's message that says whose it is. */
  readonly trailer: string;
}

/** Paths of a conflict that are told, and that are looked up. */
const MAX_PATHS = 200;
const MAX_PATH_CHARS = 500;
/** Names of those it does not fit with. */
const MAX_WITH = 50;

/** Paths that somebody touched, with the folders above them. */
interface Touched {
  readonly paths: Set<ByteName>;
  readonly folders: Set<ByteName>;
}

function foldersOf(path: ByteName): ByteName[] {
  const folders: ByteName[] = [];
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) folders.push(path.slice(0, at));
  return folders;
}

function touch(touched: Touched, changes: readonly PathChange[]): void {
  for (const { path } of changes) {
    touched.paths.add(path);
    for (const folder of foldersOf(path)) touched.folders.add(folder);
  }
}

function touchedBy(changes: readonly PathChange[]): Touched {
  const touched: Touched = { paths: new Set(), folders: new Set() };
  touch(touched, changes);
  return touched;
}

/** Whether a path, a folder above it or a path below it was touched. */
function isTouched({ paths, folders }: Touched, path: ByteName): boolean {
  return paths.has(path) || folders.has(path) || foldersOf(path).some((folder) => paths.has(folder));
}

/** Where the row of commits stands: what is written, and what waits to be. */
interface Row {
  tip: Made;
  waiting: NewCommit[];
  /** The tree that the row ends in with all that waits; `null` where that is known once it is written. */
  tree: string | null;
  /** Where refs of its own are, as long as it is made. */
  readonly refs: string;
  /** Touched since the first commit of the row. */
  readonly since: Touched;
}

async function flush({ git, target }: TogetherOptions, row: Row): Promise<Made> {
  const made = await writeCommits(git, target, row.tip.commit, `${row.refs}/row`, row.waiting);
  row.waiting = [];
  row.tip = made.at(-1) ?? row.tip;
  row.tree = row.tip.tree;
  return row.tip;
}

function known(commits: ReadonlyMap<string, RawCommit>, id: string, of: string): RawCommit {
  const found = commits.get(id);
  if (found !== undefined) return found;
  throw new JobError(
    'infra_failed',
    `the work of ${of} is no longer kept: commit ${id.slice(0, 12)} is missing`,
    {
      hint: 'run the pipeline again; keep_work_days says how long work is kept',
    },
  );
}

function shownPath(path: ByteName): string {
  return bytes(path).toString('utf8').slice(0, MAX_PATH_CHARS).toWellFormed();
}

/** A path as the sides had it: where a file stands in the way of a folder, git names it after its side. */
function withoutSide(path: string): string {
  return path.replace(/~(?:steps?_[\w+-]+|refs_agent-runner_together_\w+|[0-9a-f]{40})$/, '');
}

/** Whose commits between two touched some paths, the oldest first. */
async function ownersOf(
  { git, target, trailer }: TogetherOptions,
  from: string,
  to: string,
  paths: readonly string[],
): Promise<readonly string[]> {
  if (from === to) return [];
  // An argument can't carry what is no text.
  const named = paths.filter((path) => !path.includes('\ufffd'));
  if (named.length === 0) return [];
  const format = `--format=%(trailers:key=${trailer},valueonly,separator=%x2C)`;
  const args = ['log', '--reverse', format, '--end-of-options', `${from}..${to}`, '--', ...named];
  const { text } = await git(target, args, { env: { GIT_LITERAL_PATHSPECS: '1' } });
  return [...new Set(text.split('\n').filter((line) => line !== ''))].slice(0, MAX_WITH);
}

/** The conflict of a change, with the commit that shows it. */
async function conflictOf(
  options: TogetherOptions,
  row: Row,
  change: CarriedChange,
  what: { readonly at: number; readonly like: RawCommit; readonly conflicts: readonly ByteName[] },
): Promise<Together> {
  const { git, target } = options;
  const { base, head, name } = change;
  const { at, like, conflicts } = what;
  const { commit, tree: into } = await flush(options, row);
  const touched = [...new Set(conflicts.map(shownPath).map(withoutSide))].slice(0, MAX_PATHS);
  const owners = (await ownersOf(options, base, commit, touched)).filter((owner) => owner !== name);
  // Once more, with names: the markers tell them.
  const shown = await mergeNamed(git, target, { base, into, head, like }, owners.join('+'), name);
  const paths = [...new Set(shown.conflicts.map(shownPath))].slice(0, MAX_PATHS);
  const message = `Conflict of ${name} with ${owners.join(', ') || 'what came before'}\n`;
  const marked = await writeCommits(git, target, commit, `${row.refs}/marked`, [
    { like: { ...like, message: bytes(message).toString('latin1') }, content: { tree: shown.tree } },
  ]);
  return { commit, conflict: { at, paths, with: owners, marked: marked[0]?.commit ?? '' } };
}

/** Carries one change over; `null` where it fits. */
async function carry(
  options: TogetherOptions,
  row: Row,
  change: CarriedChange,
  at: number,
  what: { readonly like: RawCommit; readonly changes: readonly PathChange[]; readonly before: Touched },
): Promise<Together | null> {
  const { like, changes, before } = what;
  if (changes.length === 0) return null;
  const isFree = !changes.some(({ path }) => isTouched(before, path) || isTouched(row.since, path));
  if (isFree) {
    row.waiting.push({ like, content: { changes } });
    row.tree = null;
    touch(row.since, changes);
    return null;
  }
  const { git, target } = options;
  const into = row.tree ?? (await flush(options, row)).tree;
  const { base, head } = change;
  const { tree, conflicts } = await mergeChange(git, target, {
    base,
    into,
    head,
    like,
    ref: `${row.refs}/ours`,
  });
  if (conflicts.length > 0) return conflictOf(options, row, change, { at, like, conflicts });
  // The same was done already: a commit of nothing helps nobody.
  if (tree === into) return null;
  row.waiting.push({ like, content: { tree } });
  row.tree = tree;
  touch(row.since, changes);
  return null;
}

/**
 * Carries changes over to a commit, one after another, each as a commit with the author, date and message of its own
 * head. No working copy is touched, and the same input makes the same commits.
 *
 * @param onto full id of the commit to begin with
 * @param changes all of their commits are in the repository
 * @throws JobError `infra_failed` where one is not there, `bad_configuration` where git is too old for a merge
 */
export async function bringTogether(
  options: TogetherOptions,
  onto: string,
  changes: readonly CarriedChange[],
): Promise<Together> {
  const { git, target } = options;
  const ids = [...new Set([onto, ...changes.flatMap(({ base, head }) => [base, head])])];
  const commits = await readCommits(git, target, ids);
  const start = known(commits, onto, 'the steps before');
  const trees = changes.map(({ name, base, head }): TreePair => {
    return { before: known(commits, base, name).tree, after: known(commits, head, name).tree };
  });
  // What the commit to begin with has beside each base, which most changes share.
  const bases = [...new Set(trees.map(({ before }) => before))];
  const pairs = [...trees, ...bases.map((before) => ({ before, after: start.tree }))];
  const differences = await readTreeChanges(git, target, pairs);
  const moved = new Map(bases.map((tree, at) => [tree, touchedBy(differences[trees.length + at] ?? [])]));
  const { tree } = start;
  const refs = `refs/agent-runner/together/${randomBytes(6).toString('hex')}`;
  const row: Row = { tip: { commit: onto, tree }, waiting: [], tree, refs, since: touchedBy([]) };
  try {
    for (const [at, change] of changes.entries()) {
      const before = moved.get(trees[at]?.before ?? '') ?? touchedBy([]);
      const like = known(commits, change.head, change.name);
      const what = { like, changes: differences[at] ?? [], before };
      const conflict = await carry(options, row, change, at, what);
      if (conflict !== null) return conflict;
    }
    return { commit: (await flush(options, row)).commit, conflict: null };
  } finally {
    await deleteRefs(
      git,
      target,
      ['row', 'ours', 'marked'].map((name) => `${refs}/${name}`),
    );
  }
}
