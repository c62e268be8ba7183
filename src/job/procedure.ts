/**
 * The life of a job, told once. Deterministic: no I/O, clock, randomness or environment, so that a crash, a
 * retry and a replay on another engine are one mechanism. What comes next is decided in `decide.ts`; how a
 * step is done and made durable is the engine's business.
 */
import { decideNext } from './decide.ts';
import { Cancelled, errorInfo, errorInfoOf, JobError, outcomeOf } from './error.ts';
import type { Job } from './job.ts';
import { toResult, type JobResult } from './result.ts';
import type { Ending, Entry, Steps } from './step.ts';

/** More steps than any job can need (questions, gate runs and their builds): a bound, not a limit to meet. */
const MAX_STEPS = 1000;

/** Takes one job from its request to its result. `save` and `notify` run on every path. */
export async function runJob(job: Job, steps: Steps): Promise<JobResult> {
  const history: Entry[] = [];
  let ending: Ending;
  try {
    ending = await story(job, steps, history);
  } catch (thrown) {
    ending = endingOfThrow(thrown);
  }
  const saved = await steps.save({ outcome: ending.outcome });
  const result = toResult(job, history, ending, saved);
  await steps.notify(result);
  return result;
}

async function story(job: Job, steps: Steps, history: Entry[]): Promise<Ending> {
  for (let count = 0; count < MAX_STEPS; count++) {
    const decision = decideNext(history, job.request);
    switch (decision.next) {
      case 'prepare':
        history.push({ step: 'prepare', result: await steps.prepare() });
        break;
      case 'explore':
        history.push({ step: 'explore', input: decision.input, result: await steps.explore(decision.input) });
        break;
      case 'plan':
        history.push({ step: 'plan', input: decision.input, result: await steps.plan(decision.input) });
        break;
      case 'build':
        history.push({ step: 'build', input: decision.input, result: await steps.build(decision.input) });
        break;
      case 'message': {
        const { question } = decision;
        history.push({ step: 'message', question, result: await steps.message({ question }) });
        break;
      }
      case 'verify':
        history.push({ step: 'verify', result: await steps.verify() });
        break;
      case 'rebase':
        history.push({ step: 'rebase', result: await steps.rebase() });
        break;
      case 'propose':
        history.push({ step: 'propose', input: decision.input, result: await steps.propose(decision.input) });
        break;
      case 'end':
        return decision.ending;
    }
  }
  throw new JobError('bug', `the job did not end within ${MAX_STEPS} steps`);
}

/** How a procedure ends whose step threw. A throw means cancelled or infrastructure, nothing else. */
export function endingOfThrow(thrown: unknown): Ending {
  if (thrown instanceof Cancelled) {
    return { outcome: 'cancelled', error: errorInfo('cancelled', thrown.message) };
  }
  const error = errorInfoOf(thrown);
  return { outcome: outcomeOf(error.code), error };
}
