/** Remarks on lines of a change, and what an agent is told of them. */

/** A remark. */
export interface Remark {
  readonly path: string;
  /** Of the new file; negative: of the old one. */
  readonly line: number;
  /** The line itself, as it was when it was remarked on. */
  readonly quote: string;
  readonly text: string;
}

/** Longest part of a line that is quoted, in characters. */
const MAX_QUOTE_CHARS = 300;

/** All remarks as one task. */
export function taskOf(remarks: readonly Remark[]): string {
  const told = remarks.map(({ path, line, quote, text }) => {
    const where = line < 0 ? `${path}, line ${-line} of before` : `${path}, line ${line}`;
    return `${where}:\n> ${quote.slice(0, MAX_QUOTE_CHARS).trim()}\n${text}`;
  });
  return `Work these remarks on the change in:\n\n${told.join('\n\n')}`;
}
