/** What a forge is asked to propose, made of what a job did. */
import type { CommitStatus, ProposalRequest, Remote } from '../../forge/forge.ts';
import { OWN_LABELS } from '../../job/decide.ts';
import type { ProposeInput, Verified } from '../../job/step.ts';
import { listChanged } from '../../workspace/change.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Bench } from '../place.ts';
import { titleOfJob } from '../steps/commit.ts';
import { readStory } from './turn/pull.ts';
import { renderBody, type StepRow } from './proposal/body.ts';

/** The judged change, and what is said of it. */
export interface Judged {
  readonly verified: Verified;
  readonly input: ProposeInput;
  /** What the agent says it did. */
  readonly summary: string;
}

/**
 * What is said of the head commit where people look at it.
 *
 * @param url page that tells more; `null` is the proposal itself
 */
export function statusOf(
  { report }: Pick<Verified, 'report'>,
  { draft }: Pick<ProposeInput, 'draft'>,
  url: string | null,
): CommitStatus {
  const checks = `${report.checks.length} ${report.checks.length === 1 ? 'check' : 'checks'}`;
  const found = report.tamper.length === 0 ? '' : `, ${report.tamper.length} findings of the tamper guard`;
  const said =
    report.verdict === 'none' ? 'nothing is verified: no checks were found' : `${report.verdict}: ${checks}`;
  const state = report.verdict === 'red' ? 'failure' : report.verdict === 'green' ? 'success' : 'error';
  return { state, description: `${said}${found}${draft ? '; a person must look first' : ''}`, url };
}

/** Page of the job, where the server can be reached from outside. */
export function jobUrlOf({ config, job }: JobContext): string | null {
  return config.server.publicUrl === null ? null : `${config.server.publicUrl}/api/jobs/${job.job_id}`;
}

/** Steps whose cost is looked up; the body has no room for more. */
const MAX_PRICED_STEPS = 200;

/** The steps of a run, with what their jobs have cost. */
async function stepRows({ store }: JobContext, { steps = [] }: ProposeInput): Promise<readonly StepRow[]> {
  const costs = new Map<string, number | null>();
  for (const { job_id: id } of steps.filter((one) => one.job_id !== null).slice(0, MAX_PRICED_STEPS))
    if (id !== null) costs.set(id, (await store.getJob(id))?.result?.total_cost ?? null);
  return steps.map((step) => ({ ...step, cost_usd: costs.get(step.job_id ?? '') ?? null }));
}

/**
 * The request for a job's proposal.
 *
 * @param at where its branch is, and the branch of the repository that it is for
 */
export async function proposalOf(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  { verified, input, summary }: Judged,
  at: { readonly target: Remote; readonly base: string; readonly headSha: string },
): Promise<Omit<ProposalRequest, 'wasBegun' | 'onBegin' | 'publishTo'>> {
  const { git, job } = context;
  const labels = [...new Set([...input.labels, ...(job.request.labels ?? [])])];
  const files = await listChanged(git, bench.copy.target, detail.base_sha, verified.head_sha);
  const jobUrl = jobUrlOf(context);
  const story = await readStory(context.store, job, verified.head_sha);
  const steps = await stepRows(context, input);
  return {
    ...at,
    jobId: job.job_id,
    branch: job.branch,
    title: titleOfJob((story?.root ?? job).request),
    body: renderBody({ job, detail, verified, input, summary, files, jobUrl, story, steps }),
    goesOn: job.request.pull !== undefined && job.request.session_id !== undefined,
    draft: input.draft,
    labels,
    staleLabels: OWN_LABELS.filter((name) => !labels.includes(name)),
    reviewers: job.request.reviewers ?? [],
    status: statusOf(verified, input, jobUrl),
  };
}
