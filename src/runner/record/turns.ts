/** The trees of a job's recorded turns as one commit, which is kept with the job's work. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RecordedTurn } from '../../job/recording/recording.ts';
import type { GitTarget } from '../../workspace/git.ts';
import { commitTree } from '../../workspace/change.ts';
import { namesIn } from '../../workspace/keep/folders.ts';
import { turnsRef, type Kept } from '../../workspace/remote/saved.ts';
import type { JobContext } from '../context.ts';
import { commitInfo } from '../steps/commit.ts';

/** Names of the files of turns: `build-2.json`. */
const TURN_FILE = /^(?:explore|plan|build)-[1-9]\d{0,3}\.json$/;
const SHA = /^[0-9a-f]{40}$/;

/** The trees that a recorded turn names; none where it could only look. */
async function treesIn(path: string): Promise<readonly string[]> {
  const turn = JSON.parse(await readFile(path, 'utf8')) as Pick<RecordedTurn, 'trees'>;
  return turn.trees === null ? [] : [turn.trees.before, turn.trees.after].filter((id) => SHA.test(id));
}

async function commitTrees(
  context: JobContext,
  target: GitTarget,
  base: string,
  names: readonly string[],
): Promise<Kept> {
  const { git, job, paths } = context;
  const found = await Promise.all(names.map((name) => treesIn(join(paths.turns, name))));
  const ids = [...new Set(found.flat())].toSorted();
  const stdin = ids.map((id) => `040000 tree ${id}\t${id}\0`).join('');
  const tree = (await git(target, ['mktree', '-z'], { stdin })).text;
  const info = commitInfo(context, 'Trees of the turns');
  const commit = await commitTree(git, target, tree, base, 'refs/agent-runner/turns', info);
  return { commit, ref: turnsRef(job.job_id) };
}

/** The files of the turns in a job's folder of them, by name and in order. */
export async function turnNames(folder: string): Promise<readonly string[]> {
  return (await namesIn(folder)).filter((name) => TURN_FILE.test(name)).toSorted();
}

/**
 * Makes one commit of the trees that the recorded turns name, on top of the job's base, so that one ref keeps all
 * that playing them back needs. Made twice, it is the same commit. What goes wrong costs the recording alone.
 *
 * @param names the files of the turns
 * @returns what to save: nothing where no turn is recorded
 */
export async function commitTurns(
  context: JobContext,
  target: GitTarget,
  base: string,
  names: readonly string[],
): Promise<readonly Kept[]> {
  if (names.length === 0) return [];
  try {
    return [await commitTrees(context, target, base, names)];
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    context.journal.emit('message', 'notify', { notice: `the turns can't be played back: ${why}` });
    return [];
  }
}
