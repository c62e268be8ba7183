/** Step `propose`: the judged commit goes out as a branch, a patch, and where there is a forge a pull request. */
import { writeFile } from 'node:fs/promises';
import { JobError } from '../../job/error.ts';
import type { Proposed, ProposeInput, Verified } from '../../job/step.ts';
import { formatPatch, listChanged } from '../../workspace/change.ts';
import { publishingRemote, pushBranch } from '../../workspace/remote/publish.ts';
import { renderBody } from '../forge/body.ts';
import { titleOf } from './commit.ts';
import type { CommitStatus } from '../../forge/forge.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext, StepValue } from '../engine/engine.ts';
import { deliverInPlace } from '../in-place/deliver.ts';
import type { Bench } from '../place.ts';

function ownCommits(notes: Readonly<Record<string, unknown>>): string[] {
  const pushed = notes['pushed'];
  return Array.isArray(pushed) ? pushed.filter((sha) => typeof sha === 'string') : [];
}

/** What is said of the head commit where people look at it. */
function statusOf({ report }: Verified, { draft }: ProposeInput, url: string | null): CommitStatus {
  const checks = `${report.checks.length} ${report.checks.length === 1 ? 'check' : 'checks'}`;
  const found = report.tamper.length === 0 ? '' : `, ${report.tamper.length} findings of the tamper guard`;
  const said =
    report.verdict === 'none' ? 'nothing is verified: no checks were found' : `${report.verdict}: ${checks}`;
  const state = report.verdict === 'red' ? 'failure' : report.verdict === 'green' ? 'success' : 'error';
  return { state, description: `${said}${found}${draft ? '; a person must look first' : ''}`, url };
}

/** Page of the job, where the server can be reached from outside. */
function jobUrlOf({ config, job }: JobContext): string | null {
  return config.server.publicUrl === null ? null : `${config.server.publicUrl}/api/jobs/${job.job_id}`;
}

/** Publishes the commit that the gate judged, and nothing else. */
export async function propose(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  what: { readonly verified: Verified; readonly input: ProposeInput; readonly summary: string },
  step: StepContext,
): Promise<StepValue<Proposed>> {
  const { git, job, paths } = context;
  const target = detail.target ?? detail.remote;
  const reach = context.reach(detail.remote);
  const { verified, input, summary } = what;
  const head = verified.head_sha;
  const { in_place: inPlace } = job.request;
  if (inPlace !== undefined) return deliverInPlace(context, detail, bench, { inPlace, head, input });
  if (job.branch === detail.base) {
    throw new JobError('conflict', `branch: ${job.branch} is the base itself`, {
      hint: 'choose another branch_template',
    });
  }
  // The intent is stored before the effect, so that a repetition knows its own commit on the remote.
  const before = detail.session?.tip ?? job.request.follows?.head_sha ?? null;
  const ours = [...new Set([...ownCommits(step.notes), ...(before === null ? [] : [before]), head])];
  const wasBegun = step.notes['proposing'] === true;
  await step.note({ pushed: ours, proposing: wasBegun }, 'full');
  const [files] = await Promise.all([
    listChanged(git, bench.copy.target, detail.base_sha, head),
    pushBranch(reach.git, paths.git, target, job.branch, head, ours),
    formatPatch(git, bench.copy.target, detail.base_sha, head).then((patch) => writeFile(paths.patch, patch)),
  ]);
  const jobUrl = jobUrlOf(context);
  const proposal = await reach.access.propose({
    jobId: job.job_id,
    target,
    branch: job.branch,
    base: detail.base,
    headSha: head,
    title: titleOf(job.request.task),
    body: renderBody({ job, detail, verified, input, summary, files, jobUrl }),
    draft: input.draft,
    labels: [...new Set([...input.labels, ...(job.request.labels ?? [])])],
    reviewers: job.request.reviewers ?? [],
    status: statusOf(verified, input, jobUrl),
    wasBegun,
    onBegin: () => step.note({ pushed: ours, proposing: true }, 'full'),
    publishTo: await publishingRemote(git, detail.remote),
  });
  context.journal.emit('message', 'propose', { branch: job.branch, head_sha: head, pr_url: proposal.prUrl });
  return {
    outcome: proposal.outcome,
    head_sha: head,
    pr_url: proposal.prUrl,
    patch_path: paths.patch,
    push_command: proposal.pushCommand,
    ...(proposal.notices.length === 0 ? {} : { notices: proposal.notices }),
  };
}
