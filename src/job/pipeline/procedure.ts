/**
 * The life of a run, told once, as `../procedure.ts` tells that of a job: prepare, all steps, their work brought
 * together, judged as a whole by the run's own gate, and one proposal. Deterministic: no I/O, clock or randomness.
 */
import { decideNext } from '../decide.ts';
import { ERROR_CODES, errorInfo, JobError, outcomeOf, type ErrorCode, type ErrorInfo } from '../error.ts';
import type { Job } from '../job.ts';
import { endingOfThrow } from '../procedure.ts';
import { toResult, type JobResult } from '../result.ts';
import type { Outcome } from '../status.ts';
import type { Ending, Entry, Prepared, StepResult, Verified } from '../step.ts';
import { planPipeline } from './plan.ts';
import type { RunRequest, RunSteps, StepEnd } from './run.ts';
import { proposedSteps } from './summary.ts';
import { bringTogether } from './walk/conflict.ts';
import { createWalk, stoppedBy, sumOfSpent, walkSteps, type Walk } from './walk/walk.ts';

/** More steps after the last job than any run can need: the base moves twice at most. */
const MAX_STEPS = 50;

/** What is remembered of a run for its result, however it ends. */
interface Story {
  readonly history: Entry[];
  walk: Walk | null;
}

/** Takes one run from its request to its result. `save` and `notify` run on every path. */
export async function runPipeline(job: Job, steps: RunSteps): Promise<JobResult> {
  const story: Story = { history: [], walk: null };
  let ending: Ending;
  let isCutOff = false;
  try {
    ending = await tell(job, steps, story);
  } catch (thrown) {
    isCutOff = true;
    ending = endingOfThrow(thrown);
  }
  const saved = await steps.save({ outcome: ending.outcome });
  const told = [...(story.walk?.ends.values() ?? [])];
  const ends = isCutOff ? await withStored(steps, told) : told;
  const result = toResult(job, story.history, ending, saved, ends);
  await steps.notify(result);
  return result;
}

/** What was told of steps, and what is stored of those that the story did not come to. */
async function withStored(steps: RunSteps, told: readonly StepEnd[]): Promise<readonly StepEnd[]> {
  // Whoever can't read it any more still ends the run.
  const stored = await steps.ended().catch(() => []);
  const ends = new Map(stored.map((end) => [end.name, end]));
  for (const end of told)
    if (end.status === 'completed' || end.status === 'failed' || !ends.has(end.name)) ends.set(end.name, end);
  return [...ends.values()];
}

function requestOf(job: Job): RunRequest {
  if (job.request.pipeline !== undefined) return job.request.pipeline;
  throw new JobError('bug', `${job.job_id} is no run of a pipeline`);
}

async function tell(job: Job, steps: RunSteps, story: Story): Promise<Ending> {
  const { definition: pipeline, retries } = requestOf(job);
  const base = await prepare(steps, story);
  if (typeof base !== 'string') return base;
  const stored = await steps.begun();
  const before = new Map<string, StepEnd>();
  for (const { name } of retries === null ? [] : pipeline.steps) {
    const end = await steps.before(name);
    if (end?.status === 'completed') before.set(name, end);
  }
  const walk = createWalk({ pipeline, plan: planPipeline(pipeline), steps, before }, base, stored);
  story.walk = walk;
  await walkSteps(walk);
  const stopped = stoppedBy(walk);
  if (stopped !== null) return endingOf(stopped);
  if (!walk.together.hasWork()) return unchanged(walk);
  const brought = await bringTogether(walk.together.startOf(null), {
    pipeline,
    steps,
    for: null,
    mayResolve: () => Promise.resolve(true),
    onSpent: (spent) => walk.spent.push(spent),
  });
  if ('error' in brought) return endingWith(brought.error);
  if (!('commit' in brought)) throw new JobError('bug', 'nothing halts a run whose steps have all ended');
  const laid = await steps.lay({ commit: brought.commit });
  if (!laid.ok) return endingWith(laid.error);
  return laid.changed ? finish(job, walk, story.history) : unchanged(walk);
}

function endingWith(error: ErrorInfo): Ending {
  return { outcome: outcomeOf(error.code), error };
}

/** The commit that the run begins with, or how it ends. */
async function prepare(steps: RunSteps, { history }: Story): Promise<string | Ending> {
  const result = await steps.prepare();
  history.push({ step: 'prepare', result: oneGateRun(result) });
  return result.ok ? result.base_sha : endingWith(result.error);
}

/** No agent works on the whole: what its one gate run says is the last word. */
function oneGateRun(result: StepResult<Prepared>): StepResult<Prepared> {
  return result.ok ? { ...result, max_gate_runs: 1 } : result;
}

/** Nothing was changed: some step may have answered instead. */
function unchanged({ ends }: Walk): Ending {
  const hasAnswer = [...ends.values()].some(({ outcome }) => outcome === 'answered');
  return { outcome: hasAnswer ? 'answered' : 'no_change', error: null };
}

/** The run ends as the step that stopped it. */
function endingOf({ end, outcome }: { readonly end: StepEnd; readonly outcome: Outcome }): Ending {
  const { name, error } = end;
  const { code, message, hint } = error ?? errorInfo(codeOf(outcome), `it ended as ${outcome}`);
  return { outcome, error: errorInfo(code, `step ${name}: ${message}`, hint) };
}

/** The error that stands for an outcome; a refusal brings its own. */
function codeOf(outcome: Outcome): ErrorCode {
  return Object.hasOwn(ERROR_CODES, outcome) ? (outcome as ErrorCode) : 'bug';
}

/**
 * Judges the whole and proposes it, by the rules of every job. Where the base moved, `prepare` carries the saved work
 * over, and it is judged there.
 */
async function finish(job: Job, { steps, spent, ends }: Walk, history: Entry[]): Promise<Ending> {
  history.push({ step: 'verify', result: heardNobody(await steps.verify()) });
  for (let count = 0; count < MAX_STEPS; count++) {
    const decision = decideNext(history, job.request);
    switch (decision.next) {
      case 'verify':
        history.push({ step: 'verify', result: heardNobody(await steps.verify()) });
        break;
      case 'rebase':
        history.push({ step: 'rebase', result: await steps.rebase() });
        break;
      case 'prepare':
        history.push({ step: 'prepare', result: oneGateRun(await steps.prepare()) });
        break;
      case 'propose': {
        const told = proposedSteps(job, [...ends.values()]);
        const input = { ...decision.input, spent: sumOfSpent(spent), steps: told };
        history.push({ step: 'propose', input, result: await steps.propose(input) });
        break;
      }
      case 'end':
        return decision.ending;
      case 'explore':
      case 'plan':
      case 'build':
      case 'message':
        throw new JobError('bug', `a run has no step ${decision.next}`);
    }
  }
  throw new JobError('bug', `the run did not end within ${MAX_STEPS} steps of its last part`);
}

/** There is no agent on the whole that a message could be given to. */
function heardNobody(result: StepResult<Verified>): StepResult<Verified> {
  return result.ok ? { ...result, message_waits: false } : result;
}
