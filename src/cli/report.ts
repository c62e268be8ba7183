/** A job's result for people. */
import type { CheckReport, GateReport } from '../job/gate.ts';
import type { JobResult } from '../job/result.ts';
import type { Judgement } from '../runner/look/gate/judge.ts';
import { asCalled, type Io } from './command.ts';
import { baseText, conclusionOf, testsText, verdictText } from './judgement.ts';
import { cleanLine, cleanText, duration, paint, table, type Colour } from './text.ts';

/** Longest part of an agent's closing message that is shown, in characters. */
const MAX_SUMMARY_CHARS = 1500;
/** New failures of one check that are named. */
const MAX_NAMED = 5;

function outcomeColour(result: JobResult): Colour {
  if (result.status === 'failed') return 'red';
  return result.status === 'cancelled' || result.draft ? 'yellow' : 'green';
}

function gateTable(report: GateReport, colour: boolean): string {
  const counted = report.checks.some((check) => testsText(check) !== '');
  const row = (check: CheckReport): string[] => [
    cleanLine(check.name),
    baseText(check),
    check.head,
    check.verdict,
    ...(counted ? [testsText(check)] : []),
    duration(check.duration_ms),
    cleanLine(check.command),
  ];
  const head = ['check', 'base', 'head', 'verdict', ...(counted ? ['tests'] : []), 'time', 'command'];
  return table(head, report.checks.map(row), colour);
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? line : `  ${line}`))
    .join('\n');
}

/** The first new failures of a check, and how many there are beside them. */
function newFailures({ name, new_failures: names }: CheckReport): string {
  const shown = names.slice(0, MAX_NAMED).map((one) => `  new: ${cleanLine(one)}\n`);
  // The report's own last line counts what it left out.
  const cut = /^… and (\d+) more$/.exec(names.at(-1) ?? '');
  const left =
    names.length - shown.length + (cut === null || names.length <= MAX_NAMED ? 0 : Number(cut[1]) - 1);
  return shown.join('') + (left > 0 ? `  new: … and ${left} more in ${cleanLine(name)}\n` : '');
}

/** Where to read on: the log of every check that stands in the way, and why nothing could be said of it. */
function whereToRead(report: GateReport): string {
  return report.checks
    .filter((check) => check.verdict === 'failed' || check.verdict === 'inconclusive')
    .map((check) => {
      const why =
        check.verdict === 'failed' ? '' : `  why: ${cleanLine(check.name)}: ${cleanLine(check.reason)}\n`;
      return why + (check.log === null ? '' : `  log: ${cleanLine(check.log)}\n`);
    })
    .join('');
}

function gateText(run: GateReport, head: string, colour: boolean): string {
  const failed = run.checks.filter((check) => check.verdict === 'failed');
  const named = failed.map(newFailures).join('');
  const found = run.tamper
    .map((one) => {
      const where = one.line === null ? one.file : `${one.file}:${one.line}`;
      return `  ${one.severity}: ${cleanLine(where)} ${cleanLine(one.detail)}\n`;
    })
    .join('');
  const body =
    run.checks.length === 0
      ? '  no checks were found: name them in .agent-runner.yml, or give --check name=command\n'
      : indent(gateTable(run, colour));
  return `${paint(head, 'bold', colour)}\n${body}${named}${found}`;
}

function gatePart(result: JobResult, colour: boolean): string {
  const { runs } = result.gate;
  return runs
    .map((run, at) =>
      gateText(run, `gate ${at + 1} of ${runs.length}: ${verdictText(run.verdict, run.tamper)}`, colour),
    )
    .join('\n');
}

/** Renders a judgement for a terminal. */
export function renderGate(
  judgement: Pick<Judgement, 'report' | 'policy' | 'notices'>,
  colour: boolean,
): string {
  const notes = judgement.notices.map((notice) => `note: ${cleanLine(notice)}\n`).join('');
  return `\n${gateText(judgement.report, `gate: ${conclusionOf(judgement)}`, colour)}${whereToRead(judgement.report)}${notes}`;
}

function draftMark({ draft, labels }: JobResult): string {
  if (!draft) return '';
  return labels.length === 0 ? ' (draft)' : ` (draft: ${labels.join(', ')})`;
}

function plannedText({ subtasks }: JobResult): string {
  if (subtasks.length === 0) return '';
  return `, planned in ${subtasks.length} ${subtasks.length === 1 ? 'piece' : 'pieces'}`;
}

function facts(result: JobResult, savedIn: string | null): string[][] {
  const wall =
    result.started_at === null ? 0 : Date.parse(result.finished_at) - Date.parse(result.started_at);
  const recover =
    savedIn === null || result.wip_ref === null
      ? []
      : [['get it back', `git fetch ${savedIn} ${result.wip_ref}`]];
  return [
    ['job', result.job_id],
    ['base', result.base_sha === null ? '' : `${result.base ?? ''} ${result.base_sha.slice(0, 12)}`],
    ['branch', result.branch === null ? '' : `${result.branch}${draftMark(result)}`],
    ['pull request', result.pr_url ?? ''],
    ['patch', result.patch_path ?? ''],
    ['publish with', result.push_command ?? ''],
    ['work saved as', result.wip_ref ?? ''],
    ...(result.branch === null ? recover : []),
    // A run has no agent of its own; what its steps have spent is theirs.
    ...(result.run == null ? spentText(result) : []),
    ['wall time', duration(Math.max(0, wall))],
  ].filter((row) => row[1] !== '');
}

function spentText(result: JobResult): string[][] {
  return [
    [
      'agent',
      `${result.agent}, ${result.iterations} ${result.iterations === 1 ? 'turn' : 'turns'}${plannedText(result)}${result.debug_mode ? ', debug mode' : ''}`,
    ],
    ['cost', result.total_cost === null ? 'unknown' : `$${result.total_cost.toFixed(2)}`],
  ];
}

/** Why a job ended as it did; an agent that changed nothing and gave no reason is said to have done so. */
function whyText({ error, outcome, summary, iterations }: JobResult): string {
  if (error !== null) return `: ${cleanText(error.message)}`;
  if (outcome !== 'no_change') return '';
  if (iterations === 0) return ': nothing to mend, no check is red; no agent was called';
  return summary.trim() === '' ? ': the agent changed nothing and gave no reason' : '';
}

/**
 * Renders a result for a terminal.
 *
 * @param savedIn repository that holds the saved work, to say how to get it back
 */
export function renderResult(
  result: JobResult,
  savedIn: string | null,
  io: Pick<Io, 'colour' | 'program' | 'homeFlags'>,
): string {
  const { colour } = io;
  const parts = [gatePart(result, colour)];
  const summary = cleanText(result.summary.trim()).slice(0, MAX_SUMMARY_CHARS);
  if (summary !== '')
    parts.push(`${result.run == null ? 'the agent says' : 'the steps'}:\n${indent(summary)}\n`);
  if (result.notices.length > 0)
    parts.push(result.notices.map((notice) => `note: ${cleanLine(notice)}\n`).join(''));
  const width = 14;
  const rows = facts(result, savedIn).map(([name = '', value = '']) => `${name.padEnd(width)} ${value}\n`);
  parts.push(rows.join(''));
  const outcome = paint(result.outcome ?? result.status, outcomeColour(result), colour);
  const why = whyText(result).replaceAll('\n', `\n${' '.repeat(width + 1)}`);
  const hint =
    result.error?.hint == null ? '' : `${' '.repeat(width)} ${asCalled(io, cleanText(result.error.hint))}\n`;
  parts.push(`${'outcome'.padEnd(width)} ${outcome}${why}\n${hint}`);
  return parts.filter((part) => part !== '').join('\n');
}
