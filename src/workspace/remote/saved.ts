/** Saved work: a repository of its own beside the mirror, that borrows from it and is never borrowed from. */
import { join } from 'node:path';
import { createBare } from './mirror.ts';
import type { Git } from '../git.ts';

/** The ref under which a job's work is kept, whatever its outcome. */
export function wipRef(jobId: string): string {
  return `refs/agent-runner/wip/${jobId}`;
}

/** The ref of the partial tree that the n-th interrupted build left behind. */
export function partialRef(jobId: string, count: number): string {
  return `refs/agent-runner/partial/${jobId}/partial-${count}`;
}

/**
 * Copies a commit of a job into the saved repository. Saving the same commit again changes nothing.
 *
 * @param from the job's GIT_DIR
 * @param commit full id of the commit to keep
 */
export async function saveCommit(
  git: Git,
  paths: { readonly saved: string; readonly mirror: string },
  from: string,
  commit: string,
  ref: string,
): Promise<void> {
  await createBare(paths.saved, join(paths.mirror, 'objects'));
  await git({ dir: from }, ['push', '--quiet', '--no-verify', '--', paths.saved, `+${commit}:${ref}`]);
}

/** The commit a ref of the saved repository points at, or `null`. */
export async function readSaved(git: Git, saved: string, ref: string): Promise<string | null> {
  const answer = await git(
    { dir: saved },
    ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`],
    { okCodes: [0, 1, 128] },
  );
  return answer.code === 0 ? answer.text : null;
}
