/** A run as doors show it: from its result where it has ended, else from what is stored of its steps and their jobs. */
import type { Job } from '../../job/job.ts';
import { runIdOf, type RunSummary, type RunView, type StepStatus } from '../../job/pipeline/run.ts';
import { OUTCOMES } from '../../job/status.ts';
import type { Store } from '../../store/store.ts';
import { readDone, type Done } from './walk/retry.ts';
import { childrenOf, readRecords, type ChildRecord, type RunRecords } from './walk/records.ts';
import { runRequestOf } from './walk/step-request.ts';

type StepView = RunView['steps'][number];
/** What is said of a step, without what its definition says. */
type Standing = Omit<StepView, 'name' | 'depends_on' | 'mode' | 'needs_approval'>;

const NOTHING: Standing = {
  job_id: null,
  status: 'queued',
  outcome: null,
  output: {},
  error: null,
  reason: null,
  approval: null,
  decision: null,
  total_cost: null,
};

/** Statuses of steps that nothing changes any more. */
const END_OF_STEP: ReadonlySet<StepStatus> = new Set(['completed', 'failed', 'cancelled']);

/** How a step stands whose job was started. @param live statuses of jobs that have not ended, by id */
function standingOf({ jobId, end }: ChildRecord, live: ReadonlyMap<string, Job>): Standing {
  const at = { ...NOTHING, job_id: jobId };
  if (end === null) {
    const job = jobId === null ? undefined : live.get(jobId);
    return { ...at, status: job?.status ?? 'queued' };
  }
  if (!end.ok) return { ...at, status: 'failed', error: end.error };
  const { outcome, output, error, spent } = end;
  const status = OUTCOMES[outcome].status;
  return { ...at, status, outcome, output, error, total_cost: spent.cost_usd };
}

/** How steps stand of which something is stored. */
function standings(
  { children, asked, begun }: RunRecords,
  live: ReadonlyMap<string, Job>,
): ReadonlyMap<string, Standing> {
  const all = new Map<string, Standing>(begun.map(({ name }) => [name, { ...NOTHING, status: 'running' }]));
  for (const { step, approvers, message, end } of asked)
    if (end === null) all.set(step, { ...NOTHING, status: 'needs_input', approval: { approvers, message } });
  for (const child of children) if (child.kind === 'step') all.set(child.step, standingOf(child, live));
  for (const { step, end } of asked) {
    if (end?.ok !== true) continue;
    const { approved, by, comment, time } = end;
    all.set(step, { ...(all.get(step) ?? NOTHING), decision: { approved, by, comment, time } });
  }
  return all;
}

function takenOver({ steps }: Done): ReadonlyMap<string, Standing> {
  return new Map(
    [...steps].map(([name, { job_id, outcome, output }]) => [
      name,
      { ...NOTHING, job_id, status: 'completed' satisfies StepStatus, outcome, output },
    ]),
  );
}

/** What is known to be spent by steps that have ended. */
function costOf({ children }: RunRecords): number | null {
  const costs = children.flatMap(({ end }) => (end?.ok === true ? [end.spent.cost_usd] : []));
  const known = costs.filter((cost) => cost !== null);
  return known.length === 0 ? null : known.reduce((sum, cost) => sum + cost, 0);
}

/**
 * How a step of a run that has ended stands. A run that nobody worked on as it ended (cancelled while it waited for a
 * person, say) has no word on what its steps had come to by then: that is taken from the records.
 */
function endOf(standing: Standing, end: RunSummary['steps'][number] | undefined): Partial<Standing> {
  if (END_OF_STEP.has(standing.status) && (end === undefined || end.status === 'skipped')) return {};
  return end ?? { status: 'skipped' };
}

/** Jobs of a run's steps that its result does not tell of: of one that goes on, or whose steps were cut off with it. */
async function untoldJobs(store: Store, job: Job): Promise<ReadonlyMap<string, Job>> {
  const untold = new Map<string, Job>();
  if (job.outcome === null || job.result?.run?.steps.some(isCutOff) === true)
    for await (const child of childrenOf(store, job.job_id)) untold.set(child.job_id, child);
  return untold;
}

/** Whether a step was left before its job had ended, which saved what there was. */
function isCutOff({ status, job_id: jobId }: RunSummary['steps'][number]): boolean {
  return status === 'cancelled' && jobId === null;
}

/** The view. Outputs of a run whose records were forgotten are empty. */
export async function viewRun(store: Store, job: Job): Promise<RunView> {
  const { definition, pipeline_id, retries } = runRequestOf(job);
  const { result } = job;
  const records = readRecords(await store.readSteps(job.job_id));
  const jobs = await untoldJobs(store, job);
  const known = standings(records, jobs);
  const before = retries === null ? null : takenOver(await readDone(store, retries));
  const ends = new Map(result?.run?.steps.map((step) => [step.name, step]));
  const steps = definition.steps.map(({ name, depends_on, mode, approval }): StepView => {
    const standing = known.get(name) ?? before?.get(name) ?? NOTHING;
    const step = { name, ...standing, depends_on, mode, needs_approval: approval !== null };
    if (result === null) return step;
    const end = ends.get(name);
    const view = { ...step, ...endOf(standing, end), approval: null };
    // An id was chosen, and then perhaps no job made.
    const isThere = end !== undefined && isCutOff(end) && jobs.has(standing.job_id ?? '');
    return isThere ? { ...view, job_id: standing.job_id } : view;
  });
  return {
    run_id: runIdOf(job.job_id),
    job_id: job.job_id,
    pipeline_id,
    pipeline: definition.name,
    repo: job.request.repo,
    status: result?.run?.status ?? job.status,
    outcome: job.outcome,
    pr_url: result?.pr_url ?? null,
    error: result?.error ?? null,
    retries: retries === null ? null : runIdOf(retries),
    total_cost: costOf(records),
    created_at: job.created_at,
    started_at: job.started_at,
    finished_at: job.finished_at,
    steps,
  };
}
