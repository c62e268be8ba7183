/**
 * What a comment asks of us, if anything. Only a line that begins with `/agent`, or a mention of our own name, counts,
 * and neither in code, nor in what is quoted: that was said by somebody else, or is an example. Pure.
 */

/** What was asked. `words` is `null` where it was only called. */
export type Asked =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'work'; readonly words: string | null };

/** Longest words that are taken, in characters. */
const MAX_WORDS_CHARS = 16_000;
const COMMAND = /^ {0,3}\/agent(?=[\s:,]|$)[\s:,]*/i;
const CANCEL = /^(?:cancel|stop|abort)[\s.!]*$/i;
/** A fence, in a list too. */
const FENCE = /^(?: {0,3}(?:[-*+]|\d{1,9}[.)])(?= ))* {0,3}(`{3,}|~{3,})/;
const QUOTE = /^ {0,3}>/;

/** One line, and whether it is code or quoted. */
interface Line {
  readonly text: string;
  readonly isCode: boolean;
  readonly isQuote: boolean;
}

/** Lines by the rules of CommonMark, as far as they say what is code and what is quoted. */
function linesOf(text: string): readonly Line[] {
  let fence: string | null = null;
  let indent = 0;
  let isQuote = false;
  return text.split('\n').map((line): Line => {
    if (fence !== null) {
      // What ends it stands no deeper than three beyond the margin, or the text of its list.
      const [, before = '', end = ''] = /^( *)(`+|~+)\s*$/.exec(line) ?? [];
      if (end[0] === fence[0] && end.length >= fence.length && before.length <= indent + 3) fence = null;
      return { text: line, isCode: true, isQuote: false };
    }
    const mark = FENCE.exec(line)?.[1];
    if (mark !== undefined) {
      fence = mark;
      const before = line.slice(0, line.indexOf(mark));
      indent = before.trim() === '' ? 0 : before.length;
      isQuote = false;
      return { text: line, isCode: true, isQuote: false };
    }
    // A paragraph that was quoted goes on in the lines after it, marked or not; what begins with our command does not.
    isQuote = QUOTE.test(line) || (isQuote && line.trim() !== '' && !COMMAND.test(line));
    return { text: line, isCode: /^(?: {4}|\t)/.test(line), isQuote };
  });
}

/** A line without what stands between backticks: as many close as opened. In time linear in its length. */
function withoutCode(line: string): string {
  const runs = [...line.matchAll(/`+/g)].map((run) => ({ from: run.index, length: run[0].length }));
  const closing = new Map<number, number>();
  const ends = runs.map(() => -1);
  for (let at = runs.length - 1; at >= 0; at--) {
    const length = runs[at]?.length ?? 0;
    ends[at] = closing.get(length) ?? -1;
    closing.set(length, at);
  }
  const kept: string[] = [];
  let from = 0;
  for (let at = 0; at < runs.length; at++) {
    const [open, end] = [runs[at], runs[ends[at] ?? -1]];
    if (open === undefined || end === undefined) continue;
    kept.push(line.slice(from, open.from), ' ');
    from = end.from + end.length;
    at = ends[at] ?? at;
  }
  return kept.join('') + line.slice(from);
}

function mentions(lines: readonly Line[], self: string): boolean {
  // A name ends where none of its letters follows; `@name/team` is a team's, `x@name` an address.
  const name = self.replace(/\[bot\]$/, '').replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const called = new RegExp(`(?:^|[^\\w/@.-])@${name}(?:\\[bot\\])?(?![\\w/-])`, 'i');
  return lines.some(({ text, isCode, isQuote }) => !isCode && !isQuote && called.test(withoutCode(text)));
}

function wordsOf(lines: readonly string[]): string | null {
  const words = lines.join('\n').trim().slice(0, MAX_WORDS_CHARS).toWellFormed();
  return /[\p{L}\p{N}]/u.test(words) ? words : null;
}

/**
 * Reads a comment.
 *
 * @param text freed of what does not show
 * @param self our own login there
 */
export function askedBy(text: string, self: string): Asked {
  const lines = linesOf(text);
  const at = lines.findIndex((line) => !line.isCode && !line.isQuote && COMMAND.test(line.text));
  if (at < 0) {
    if (!mentions(lines, self)) return { kind: 'nothing' };
    return { kind: 'work', words: wordsOf(lines.filter((line) => !line.isQuote).map((line) => line.text)) };
  }
  const [first, ...rest] = lines.slice(at);
  const said = (first?.text ?? '').replace(COMMAND, '');
  if (CANCEL.test(said.trim())) return { kind: 'cancel' };
  return { kind: 'work', words: wordsOf([said, ...rest.filter((line) => !line.isQuote).map((l) => l.text)]) };
}
