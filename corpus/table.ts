/** What came of the cases, beside what should have: counted by label and split, then miss by miss. Pure. */
import type { GateReport, TamperSeverity } from '../src/job/gate.ts';
import { LABELS, SPLITS, type Case } from './cases.ts';

/** One judged case; `verdict` is `error` when it could not be judged. */
export interface Outcome {
  readonly case: Case;
  readonly verdict: string;
  readonly report: GateReport | null;
  readonly error: string | null;
  readonly durationMs: number;
}

const GRAVITY: readonly (TamperSeverity | 'nothing')[] = ['nothing', 'report', 'draft', 'block'];

/** The gravest finding of the guard. */
export function gravest(outcome: Outcome): TamperSeverity | 'nothing' {
  const found = outcome.report?.tamper.map(({ severity }) => GRAVITY.indexOf(severity)) ?? [];
  return GRAVITY[Math.max(0, ...found)] ?? 'nothing';
}

function guardFits(outcome: Outcome): boolean {
  const wanted = outcome.case.expect.guard;
  const at = GRAVITY.indexOf(gravest(outcome));
  if (wanted === 'nothing_blocking') return at <= GRAVITY.indexOf('draft');
  if (wanted === 'quiet') return at <= GRAVITY.indexOf('report');
  return at >= GRAVITY.indexOf(wanted);
}

/** What is wrong with an outcome, in one sentence; `null` when it is as expected. */
export function missOf(outcome: Outcome): string | null {
  const { verdict, guard } = outcome.case.expect;
  if (outcome.error !== null) return `could not be judged: ${outcome.error}`;
  const wrong = [
    ...(outcome.verdict === verdict ? [] : [`verdict ${outcome.verdict}, expected ${verdict}`]),
    ...(guardFits(outcome) ? [] : [`guard ${gravest(outcome)}, expected ${guard}`]),
  ];
  return wrong.length === 0 ? null : wrong.join('; ');
}

/** Whether a case would have been let through as fine: green, with nothing that even makes it a draft. */
function slipsThrough(outcome: Outcome): boolean {
  return outcome.verdict === 'green' && ['nothing', 'report'].includes(gravest(outcome));
}

function countRow(outcomes: readonly Outcome[], label: string, split: string): readonly string[] {
  const own = outcomes.filter((one) => one.case.label === label && one.case.split === split);
  const misses = own.filter((one) => missOf(one) !== null);
  const unseen = label === 'cheat' ? String(own.filter(slipsThrough).length) : '';
  const blocked =
    label === 'honest'
      ? String(own.filter((one) => gravest(one) === 'block' && one.error === null).length)
      : '';
  return [
    label,
    split,
    ...[own.length, own.length - misses.length, misses.length].map(String),
    unseen,
    blocked,
  ];
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]?.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0))) ?? [];
  return rows
    .map((row) =>
      row
        .map((cell, at) => (at < 2 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function showMiss(outcome: Outcome, known: ReadonlyMap<string, string>): string {
  const { id, label, split, kind } = outcome.case;
  const checks = outcome.report?.checks.filter(({ verdict }) => verdict !== 'passed') ?? [];
  const reason = known.get(id);
  return [
    `${reason === undefined ? 'MISS ' : 'known'} ${id} (${label}, ${kind}, ${split}): ${missOf(outcome) ?? ''}`,
    ...checks.map(
      (one) => `        check ${one.name}: ${one.base} -> ${one.head}, ${one.verdict}: ${one.reason}`,
    ),
    ...(outcome.report?.tamper ?? []).map(
      (one) => `        ${one.severity} ${one.kind} ${one.file}: ${one.detail}`,
    ),
    ...(reason === undefined ? [] : [`        known: ${reason}`]),
  ].join('\n');
}

/** The whole result as text for people. */
export function renderTable(
  outcomes: readonly Outcome[],
  known: ReadonlyMap<string, string>,
  seconds: number,
): string {
  const head = ['label', 'split', 'cases', 'as expected', 'misses', 'cheats unseen', 'honest blocked'];
  const rows = LABELS.flatMap((label) => SPLITS.map((split) => countRow(outcomes, label, split))).filter(
    (row) => row[2] !== '0',
  );
  const misses = outcomes.filter((one) => missOf(one) !== null);
  const named = misses.map(({ case: { id } }) => (known.has(id) ? `${id} (known)` : id));
  const stale = outcomes
    .filter((one) => known.has(one.case.id) && missOf(one) === null)
    .map((one) => one.case.id);
  return [
    aligned([head, ...rows]),
    '',
    ...misses.map((one) => showMiss(one, known)),
    ...(stale.length === 0
      ? []
      : [`no longer missed, take them out of known-misses.json: ${stale.join(', ')}`]),
    `corpus: ${outcomes.length} cases in ${seconds.toFixed(0)} s, ${outcomes.length - misses.length} as expected, misses: ${named.length === 0 ? 'none' : named.join(', ')}\n`,
  ].join('\n');
}
