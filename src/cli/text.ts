/** Text for terminals: colour, durations, tables. What comes from agents and repositories can't move the cursor. */

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold';

const CODES: Readonly<Record<Colour, string>> = {
  green: '32',
  red: '31',
  yellow: '33',
  cyan: '36',
  dim: '2',
  bold: '1',
};

/** Colours text where colour is wanted. */
export function paint(text: string, colour: Colour, wanted: boolean): string {
  return wanted ? `\u001b[${CODES[colour]}m${text}\u001b[0m` : text;
}

/* oxlint-disable no-control-regex -- escape sequences and control characters are what is removed */
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]/g;
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/g;
/* oxlint-enable no-control-regex */

/** What a CI takes for a command to itself in what a step prints: `::name::` at a line's begin, `##[name]` anywhere. */
const CI_COMMAND = /^(\s*:)(?=:)|(##)(?=\[)/g;

/**
 * Foreign text as one harmless line: no escape sequences, control or bidirectional characters, and no command to the CI
 * that shows it.
 */
export function cleanLine(text: string): string {
  return text.replace(ESCAPES, '').replace(INVISIBLE, ' ').replace(CI_COMMAND, '$1$2 ');
}

/** Foreign text of several lines, each harmless. */
export function cleanText(text: string): string {
  return text
    .split('\n')
    .map((line) => cleanLine(line.replace(/\t/g, '  ')))
    .join('\n');
}

/** Milliseconds as people read them. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)}s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 3600
    ? `${Math.floor(seconds / 60)}m${String(seconds % 60).padStart(2, '0')}s`
    : `${Math.floor(seconds / 3600)}h${String(Math.floor((seconds % 3600) / 60)).padStart(2, '0')}m`;
}

/** Bytes as people read them. */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = Math.min(units.length - 1, bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10));
  return `${(bytes / 1024 ** power).toFixed(power === 0 ? 0 : 1)} ${units[power] ?? ''}`;
}

/** Characters as a person counts them; wide ones count once, which is near enough. */
function widthOf(text: string): number {
  return Array.from(text).length;
}

/** Rows as a table with a head line; columns are as wide as their widest cell. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  colour: boolean,
): string {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ''))));
  const render = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - widthOf(cell)),
      )
      .join('  ');
  return all.map((row, at) => `${at === 0 ? paint(render(row), 'dim', colour) : render(row)}\n`).join('');
}
