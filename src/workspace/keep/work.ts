/** Saved work that nobody asked for in a long time. */
import { join } from 'node:path';
import type { Git } from '../git.ts';
import type { Layout } from '../layout.ts';
import { moveToTrash } from '../remote/mirror.ts';
import { namesIn } from './folders.ts';
import { withLock } from './owner.ts';

/** A ref with a job's work. */
export interface SavedRef {
  /** The repository it is in. */
  readonly saved: string;
  readonly ref: string;
  readonly jobId: string;
  readonly commit: string;
  /** The base it was made on. */
  readonly base: string;
  /** Date of the commit, which is that of the job: RFC 3339. */
  readonly date: string;
}

/** Packs beyond this are made into one, because a search goes through them all and each eighth holds everything. */
const MAX_PACKS = 50;

/** The saved repositories of a home. */
export async function savedRepositories(layout: Layout): Promise<readonly string[]> {
  const root = join(layout.home, 'saved');
  return (await namesIn(root)).filter((name) => name.endsWith('.git')).map((name) => join(root, name));
}

/**
 * What is kept of a job: its work, what interrupted builds left, what the run of a pipeline brought together, and the
 * trees of its recorded turns.
 */
export type SavedKind = 'wip' | 'partial' | 'run' | 'turns';

/** Every piece of saved work in a repository, found without the database; or what is kept of other kinds. */
export async function listSaved(
  git: Git,
  saved: string,
  kinds: readonly SavedKind[] = ['wip', 'partial'],
): Promise<readonly SavedRef[]> {
  const format = '%(refname)%09%(objectname)%09%(parent)%09%(creatordate:iso-strict)';
  const args = ['for-each-ref', `--format=${format}`, ...kinds.map((kind) => `refs/agent-runner/${kind}`)];
  const listed = await git({ dir: saved }, args, { okCodes: [0, 1, 128] });
  return listed.text.split('\n').flatMap((line) => {
    const [ref = '', commit = '', base = '', date = ''] = line.split('\t');
    const jobId = ref.split('/')[3] ?? '';
    return jobId === '' ? [] : [{ saved, ref, jobId, commit, base, date }];
  });
}

/**
 * Forgets saved work and gives back the space: bases that no work needs, packs, and the repository when it is empty.
 */
export async function forgetSaved(
  git: Git,
  saved: string,
  refs: readonly SavedRef[],
  trash: string,
): Promise<void> {
  // The lock that saving takes as well: the two never meet.
  await withLock(`${saved}.lock`, async () => {
    for (const { ref, commit } of refs)
      await git({ dir: saved }, ['update-ref', '-d', ref, commit], { okCodes: [0, 1, 128] });
    const left = await listSaved(git, saved, ['wip', 'partial', 'run', 'turns']);
    if (left.length === 0) {
      await moveToTrash(saved, trash);
      return;
    }
    const bases = new Set(left.map((one) => one.base));
    const listed = await git({ dir: saved }, [
      'for-each-ref',
      '--format=%(objectname) %(refname)',
      'refs/agent-runner/base',
    ]);
    for (const line of listed.text.split('\n')) {
      const [sha = '', ref = ''] = line.split(' ');
      if (ref !== '' && !bases.has(sha)) await git({ dir: saved }, ['update-ref', '-d', ref, sha]);
    }
    const packs = (await namesIn(join(saved, 'objects', 'pack'))).filter((name) => name.endsWith('.pack'));
    if (refs.length > 0 || packs.length > MAX_PACKS)
      await git({ dir: saved }, ['repack', '-a', '-d', '--quiet']);
  });
}
