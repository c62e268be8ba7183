/** What a remote has: read by listing it, without fetching. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import type { Git } from '../git.ts';
import { isPassing } from './patience.ts';
import { readRefFile } from './refs.ts';

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

/** A base as the remote names it. */
export interface Found extends Base {
  /** What to ask the remote for. */
  readonly fetch: string;
}

const SHA = /^[0-9a-f]{40}$/;
const SHORT_SHA = /^[0-9a-f]{4,39}$/;

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
      // A network that fails for a while is nobody's mistake, and the job is tried again.
      if (isPassing(error)) throw new JobError('infra_failed', `repo: ${source.url} can't be read: ${said}`);
      throw new JobError('repo_unusable', `repo: ${source.url} can't be read: ${said}`, {
        hint: said.includes('dubious ownership')
          ? 'it is of another user, and git reads nothing of theirs for you: clone it yourself, or run as its owner'
          : 'check the path or URL, and that you may read it',
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

function withoutCommits(source: Source): JobError {
  return new JobError('repo_unusable', `repo: ${source.url} has no commits`, { hint: 'make a first commit' });
}

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
  // Where not even HEAD is a commit, another name would not help.
  if (wanted === 'HEAD') throw withoutCommits(source);
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

/**
 * An answer of a remote counts for so long: looking at a request and preparing its job, or a handful of jobs that
 * begin together, list it once. Longer, and a job would miss what its caller has just pushed.
 */
const LISTED_MS = 5000;

/** The question as a file name: the address holds the credential, so nobody is answered with another's listing. */
function questionOf(source: Source, wanted: string | null): string {
  return createHash('sha256')
    .update(JSON.stringify([source.url, wanted]))
    .digest('hex');
}

async function readListed(path: string): Promise<Found | null> {
  try {
    if (Date.now() - (await stat(path)).mtimeMs > LISTED_MS) return null;
    const { name, sha, isBranch, fetch } = JSON.parse(await readFile(path, 'utf8')) as Found;
    return SHA.test(sha) ? { name, sha, isBranch, fetch } : null;
  } catch {
    return null;
  }
}

async function writeListed(folder: string, path: string, found: Found): Promise<void> {
  const building = `${path}.new-${randomBytes(6).toString('hex')}`;
  await mkdir(folder, { recursive: true });
  await writeFile(building, JSON.stringify(found));
  await rename(building, path);
}

/**
 * Finds the commit to start from by listing the remote; nothing is fetched. A remote elsewhere is not asked the
 * same again within seconds; a path of this machine is always looked at.
 *
 * @param listed folder of the repository's recent answers
 * @param wanted branch, tag or full commit id; `null` for the remote's HEAD
 * @throws JobError `repo_unusable` (unreadable, empty) or `base_missing`
 */
export async function findBase(
  git: Git,
  listed: string,
  source: Source,
  wanted: string | null,
): Promise<Found> {
  if (source.kind !== 'url') return listBase(git, source, wanted);
  const path = join(listed, questionOf(source, wanted));
  const known = await readListed(path);
  if (known !== null) return known;
  const found = await listBase(git, source, wanted);
  await writeListed(listed, path, found).catch(() => rm(path, { force: true }));
  return found;
}

/** What a packed ref points at: lines of id, space and name. */
async function readPacked(dir: string, ref: string): Promise<string> {
  const text = (await readRefFile(join(dir, 'packed-refs'))) ?? '';
  return (
    text
      .split('\n')
      .find((line) => line.endsWith(` ${ref}`))
      ?.slice(0, 40) ?? ''
  );
}

/**
 * The branch that HEAD of a repository on this machine is on, from the files that say so; `null` where they do not
 * (detached, another format, a linked worktree), and git has to be asked.
 */
async function readHead({ kind, url }: Source): Promise<Found | null> {
  if (kind === 'url') return null;
  const dir = kind === 'bare' ? url : join(url, '.git');
  // Of another user's repository git says what it thinks of it, here and not when its commit is fetched.
  if ((await stat(dir).catch(() => null))?.uid !== process.geteuid?.()) return null;
  const head = await readRefFile(join(dir, 'HEAD'));
  const ref = /^ref: (refs\/heads\/[\w-]+)\n$/.exec(head ?? '')?.[1];
  if (ref === undefined) return null;
  const sha = (await readRefFile(join(dir, ref)))?.trimEnd() ?? (await readPacked(dir, ref));
  return SHA.test(sha) ? { name: ref.slice('refs/heads/'.length), sha, isBranch: true, fetch: ref } : null;
}

async function listBase(git: Git, source: Source, wanted: string | null): Promise<Found> {
  if (wanted === null) {
    const read = await readHead(source);
    if (read !== null) return read;
    const { refs, head } = await listRemote(git, source, ['HEAD']);
    const sha = refs.find((r) => r.ref === 'HEAD')?.sha;
    if (sha === undefined) throw withoutCommits(source);
    const branch = head?.startsWith('refs/heads/') === true ? head.slice('refs/heads/'.length) : null;
    return { name: branch ?? sha.slice(0, 12), sha, isBranch: branch !== null, fetch: head ?? 'HEAD' };
  }
  const name = parseRef(wanted);
  if (SHA.test(name)) {
    // A commit that is in the mirror already is given only to those who can read the remote now.
    await listRemote(git, source, ['HEAD']);
    return { name: name.slice(0, 12), sha: name, isBranch: false, fetch: name };
  }
  const { refs } = await listRemote(git, source, [
    `refs/heads/${name}`,
    `refs/tags/${name}`,
    `refs/tags/${name}^{}`,
  ]);
  const branch = refs.find((r) => r.ref === `refs/heads/${name}`);
  const tag =
    refs.find((r) => r.ref === `refs/tags/${name}^{}`) ?? refs.find((r) => r.ref === `refs/tags/${name}`);
  const found = branch ?? tag;
  // The start of a commit's id, as `git log` shows it; a branch or tag of that name was found above.
  if (found === undefined && source.kind !== 'url' && SHORT_SHA.test(name)) {
    const sha = await findRevision(git, source, name);
    return { name: sha.slice(0, 12), sha, isBranch: false, fetch: sha };
  }
  if (found === undefined) {
    throw new JobError('base_missing', `base: ${JSON.stringify(name)} is no branch or tag of ${source.url}`, {
      hint: 'name an existing branch or tag, or a full commit id of 40 characters',
    });
  }
  const fetch = branch === undefined ? `refs/tags/${name}` : branch.ref;
  return { name, sha: found.sha, isBranch: branch !== undefined, fetch };
}
