/** Saving a job's work and the trees of its turns in a repository of their own, early where that is possible. */
import type { Verified } from '../../job/step.ts';
import { commitTree, treeOf } from '../../workspace/change.ts';
import { readSaved, saveCommits, wipRef, type Kept } from '../../workspace/remote/saved.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { HeldLease } from '../engine/lease.ts';
import type { Bench } from '../place.ts';
import { commitTurns, turnNames } from '../record/turns.ts';
import { changeCommit } from '../steps/commit.ts';

/** Saves the work of one job. */
export interface Saver {
  /** Saves a commit while it is judged, so that `now` finds it done. What fails here is tried again there. */
  early(detail: PreparedDetail, bench: Bench, commit: string): void;
  /**
   * Saves what the working copy holds.
   *
   * @param verified the last gate run, whose commit is taken where it has the same files
   * @returns the ref that the work is kept under; `null` where there is none but base's
   */
  now(detail: PreparedDetail, bench: Bench, verified: Verified | null): Promise<string | null>;
  /** Resolves when nothing is being saved early any more. */
  settled(): Promise<void>;
}

/** What was saved while a commit was judged. */
interface Early {
  readonly commit: string;
  /** Names of the turns whose trees went with it; `null` where that failed. */
  readonly done: Promise<readonly string[] | null>;
}

function sameNames(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((name, at) => name === b[at]);
}

/**
 * Makes the saver of a job.
 *
 * @param lease looked at before anything is saved: who is late must not write over what another process saved
 */
export function createSaver(context: JobContext, lease: Pick<HeldLease, 'check'>): Saver {
  const { git, job, layout, paths } = context;
  const ref = wipRef(job.job_id);
  let early: Early | null = null;

  const save = async (detail: PreparedDetail, kept: readonly Kept[]): Promise<void> => {
    if (kept.length === 0) return;
    await lease.check();
    await saveCommits(git, layout.repo(detail.remote.url), paths.git, kept, detail.base_sha);
  };

  const saveAhead = async (
    detail: PreparedDetail,
    bench: Bench,
    commit: string,
  ): Promise<readonly string[]> => {
    const names = await turnNames(context.paths.turns);
    const turns = await commitTurns(context, bench.copy.target, detail.base_sha, names);
    await save(detail, [{ commit, ref }, ...turns]);
    return names;
  };

  return {
    early(detail, bench, commit) {
      const before = early?.done ?? Promise.resolve();
      const done = before.then(() => saveAhead(detail, bench, commit)).catch(() => null);
      early = { commit, done };
    },
    async now(detail, bench, verified) {
      const ahead = await early?.done;
      const { target } = bench.copy;
      const [tree, baseTree, names] = await Promise.all([
        bench.copy.snapshot(),
        treeOf(git, target, detail.base_sha),
        turnNames(context.paths.turns),
      ]);
      const areTurnsSaved = ahead != null && sameNames(ahead, names);
      const turns = areTurnsSaved ? [] : await commitTurns(context, target, detail.base_sha, names);
      if (tree === baseTree) {
        await save(detail, turns);
        return null;
      }
      const judged = verified?.report;
      const commit =
        judged?.tree === tree
          ? judged.commit
          : await commitTree(
              git,
              target,
              tree,
              detail.base_sha,
              'refs/agent-runner/wip',
              changeCommit(context),
            );
      const { saved } = layout.repo(detail.remote.url);
      const isSaved =
        ahead != null && early?.commit === commit && (await readSaved(git, saved, ref)) === commit;
      await save(detail, isSaved ? turns : [{ commit, ref }, ...turns]);
      return ref;
    },
    async settled() {
      await early?.done;
    },
  };
}
