/**
 * One bare mirror per repository, shared by all jobs and writable by none of them. A job pins the commit it
 * starts from by a ref, so that nothing it needs is ever pruned. A mirror is a cache: where it is broken, it is
 * replaced, and jobs that run go on, because each reads the packs of its own base as well.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { codeOf, JobError } from '../../job/error.ts';
import { openHistory } from '../copy/history.ts';
import type { Git } from '../git.ts';
import { exists, markUsed } from '../keep/folders.ts';
import type { RepoPaths } from '../layout.ts';
import { findBase, type Base, type Found, type Source } from './listing.ts';
import { linkPacks } from './packs.ts';
import { isPassing } from './patience.ts';
import { readLooseRef } from './refs.ts';

/**
 * Makes an empty bare repository at `path` by writing its few files: no template, no hook, no configuration
 * but ours. Safe when two processes do it at once: the slower one's is thrown away.
 */
export async function createBare(path: string): Promise<void> {
  if (await exists(join(path, 'HEAD'))) return;
  const building = `${path}.new-${randomBytes(6).toString('hex')}`;
  await mkdir(join(building, 'objects', 'info'), { recursive: true });
  await mkdir(join(building, 'objects', 'pack'), { recursive: true });
  await mkdir(join(building, 'refs', 'heads'), { recursive: true });
  await mkdir(join(building, 'info'), { recursive: true });
  await writeFile(
    join(building, 'config'),
    '[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n',
  );
  await writeFile(join(building, 'HEAD'), 'ref: refs/heads/main\n');
  await mkdir(dirname(path), { recursive: true });
  try {
    await rename(building, path);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (!(await exists(join(path, 'HEAD')))) throw error;
  }
}

/** The ref that keeps a job's base alive in the mirror. */
export function pinRef(jobId: string): string {
  return `refs/agent-runner/jobs/${jobId}`;
}

/** The ref that keeps the last known commit of a branch, so that the next fetch brings only what is new. */
function seenRef(found: Found): string {
  return `refs/agent-runner/seen/${createHash('sha256').update(found.fetch).digest('hex').slice(0, 24)}`;
}

/**
 * Whether a repository has a commit with everything that it reaches. Git's own check: what refs reach is taken
 * as complete, and only the rest is walked.
 */
async function isComplete(git: Git, dir: string, sha: string): Promise<boolean> {
  if (!/^[0-9a-f]{40}$/.test(sha)) return false;
  const args = ['rev-list', '--objects', '--quiet', sha, '--not', '--all'];
  return (await git({ dir }, args, { okCodes: [0, 1, 128] })).code === 0;
}

async function fetchInto(git: Git, dir: string, source: Source, base: Found, jobId: string): Promise<void> {
  const args = ['fetch', '--quiet', '--no-tags', '--no-write-fetch-head', '--update-shallow'];
  const refspec = `+${base.fetch}:${pinRef(jobId)}`;
  await git({ dir }, [...args, '--', source.url, refspec], {
    config: source.kind === 'url' ? 'user' : 'none',
  });
}

/** Longest look for broken objects; a mirror that is too large for it counts as sound. */
const SOUND_TIMEOUT_MS = 60_000;

/** Whether everything that a mirror's refs reach is there. Asked only after something failed. */
async function isSound(git: Git, dir: string): Promise<boolean> {
  const options = { okCodes: [0, 1, 128], timeoutMs: SOUND_TIMEOUT_MS };
  const answer = await git({ dir }, ['rev-list', '--objects', '--quiet', '--all'], options).catch(() => null);
  return answer === null || answer.code === 0;
}

async function readPin(git: Git, dir: string, jobId: string): Promise<string> {
  const args = ['rev-parse', '--verify', '--end-of-options', `${pinRef(jobId)}^{commit}`];
  return (await git({ dir }, args)).text;
}

/** Points a job's pin, and what was seen of its branch last, at a commit; says whether that could be done. */
async function pin(git: Git, dir: string, jobId: string, base: Found, sha: string): Promise<boolean> {
  const stdin = [pinRef(jobId), seenRef(base)].map((ref) => `update ${ref} ${sha}\n`).join('');
  return (await git({ dir }, ['update-ref', '--stdin'], { stdin, okCodes: [0, 1, 128] })).code === 0;
}

/** Pins carried over to a new mirror at most; a home with more has been without `gc` for long. */
const MAX_CARRIED_PINS = 10_000;

/** Pins of other jobs that a new mirror can hold as well, because the packs of their bases are there. */
async function carryPins(git: Git, from: string, to: string): Promise<void> {
  const args = ['for-each-ref', '--format=%(objectname) %(refname)', 'refs/agent-runner/jobs'];
  const listed = await git({ dir: from }, args, { okCodes: [0, 1, 128] });
  for (const line of listed.text.split('\n').slice(0, MAX_CARRIED_PINS)) {
    const [sha = '', ref = ''] = line.split(' ');
    if (ref === '' || !(await isComplete(git, to, sha))) continue;
    await git({ dir: to }, ['update-ref', ref, sha]);
  }
}

/**
 * Makes the mirror anew, with what the packs of known bases hold and what the remote gives, and puts it in the
 * place of the broken one by renames.
 */
async function replaceMirror(
  git: Git,
  repo: RepoPaths,
  source: Source,
  base: Found,
  jobId: string,
): Promise<void> {
  const building = `${repo.mirror}.new-${randomBytes(6).toString('hex')}`;
  try {
    await createBare(building);
    const names = (await readdir(repo.history).catch(() => [])).filter((name) => /^[0-9a-f]{40}$/.test(name));
    for (const name of names) await linkPacks([join(repo.history, name)], building).catch(() => {});
    if (await isComplete(git, building, base.sha))
      await git({ dir: building }, ['update-ref', pinRef(jobId), base.sha]);
    else await fetchInto(git, building, source, base, jobId);
    await carryPins(git, repo.mirror, building);
    await moveToTrash(repo.mirror, repo.trash);
    await rename(building, repo.mirror);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    // Another process replaced it meanwhile: its mirror is as good, and is fetched into like any other.
    if (!(await exists(join(repo.mirror, 'HEAD')))) throw error;
    await fetchInto(git, repo.mirror, source, base, jobId);
  }
}

/** Takes a folder out of use by one rename, so that a crash leaves it whole or gone; `null` when it is not there. */
export async function moveToTrash(path: string, trash: string): Promise<string | null> {
  const to = join(trash, `${basename(path)}.${randomBytes(6).toString('hex')}`);
  await mkdir(trash, { recursive: true });
  try {
    await rename(path, to);
    return to;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Brings the base of a job into the mirror and pins it. The remote is listed first: a mirror serves nobody who
 * can't read the remote now. A commit that is there already is not fetched, and a broken mirror is replaced.
 *
 * @param wanted branch, tag or full commit id; `null` for the remote's HEAD
 * @throws JobError `repo_unusable` (unreadable, empty), `base_missing`, or `infra_failed` (can't be fetched)
 */
export async function fetchBase(
  git: Git,
  repo: RepoPaths,
  source: Source,
  wanted: string | null,
  jobId: string,
): Promise<Base> {
  const base = await findBase(git, repo.listed, source, wanted);
  const { mirror } = repo;
  await createBare(mirror);
  await markUsed(mirror);
  let sha = base.sha;
  // What a ref points at is taken as complete, as git takes it; the pin's own update looks whether it is there.
  const isKnown = (await readLooseRef(mirror, seenRef(base))) === sha;
  const isPinned =
    (isKnown || (await isComplete(git, mirror, sha))) && (await pin(git, mirror, jobId, base, sha));
  if (!isPinned) {
    await fetchInto(git, mirror, source, base, jobId)
      .then(() => readPin(git, mirror, jobId))
      .catch(async (error: unknown) => {
        if (await isSound(git, mirror)) throw error;
        await replaceMirror(git, repo, source, base, jobId);
      })
      .catch((error: unknown) => {
        const said = error instanceof Error ? error.message : String(error);
        const code = base.fetch === base.sha && !isPassing(error) ? 'base_missing' : 'infra_failed';
        throw new JobError(code, `base: ${base.name} can't be fetched from ${source.url}: ${said}`);
      });
    // The branch may have moved between listing and fetching: what was fetched counts.
    sha = await readPin(git, mirror, jobId);
    await pin(git, mirror, jobId, base, sha);
  }
  return { name: base.name, sha, isBranch: base.isBranch };
}

/** Lets the mirror forget a job's base. */
export async function unpinBase(git: Git, mirror: string, jobId: string): Promise<void> {
  await git({ dir: mirror }, ['update-ref', '-d', pinRef(jobId)], { okCodes: [0, 1, 128] });
}

/** Asked before every step, and answered at once: by way of promises it took ten times as long. */
function hasHistory(root: string, sha: string): boolean {
  try {
    const chain = readFileSync(join(root, sha, 'chain'), 'utf8')
      .split('\n')
      .filter(Boolean);
    return chain.every((name) => readdirSync(join(root, name, 'pack')).some((file) => file.endsWith('.idx')));
  } catch {
    return false;
  }
}

/**
 * Makes sure that the base of a job can be read: from its own packs, else from the mirror, else from saved work (what
 * the steps of a pipeline begin with is on no remote), else from the remote, which the mirror is fetched anew from where
 * somebody deleted or pruned it. Costs a look at a folder or two where all is well.
 *
 * @throws JobError `infra_failed` when neither this machine nor the remote has the commit any more
 */
export async function restoreBase(
  git: Git,
  repo: RepoPaths,
  source: Source,
  sha: string,
  jobId: string,
): Promise<void> {
  if (hasHistory(repo.history, sha)) return markUsed(join(repo.history, sha));
  await moveToTrash(join(repo.history, sha), repo.trash);
  const base: Found = { name: sha.slice(0, 12), sha, isBranch: false, fetch: sha };
  try {
    if (!(await isComplete(git, repo.mirror, sha))) {
      if (await isComplete(git, repo.saved, sha)) {
        await openHistory(git, repo.saved, repo.history, sha);
        return;
      }
      await fetchBase(git, repo, source, sha, jobId);
    }
    await openHistory(git, repo.mirror, repo.history, sha).catch(async () => {
      await replaceMirror(git, repo, source, base, jobId);
      await openHistory(git, repo.mirror, repo.history, sha);
    });
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    throw new JobError('infra_failed', `the base ${base.name} is lost: ${said}`, {
      hint: 'it could be read neither from the mirror nor from the remote; try again when the remote has it',
    });
  }
}
