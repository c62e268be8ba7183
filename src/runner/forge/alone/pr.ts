/** `pr`: what lies in a checkout as one pull request, without a job and without touching the checkout. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../../job/error.ts';
import { parseRef } from '../../../job/request.ts';
import { commitTree, treeOf } from '../../../workspace/change.ts';
import { fetchCommit, isAncestor } from '../../../workspace/commits.ts';
import type { Git } from '../../../workspace/git.ts';
import { readPosition, type Position } from '../../../workspace/person/position.ts';
import { snapshotCheckout } from '../../../workspace/person/snapshot.ts';
import { findBase } from '../../../workspace/remote/listing.ts';
import { pushBranch, readRemoteBranch } from '../../../workspace/remote/publish.ts';
import { inFolder, reachNamed, type Attended, type ForgeParts, type Reached } from './fork.ts';

/** What is asked for. */
export interface PrInput {
  readonly fork: string;
  readonly upstream: string;
  readonly branch: string;
  readonly jobId: string;
  readonly title: string | null;
  /** File with the text of the pull request. */
  readonly bodyFile: string | null;
  /** `null`: upstream's default branch. */
  readonly base: string | null;
  readonly draft: boolean;
  /** Where the checkout is. */
  readonly cwd: string;
}

/** The pull request as it stands; `no_change` where there is nothing to propose. */
export interface PrEnd {
  readonly outcome: 'pr_opened' | 'pr_updated' | 'no_change';
  readonly pr_url: string | null;
  readonly branch: string;
  readonly head_sha: string;
  readonly notices: readonly string[];
}

/** GitHub's limit for a body, in characters, less what is put below it. */
const MAX_BODY_CHARS = 65_000;
const MAX_TITLE_CHARS = 72;

/** The name of a job, which stands in commit and body. @throws JobError `invalid_request` */
function parseJobId(text: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,99}$/.test(text)) return text;
  throw new JobError('invalid_request', `job-id: ${JSON.stringify(text.slice(0, 100))} is not allowed`, {
    hint: 'give 1 to 100 letters, digits, ".", "_" or "-"',
  });
}

async function readBody(path: string | null, cwd: string): Promise<string> {
  if (path === null) return '';
  const file = join(path.startsWith('/') ? '/' : cwd, path);
  try {
    if (!(await stat(file)).isFile()) throw new Error('it is no file');
    return (await readFile(file, 'utf8')).toWellFormed().slice(0, MAX_BODY_CHARS);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JobError('invalid_request', `body-file: ${file} can't be read: ${why}`, {
      hint: 'check the path',
    });
  }
}

function titleFor({ title, jobId }: PrInput): string {
  const line = (title ?? `Change of ${jobId}`).replace(/[\s\p{C}]+/gu, ' ').trim();
  if (line !== '') return Array.from(line).slice(0, MAX_TITLE_CHARS).join('');
  throw new JobError('invalid_request', 'title: it is empty', { hint: 'say in a few words what changes' });
}

/** The state of the checkout as a commit in a repository of ours, with all that its HEAD reaches. */
async function commitCheckout(
  { config, git }: ForgeParts,
  dir: string,
  checkout: string,
  { head }: Position,
  message: string,
): Promise<string> {
  await git(null, ['init', '--quiet', '--bare', '--', dir]);
  // A CI's clone is often a shallow one.
  const fetch = ['fetch', '--quiet', '--no-tags', '--update-shallow', '--no-write-fetch-head'];
  await git({ dir }, [...fetch, '--', checkout, `+HEAD:refs/agent-runner/head`]);
  const own = `${dir}.snapshot`;
  const into = { mirror: dir, ref: 'refs/agent-runner/work', own };
  const info = { message, author: config.author, date: new Date().toISOString() };
  return snapshotCheckout(git, { checkout, head, home: config.host.home }, into, info);
}

/**
 * The commit to push: on top of what the branch has, so that no push needs force; what it has already, where that
 * is the same.
 *
 * @throws JobError `conflict` where the branch has other work
 */
async function onTop(
  git: Git,
  dir: string,
  what: {
    readonly work: string;
    readonly head: string;
    readonly there: string | null;
    readonly branch: string;
  },
  message: { readonly text: string; readonly author: ForgeParts['config']['author'] },
): Promise<string> {
  const { work, head, there } = what;
  if (there === null) return work;
  const tree = await treeOf(git, { dir }, work);
  if (tree === (await treeOf(git, { dir }, there))) return there;
  if (await isAncestor(git, { dir }, there, work)) return work;
  if (await isAncestor(git, { dir }, head, there)) {
    const info = { message: message.text, author: message.author, date: new Date().toISOString() };
    return commitTree(git, { dir }, tree, there, 'refs/agent-runner/work', info);
  }
  throw new JobError(
    'conflict',
    `branch: ${what.branch} is at ${there.slice(0, 12)}, which is neither before nor after this checkout's HEAD`,
    { hint: 'name another --branch, or fetch that one and stand on it' },
  );
}

/** Opens or updates the pull request of what was pushed. */
async function proposePushed(
  upstream: Reached,
  fork: Reached,
  input: PrInput,
  what: { readonly base: string; readonly headSha: string; readonly title: string; readonly body: string },
): Promise<PrEnd> {
  const { jobId, branch, draft } = input;
  let isNew = false;
  const { prUrl, notices } = await upstream.access.propose({
    ...what,
    jobId,
    target: fork.remote,
    branch,
    draft,
    labels: [],
    staleLabels: [],
    reviewers: [],
    publishTo: null,
    // One that was closed stays the only one of its job.
    goesOn: false,
    wasBegun: true,
    onBegin() {
      isNew = true;
      return Promise.resolve();
    },
    status: null,
  });
  const outcome = isNew ? 'pr_opened' : 'pr_updated';
  return { outcome, pr_url: prUrl, branch, head_sha: what.headSha, notices };
}

/**
 * Commits what is in a checkout, committed or not, pushes it to a branch of the fork and opens or updates the one pull
 * request of it. The checkout itself is left as it is; asked twice, it has the effect of once.
 *
 * @throws JobError that names the flag
 */
export async function proposeCheckout(parts: ForgeParts, input: PrInput, attended: Attended): Promise<PrEnd> {
  const { config, forge, git } = parts;
  const branch = parseRef(input.branch, 'branch');
  const jobId = parseJobId(input.jobId);
  const title = titleFor(input);
  const text = await readBody(input.bodyFile, input.cwd);
  const place = await forge.resolve(input.cwd);
  if (place.kind !== 'checkout') {
    throw new JobError('repo_unusable', `${input.cwd} is no checkout`, {
      hint: 'stand in a clone with its files',
    });
  }
  const upstream = await reachNamed(parts, 'upstream', input.upstream, jobId, attended);
  const fork = await reachNamed(parts, 'fork', input.fork, jobId, attended);
  return inFolder(async (folder) => {
    const listed = join(folder, 'listed');
    const position = await readPosition(git, place.url);
    const base = await findBase(upstream.git, listed, upstream.remote, input.base);
    if (branch === base.name && fork.remote.url === upstream.remote.url) {
      throw new JobError('conflict', `branch: ${branch} is the base itself`, {
        hint: 'name another --branch',
      });
    }
    const dir = join(folder, 'work.git');
    const message = `${title}\n\nAgent-Runner-Job: ${jobId}\n`;
    const work = await commitCheckout(parts, dir, place.url, position, message);
    if (work === base.sha) return { outcome: 'no_change', pr_url: null, branch, head_sha: work, notices: [] };
    const there = await readRemoteBranch(fork.git, fork.remote, branch);
    if (there !== null)
      await fetchCommit(fork.git, { dir }, fork.remote, `+refs/heads/${branch}:refs/agent-runner/there`);
    const what = { work, head: position.head, there, branch };
    const headSha = await onTop(git, dir, what, { text: message, author: config.author });
    await pushBranch(fork.git, dir, fork.remote, branch, headSha, there === null ? [] : [there]);
    const body = `${text}\n\n---\nJob \`${jobId}\``.trimStart();
    return proposePushed(upstream, fork, input, { base: base.name, headSha, title, body });
  });
}
