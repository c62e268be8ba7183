/** A run as it goes on, on stderr: a list of its steps that is drawn anew on a terminal, elsewhere a line for each change. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { PipelineClient } from '../../client/pipelines/pipelines.ts';
import type { RunView, StepStatus } from '../../job/pipeline/run.ts';
import type { Io } from '../command.ts';
import { cleanLine, duration, paint } from '../text.ts';
import { markOf } from './graph.ts';
import { hasEnded, terminalOf } from './view.ts';

/** How often a run is looked at, in milliseconds: of a server less often, for each look is a request. */
const LOCAL_POLL_MS = 250;
const REMOTE_POLL_MS = 1000;
/** Steps that a terminal shows at once; those that are at work come first. */
const MAX_LINES = 20;

type Step = RunView['steps'][number];

/** What is shown first where there is no room for all. */
const ORDER: readonly StepStatus[] = [
  'needs_input',
  'running',
  'retrying',
  'failed',
  'cancelled',
  'completed',
];

function rank({ status }: Step): number {
  const at = ORDER.indexOf(status);
  return at < 0 ? ORDER.length : at;
}

/** Shows what changes. */
export interface RunWatch {
  show(view: RunView): void;
  stop(): void;
}

/** Statuses of steps that nothing changes any more. */
const SETTLED: ReadonlySet<StepStatus> = new Set(['completed', 'failed', 'cancelled', 'skipped']);
/** What is told once all steps have ended and the run has not. */
const WHOLE = '  all steps have ended: their work is brought together, judged as a whole and proposed';

/** Whether the run has heard how a step ended whose job has. */
function isHeard({ outcome, error, reason }: Step): boolean {
  return outcome !== null || error !== null || reason !== null;
}

function isAboutTheWhole(view: RunView): boolean {
  const isChanged = view.steps.some(({ outcome }) => outcome === 'proposed');
  return isChanged && !hasEnded(view) && view.steps.every((one) => SETTLED.has(one.status) && isHeard(one));
}

function said({ status, outcome, error, reason, approval }: Step): string {
  if (error !== null) return `${outcome ?? status}: ${error.message}`;
  if (reason !== null) return `${status}: ${reason}`;
  return approval === null ? (outcome ?? status) : `asks: ${approval.message}`;
}

function cut(text: string, columns: number): string {
  const characters = Array.from(cleanLine(text));
  return characters.length <= columns ? characters.join('') : `${characters.slice(0, columns - 1).join('')}~`;
}

/** Makes one; it says how a step stands when that changes. */
export function createRunWatch(io: Io): RunWatch {
  const begun = new Map<string, number>();
  const seen = new Map<string, string>();
  const took = new Map<string, number>();
  let drawn = 0;
  let wasWhole = false;
  const time = ({ name, status }: Step): string => {
    const since = begun.get(name);
    if (since === undefined) return '';
    if (status !== 'running' && !took.has(name)) took.set(name, performance.now() - since);
    return duration(took.get(name) ?? performance.now() - since);
  };
  const lineOf = (step: Step): string => {
    const spent = time(step);
    // Where lines stay, that a step has begun is told as it begins.
    const isToTell = spent !== '' && (io.isLive || step.status !== 'running');
    const text = `${cleanLine(step.name)}: ${said(step)}${isToTell ? ` (${spent})` : ''}`;
    return `${markOf(step.status, terminalOf(io))} ${cut(text, Math.max(20, io.columns() - 4))}`;
  };
  const erase = (): string => (drawn === 0 ? '' : `\u001b[${drawn}A\u001b[J`);
  const draw = (view: RunView, isWhole: boolean): void => {
    const steps =
      view.steps.length <= MAX_LINES ? view.steps : view.steps.toSorted((a, b) => rank(a) - rank(b));
    const lines = steps.slice(0, MAX_LINES).map(lineOf);
    const left = view.steps.length - lines.length;
    if (left > 0) lines.push(paint(`  and ${left} more`, 'dim', io.colour));
    if (isWhole) lines.push(WHOLE);
    io.err(`${erase()}${lines.map((line) => `${line}\n`).join('')}`);
    drawn = lines.length;
  };
  return {
    show(view) {
      for (const step of view.steps) {
        if (step.status === 'running' && !begun.has(step.name)) begun.set(step.name, performance.now());
        // The job has ended, and its run has yet to hear how.
        if (SETTLED.has(step.status) && !isHeard(step)) continue;
        const now = `${step.status} ${step.outcome ?? ''}`;
        const isNew = seen.get(step.name) !== now;
        seen.set(step.name, now);
        // What has not begun is nothing to tell.
        if (isNew && !io.isLive && step.status !== 'queued') io.err(`${lineOf(step)}\n`);
      }
      const isWhole = isAboutTheWhole(view);
      if (isWhole && !wasWhole && !io.isLive) io.err(`${WHOLE}\n`);
      wasWhole = isWhole;
      if (io.isLive) draw(view, isWhole);
    },
    stop() {
      drawn = 0;
    },
  };
}

/**
 * Shows a run until it has ended or waits for a person, or `signal` is aborted.
 *
 * @returns how it was seen last
 */
export async function watchRun(
  client: PipelineClient,
  runId: string,
  io: Io,
  options: { readonly signal: AbortSignal; readonly isRemote: boolean },
): Promise<RunView> {
  const watch = createRunWatch(io);
  const pause = options.isRemote ? REMOTE_POLL_MS : LOCAL_POLL_MS;
  try {
    for (;;) {
      const begun = performance.now();
      const view = await client.view(runId);
      // A run of thousands of steps takes its time to look at: no more than a fifth of it goes there.
      const looked = performance.now() - begun;
      watch.show(view);
      if (hasEnded(view) || view.status === 'needs_input' || options.signal.aborted) return view;
      await sleep(Math.max(pause, 4 * looked), undefined, { signal: options.signal }).catch(() => {});
    }
  } finally {
    watch.stop();
  }
}
