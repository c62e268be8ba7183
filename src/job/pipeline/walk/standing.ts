/** Whether a step begins, once all that it depends on has ended: a pure decision. */
import type { ErrorInfo } from '../../error.ts';
import { isTrue, readCondition, type Condition } from '../expression/condition.ts';
import type { Pipeline } from '../definition.ts';
import type { Plan, Ready } from '../plan.ts';
import type { Reference } from '../reference.ts';
import type { Json, Output, StepEnd } from '../run.ts';
import { outputAt } from '../expression/template.ts';

/** What becomes of a step. `isFine`: steps behind it may go on as if nothing were wrong. */
export type Standing =
  | { readonly do: 'begin' }
  | { readonly do: 'skip'; readonly reason: string; readonly isFine: boolean }
  | { readonly do: 'fail'; readonly error: ErrorInfo };

/** What the decision looks at. */
export interface Scene {
  readonly pipeline: Pipeline;
  readonly plan: Plan;
  /** How the steps upstream ended. */
  readonly endOf: (step: number) => StepEnd | undefined;
}

/** Ends a condition whose output is not there; never leaves this file. */
class Missing extends Error {
  readonly info: ErrorInfo;
  constructor(info: ErrorInfo) {
    super(info.message);
    this.info = info;
  }
}

/** The output of a step by its name; `null` for one that did not run. */
export function outputOf({ plan, endOf }: Scene, name: string): Output | null {
  const end = endOf(plan.numberOf.get(name) ?? -1);
  return end === undefined || end.status === 'skipped' || end.job_id === null ? null : end.output;
}

/**
 * What a condition sees of a step. What a step did not promise for sure, or could not give because it failed or was
 * skipped, is `null`; what a completed step should have and has not is missing, which fails whoever asks.
 */
function look(scene: Scene, reference: Reference): Json {
  const { pipeline, plan, endOf } = scene;
  const step = plan.numberOf.get(reference.step) ?? -1;
  const end = endOf(step);
  if (end === undefined)
    throw new Error(`bug: a condition asks about ${reference.step}, which has not ended`);
  if (reference.field === 'status') return end.status;
  if (reference.field === 'outcome') return end.outcome;
  const read = outputAt(reference, outputOf(scene, reference.step));
  if (!('error' in read)) return read.value;
  const [key = ''] = reference.path;
  const promised = pipeline.steps[step]?.outputs ?? {};
  const isOptional = Object.hasOwn(promised, key) && promised[key]?.optional === true;
  if (end.status !== 'completed' || isOptional) return null;
  throw new Missing(read.error);
}

function conditionOf(text: string): { readonly condition: Condition; readonly names: ReadonlySet<string> } {
  const read = readCondition(text);
  if (!read.ok) throw new Error(`bug: the pipeline was not checked: ${read.message}`);
  return { condition: read.condition, names: new Set(read.references.map(({ step }) => step)) };
}

/** Why a step is left out because of another. */
function because(end: StepEnd | undefined, name: string): string {
  return `${name} ${end?.status === 'skipped' ? 'was skipped' : end?.status === 'cancelled' ? 'was cancelled' : 'failed'}`;
}

/**
 * Decides whether a step begins. A dependency that did not end well leaves it out, unless its own condition names that
 * dependency: then the condition decides.
 */
export function standingOf({ step, unfit }: Ready, scene: Scene): Standing {
  const { pipeline, plan, endOf } = scene;
  const text = pipeline.steps[step]?.condition ?? null;
  const read = text === null ? null : conditionOf(text);
  const bad = unfit.find((other) => read?.names.has(plan.names[other] ?? '') !== true);
  if (bad !== undefined)
    return { do: 'skip', reason: because(endOf(bad), plan.names[bad] ?? ''), isFine: false };
  if (read === null) return { do: 'begin' };
  try {
    if (isTrue(read.condition, (reference) => look(scene, reference))) return { do: 'begin' };
    return { do: 'skip', reason: `its condition does not hold: ${text ?? ''}`, isFine: true };
  } catch (thrown) {
    if (!(thrown instanceof Missing)) throw thrown;
    return { do: 'fail', error: thrown.info };
  }
}
