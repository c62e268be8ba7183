/**
 * The third job, the only one that may write: what was judged goes out as one commit and one pull request. Nothing of
 * the repository or of the bundle is run, and nothing is believed that is not bound to the job that judged.
 */
import { isSameName } from '../../forge/github/names.ts';
import type { Proposal } from '../../forge/forge.ts';
import { OWN_LABELS } from '../../job/decide.ts';
import { JobError } from '../../job/error.ts';
import { parseRef, type JobRequest } from '../../job/request.ts';
import type { ProposeInput } from '../../job/step.ts';
import { commitTree, listChanged } from '../../workspace/change.ts';
import { fetchCommit, isAncestor } from '../../workspace/commits.ts';
import type { Git } from '../../workspace/git.ts';
import { pushBranch, readRemoteBranch } from '../../workspace/remote/publish.ts';
import type { Reached } from '../forge/alone/fork.ts';
import { renderBody } from '../forge/proposal/body.ts';
import { statusOf } from '../forge/request.ts';
import { titleOfJob } from '../steps/commit.ts';
import { readChange, readVerdict, requireDigest, unfit, type Change, type Verdict } from './artifact.ts';
import { permissionOf } from './decision.ts';
import { layBundle, treeOn, type Upstream } from './upstream.ts';

/** What is to be proposed. */
export interface ProposeBundleInput {
  readonly jobId: string;
  /** The request of a job that would make this change; its task gives the title. */
  readonly request: JobRequest;
  readonly branch: string;
  /** Folders of the two artifacts, and their digests as the job that judged told them. */
  readonly bundle: string;
  readonly verdict: string;
  readonly bundleSha256: string;
  readonly verdictSha256: string;
  /** Page of the run; `null` where there is none. */
  readonly runUrl: string | null;
  readonly author: { readonly name: string; readonly email: string };
  /** Folder for what is laid out. */
  readonly folder: string;
}

/** What the two artifacts say, once they fit each other and what was asked. */
interface Admitted {
  readonly read: Awaited<ReturnType<typeof readChange>>;
  readonly verdict: Verdict;
  readonly input: ProposeInput;
}

/** What the sheet and the verdict must agree on. */
const AGREED = ['job_id', 'upstream', 'base', 'head_sha'] as const satisfies readonly (keyof Change &
  keyof Verdict)[];

/**
 * Reads both artifacts, and refuses what is not the judged change of this job.
 *
 * @throws JobError `conflict` where they do not fit; what the verdict says where it permits nothing
 */
async function admit(input: ProposeBundleInput, upstream: string): Promise<Admitted> {
  const read = await readChange(input.bundle);
  requireDigest('bundle-sha256', input.bundleSha256, read.bundleSha256);
  const verdict = await readVerdict(input.verdict, input.verdictSha256);
  const { change } = read;
  if (verdict.bundle_sha256 !== read.bundleSha256) throw unfit('verdict', 'it is of another bundle');
  if (verdict.change_sha256 !== read.changeSha256) throw unfit('verdict', 'it is of another change.json');
  const differs = AGREED.find((field) => change[field] !== verdict[field]);
  if (differs !== undefined) {
    const [said, judged] = [change, verdict].map((one) => JSON.stringify(one[differs].slice(0, 100)));
    throw unfit('verdict', `${differs} is ${judged ?? ''}, but the bundle says ${said ?? ''}`);
  }
  if (verdict.job_id !== input.jobId)
    throw unfit('verdict', `it is of the job ${JSON.stringify(verdict.job_id)}, this is ${input.jobId}`);
  if (!isSameName(verdict.upstream, upstream))
    throw unfit('verdict', `it is for ${verdict.upstream}, not for ${upstream}`);
  const permission = permissionOf(input.request, verdict);
  if (permission.permits) return { read, verdict, input: permission.input };
  const { code, message, hint } = permission.error;
  throw new JobError(code, message, hint === null ? {} : { hint });
}

/** Whether a commit is one that this job made: its own author, its trailer, and a parent that the base has. */
async function isOwn(
  git: Git,
  { target, tip }: Upstream,
  commit: string,
  input: ProposeBundleInput,
): Promise<boolean> {
  const args = ['log', '-1', '--format=%ae%n%P%n%B', commit, '--'];
  const [email = '', parent = '', ...message] = (await git(target, args)).text.split('\n');
  return (
    email === input.author.email &&
    /^[0-9a-f]{40}$/.test(parent) &&
    message.includes(`Agent-Runner-Job: ${input.jobId}`) &&
    (await isAncestor(git, target, parent, tip))
  );
}

/**
 * Pushes the commit to the branch. Done twice, it is the same commit; one of an earlier try of this job is replaced, and
 * nobody else's ever.
 */
async function push(
  fork: Reached,
  upstream: Upstream,
  commit: string,
  input: ProposeBundleInput,
): Promise<void> {
  const { branch } = input;
  const { target } = upstream;
  const there = await readRemoteBranch(fork.git, fork.remote, branch);
  if (there === commit) return;
  if (there !== null)
    await fetchCommit(fork.git, target, fork.remote, `+refs/heads/${branch}:refs/agent-runner/there`);
  const ours = there !== null && (await isOwn(fork.git, upstream, there, input)) ? [there] : [];
  await pushBranch(fork.git, target.dir, fork.remote, branch, commit, ours);
}

/** The commit of the judged tree: of our own making, and the same each time. */
async function commitOf(
  git: Git,
  { target }: Upstream,
  verdict: Verdict,
  input: ProposeBundleInput,
): Promise<string> {
  const message = `${titleOfJob(input.request)}\n\nAgent-Runner-Job: ${input.jobId}\n`;
  const info = { message, author: input.author, date: verdict.judged_at };
  return commitTree(git, target, verdict.tree_sha, verdict.base_sha, 'refs/agent-runner/work', info);
}

/**
 * Proposes what a verdict permits. Done twice, it has the effect of once.
 *
 * @param fork where the branch goes: the upstream, or a fork of it
 * @throws JobError that says what does not fit, or what the verdict says
 */
export async function proposeBundle(
  fork: Reached,
  {
    upstreamName,
    fetch,
  }: { readonly upstreamName: string; readonly fetch: (base: string) => Promise<Upstream> },
  input: ProposeBundleInput,
): Promise<Proposal & { readonly headSha: string }> {
  const branch = parseRef(input.branch, 'branch');
  const { read, verdict, input: how } = await admit(input, upstreamName);
  const upstream = await fetch(verdict.base);
  const { access, remote, target } = upstream;
  if (branch === verdict.base && isSameName(fork.remote.display, remote.display))
    throw new JobError('conflict', `branch: ${branch} is the base itself`, { hint: 'name another --branch' });
  await access.admitFork?.(fork.remote.display);
  const { git } = fork;
  await layBundle(git, input.folder, upstream, read);
  const { base_sha: onto } = verdict;
  const known = await git(target, ['cat-file', '-e', `${onto}^{commit}`], { okCodes: [0, 1, 128] });
  if (known.code !== 0 || !(await isAncestor(git, target, onto, upstream.tip)))
    throw unfit('verdict', `${onto.slice(0, 12)} is no longer in the history of ${verdict.base}`);
  const tree = await treeOn(git, target, read.change, onto);
  if (tree !== verdict.tree_sha || verdict.report.tree !== tree)
    throw unfit(
      'verdict',
      `it is of the tree ${verdict.tree_sha.slice(0, 12)}, the bundle has ${tree.slice(0, 12)}`,
    );
  const headSha = await commitOf(git, upstream, verdict, input);
  await push(fork, upstream, headSha, input);
  const { agent, model, spent, summary } = read.change;
  const labels = [...new Set([...how.labels, ...(input.request.labels ?? [])])];
  const verified = { report: verdict.report, head_sha: headSha, failure: '' };
  const proposal = await access.propose({
    jobId: input.jobId,
    target: fork.remote,
    branch,
    base: verdict.base,
    headSha,
    title: titleOfJob(input.request),
    body: renderBody({
      steps: [],
      job: { job_id: input.jobId, request: { ...input.request, agent, model } },
      detail: { base: verdict.base, base_sha: onto },
      verified,
      input: { ...how, spent },
      summary,
      files: await listChanged(git, target, onto, headSha),
      jobUrl: input.runUrl,
      story: null,
    }),
    draft: how.draft,
    labels,
    staleLabels: OWN_LABELS.filter((name) => !labels.includes(name)),
    reviewers: input.request.reviewers ?? [],
    publishTo: null,
    goesOn: false,
    // One that was closed stays the only one of its job.
    wasBegun: true,
    onBegin: () => Promise.resolve(),
    status: statusOf(verified, how, input.runUrl),
  });
  return { ...proposal, headSha };
}
