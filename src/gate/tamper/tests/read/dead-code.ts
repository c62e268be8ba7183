/**
 * Code of a test file that runs and can fail nothing: behind a condition that never holds, after a return, in a
 * function that nobody calls, or with its failure swallowed. For languages with braces; see `dead-blocks.ts`.
 */
import type { TestLanguage } from '../test-files.ts';
import { deadBlocks } from './dead-blocks.ts';

/** From one offset to another, the latter not included. */
export type Range = readonly [from: number, to: number];

/** For every bracket the offset of its partner, else -1. One pass; brackets that don't fit are left alone. */
function partnersOf(bare: string): Int32Array {
  const partners = new Int32Array(bare.length).fill(-1);
  const open: number[] = [];
  for (let at = 0; at < bare.length; at++) {
    const char = bare.charAt(at);
    if (char === '(' || char === '[' || char === '{') open.push(at);
    else if (char === ')' || char === ']' || char === '}') {
      const start = open.at(-1);
      if (start === undefined || CLOSING[bare.charAt(start)] !== char) continue;
      open.pop();
      partners[start] = at;
      partners[at] = start;
    }
  }
  return partners;
}

const CLOSING: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

/** A source whose brackets are known. */
interface Source {
  readonly bare: string;
  readonly partners: Int32Array;
  readonly language: TestLanguage;
}

function skipSpace(text: string, at: number): number {
  let next = at;
  while (next < text.length && /\s/.test(text.charAt(next))) next++;
  return next;
}

function lastBefore(text: string, at: number): number {
  let last = at - 1;
  while (last >= 0 && /\s/.test(text.charAt(last))) last--;
  return last;
}

const MAX_STATEMENT_CHARS = 2000;

/** What follows a condition: a block, or one statement up to its semicolon or the end of its line. */
function bodyAfter({ bare, partners }: Source, at: number): Range {
  const start = skipSpace(bare, at);
  const end = partners[start] ?? -1;
  if (bare.charAt(start) === '{' && end > start) return [start, end + 1];
  const length = bare.slice(start, start + MAX_STATEMENT_CHARS).search(/[;\n]/);
  return [start, length < 0 ? Math.min(bare.length, start + MAX_STATEMENT_CHARS) : start + length];
}

/** Whether nothing of its statement stands before `at`. */
function beginsStatement(bare: string, at: number): boolean {
  const last = lastBefore(bare, at);
  return last < 0 || /[;{}]/.test(bare.charAt(last)) || bare.slice(last, at).includes('\n');
}

const NEVER_IN_BRACKETS =
  /\b(?:if|while)\s*\(\s*(?:false|0|null|undefined|NaN|!\s*true|!\s*1|void 0|1\s*={2,3}\s*2|1\s*>\s*2|true\s*={2,3}\s*false)\s*(?=\)|&&)/g;
const NEVER_BARE = /\b(?:if|for|while)\s+(?:false|!\s*true)\s*(?=\{|&&)/g;
const NO_ITEMS = /\bfor\s*\(\s*(?:const|let|var)\s[^()\n]{0,100}\s(?:of|in)\s+(?:\[\s*\]|\{\s*\})\s*\)/g;

function neverRun(source: Source): readonly Range[] {
  const { bare, partners } = source;
  const found: Range[] = [];
  for (const match of bare.matchAll(NEVER_IN_BRACKETS)) {
    const end = partners[bare.indexOf('(', match.index)] ?? -1;
    if (end < 0 || bare.slice(match.index, end).slice(0, 500).includes('||')) continue;
    found.push(bodyAfter(source, end + 1));
  }
  for (const match of bare.matchAll(NEVER_BARE)) {
    const condition = /^[^{;\n]{0,500}/.exec(bare.slice(match.index, match.index + 500))?.[0] ?? '';
    const brace = match.index + condition.length;
    if (bare.charAt(brace) !== '{' || condition.includes('||')) continue;
    found.push(bodyAfter(source, brace));
  }
  for (const match of bare.matchAll(NO_ITEMS)) found.push(bodyAfter(source, match.index + match[0].length));
  for (const match of bare.matchAll(/(?<![\w\])])\[\s*\]\s*\.(?:forEach|map)\s*\(/g)) {
    const open = match.index + match[0].length - 1;
    found.push([open, Math.max(open, partners[open] ?? -1)]);
  }
  for (const match of bare.matchAll(/(?<![\w$.])(?:false|0)\s*&&\s*/g))
    if (beginsStatement(bare, match.index)) found.push(bodyAfter(source, match.index + match[0].length));
  return found;
}

/** What a handler has when the failure goes on in some form. */
const PASSES_ON =
  /\bthrow\b|\braise\b|assert|expect|should|fail|reject|\bpanic|\bexit\b|\bdone\s*\(|\bnext\s*\(|\bpush\s*\(|\badd\s*\(|\breturn\s+[^\s;}]|[^=!<>]=(?!=|>)/i;
/** What each language must catch to catch a failed assertion. */
const CATCHES: Readonly<Partial<Record<TestLanguage, RegExp>>> = {
  js: /^/,
  java: /\b(?:Throwable|Error|AssertionError|Assertion\w*|ComparisonFailure)\b/,
  csharp: /^\s*$|\bException\b|\bXunit|\bAssert\w*/,
  php: /\b(?:Throwable|Exception|AssertionFailedError|ExpectationFailedException)\b/,
};
const MAX_HANDLERS = 20;
const MAX_HANDLER_CHARS = 4000;

function swallowedTries({ bare, partners, language }: Source): readonly Range[] {
  const catches = CATCHES[language];
  if (catches === undefined) return [];
  const found: Range[] = [];
  for (const match of bare.matchAll(/\btry\s*\{/g)) {
    const open = match.index + match[0].length - 1;
    const end = partners[open] ?? -1;
    if (end < open) continue;
    let at = end + 1;
    for (let count = 0; count < MAX_HANDLERS; count++) {
      const handler = /^\s*catch\s*(?:\(([^()]{0,300})\))?\s*(?:when\s*\([^()]{0,300}\)\s*)?\{/.exec(
        bare.slice(at, at + 800),
      );
      if (handler === null) break;
      const brace = at + handler[0].length - 1;
      const close = partners[brace] ?? -1;
      if (close < 0) break;
      const body = bare.slice(brace + 1, Math.min(close, brace + MAX_HANDLER_CHARS));
      if (catches.test(handler[1] ?? '') && !PASSES_ON.test(body)) {
        found.push([open, end + 1]);
        break;
      }
      at = close + 1;
    }
    // What a `finally` returns takes the place of the failure.
    const last = /^\s*finally\s*\{/.exec(bare.slice(at, at + 200))?.[0].length ?? 0;
    const body = last === 0 ? '' : bare.slice(at + last, partners[at + last - 1] ?? at);
    if (/^(?:(?!=>|\bfunction\b)[^])*(?<![\w$.])return\b/.test(body.slice(0, MAX_HANDLER_CHARS)))
      found.push([open, end + 1]);
  }
  return found;
}

const SWALLOWS =
  /\.\s*catch\s*\(\s*(?:(?:async\s*)?(?:\(\s*\w{0,40}\s*\)|\w{1,40})\s*=>\s*(?:\{\s*\}|undefined|null|true|false|\d+|void 0)|function\s*\(\s*\w{0,40}\s*\)\s*\{\s*\}|noop|Boolean|console\.\w+)\s*\)/g;
const MAX_LINKS = 20;

/** Where the chain of calls begins that ends before `at`. */
function chainStart({ bare, partners }: Source, at: number): number {
  let start = at;
  for (let links = 0; links < MAX_LINKS; links++) {
    const last = lastBefore(bare, start);
    const char = bare.charAt(last);
    const partner = partners[last] ?? -1;
    if ((char === ')' || char === ']' || char === '}') && partner >= 0) start = partner;
    else if (/[\w$.?]/.test(char)) {
      start = last;
      while (start > 0 && /[\w$.?]/.test(bare.charAt(start - 1))) start--;
    } else return start;
    if (/^(?:await|return|void)$/.test(bare.slice(start, last + 1))) return last + 1;
  }
  return start;
}

/** Statements whose rejection goes nowhere, and calls that want or drop the failure of what they are given. */
function swallowedCalls(source: Source): readonly Range[] {
  const { bare, partners, language } = source;
  if (language === 'rust' || language === 'java') {
    const pattern =
      language === 'rust'
        ? /\blet\s+_\w*\s*=\s*(?:std::)?(?:panic::)?catch_unwind\s*\(/g
        : /\brunCatching\s*\{|\bassertThrows\s*\(\s*(?:AssertionError|Throwable|Error|AssertionFailedError)\.class\s*,/g;
    return [...bare.matchAll(pattern)].flatMap((match) => {
      const open = match.index + match[0].search(/[({]/);
      const end = partners[open] ?? -1;
      const isUsed = match[0].startsWith('run') && !beginsStatement(bare, match.index);
      return end > open && !isUsed ? [[open + 1, end] as const] : [];
    });
  }
  if (language !== 'js') return [];
  const found: Range[] = [];
  // A timer that nothing waits for.
  for (const match of bare.matchAll(/\bset(?:Timeout|Interval)\s*\(/g)) {
    const open = match.index + match[0].length - 1;
    const end = partners[open] ?? -1;
    if (end > open && /^\s*\.\s*unref\s*\(/.test(bare.slice(end + 1, end + 80))) found.push([open + 1, end]);
  }
  for (const match of bare.matchAll(SWALLOWS)) found.push([chainStart(source, match.index), match.index]);
  for (const match of bare.matchAll(/\bassert\s*\.\s*(?:throws|rejects)\s*\(/g)) {
    const open = match.index + match[0].length - 1;
    found.push([open + 1, Math.max(open + 1, partners[open] ?? -1)]);
  }
  for (const match of bare.matchAll(/\bexpect\s*\(/g)) {
    const open = match.index + match[0].length - 1;
    const end = partners[open] ?? -1;
    if (end < 0) continue;
    const inner = skipSpace(bare, open + 1);
    const isFunction = /^(?:async\b|function\b|\()/.test(bare.slice(inner, inner + 10));
    if (
      isFunction &&
      /^\s*\.\s*(?:rejects\s*\.\s*)?(?:toThrow|to\.throw)/.test(bare.slice(end + 1, end + 80))
    )
      found.push([open + 1, end]);
  }
  return found;
}

/** What stands after a return in the same block, up to a label or the end of the block. */
function afterReturn({ bare, partners, language }: Source): readonly Range[] {
  if (language === 'java' || language === 'csharp') return []; // Their compilers refuse it.
  const found: Range[] = [];
  const open: number[] = [];
  let returned: number | null = null;
  const token = /[{}]|(?<![\w$.])(?:return|case|default|function)\b/g;
  let depthAtReturn = 0;
  for (const match of bare.matchAll(token)) {
    const at = match.index;
    const word = match[0];
    if (word === '{') open.push(at);
    else if (word === '}') {
      if (returned !== null && open.length === depthAtReturn) {
        found.push([returned, at]);
        returned = null;
      }
      open.pop();
    } else if (word === 'return') {
      if (returned !== null || !isUnconditional(bare, partners, at)) continue;
      returned = returnEnd(bare, partners, at);
      depthAtReturn = open.length;
    } else if (/^[cdf]/.test(word) && returned !== null && open.length === depthAtReturn) {
      if (at < returned) continue;
      found.push([returned, at]);
      returned = null;
    }
  }
  return found.filter(([from, to]) => to > from);
}

/** A return that begins a statement of a block, and is no branch of a condition. */
function isUnconditional(bare: string, partners: Int32Array, at: number): boolean {
  const last = lastBefore(bare, at);
  const char = bare.charAt(last);
  if (char === ';' || char === '}') return true;
  if (char === '{') return last >= 0;
  if (char !== ')' || !bare.slice(last, at).includes('\n')) return false;
  const open = partners[last] ?? -1;
  return open >= 0 && !/\b(?:if|while|for|with)\s*$/.test(bare.slice(Math.max(0, open - 20), open));
}

/** Where the statement of a return ends: at its semicolon, or at the end of a line that leaves nothing open. */
function returnEnd(bare: string, partners: Int32Array, at: number): number {
  for (let next = at + 6; next < bare.length; next++) {
    const char = bare.charAt(next);
    const partner = partners[next] ?? -1;
    if (partner > next) next = partner;
    else if (char === ';' || char === '}') return next;
    else if (char === '\n' && !/[,=+\-*/&|?:([{.>]\s*$/.test(bare.slice(Math.max(at, next - 40), next))) {
      const follows = bare.charAt(skipSpace(bare, next));
      if (!/[.?:+\-*/&|,=)\]]/.test(follows)) return next;
    }
  }
  return bare.length;
}

const FUNCTION_NAMED: Readonly<Partial<Record<TestLanguage, RegExp>>> = {
  js: /(?:\b(?:const|let|var)\s+(\w{1,80})\s*=\s*(?:async\s*)?(?:function\s*)?\([^()\n]{0,200}\)\s*(?:=>\s*)?|\b(?:async\s+)?function\s+(\w{1,80})\s*\([^()\n]{0,200}\)\s*)(?=\{)/g,
  go: /(?<![\w,]\s?)(_)\s*:?=\s*func\s*\([^()\n]{0,200}\)\s*(?=\{)/g,
  rust: /\blet\s+(_\w{0,80})\s*=\s*(?:move\s+)?\|[^|\n]{0,200}\|\s*(?=\{)/g,
};

/** Functions inside a test file that are named once, where they are defined. */
function neverCalled({ bare, partners, language }: Source, counts: ReadonlyMap<string, number>): Range[] {
  const pattern = FUNCTION_NAMED[language];
  if (pattern === undefined) return [];
  const found: Range[] = [];
  for (const match of bare.matchAll(pattern)) {
    const name = match[1] ?? match[2] ?? '';
    const open = match.index + match[0].length;
    const end = partners[open] ?? -1;
    const isExported = /\bexport\s+(?:default\s+)?(?:async\s+)?$/.test(
      bare.slice(Math.max(0, match.index - 40), match.index),
    );
    if (end > open && !isExported && (name === '_' || counts.get(name) === 1)) found.push([open, end + 1]);
  }
  return found;
}

function wordCounts(bare: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [word] of bare.matchAll(/[A-Za-z_$][\w$]{0,80}/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

/**
 * Ranges of a test file in which no assertion can fail the run, sorted. What is found is certain; what only may
 * be so (a condition on the environment, a handler that notes the error) is left alone.
 *
 * @param bare the file's text, comments and strings blank
 */
export function deadRanges(bare: string, language: TestLanguage): readonly Range[] {
  const counts = wordCounts(bare);
  if (language === 'python' || language === 'ruby' || language === 'elixir')
    return deadBlocks(bare, language, counts);
  const source: Source = { bare, partners: partnersOf(bare), language };
  return [
    ...neverRun(source),
    ...swallowedTries(source),
    ...swallowedCalls(source),
    ...afterReturn(source),
    ...neverCalled(source, counts),
  ].toSorted((a, b) => a[0] - b[0]);
}
