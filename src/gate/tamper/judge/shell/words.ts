/** Words and operators of a `sh` text. Tolerant and bounded; never throws. */

/** A piece of a shell text. */
export interface ShellToken {
  readonly kind: 'word' | 'operator';
  /** A word without its quotes, or the operator; a line's end is `\n`. */
  readonly text: string;
  /** Whether any of the word was quoted: a quoted `fi` is no keyword. */
  readonly isQuoted: boolean;
  /** Line of the text, from 1. */
  readonly line: number;
  /** Texts of command substitutions in the word. */
  readonly inner: readonly string[];
}

const MAX_TOKENS = 20_000;
const MAX_TEXT_CHARS = 131_072;
const OPERATORS = [';;&', ';;', ';&', '&&', '||', '|&', '\n', ';', '&', '|', '(', ')'];

interface Cursor {
  readonly text: string;
  at: number;
  line: number;
}

/** Steps over text up to `end`, counting lines. */
function advance(cursor: Cursor, end: number): string {
  const part = cursor.text.slice(cursor.at, end);
  for (const char of part) if (char === '\n') cursor.line += 1;
  cursor.at = end;
  return part;
}

/** Where the bracket that opens before `from` is closed, quotes heeded; the end of the text when it is not. */
function closing(text: string, from: number, open: string, close: string): number {
  let depth = 1;
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const char = text.charAt(at);
    if (char === '\\' && quote !== "'") at += 1;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === open) depth += 1;
    else if (char === close && --depth === 0) return at;
  }
  return text.length;
}

/** A `$(…)`, `${…}` or backtick expression at the cursor; its command goes into `inner`. */
function expansion(cursor: Cursor, inner: string[]): string {
  const { text, at } = cursor;
  const next = text.charAt(at + 1);
  if (text.charAt(at) === '`') {
    const end = text.indexOf('`', at + 1);
    inner.push(text.slice(at + 1, end < 0 ? text.length : end));
    return advance(cursor, end < 0 ? text.length : end + 1);
  }
  if (next === '(') {
    const end = closing(text, at + 2, '(', ')');
    if (text.charAt(at + 2) !== '(') inner.push(text.slice(at + 2, end));
    return advance(cursor, Math.min(text.length, end + 1));
  }
  if (next === '{') return advance(cursor, Math.min(text.length, closing(text, at + 2, '{', '}') + 1));
  return advance(cursor, at + 1);
}

function doubleQuoted(cursor: Cursor, inner: string[]): string {
  let value = '';
  cursor.at += 1;
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    if (char === '"') {
      cursor.at += 1;
      break;
    }
    if (char === '\\') {
      const next = cursor.text.charAt(cursor.at + 1);
      advance(cursor, cursor.at + 2);
      value += next === '\n' ? '' : '$`"\\'.includes(next) ? next : `\\${next}`;
    } else if (char === '$' || char === '`') value += expansion(cursor, inner);
    else value += advance(cursor, cursor.at + 1);
  }
  return value;
}

function word(cursor: Cursor): ShellToken {
  const { line } = cursor;
  const inner: string[] = [];
  let [value, isQuoted] = ['', false];
  while (cursor.at < cursor.text.length) {
    const char = cursor.text.charAt(cursor.at);
    if (/[\s;&|()<>]/.test(char)) break;
    if (char === "'") {
      const end = cursor.text.indexOf("'", cursor.at + 1);
      const stop = end < 0 ? cursor.text.length : end;
      value += cursor.text.slice(cursor.at + 1, stop);
      advance(cursor, Math.min(cursor.text.length, stop + 1));
      isQuoted = true;
    } else if (char === '"') {
      value += doubleQuoted(cursor, inner);
      isQuoted = true;
    } else if (char === '\\') {
      const next = cursor.text.charAt(cursor.at + 1);
      advance(cursor, Math.min(cursor.text.length, cursor.at + 2));
      if (next !== '\n') value += next;
    } else if (char === '$' || char === '`') value += expansion(cursor, inner);
    else value += advance(cursor, cursor.at + 1);
  }
  return { kind: 'word', text: value, isQuoted, line, inner };
}

/** A redirection at the cursor is stepped over, with its target; the delimiter of a here-document is told. */
function redirection(cursor: Cursor): string | null {
  const match = /^(?:<<-?|<<<|&>>?|[<>]&|<>|>>|>\||[<>])/.exec(cursor.text.slice(cursor.at, cursor.at + 3));
  advance(cursor, cursor.at + (match?.[0].length ?? 1));
  while (cursor.text.charAt(cursor.at) === ' ') cursor.at += 1;
  // `<(…)` and `>(…)` are read as a group of their own.
  if (cursor.text.charAt(cursor.at) === '(') return null;
  const target = word(cursor);
  return match?.[0] === '<<' || match?.[0] === '<<-' ? target.text : null;
}

/** Steps over the here-documents that begin after this line. */
function skipDocuments(cursor: Cursor, delimiters: string[]): void {
  for (const delimiter of delimiters.splice(0)) {
    while (cursor.at < cursor.text.length) {
      const end = cursor.text.indexOf('\n', cursor.at);
      const line = advance(cursor, end < 0 ? cursor.text.length : end + 1);
      if (line.replace(/\n$/, '').trim() === delimiter) break;
    }
  }
}

/** `[[ … ]]` and `(( … ))` as one word: what stands in them are no commands. */
function condition(cursor: Cursor, open: string, close: string): ShellToken {
  const { line } = cursor;
  const end = cursor.text.indexOf(close, cursor.at + 2);
  const text = advance(cursor, end < 0 ? cursor.text.length : end + 2);
  return { kind: 'word', text: open === '[[' ? '[[' : text, isQuoted: true, line, inner: [] };
}

/** One token at the cursor; `null` for what is none. */
function next(cursor: Cursor, documents: string[], atStart: boolean): ShellToken | null {
  const { text, at } = cursor;
  const char = text.charAt(at);
  if (char === '#') {
    const end = text.indexOf('\n', at);
    cursor.at = end < 0 ? text.length : end;
    return null;
  }
  if (/^(?:&>|\d?[<>])/.test(text.slice(at, at + 2))) {
    if (/\d/.test(char)) cursor.at += 1;
    const document = redirection(cursor);
    if (document !== null) documents.push(document);
    return null;
  }
  if (atStart && text.startsWith('[[ ', at)) return condition(cursor, '[[', ']]');
  if (atStart && text.startsWith('((', at)) return condition(cursor, '((', '))');
  const operator = OPERATORS.find((one) => text.startsWith(one, at));
  if (operator === undefined) return word(cursor);
  const { line } = cursor;
  advance(cursor, at + operator.length);
  if (operator === '\n') skipDocuments(cursor, documents);
  return { kind: 'operator', text: operator, isQuoted: false, line, inner: [] };
}

/** Splits a shell text into words and operators; redirections, comments and here-documents are left out. */
export function shellTokens(source: string): readonly ShellToken[] {
  const cursor: Cursor = { text: source.slice(0, MAX_TEXT_CHARS).replaceAll('\r\n', '\n'), at: 0, line: 1 };
  const tokens: ShellToken[] = [];
  const documents: string[] = [];
  while (cursor.at < cursor.text.length && tokens.length < MAX_TOKENS) {
    const char = cursor.text.charAt(cursor.at);
    if (char === ' ' || char === '\t' || char === '\r') cursor.at += 1;
    else if (char === '\\' && cursor.text.charAt(cursor.at + 1) === '\n') advance(cursor, cursor.at + 2);
    else {
      const before = cursor.at;
      const last = tokens.at(-1);
      const token = next(
        cursor,
        documents,
        last === undefined || last.kind === 'operator' || KEYWORDS.has(last.text),
      );
      if (token !== null) tokens.push(token);
      // Whatever is not understood is one character less.
      if (cursor.at === before && char !== '#') cursor.at += 1;
    }
  }
  return tokens;
}

/** Words after which a command begins. */
export const KEYWORDS: ReadonlySet<string> = new Set([
  'if',
  'then',
  'elif',
  'else',
  'while',
  'until',
  'do',
  '!',
  '{',
]);
