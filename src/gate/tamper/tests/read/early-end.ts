/** Tests that end before they assert: by a return under a condition, or because their body is never run. */
import { indentOf, type Lines } from './source-lines.ts';

/** A bare return on a line of its own, or behind its condition. */
const RETURNS = /^\s*(?:return|next)\s*;?\s*\}?\s*$/;
const CONDITION = /^\s*(?:\}\s*)?(?:else\s+)?(?:if|elif|unless)\b/;
const BEHIND_CONDITION =
  /^\s*if\b[^\n]{0,300}(?:\)|\{|:)\s*(?:return|next)\s*;?\s*\}?\s*$|^\s*return\s+(?:if|unless)\b/;
const MAX_LINE_CHARS = 1000;
/** Most tests and lines of one that are searched. */
const MAX_TESTS = 2000;
const MAX_LINES = 400;

/** Something like an assertion, of whatever library. */
const ASSERTS = /assert|expect|should|\brefute|\b[tb]\.(?:Error|Fatal|Fail)|\bpanic!/i;

/** Lines of returns under a condition that stand before an assertion of their test. */
export function earlyReturns(
  lines: Lines,
  tests: readonly { readonly line: number; readonly endLine: number }[],
): readonly number[] {
  const found = new Set<number>();
  for (const { line, endLine } of tests.slice(0, MAX_TESTS)) {
    const last = Math.min(endLine, line + MAX_LINES);
    let asserts = false;
    for (let at = last; at > line; at--) {
      const text = (lines.live[at - 1] ?? '').slice(0, MAX_LINE_CHARS);
      const above = (lines.live[at - 2] ?? '').slice(0, MAX_LINE_CHARS);
      const isEnd =
        BEHIND_CONDITION.test(text) ||
        (RETURNS.test(text) && CONDITION.test(above) && indentOf(above) < indentOf(text));
      if (isEnd && asserts) found.add(at);
      asserts ||= ASSERTS.test(text);
    }
  }
  return [...found].sort((a, b) => a - b);
}

const MAX_CLASS_LINES = 5000;

/** The line of the class that a line of Python stands in; `''` when it stands in none. */
function classAbove(lines: Lines, line: number): string {
  const indent = indentOf(lines.bare[line - 1] ?? '');
  if (indent === 0) return '';
  for (let at = line - 1; at > Math.max(0, line - MAX_CLASS_LINES); at--) {
    const text = (lines.bare[at - 1] ?? '').slice(0, MAX_LINE_CHARS);
    if (text.trim() !== '' && indentOf(text) < indent) return /^\s*class\b/.test(text) ? text : '';
  }
  return '';
}

/**
 * Whether a test of Python is called without its body being run: a generator, or a coroutine in a plain
 * `unittest.TestCase`, which awaits nothing. A decorator may run either.
 */
export function isNeverRun(lines: Lines, line: number, endLine: number): boolean {
  const head = (lines.live[line - 1] ?? '').slice(0, MAX_LINE_CHARS);
  if (/^\s*@/.test(lines.bare[line - 2] ?? '')) return false;
  if (/^\s*async\s/.test(head)) {
    const owner = classAbove(lines, line);
    const isPlain =
      /[(,\s]unittest\.TestCase\b/.test(owner) ||
      (/[(,\s]TestCase\b/.test(owner) &&
        lines.bare.some((text) => /^from unittest import\b[^\n]{0,200}\bTestCase\b/.test(text)));
    if (isPlain) return true;
  }
  const indent = indentOf(head);
  let inner = Infinity;
  for (let at = line + 1; at <= Math.min(endLine, line + MAX_LINES); at++) {
    const text = (lines.live[at - 1] ?? '').slice(0, MAX_LINE_CHARS);
    if (text.trim() === '') continue;
    const depth = indentOf(text);
    if (depth <= indent) return false;
    if (depth <= inner) inner = /^\s*(?:async\s+)?(?:def|class)\b/.test(text) ? depth : Infinity;
    if (inner === Infinity && /(?:^|[=(,])\s*yield\b/.test(text) && !/\blambda\b/.test(text)) return true;
  }
  return false;
}
