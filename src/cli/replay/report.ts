/** How a playback compares with its recording, for people. */
import type { CheckDifference, Comparison } from '../../job/recording/compare.ts';
import type { Io } from '../command.ts';
import { cleanLine, paint } from '../text.ts';

const WIDTH = 14;
/** Paths and verdicts that are shown; JSON has more. */
const MAX_SHOWN = 10;
const STATUS: Readonly<Record<string, string>> = {
  A: 'only now',
  D: 'only in the recording',
  M: 'other contents or mode',
  T: 'another kind of file',
};

function row(name: string, value: string): string {
  return `${name.padEnd(WIDTH)} ${value}\n`;
}

function more(lines: readonly string[], count: number): readonly string[] {
  const shown = lines.slice(0, MAX_SHOWN);
  return count > shown.length ? [...shown, `… and ${count - shown.length} more`] : shown;
}

function checkLine({ run, check, recorded, replayed }: CheckDifference): string {
  const what = check === null ? `gate ${run}` : `gate ${run}, ${cleanLine(check)}`;
  return `${what}: recorded ${recorded ?? 'nothing'}, now ${replayed ?? 'nothing'}`;
}

/** Renders a comparison for a terminal. */
export function renderComparison(comparison: Comparison, io: Pick<Io, 'colour'>): string {
  const { outcome, tree, checks } = comparison;
  const outcomes = outcome.equal
    ? `the same: ${outcome.replayed}`
    : `differs: recorded ${outcome.recorded}, now ${outcome.replayed}`;
  const trees = tree.equal
    ? `the same: ${tree.replayed.slice(0, 12)}`
    : `differs in ${tree.count} ${tree.count === 1 ? 'file' : 'files'}`;
  const paths = tree.differing.map(
    ({ path, status }) => `${cleanLine(path)}: ${STATUS[status] ?? cleanLine(status)}`,
  );
  const indented = (lines: readonly string[]): string =>
    lines.map((line) => `${' '.repeat(WIDTH)}   ${line}\n`).join('');
  const verdicts =
    checks.length === 0
      ? row('verdicts', 'the same')
      : `${row('verdicts', 'differ')}${indented(more(checks.map(checkLine), checks.length))}`;
  const word = comparison.equal ? paint('equal', 'green', io.colour) : paint('different', 'red', io.colour);
  return [
    row('replay of', comparison.of),
    row('outcome', outcomes),
    row('files', trees),
    indented(more(paths, tree.count)),
    verdicts,
    row('replay', word),
  ].join('');
}
