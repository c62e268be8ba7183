/**
 * All steps of a run, from the first that can begin to the last that has ended. What begins follows from the set of
 * what has ended, never from the order in which that was heard, so that a replay allows what happened.
 */
import { Cancelled, errorInfo, errorInfoOf, outcomeOf, type ErrorInfo } from '../../error.ts';
import { OUTCOMES, type Outcome } from '../../status.ts';
import type { Usage } from '../../step.ts';
import type { Pipeline, StepDefinition } from '../definition.ts';
import { createTracker, type Plan, type Ready } from '../plan.ts';
import type { Begun, ChildEnd, RunSteps, StepEnd } from '../run.ts';
import { parseTask } from '../../request.ts';
import { fillTemplate } from '../expression/template.ts';
import { bringTogether } from './conflict.ts';
import { questionOf } from './question.ts';
import { outputOf, standingOf, type Scene } from './standing.ts';
import { createReplay, type Replay } from './replay.ts';
import { createTogether, type Together } from './together.ts';

/** What a run is made of, and what is remembered of it. */
export interface Walk {
  readonly pipeline: Pipeline;
  readonly plan: Plan;
  readonly steps: RunSteps;
  readonly together: Together;
  /** How each step ended, by its number. */
  readonly ends: Map<number, StepEnd>;
  readonly spent: ChildEnd['spent'][];
  /** Steps whose job an earlier process began: they are joined, whatever has happened since. */
  readonly begun: ReadonlySet<string>;
  /**
   * Steps of which anything is stored, and all upstream of them: what became of those was decided before, also where
   * nothing is stored because a condition left them out. A failure that is heard first does not change it.
   */
  readonly known: ReadonlySet<number>;
  /** Successful steps of the run that this one tries again. */
  readonly before: ReadonlyMap<string, StepEnd>;
  /** Steps that ended as in that run, and all before them. */
  readonly same: Set<number>;
  readonly replay: Replay;
  /** Why nothing more begins; `null` while all is well. */
  halted: string | null;
  readonly whenHalted: PromiseWithResolvers<null>;
  /** Steps whose failure stops the run. */
  readonly stopping: Set<number>;
}

/** How one step ended, for the walk. */
interface Ended {
  readonly step: number;
  readonly end: StepEnd;
  /** The commit it began with; `null` where it did not begin. */
  readonly began: string | null;
  readonly isFine: boolean;
  /** Whether the failure ends the run, whatever the step says of failures. */
  readonly isOver: boolean;
}

type Settled = { readonly ended: Ended } | { readonly step: number; readonly thrown: unknown };

/** Makes a run's memory. */
export function createWalk(
  given: Pick<Walk, 'pipeline' | 'plan' | 'steps' | 'before'>,
  base: string,
  stored: readonly Begun[],
): Walk {
  const ours = stored.filter(({ name }) => given.plan.numberOf.has(name));
  const replay = createReplay(ours);
  return {
    ...given,
    steps: listening(given.steps, replay),
    known: withUpstream(given.plan, ours),
    begun: new Set(ours.filter(({ job }) => job).map(({ name }) => name)),
    replay,
    together: createTogether(given.plan, base),
    ends: new Map(),
    spent: [],
    same: new Set(),
    halted: null,
    whenHalted: Promise.withResolvers(),
    stopping: new Set(),
  };
}

/** Steps by name, and all upstream of them. */
function withUpstream({ numberOf, dependencies }: Plan, steps: readonly Begun[]): ReadonlySet<number> {
  const all = new Set(steps.flatMap(({ name }) => numberOf.get(name) ?? []));
  // A set is gone through to its end, also through what is added on the way.
  for (const step of all) for (const other of dependencies[step] ?? []) all.add(other);
  return all;
}

/** The same steps; the replay hears of each result. */
function listening(steps: RunSteps, replay: Replay): RunSteps {
  const hear = <T>(name: string | null, result: T): T => {
    if (name !== null) replay.heard(name);
    return result;
  };
  return {
    ...steps,
    approve: async (input) => hear(input.step, await steps.approve(input)),
    assemble: async (input) => hear(input.for, await steps.assemble(input)),
    child: async (input) => hear(input.name, await steps.child(input)),
  };
}

function halt(walk: Walk, reason: string): void {
  walk.halted ??= reason;
  walk.whenHalted.resolve(null);
}

function definitionOf({ pipeline }: Walk, step: number): StepDefinition {
  const found = pipeline.steps[step];
  if (found === undefined) throw new Error(`bug: there is no step ${step}`);
  return found;
}

function sceneOf({ pipeline, plan, ends }: Walk): Scene {
  return { pipeline, plan, endOf: (step) => ends.get(step) };
}

/** A step that no job was started for. */
function without(name: string, end: Pick<StepEnd, 'status'> & Partial<StepEnd>): StepEnd {
  return {
    name,
    job_id: null,
    outcome: null,
    output: {},
    base_sha: null,
    head_sha: null,
    error: null,
    reason: null,
    ...end,
  };
}

function skipped(walk: Walk, step: number, reason: string, isFine: boolean): Ended {
  const end = without(definitionOf(walk, step).name, { status: 'skipped', reason });
  return { step, end, began: null, isFine, isOver: false };
}

/** A step that the run's failure came before. */
function halted(walk: Walk, step: number): Ended {
  return skipped(walk, step, walk.halted ?? '', false);
}

function failed(walk: Walk, step: number, error: ErrorInfo, isOver = false): Ended {
  const { name } = definitionOf(walk, step);
  const outcome = outcomeOf(error.code);
  const status = OUTCOMES[outcome].status === 'cancelled' ? 'cancelled' : 'failed';
  return { step, end: without(name, { status, outcome, error }), began: null, isFine: false, isOver };
}

/** How the job of a step ended, as the end of the step. */
function endOfChild(walk: Walk, step: number, began: string, child: ChildEnd): Ended {
  const { job_id, outcome, output, error, head_sha: head } = child;
  const { status } = OUTCOMES[outcome];
  const isFine = status === 'completed';
  const end: StepEnd = {
    name: definitionOf(walk, step).name,
    job_id,
    status,
    outcome,
    output,
    base_sha: began,
    head_sha: isFine && head !== began ? head : null,
    error,
    reason: null,
  };
  return { step, end, began, isFine, isOver: false };
}

/** Waits for a person, as long as the run goes on; `null` once nothing more begins. */
async function ask(
  walk: Walk,
  step: number,
  message: string,
): Promise<Awaited<ReturnType<RunSteps['approve']>> | null> {
  const { name, approval } = definitionOf(walk, step);
  walk.steps.tell({ name, status: 'needs_input' });
  const isAnswered = walk.replay.isBehind(name);
  const answer = walk.steps.approve({ step: name, approvers: approval?.approvers ?? [], message });
  // What was answered already is heard, also where the run has halted since: steps behind it may have begun.
  if (walk.begun.has(name) || isAnswered) return answer;
  // Where the run halts first nobody waits for this any more; how it ends then changes nothing.
  answer.catch(() => undefined);
  return Promise.race([answer, walk.whenHalted.promise]);
}

/** Whether the step may begin, as far as people have a say; else how it ended. */
async function approved(walk: Walk, step: number): Promise<Ended | null> {
  const definition = definitionOf(walk, step);
  if (definition.approval === null) return null;
  const asked = questionOf(definition, (other) => outputOf(sceneOf(walk), other));
  if ('error' in asked) return failed(walk, step, asked.error);
  const answer = await ask(walk, step, asked.text);
  if (answer === null) return halted(walk, step);
  if (!answer.ok) return failed(walk, step, answer.error);
  if (answer.approved) return null;
  const said = answer.comment === null ? '' : `: ${answer.comment}`;
  const message = `${answer.by} did not approve${said}`;
  return failed(walk, step, errorInfo('not_approved', message, 'do what was asked for, then retry the run'));
}

/** The task with its templates filled in. */
function taskOf(walk: Walk, step: number): { readonly text: string } | { readonly error: ErrorInfo } {
  const filled = fillTemplate(definitionOf(walk, step).task, (name) => outputOf(sceneOf(walk), name));
  if ('error' in filled) return filled;
  try {
    return { text: parseTask(filled.text) };
  } catch (thrown) {
    const { message, hint } = errorInfoOf(thrown);
    return { error: errorInfo('output_missing', `with the outputs of other steps the ${message}`, hint) };
  }
}

/** One step, from its templates to the end of its job. */
async function runStep(walk: Walk, step: number): Promise<Ended> {
  const { name } = definitionOf(walk, step);
  const task = taskOf(walk, step);
  if ('error' in task) return failed(walk, step, task.error);
  let isBegun = walk.begun.has(name);
  // What failed meanwhile lets nothing more begin.
  const mayBegin = async (): Promise<boolean> => {
    await walk.replay.pass(name);
    return isBegun || walk.halted === null || walk.replay.isBehind(name);
  };
  if (!(await mayBegin())) return halted(walk, step);
  const refused = await approved(walk, step);
  if (refused !== null) return refused;
  if (!(await mayBegin())) return halted(walk, step);
  walk.steps.tell({ name, status: 'running' });
  const brought = await bringTogether(walk.together.startOf(step), {
    pipeline: walk.pipeline,
    steps: walk.steps,
    for: name,
    // An agent that solves a conflict is work that has begun: what it is for follows it.
    mayResolve: async () => (isBegun = await mayBegin()),
    onSpent: (spent) => walk.spent.push(spent),
  });
  if ('error' in brought) return failed(walk, step, brought.error, brought.isOver);
  if (!('commit' in brought) || !(await mayBegin())) return halted(walk, step);
  const base_sha = brought.commit;
  const child = await walk.steps.child({
    name,
    kind: 'step',
    task: task.text,
    base_sha,
    start: null,
    conflicts: [],
  });
  if (!child.ok) return failed(walk, step, child.error, child.error.code === 'budget_exceeded');
  walk.spent.push(child.spent);
  return endOfChild(walk, step, base_sha, child);
}

/** Takes note of an end, and says which steps that was the last thing missing for. */
function note(walk: Walk, { step, end, began, isOver }: Ended): void {
  walk.ends.set(step, end);
  walk.replay.ended(end.name);
  walk.together.ended(step, began, end.head_sha);
  const isSame = end.status === 'completed' ? walk.before.get(end.name) === end : !walk.before.has(end.name);
  if (isSame && walk.plan.dependencies[step]?.every((other) => walk.same.has(other)) === true)
    walk.same.add(step);
  const isFailure = end.status === 'failed' || end.status === 'cancelled';
  if (isOver) {
    walk.stopping.add(step);
    halt(walk, 'the budget of the run is spent');
  } else if (isFailure && definitionOf(walk, step).on_failure === 'stop') {
    walk.stopping.add(step);
    halt(walk, `${end.name} ${end.status === 'cancelled' ? 'was cancelled' : 'failed'}, and stops the run`);
  }
  walk.steps.tell(end);
}

/**
 * What is known of a step without waiting; `null` where it begins. A step of the run before is taken over only where all
 * before it ended as they did then: else its work does not hold theirs.
 */
function decided(walk: Walk, ready: Ready): Ended | null {
  const { step } = ready;
  const end = takenOver(walk, step);
  if (end === null && walk.halted !== null && !walk.known.has(step)) return halted(walk, step);
  const standing = standingOf(ready, sceneOf(walk));
  if (standing.do === 'skip') return skipped(walk, step, standing.reason, standing.isFine);
  if (standing.do === 'fail') return failed(walk, step, standing.error);
  return end === null ? null : { step, end, began: end.base_sha, isFine: true, isOver: false };
}

/** How the step ended in the run before, where that holds in this one as well. */
function takenOver(walk: Walk, step: number): StepEnd | null {
  const { name } = definitionOf(walk, step);
  const isSame = walk.plan.dependencies[step]?.every((other) => walk.same.has(other)) === true;
  return isSame && !walk.begun.has(name) ? (walk.before.get(name) ?? null) : null;
}

/**
 * Runs all steps until each has ended.
 *
 * @throws what a step threw, once all others that were running have ended: `Cancelled` before infrastructure
 */
export async function walkSteps(walk: Walk): Promise<void> {
  const tracker = createTracker(walk.plan);
  const mail: Settled[] = [];
  const thrown: unknown[] = [];
  let ring: () => void = () => undefined;
  let open = 0;
  const post = (settled: Settled): void => {
    mail.push(settled);
    ring();
  };
  const start = (ready: readonly Ready[]): void => {
    // Steps that end at once let others go on: a list, not a stack of calls, for chains of 10,000.
    const next = [...ready];
    for (const one of next) {
      const ended = decided(walk, one);
      if (ended !== null) {
        note(walk, ended);
        next.push(...tracker.ended(ended.step, ended.isFine));
        continue;
      }
      open++;
      runStep(walk, one.step).then(
        (ended) => post({ ended }),
        (error: unknown) => post({ step: one.step, thrown: error }),
      );
    }
  };
  start(tracker.begin());
  while (open > 0) {
    if (mail.length === 0) {
      const rung = Promise.withResolvers<void>();
      ring = rung.resolve;
      // Nothing that is stored is still to come: what was left of it belonged to what can't be reached any more.
      if (walk.replay.waiting() === open) walk.replay.release();
      await rung.promise;
    }
    for (const settled of mail.splice(0)) {
      open--;
      if ('thrown' in settled) thrown.push(settled.thrown);
      const ended = 'ended' in settled ? settled.ended : broken(walk, settled.step, settled.thrown);
      note(walk, ended);
      start(tracker.ended(ended.step, ended.isFine));
    }
  }
  const first = thrown.find((one) => one instanceof Cancelled) ?? thrown[0];
  if (first !== undefined) throw first;
}

/** A step that threw: cancelled, or infrastructure. Nothing more begins. */
function broken(walk: Walk, step: number, thrown: unknown): Ended {
  const isCancelled = thrown instanceof Cancelled;
  halt(walk, isCancelled ? 'the run was cancelled' : 'the machine failed');
  const error = isCancelled ? errorInfo('cancelled', thrown.message) : errorInfoOf(thrown);
  return failed(walk, step, error, false);
}

/** What all jobs of a run have spent together; `null` as soon as one of them did not count it. */
export function sumOfSpent(parts: readonly ChildEnd['spent'][]): ChildEnd['spent'] {
  const sum = (name: Exclude<keyof Usage, 'turns'>): number | null =>
    parts.reduce<number | null>(
      (all, part) => (all === null || part[name] === null ? null : all + part[name]),
      0,
    );
  return {
    cost_usd: sum('cost_usd'),
    tokens_in: sum('tokens_in'),
    tokens_out: sum('tokens_out'),
    turns: parts.reduce((all, { turns }) => all + turns, 0),
    agent_ms: parts.reduce((all, { agent_ms }) => all + agent_ms, 0),
  };
}

/** The first step in topological order whose failure stopped the run; `null` where none did. */
export function stoppedBy({
  plan,
  ends,
  stopping,
}: Walk): { readonly end: StepEnd; readonly outcome: Outcome } | null {
  for (const step of plan.order) {
    const end = stopping.has(step) ? ends.get(step) : undefined;
    if (end !== undefined) return { end, outcome: end.outcome ?? 'infra_failed' };
  }
  return null;
}
