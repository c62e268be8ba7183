/** How a run and its steps stand, in words: read from the run as the server shows it, and from its log. */
import type { JobEvent } from '../../../src/job/job.ts';
import type { Pipeline } from '../../../src/job/pipeline/definition.ts';
import type { RunView } from '../../../src/job/pipeline/run.ts';
import { OUTCOME, STATUS, toldOf, type Told } from '../parts/state.tsx';
import { counted, firstLine } from '../parts/words.ts';
import type { Shown } from './graph/node.tsx';

/** A step of a run. */
export type RunStep = RunView['steps'][number];

/** When a step began and how long it took. */
export interface StepTime {
  readonly startedAt: string;
  /** `null` while it goes on. */
  readonly ms: number | null;
}

/** A step that has not begun, because others have not ended. */
export const WAITING: Told = { icon: 'clock', word: 'Waiting', tone: 'quiet' };
/** A step that will never begin. */
export const SKIPPED: Told = { icon: 'skip', word: 'Skipped', tone: 'quiet' };
const MARRED: Told & { readonly means: string } = {
  icon: 'warn',
  word: 'With failures',
  tone: 'warn',
  means: 'Some steps failed; the work of the others is proposed',
};

/** How a step is told. Waiting for other steps, for a place among the jobs, and being left out are three things. */
export function toldOfStep({ status, outcome, job_id: jobId }: RunStep): Told {
  if (status === 'skipped') return SKIPPED;
  if (status === 'queued' && jobId === null) return WAITING;
  return toldOf({ status, outcome });
}

/** Whether a step waits for a person: for its approval, or for an answer to its agent. */
export function asks({ status }: RunStep): boolean {
  return status === 'needs_input';
}

/** How a run is told: one that asks says so also while other steps go on. */
export function toldOfWhole({ status, outcome, steps }: Pick<RunView, 'status' | 'outcome' | 'steps'>): Told {
  if (status === 'completed_with_failures') return MARRED;
  if (status === 'running' && steps.some(asks)) return STATUS.needs_input;
  return toldOf({ status, outcome });
}

/** How many steps have come how far. */
export interface Progress {
  readonly of: number;
  readonly ended: number;
  readonly running: number;
  readonly asking: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly skipped: number;
}

/** Counts the steps. */
export function progressOf(steps: readonly RunStep[]): Progress {
  const count = (...statuses: readonly RunStep['status'][]): number =>
    steps.filter(({ status }) => statuses.includes(status)).length;
  return {
    of: steps.length,
    ended: count('completed', 'failed', 'cancelled', 'skipped'),
    running: count('running', 'retrying', 'forking', 'triggered'),
    asking: count('needs_input'),
    failed: count('failed'),
    cancelled: count('cancelled'),
    skipped: count('skipped'),
  };
}

/** What happened to a run, in a sentence. @param phase what it does itself, where it does something */
export function happenedTo(run: RunView, phase: string | null): string {
  if (run.status === 'completed_with_failures') return MARRED.means;
  if (run.outcome !== null) return OUTCOME[run.outcome].means;
  const { of, ended, running, asking } = progressOf(run.steps);
  if (phase === 'verify') return 'The gate judges all steps together';
  if (phase === 'propose') return 'It is being proposed';
  if (run.started_at === null) return 'It waits for its turn';
  const parts = [
    running === 0 ? '' : `${counted(running, 'step')} at work`,
    asking === 0 ? '' : `${counted(asking, 'step')} waiting for a person`,
  ].filter((part) => part !== '');
  return parts.length === 0 ? `${ended} of ${counted(of, 'step')} ended` : parts.join(', ');
}

/** Whether an event tells how a step of the pipeline stands, and not what the run does itself. */
function isOfStep({ type, data }: JobEvent): boolean {
  return type === 'phase' && ['running', 'needs_input', 'ended'].includes(String(data['state']));
}

/** When the steps began and ended, by name. A step that was taken over from an earlier run has no time here. */
export function timesOf(events: readonly JobEvent[]): ReadonlyMap<string, StepTime> {
  const times = new Map<string, StepTime>();
  for (const event of events) {
    if (!isOfStep(event)) continue;
    const { time, data } = event;
    const name = String(data['step']);
    const before = times.get(name);
    // A run that is taken up again (after an answer, a restart) tells once more of steps that ended before.
    if (before !== undefined && before.ms !== null) continue;
    if (data['state'] === 'running') times.set(name, { startedAt: before?.startedAt ?? time, ms: null });
    if (data['state'] === 'ended' && before !== undefined)
      times.set(name, { ...before, ms: Math.max(0, Date.parse(time) - Date.parse(before.startedAt)) });
  }
  return times;
}

/**
 * The run with the steps that were left out so far: while it goes on, only its log tells of them, since nothing is stored
 * of what was never begun.
 */
export function withSkipped(run: RunView, events: readonly JobEvent[]): RunView {
  const reasons = new Map<string, string | null>();
  for (const event of events) {
    const { step, status, reason } = event.data;
    if (isOfStep(event) && status === 'skipped')
      reasons.set(String(step), typeof reason === 'string' ? reason : null);
  }
  if (reasons.size === 0) return run;
  const steps = run.steps.map((step): RunStep => {
    const reason = reasons.get(step.name);
    const isNew = reason !== undefined && step.status === 'queued' && step.job_id === null;
    return isNew ? { ...step, status: 'skipped', reason } : step;
  });
  return { ...run, steps };
}

/** The events of what the run does itself, as any job: getting ready, judging, proposing. */
export function ownEvents(events: readonly JobEvent[]): readonly JobEvent[] {
  return events.filter(
    (event) => !isOfStep(event) && !(event.type === 'phase' && String(event.data['step']).includes(':')),
  );
}

/**
 * The log of a run as people read it: how its steps stand, told once and with what they came to, and what it does itself.
 * That it waits for a job of a step is the same in other words.
 */
export function readableEvents(events: readonly JobEvent[]): readonly JobEvent[] {
  return events.flatMap((event) => {
    const { type, data } = event;
    if (isOfStep(event)) {
      const { step, state, outcome, status, reason, message } = data;
      const stands = state === 'ended' ? (outcome ?? status) : state;
      return [
        {
          ...event,
          data: { ...data, step: `step ${String(step)}:`, state: stands, message: reason ?? message },
        },
      ];
    }
    const isWait = type === 'phase' && String(data['step']).includes(':') && data['state'] !== 'failed';
    return isWait ? [] : [event];
  });
}

/** What became of a step, or why nothing did, in a line. */
export function cameOf(step: RunStep, steps: ReadonlyMap<string, RunStep>): string {
  const { status, error, reason, output, approval, job_id: jobId, depends_on: on } = step;
  if (approval !== null) return `Asks: ${firstLine(approval.message)}`;
  if (status === 'needs_input') return 'Its agent asks something';
  if (reason !== null) return firstLine(reason);
  if (error !== null) return firstLine(error.message);
  const summary = output['summary'];
  if (typeof summary === 'string' && summary.trim() !== '') return firstLine(summary);
  if (status !== 'queued') return '';
  if (jobId !== null) return 'It waits for its turn';
  const open = on.filter((name) => !['completed', 'skipped'].includes(steps.get(name)?.status ?? ''));
  return open.length === 0 ? 'It is about to begin' : `Waits for ${open.map(firstLine).join(', ')}`;
}

/** What else is to be known of a step. @param before the run whose steps are not run again */
export function notesOf(
  { decision, status, job_id: jobId }: RunStep,
  before: string | null,
  time: StepTime | null,
): readonly string[] {
  const notes: string[] = [];
  if (decision !== null) {
    const said = decision.comment === null ? '' : `: “${firstLine(decision.comment)}”`;
    notes.push(`${decision.approved ? 'approved' : 'rejected'} by ${firstLine(decision.by)}${said}`);
  }
  // What a run did itself stands in its log.
  if (before !== null && time === null && status === 'completed' && jobId !== null)
    notes.push(`done in ${before} already`);
  return notes;
}

/** What a step is: what its job may do, and whether a person is asked before it. */
export function kindOf({
  mode,
  needs_approval: asksFirst,
}: Pick<RunStep, 'mode' | 'needs_approval'>): string {
  const what = mode === 'ask' ? 'answer' : 'change';
  return asksFirst ? `${what}, asks` : what;
}

/** Why somebody may not answer a step that asks; `null` where they may. @param name of their key */
export function whyNot(
  { role, id, name }: { readonly role: string; readonly id: string; readonly name: string },
  approvers: readonly string[],
): string | null {
  if (role === 'read') return 'Your key may look, and not answer: that takes the role submit.';
  // Without keys everybody is whoever is on this machine.
  const who = id === 'local' ? id : name;
  if (approvers.length === 0 || approvers.includes(who)) return null;
  return `${firstLine(approvers.join(', '))} may answer; you are ${firstLine(who)}.`;
}

/** What the graph and the table show of a run's steps. */
export function shownSteps(
  { steps, retries }: Pick<RunView, 'steps' | 'retries'>,
  times: ReadonlyMap<string, StepTime>,
): readonly Shown[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  return steps.map((step) => ({
    name: step.name,
    told: toldOfStep(step),
    kind: kindOf(step),
    // While it waits for its turn it has taken no time.
    time: step.status === 'queued' ? null : (times.get(step.name) ?? null),
    cost: step.total_cost,
    came: cameOf(step, byName),
    notes: notesOf(step, retries, times.get(step.name) ?? null),
    dependsOn: step.depends_on,
    href: step.job_id === null ? null : `/job/${step.job_id}`,
  }));
}

/** What they show of a pipeline, of which nothing runs. */
export function definedSteps(steps: Pipeline['steps']): readonly Shown[] {
  return steps.map(({ name, task, mode, approval, depends_on: dependsOn }) => ({
    name,
    told: null,
    kind: kindOf({ mode, needs_approval: approval !== null }),
    time: null,
    cost: null,
    came: firstLine(task),
    notes: [],
    dependsOn,
    href: null,
  }));
}
