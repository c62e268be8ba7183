/** Code that can fail nothing in languages whose blocks are told by their indentation. See `dead-code.ts`. */
import type { Range } from './dead-code.ts';

type Indented = 'python' | 'ruby' | 'elixir';

interface Rules {
  /** A line whose block never runs, or whose failures go nowhere. */
  readonly never: RegExp;
  readonly attempt: RegExp;
  /** A handler of a failed assertion. */
  readonly handler: RegExp;
  readonly leaves: RegExp;
}

const RULES: Readonly<Record<Indented, Rules>> = {
  python: {
    never:
      /^(?:(?:if|elif|while)\s+\(?\s*(?:False|0|None|not\s+(?:True|1)|\(\)|\[\])\s*\)?\s*(?:and\b[^:]*)?:|for\s[^:]{0,100}\sin\s+(?:\[\s*\]|\(\s*\)|\{\s*\}|range\(\s*0\s*\))\s*:|with\s[^:]{0,200}\bsuppress\s*\([^:]{0,200}\b(?:AssertionError|Exception|BaseException)\b|with\s[^:]{0,200}\b(?:pytest\.raises|assertRaises)\s*\(\s*(?:AssertionError|Exception|BaseException)\b)/,
    attempt: /^try\s*:/,
    handler: /^except\s*\*?\s*(?:\([^()]{0,200})?(?:\b(?:AssertionError|Exception|BaseException)\b|:)/,
    leaves: /^return\b/,
  },
  ruby: {
    never: /^(?:if\s+(?:false|nil)|unless\s+true|while\s+false|until\s+true|\[\s*\]\.each\b)/,
    attempt: /^begin\b/,
    handler: /^rescue\s[^=]{0,200}(?:\bException\b|Assertion\b|ExpectationNotMet)/,
    leaves: /^(?:return|next)\s*$/,
  },
  elixir: {
    never: /^(?:if\s*\(?\s*(?:false|nil)\b|unless\s*\(?\s*true\b|for\s[^\n]{0,100}<-\s*\[\s*\])/,
    attempt: /^try\s+do\b/,
    handler: /^rescue\b/,
    leaves: /^(?!)/,
  },
};

/** What a handler has when the failure goes on in some form. */
const PASSES_ON =
  /\braise\b|\breraise\b|assert|refute|expect|fail|flunk|\bexit\b|\breturn\s+\S|\bappend\b|<<|[^=!<>]=(?![=>~])/;

interface Line {
  readonly from: number;
  readonly to: number;
  readonly indent: number;
  readonly text: string;
}

function linesOf(bare: string): readonly Line[] {
  const lines: Line[] = [];
  for (let from = 0; from <= bare.length;) {
    const newline = bare.indexOf('\n', from);
    const to = newline < 0 ? bare.length : newline;
    const whole = bare.slice(from, to);
    const text = whole.trim();
    if (text !== '') lines.push({ from, to, indent: whole.length - whole.trimStart().length, text });
    from = to + 1;
  }
  return lines;
}

/** For every line the index of the next one that is not indented deeper; one pass. */
function blockEnds(lines: readonly Line[]): Int32Array {
  const ends = new Int32Array(lines.length).fill(lines.length);
  const open: number[] = [];
  for (const [at, line] of lines.entries()) {
    while (open.length > 0 && (lines[open.at(-1) ?? 0]?.indent ?? 0) >= line.indent) {
      const start = open.pop();
      if (start !== undefined) ends[start] = at;
    }
    open.push(at);
  }
  return ends;
}

const MAX_HANDLER_LINES = 100;

function passesOn(lines: readonly Line[], from: number, to: number): boolean {
  const inline = (lines[from]?.text ?? '').slice(0, 400).replace(/^[^:]*:?/, '');
  const body = lines
    .slice(from + 1, Math.min(to, from + MAX_HANDLER_LINES))
    .map((line) => line.text.slice(0, 400))
    .join('\n');
  return PASSES_ON.test(`${inline}\n${body}`);
}

/**
 * Ranges in which no assertion can fail the run, sorted.
 *
 * @param counts how often each word comes in the file
 */
export function deadBlocks(
  bare: string,
  language: Indented,
  counts: ReadonlyMap<string, number>,
): readonly Range[] {
  const rules = RULES[language];
  const lines = linesOf(bare);
  const ends = blockEnds(lines);
  const found: Range[] = [];
  const add = (first: number, end: number): void => {
    const [from, to] = [lines[first]?.from, lines[end - 1]?.to];
    if (from !== undefined && to !== undefined && end > first) found.push([from, to]);
  };
  const functions: number[] = [];
  let left = 0;
  for (const [at, { text, indent }] of lines.entries()) {
    const end = ends[at] ?? at + 1;
    const start = text.slice(0, 500);
    while (functions.length > 0 && (lines[functions.at(-1) ?? 0]?.indent ?? 0) >= indent) functions.pop();
    if (rules.never.test(start)) {
      add(at + 1, end);
    } else if (rules.attempt.test(start)) {
      const handled = handlersOf(lines, ends, end, indent, rules.handler);
      if (handled.some(([from, to]) => !passesOn(lines, from, to)) || endsInReturn(lines, ends, end, indent))
        add(at + 1, end);
    } else if (rules.leaves.test(start) && at >= left) {
      // What follows at this depth, up to the end of the block.
      let last = end;
      while (last < lines.length && (lines[last]?.indent ?? 0) === indent) last = ends[last] ?? last + 1;
      add(at + 1, last);
      left = last;
    }
    if (language !== 'python') continue;
    const nested = /^(?:async\s+)?(def|class)\s+(\w+)/.exec(start);
    if (nested === null) continue;
    const above = functions.at(-1);
    const inFunction = above !== undefined && /^(?:async\s+)?def\b/.test(lines[above]?.text ?? '');
    const decorated = (lines[at - 1]?.text ?? '').startsWith('@');
    if (nested[1] === 'def' && inFunction && !decorated && isIdle(nested[2] ?? '', bare, counts))
      add(at + 1, end);
    functions.push(at);
  }
  return found.toSorted((a, b) => a[0] - b[0]);
}

/** Whether a nested function is only defined, or only kept in an attribute of the test that nothing reads. */
function isIdle(name: string, bare: string, counts: ReadonlyMap<string, number>): boolean {
  const count = counts.get(name) ?? 0;
  if (count === 1) return true;
  if (count < 2 || count > 3) return false;
  const kept = new RegExp(`^[ \\t]*self\\.(\\w{1,80})[ \\t]*=[ \\t]*${name}[ \\t]*$`, 'm').exec(bare)?.[1];
  if (kept === undefined) return false;
  return kept === name ? count === 3 : count === 2 && counts.get(kept) === 1;
}

const MAX_HANDLERS = 20;

/** Whether an attempt has a `finally` that returns: the failure is gone. */
function endsInReturn(lines: readonly Line[], ends: Int32Array, after: number, indent: number): boolean {
  for (let at = after, count = 0; at < lines.length && count < MAX_HANDLERS; count++) {
    const line = lines[at];
    if (line === undefined || line.indent !== indent || !/^(?:except|else|finally|ensure)\b/.test(line.text))
      return false;
    const end = ends[at] ?? at + 1;
    if (/^(?:finally|ensure)\b/.test(line.text))
      return lines
        .slice(at + 1, Math.min(end, at + MAX_HANDLER_LINES))
        .some((one) => /^return\b/.test(one.text));
    at = end;
  }
  return false;
}

/** The handlers after an attempt: lines at its depth, up to one that is none. */
function handlersOf(
  lines: readonly Line[],
  ends: Int32Array,
  after: number,
  indent: number,
  handler: RegExp,
): readonly (readonly [from: number, to: number])[] {
  const found: (readonly [number, number])[] = [];
  for (let at = after, count = 0; at < lines.length && count < MAX_HANDLERS; count++) {
    const line = lines[at];
    if (
      line === undefined ||
      line.indent !== indent ||
      !/^(?:except|rescue|else|ensure|finally)\b/.test(line.text)
    )
      break;
    const end = ends[at] ?? at + 1;
    if (handler.test(line.text.slice(0, 500))) found.push([at, end]);
    at = end;
  }
  return found;
}
