/** What the agent of a step is told of its run: how many steps there are, and what those before it did. */
import type { Job } from '../../../job/job.ts';
import type { Store } from '../../../store/store.ts';
import type { StepBefore, StepPlace } from '../../../prompt/pipeline.ts';
import { eachJob } from '../../keep/jobs.ts';

/** Steps that are told of, the nearest; and jobs of a run, and runs tried again, that are looked through for them. */
const MAX_BEFORE = 20;
const MAX_JOBS = 2000;
const MAX_RETRIES = 10;

/**
 * Names of the steps that a step waits for, however far, the nearest last. Walked up from the step: nothing is planned,
 * for a pipeline may have 10,000 steps, each of which asks.
 */
function upstreamOf(run: Job, name: string): readonly string[] {
  const { steps = [] } = run.request.pipeline?.definition ?? {};
  const waitsFor = new Map(steps.map((step) => [step.name, step.depends_on]));
  const found = new Set(waitsFor.get(name)?.slice(-MAX_BEFORE).toReversed());
  // A set is walked with what is added meanwhile.
  for (const one of found) {
    for (const other of waitsFor.get(one) ?? []) if (found.size < MAX_BEFORE) found.add(other);
    if (found.size === MAX_BEFORE) break;
  }
  return [...found].toReversed();
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
      // Mostly the newest ones: a page.
      if (found.size === names.length) return found;
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
