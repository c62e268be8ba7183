/** Remarks on lines of a change, and what an agent is told of them. */

/** A remark. */
export interface Remark {
  readonly path: string;
  /** Of the new file; negative: of the old one. */
  readonly line: number;
  /** The last of several lines, of the same file and side; absent: one line. */
  readonly to?: number;
  /** The line itself, as it was when it was remarked on. */
  readonly quote: string;
  readonly text: string;
}

/** Longest part of a line that is quoted, in characters. */
const MAX_QUOTE_CHARS = 300;

/** Most lines that are quoted of a remark on several. */
const MAX_QUOTED_LINES = 20;

/** Which lines a remark is about, in words. */
export function whereOf({ line, to }: Pick<Remark, 'line' | 'to'>): string {
  const last = to === undefined || to === line ? '' : `–${Math.abs(to)}`;
  const lines = last === '' ? 'line' : 'lines';
  return line < 0 ? `${lines} ${-line}${last} of before` : `${lines} ${line}${last}`;
}

function quoteOf(quote: string): string {
  const lines = quote.split('\n');
  const shown = lines
    .slice(0, MAX_QUOTED_LINES)
    .map((line) => `> ${line.slice(0, MAX_QUOTE_CHARS).trimEnd()}`);
  return [...shown, ...(lines.length > MAX_QUOTED_LINES ? ['> …'] : [])].join('\n');
}

/** Longest part of a remark that names the job, in characters. */
const MAX_TITLE_CHARS = 80;

/** The first line of the task, by which people know the job. */
function titleOf([first, ...rest]: readonly Remark[]): string {
  const line = /\S.*/.exec(first?.text ?? '')?.[0].trim() ?? '';
  const said = line.length > MAX_TITLE_CHARS ? `${line.slice(0, MAX_TITLE_CHARS)}…`.toWellFormed() : line;
  return `Address ${rest.length === 0 ? 'a remark' : `${rest.length + 1} remarks`} on the change: ${said}`;
}

/** All remarks as one task. */
export function taskOf(remarks: readonly Remark[]): string {
  const told = remarks.map((one) => `${one.path}, ${whereOf(one)}:\n${quoteOf(one.quote)}\n${one.text}`);
  return `${titleOf(remarks)}\n\n${told.join('\n\n')}`;
}
