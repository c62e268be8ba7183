/** Step `propose`: the judged commit goes out as a branch, a patch, and where there is a forge a pull request. */
import { writeFile } from 'node:fs/promises';
import { JobError } from '../../job/error.ts';
import type { Proposed } from '../../job/step.ts';
import { formatPatch } from '../../workspace/change.ts';
import { publishingRemote, pushBranch } from '../../workspace/remote/publish.ts';
import { proposalOf, type Judged } from '../forge/request.ts';
import { pushOnto } from '../forge/turn/onto.ts';
import { checkPull } from '../forge/turn/pull.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext, StepValue } from '../engine/engine.ts';
import { deliverInPlace } from '../in-place/deliver.ts';
import type { Bench } from '../place.ts';
import { proposeStep } from '../pipeline/step/propose.ts';

function ownCommits(notes: Readonly<Record<string, unknown>>): string[] {
  const pushed = notes['pushed'];
  return Array.isArray(pushed) ? pushed.filter((sha) => typeof sha === 'string') : [];
}

/** Publishes the commit that the gate judged, and nothing else. */
export async function propose(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  what: Judged,
  step: StepContext,
): Promise<StepValue<Proposed>> {
  const { git, job, paths } = context;
  if (job.request.step !== undefined) return proposeStep(context, detail, bench, what.verified.head_sha);
  const target = detail.target ?? detail.remote;
  const reach = context.reach(detail.remote);
  const { verified } = what;
  const head = verified.head_sha;
  const { in_place: inPlace } = job.request;
  if (inPlace !== undefined) return deliverInPlace(context, detail, bench, { ...what, inPlace }, step);
  // Closed while the agent worked: nobody is asked to look at what is pushed there.
  await checkPull(context, detail.remote);
  const { onto } = job.request;
  if (onto !== undefined) return pushOnto(context, detail, bench, { head, onto }, step);
  if (job.branch === detail.base) {
    throw new JobError('conflict', `branch: ${job.branch} is the base itself`, {
      hint: 'choose another branch_template',
    });
  }
  // The intent is stored before the effect, so that a repetition knows its own commit on the remote.
  const tip = detail.session?.tip ?? null;
  const before = tip === null ? (job.request.follows?.heads ?? []) : [tip];
  const ours = [...new Set([...ownCommits(step.notes), ...before, head])];
  const wasBegun = step.notes['proposing'] === true;
  await step.note({ pushed: ours, proposing: wasBegun }, 'full');
  await Promise.all([
    pushBranch(reach.git, paths.git, target, job.branch, head, ours),
    formatPatch(git, bench.copy.target, detail.base_sha, head).then((patch) => writeFile(paths.patch, patch)),
  ]);
  const at = { target, base: detail.base, headSha: head };
  const proposal = await reach.access.propose({
    ...(await proposalOf(context, detail, bench, what, at)),
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
