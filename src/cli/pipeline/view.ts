/** A run of a pipeline as people read it: a table of its steps, what it waits for, and how it ended. */
import type { RunView } from '../../job/pipeline/run.ts';
import { EXIT_CODES, isTerminal, OUTCOMES } from '../../job/status.ts';
import { asCalled, printJson, type Io } from '../command.ts';
import { cleanLine, cleanText, duration, paint, table, type Colour } from '../text.ts';
import { drawGraph, type GraphOptions } from './graph.ts';

/** Longest part of an error or a reason in the table, in characters. */
const MAX_WHY_CHARS = 200;
/** Steps that a table shows; a run may have thousands. */
const MAX_ROWS = 200;

/** Whether nothing of a run goes on any more. */
export function hasEnded({ status }: Pick<RunView, 'status'>): boolean {
  return status === 'completed_with_failures' || isTerminal(status);
}

/** The exit code of a run: that of its outcome, 1 where steps failed and it went on, 6 while it waits for a person. */
function runExitCode({ status, outcome }: Pick<RunView, 'status' | 'outcome'>): number {
  if (status === 'completed_with_failures') return 1;
  if (status === 'needs_input') return EXIT_CODES.needs_input;
  return outcome === null ? 0 : OUTCOMES[outcome].exit_code;
}

/** The terminal as drawings take it. */
export function terminalOf(io: Io): GraphOptions {
  return { columns: io.columns(), colour: io.colour, unicode: io.unicode };
}

function colourOf({ status }: Pick<RunView, 'status'>): Colour {
  if (status === 'completed') return 'green';
  return status === 'failed' ? 'red' : hasEnded({ status }) ? 'yellow' : 'cyan';
}

function whyOf({ error, reason, approval, output }: RunView['steps'][number]): string {
  const { summary } = output;
  const why =
    error?.message ??
    reason ??
    approval?.message ??
    (typeof summary === 'string' ? summary.split('\n')[0] : '');
  return Array.from(cleanLine(why ?? '').trim())
    .slice(0, MAX_WHY_CHARS)
    .join('');
}

/** The steps of a run as a table. */
export function stepTable({ steps }: RunView, io: Io): string {
  const rows = steps
    .slice(0, MAX_ROWS)
    .map((step) => [
      cleanLine(step.name),
      step.status === 'completed' ? (step.outcome ?? step.status) : step.status,
      step.job_id ?? '',
      whyOf(step),
    ]);
  const left = steps.length - rows.length;
  const more = left > 0 ? `… and ${left} more, in --json\n` : '';
  return `${table(['step', 'status', 'job', ''], rows, io.colour)}${more}`;
}

/** The steps of a run, or of a pipeline, as a drawing. */
export function graphOf(
  steps: readonly {
    readonly name: string;
    readonly depends_on: readonly string[];
    readonly status?: RunView['steps'][number]['status'];
  }[],
  io: Io,
): string {
  const drawn = steps.map(({ name, depends_on, status = null }) => ({ name, depends_on, status }));
  return drawGraph(drawn, terminalOf(io));
}

/** What a person can do who is asked, or `''` where nobody is. */
function asks({ run_id: runId, steps }: RunView, io: Io, isLocal: boolean): string {
  return steps
    .flatMap(({ name, approval }) => {
      if (approval === null) return [];
      const who =
        approval.approvers.length === 0 ? '' : ` (of ${approval.approvers.map(cleanLine).join(', ')})`;
      const step = /^[\w.-]+$/.test(name) ? name : JSON.stringify(name);
      const go = isLocal ? ` && agent-runner pipeline run --resume ${runId}` : '';
      return [
        `\n${paint(`${cleanLine(name)} asks${who}:`, 'bold', io.colour)} ${cleanText(approval.message.trim())}\n`,
        asCalled(io, `  yes: agent-runner pipeline approve ${runId} ${step}${go}\n`),
        asCalled(io, `  no:  agent-runner pipeline reject ${runId} ${step} --comment "…"${go}\n`),
      ];
    })
    .join('');
}

/** What a person can do about steps that did not end well, or `''` where all did. */
function next({ run_id: runId, status, steps }: RunView, io: Io): string {
  if (!['failed', 'cancelled', 'completed_with_failures'].includes(status)) return '';
  const read = steps.find((step) => step.status === 'failed' && step.job_id !== null)?.job_id;
  const lines = [
    ...(read == null ? [] : [`what happened  agent-runner logs ${read}`]),
    `try again      agent-runner pipeline retry ${runId}`,
    '               (what succeeded is not run again; a pipeline that was changed is run anew)',
  ];
  return asCalled(io, `\n${lines.join('\n')}\n`);
}

/**
 * A run for a terminal.
 *
 * @param isLocal whether no worker may be there that goes on with it after an answer
 */
function renderRun(view: RunView, io: Io, isLocal: boolean): string {
  const { run_id, pipeline, status, outcome, pr_url, error, total_cost, retries, repo } = view;
  const head = paint(
    outcome === null || outcome === status ? status : `${status}: ${outcome}`,
    colourOf(view),
    io.colour,
  );
  const took =
    view.started_at === null || view.finished_at === null
      ? ''
      : ` in ${duration(Date.parse(view.finished_at) - Date.parse(view.started_at))}`;
  const rows = [
    ['pipeline', cleanLine(pipeline)],
    ['repository', cleanLine(repo)],
    ['pull request', pr_url ?? ''],
    ['tries again', retries ?? ''],
    ['cost', total_cost === null ? '' : `$${total_cost.toFixed(4)}`],
    ['error', error === null ? '' : cleanText(error.message)],
    ['hint', error?.hint == null ? '' : asCalled(io, error.hint)],
  ] as const;
  const known = rows
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name.padEnd(12)} ${value}\n`);
  return `${run_id} ${head}${took}\n${known.join('')}\n${stepTable(view, io)}${asks(view, io, isLocal)}${next(view, io)}`;
}

/** Prints how a run stands or ended, and gives the exit code that goes with it. */
export function printRun(
  view: RunView,
  io: Io,
  { asJson, isLocal }: { readonly asJson: boolean; readonly isLocal: boolean },
): number {
  if (asJson) printJson(io, view);
  else io.out(renderRun(view, io, isLocal));
  return runExitCode(view);
}
