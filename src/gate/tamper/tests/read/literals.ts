/** The values that a test names: its inputs and what it expects. */

const MAX_LITERALS = 20_000;
const MAX_LITERAL_CHARS = 200;
const LITERAL =
  /(["'`])((?:[^\\\n]|\\.){0,200}?)\1|(?<![\w$.])-?(?:0x[\da-f_]{1,40}|\d[\d_]{0,40}(?:\.\d[\d_]{0,40})?)/gi;

/** Strings without their quotes and numbers without separators, in their order; at most 20,000. */
export function literalsOf(code: string): readonly string[] {
  const found: string[] = [];
  for (const match of code.matchAll(LITERAL)) {
    if (found.length >= MAX_LITERALS) break;
    const text = match[2] ?? match[0].replaceAll('_', '');
    found.push(text.slice(0, MAX_LITERAL_CHARS));
  }
  return found;
}

/** A list of rows that tests may loop over. */
export interface Table {
  /** Its variable; `each 1`, … for a list written where it is read. */
  readonly name: string;
  readonly line: number;
  readonly rows: number;
  /** The source of its rows. */
  readonly text: string;
}

const OPENING =
  /(?<![\w$.])\$?(\w{1,80})\s*(?::[^=\n]{0,100})?:?=\s*(?:(?:map\[\w{1,40}\]|\[\])(?:\w{1,40}|struct\s*\{[^{}]{0,1000}\})\s*\{|new\s+\w{1,40}(?:\[\])+\s*\{|(?:vec!\s*)?[[({])|\b(?:each|for|parametrize)\s*\(\s*(?:["'][^"'\n]{0,200}["']\s*,\s*)?\[|\b(?:of|in)\s+\[|\brange\s+\[\](?:\w{1,40}|struct\s*\{[^{}]{0,1000}\})\s*\{/g;
const MAX_TABLES = 200;
const MAX_TABLE_CHARS = 50_000;

/** Rows of the list whose bracket opens at `open`, and where it closes; -1 when it is too long to follow. */
function rowsAt(bare: string, open: number): { rows: number; end: number } {
  let depth = 0;
  let rows = 0;
  let filled = false;
  const last = Math.min(bare.length, open + MAX_TABLE_CHARS);
  for (let at = open; at < last; at++) {
    const char = bare.charAt(at);
    if (char === '(' || char === '[' || char === '{') {
      if (depth > 0) filled = true;
      depth++;
    } else if (char === ')' || char === ']' || char === '}') {
      depth--;
      if (depth === 0) return { rows: rows + (filled ? 1 : 0), end: at };
    } else if (char === ',' && depth === 1) {
      if (filled) rows++;
      filled = false;
    } else if (!/\s/.test(char)) filled = true;
  }
  return { rows: 0, end: -1 };
}

/** The lists of a test file that a loop or a parametrised test reads, up to 200. */
export function tablesOf(bare: string, code: string, lineAt: (offset: number) => number): readonly Table[] {
  const tables: Table[] = [];
  const loops = new Set(
    [
      ...bare.matchAll(
        /\b(?:of|in|range)\s+(?:Object\.entries\(\s*)?\$?(\w{1,80})\b|\b(?:each|for|entries|parametrize)\s*\(\s*(?:["'][^"'\n]{0,200}["']\s*,\s*)?(\w{1,80})\b|(?<![\w$.])(\w{1,80})\s*\.\s*(?:forEach|map|each|entries|items|iter|into_iter)\b|\bforeach\s*\(\s*\$(\w{1,80})|@MethodSource\b|<-\s*(\w{1,80})/g,
      ),
    ].map((match) => match.slice(1).find((name) => name !== undefined) ?? ''),
  );
  let inline = 0;
  let tried = 0;
  for (const match of bare.matchAll(OPENING)) {
    const name = match[1] ?? `each ${++inline}`;
    if (match[1] !== undefined && !loops.has(name)) continue;
    if (++tried > MAX_TABLES) break;
    const open = match.index + match[0].length - 1;
    const { rows, end } = rowsAt(bare, open);
    if (end >= 0) tables.push({ name, line: lineAt(match.index), rows, text: code.slice(open, end) });
  }
  return tables;
}
