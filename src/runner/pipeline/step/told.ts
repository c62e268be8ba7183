/** What the agent of a step is told of its run: how many steps there are, and what those before it did. */
import type { Job } from '../../../job/job.ts';
import { isIn, planPipeline } from '../../../job/pipeline/plan.ts';
import type { Store } from '../../../store/store.ts';
import type { StepBefore, StepPlace } from '../../../prompt/pipeline.ts';
import { eachJob } from '../../keep/jobs.ts';

/** Steps that are told of, the nearest; and jobs of a run, and runs tried again, that are looked through for them. */
const MAX_BEFORE = 20;
const MAX_JOBS = 2000;
const MAX_RETRIES = 10;

/** Names of the steps that a step waits for, however far, the nearest last. */
function upstreamOf(run: Job, name: string): readonly string[] {
  const { steps = [] } = run.request.pipeline?.definition ?? {};
  const plan = planPipeline({ steps });
  const own = plan.numberOf.get(name);
  if (own === undefined) return [];
  const set = plan.upstream(own);
  return plan.order
    .filter((step) => isIn(set, plan.place[step] ?? -1))
    .slice(-MAX_BEFORE)
    .map((step) => plan.names[step] ?? '');
}

/** The jobs of some steps, the last of each, in a run and in those that it tries again. */
async function jobsOf(store: Store, run: Job, names: readonly string[]): Promise<ReadonlyMap<string, Job>> {
  const found = new Map<string, Job>();
  let of: Job | null = run;
  for (let tried = 0; of !== null && tried < MAX_RETRIES && found.size < names.length; tried++) {
    for await (const job of eachJob(store, { stepsOf: of.job_id, limit: MAX_JOBS })) {
      const { step } = job.request;
      if (step?.kind !== 'step' || !names.includes(step.name) || found.has(step.name)) continue;
      if (job.result !== null) found.set(step.name, job);
    }
    const before: string | null = of.request.pipeline?.retries ?? null;
    of = before === null ? null : await store.getJob(before);
  }
  return found;
}

/** Where a job stands in its pipeline; `null` for one that is no step of a run. */
export async function stepPlaceOf(store: Store, { request }: Job): Promise<StepPlace | null> {
  const { step } = request;
  if (step === undefined) return null;
  const run = await store.getJob(step.run);
  if (run === null) return { step, of: null, before: [] };
  const names = step.kind === 'step' ? upstreamOf(run, step.name) : [];
  const jobs = names.length === 0 ? new Map<string, Job>() : await jobsOf(store, run, names);
  const before = names.flatMap((name): StepBefore[] => {
    const result = jobs.get(name)?.result ?? null;
    return result === null ? [] : [{ name, outcome: result.outcome, summary: result.summary }];
  });
  return { step, of: run.request.pipeline?.definition.steps.length ?? null, before };
}
