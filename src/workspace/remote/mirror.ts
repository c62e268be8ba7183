/**
 * One bare mirror per repository, shared by all jobs and writable by none of them. A job pins the commit it
 * starts from by a ref, so that nothing it needs is ever pruned.
 */
import { randomBytes } from 'node:crypto';
import { access, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import type { Git } from '../git.ts';

/** The commit a job starts from. */
export interface Base {
  /** Branch, tag or commit as people call it. */
  readonly name: string;
  readonly sha: string;
  /** `false` for a detached HEAD, a tag or a bare commit. */
  readonly isBranch: boolean;
}

/** A remote to fetch from: an absolute path or a URL. */
export interface Source {
  readonly url: string;
  /** `checkout`: a person's working repository; `url`: reached with that person's own git configuration. */
  readonly kind: 'checkout' | 'bare' | 'url';
}

const SHA = /^[0-9a-f]{40}$/;

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/**
 * Makes an empty bare repository at `path` by writing its few files: no template, no hook, no configuration
 * but ours. Safe when two processes do it at once: the slower one's is thrown away.
 *
 * @param borrowFrom an object directory whose objects the new repository may use
 */
export async function createBare(path: string, borrowFrom: string | null = null): Promise<void> {
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
  if (borrowFrom !== null)
    await writeFile(join(building, 'objects', 'info', 'alternates'), `${borrowFrom}\n`);
  await writeFile(join(building, 'HEAD'), 'ref: refs/heads/main\n');
  await mkdir(dirname(path), { recursive: true });
  try {
    await rename(building, path);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    if (!(await exists(join(path, 'HEAD')))) throw error;
  }
}

interface RemoteRef {
  readonly sha: string;
  readonly ref: string;
}

async function listRemote(
  git: Git,
  source: Source,
  patterns: readonly string[],
): Promise<{ refs: RemoteRef[]; head: string | null }> {
  const args = ['ls-remote', '--symref', '--', source.url, ...patterns];
  const output = await git(null, args, { config: source.kind === 'url' ? 'user' : 'none' }).catch(
    (error: unknown) => {
      const said = error instanceof Error ? error.message : String(error);
      throw new JobError('repo_unusable', `repo: ${source.url} can't be read: ${said}`, {
        hint: 'check the path or URL, and that you may read it',
      });
    },
  );
  const refs: RemoteRef[] = [];
  let head: string | null = null;
  for (const line of output.text.split('\n')) {
    const [left = '', ref = ''] = line.split('\t');
    if (left.startsWith('ref: ') && ref === 'HEAD') head = left.slice('ref: '.length);
    else if (SHA.test(left) && ref !== '') refs.push({ sha: left, ref });
  }
  return { refs, head };
}

/** Longest history that is searched for where a branch left another, by git itself: seconds, not minutes. */
const REVISION_TIMEOUT_MS = 30_000;

/**
 * Resolves a revision such as `HEAD~2` in a person's own repository to a full commit id; elsewhere, and for
 * names that need no resolving, returns it as it came.
 */
export async function findRevision(git: Git, source: Source, wanted: string): Promise<string> {
  if (source.kind === 'url' || SHA.test(wanted)) return wanted;
  if (wanted.startsWith('-') || wanted.includes('\0')) return parseRef(wanted);
  const args = [
    '-C',
    source.url,
    'rev-parse',
    '--verify',
    '--quiet',
    '--end-of-options',
    `${wanted}^{commit}`,
  ];
  const answer = await git(null, args, { okCodes: [0, 1, 128], timeoutMs: REVISION_TIMEOUT_MS });
  if (answer.code === 0 && SHA.test(answer.text)) return answer.text;
  throw new JobError(
    'base_missing',
    `${JSON.stringify(wanted.slice(0, 200))} is no revision of ${source.url}`,
    {
      hint: 'name a branch, a tag or a commit',
    },
  );
}

/** Where `head` left the default branch of a person's repository; `null` where that can't be told. */
export async function findForkPoint(git: Git, source: Source, head: string): Promise<string | null> {
  if (source.kind === 'url') return null;
  for (const main of ['refs/remotes/origin/HEAD', 'refs/heads/main', 'refs/heads/master']) {
    const args = ['-C', source.url, 'merge-base', '--end-of-options', main, head];
    const answer = await git(null, args, { okCodes: [0, 1, 128], timeoutMs: REVISION_TIMEOUT_MS });
    if (answer.code === 0 && SHA.test(answer.text) && answer.text !== head) return answer.text;
  }
  const parent = await git(null, ['-C', source.url, 'rev-parse', '--verify', '--quiet', `${head}~`], {
    okCodes: [0, 1, 128],
  });
  return parent.code === 0 ? parent.text : null;
}

/** Finds the commit to start from by listing the remote; nothing is fetched. */
export async function findBase(
  git: Git,
  source: Source,
  wanted: string | null,
): Promise<Base & { readonly fetch: string }> {
  if (wanted === null) {
    const { refs, head } = await listRemote(git, source, ['HEAD']);
    const sha = refs.find((r) => r.ref === 'HEAD')?.sha;
    if (sha === undefined) {
      throw new JobError('repo_unusable', `repo: ${source.url} has no commits`, {
        hint: 'make a first commit',
      });
    }
    const branch = head?.startsWith('refs/heads/') === true ? head.slice('refs/heads/'.length) : null;
    return { name: branch ?? sha.slice(0, 12), sha, isBranch: branch !== null, fetch: head ?? 'HEAD' };
  }
  const name = parseRef(wanted);
  if (SHA.test(name)) return { name: name.slice(0, 12), sha: name, isBranch: false, fetch: name };
  const { refs } = await listRemote(git, source, [
    `refs/heads/${name}`,
    `refs/tags/${name}`,
    `refs/tags/${name}^{}`,
  ]);
  const branch = refs.find((r) => r.ref === `refs/heads/${name}`);
  const tag =
    refs.find((r) => r.ref === `refs/tags/${name}^{}`) ?? refs.find((r) => r.ref === `refs/tags/${name}`);
  const found = branch ?? tag;
  if (found === undefined) {
    throw new JobError('base_missing', `base: ${JSON.stringify(name)} is no branch or tag of ${source.url}`, {
      hint: 'name an existing branch or tag, or a full commit id of 40 characters',
    });
  }
  const fetch = branch === undefined ? `refs/tags/${name}` : branch.ref;
  return { name, sha: found.sha, isBranch: branch !== undefined, fetch };
}

/** The ref that keeps a job's base alive in the mirror. */
export function pinRef(jobId: string): string {
  return `refs/agent-runner/jobs/${jobId}`;
}

/**
 * Brings the base of a job into the mirror and pins it. The remote is listed first, each time: a mirror
 * serves nobody who can't read the remote now.
 *
 * @param wanted branch, tag or full commit id; `null` for the remote's HEAD
 * @throws JobError `repo_unusable` (unreadable, empty) or `base_missing`
 */
export async function fetchBase(
  git: Git,
  mirror: string,
  source: Source,
  wanted: string | null,
  jobId: string,
): Promise<Base> {
  const base = await findBase(git, source, wanted);
  await createBare(mirror);
  const refspec = `+${base.fetch}:${pinRef(jobId)}`;
  const args = [
    'fetch',
    '--quiet',
    '--no-tags',
    '--no-write-fetch-head',
    '--update-shallow',
    '--',
    source.url,
    refspec,
  ];
  await git({ dir: mirror }, args, { config: source.kind === 'url' ? 'user' : 'none' }).catch(
    (error: unknown) => {
      const said = error instanceof Error ? error.message : String(error);
      const code = SHA.test(base.fetch) ? 'base_missing' : 'infra_failed';
      throw new JobError(code, `base: ${base.name} can't be fetched from ${source.url}: ${said}`);
    },
  );
  // The branch may have moved between listing and fetching: what was fetched counts.
  const pinned = await git({ dir: mirror }, [
    'rev-parse',
    '--verify',
    '--end-of-options',
    `${pinRef(jobId)}^{commit}`,
  ]);
  return { name: base.name, sha: pinned.text, isBranch: base.isBranch };
}

/** Lets the mirror forget a job's base. */
export async function unpinBase(git: Git, mirror: string, jobId: string): Promise<void> {
  await git({ dir: mirror }, ['update-ref', '-d', pinRef(jobId)], { okCodes: [0, 1, 128] });
}
