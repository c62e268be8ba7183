/** What a test file holds: its tests, its assertions, and the markers that switch tests off. */
import { deadRanges } from './dead-code.ts';
import { earlyReturns, isNeverRun } from './early-end.ts';
import { literalsOf, tablesOf, type Table } from './literals.ts';
import { mask } from './source-mask.ts';
import {
  blanked,
  blockEnd,
  compact,
  cutAt,
  indentOf,
  lineAt,
  lineStarts,
  MAX_STATEMENT_CHARS,
  statementAt,
  textOf,
  within,
  type Lines,
} from './source-lines.ts';
import type { TestLanguage } from '../test-files.ts';
import { isTautology, TEST_SYNTAX, type MarkerKind } from './test-syntax.ts';

/** One test of a file. Lines count from 1. */
export interface TestCase {
  readonly name: string;
  readonly line: number;
  readonly endLine: number;
  /** Its text without comments. */
  readonly body: string;
  /** Assertions that say something about the code and can fail. */
  readonly assertions: number;
  /** It names something like an assertion, of whatever library, that can be reached. */
  readonly asserting: boolean;
  /** Nothing in it can fail: it has no statement, begins with a return, or asserts only what always holds. */
  readonly hollow: boolean;
  /** A marker switches it off. */
  readonly off: boolean;
}

/** An assertion: its whole statement without white space. */
export interface Assertion {
  readonly line: number;
  readonly text: string;
  /** Its first line as it stands in the file. */
  readonly shown: string;
  /** The values in it: what goes in and what is expected. */
  readonly values: readonly string[];
}

/** A marker that switches a test off, or all others. */
export interface Marker {
  readonly kind: MarkerKind;
  readonly line: number;
  readonly text: string;
  /** Its line as it stands in the file. */
  readonly shown: string;
  /** Names of the tests that it is about; `null` when it is about more than tests of this file. */
  readonly tests: readonly string[] | null;
}

/** What the guard knows about one version of a test file. */
export interface TestSource {
  readonly tests: readonly TestCase[];
  readonly assertions: readonly Assertion[];
  readonly markers: readonly Marker[];
  readonly parametrised: number;
  /** Lists that tests loop over. */
  readonly tables: readonly Table[];
  /** Code that can be reached, without comments. */
  readonly live: string;
}

const MAX_TESTS = 5000;
const MAX_NAME_CHARS = 200;
const MAX_LINE_CHARS = 5000;
function nameAfter(code: string, offset: number): string | null {
  const text = code.slice(offset, offset + 600);
  return /^[\s(]*(["'`])((?:[^\\\n]|\\.)*?)\1/.exec(text)?.[2] ?? null;
}

const RETURNS_AT_ONCE = /^\s*(?:return\b\s*(?:;|$|None\b|nil\b|undefined\b|null\b)|pass\s*$)/;
const LIKE_ASSERTION =
  /\b\w*(?:assert|expect|should|verify|check|must|require|raises|throws|match|snapshot|fail|ensure|compare)\w*\s*[(!.]/i;

/** The statements of a test, its first line and what only closes brackets left out. */
function statementsOf(body: string): readonly string[] {
  const [first = '', ...rest] = body.split('\n');
  const inline = /^[^\n]*?\{(.*)$/.exec(first)?.[1] ?? '';
  return [inline, ...rest]
    .map((line) => line.trim())
    .filter((line) => !/^[\s(){}[\];,"']*$|^end\b/.test(line));
}

function isHollow(statements: readonly string[], real: number, idle: number, asserting: boolean): boolean {
  const first = statements[0];
  if (first === undefined) return real === 0;
  if (RETURNS_AT_ONCE.test(first)) return true;
  return real === 0 && idle > 0 && !asserting;
}

/** An assertion as it stands in a file; `text` is `null` where it holds whatever the code does. */
interface Asserting {
  readonly line: number;
  readonly text: string | null;
  readonly shown: string;
  readonly values: readonly string[];
}

/** How far above a failing call its condition may stand. */
const CONDITION_LINES = 3;

/** `if got != want {` above `t.Errorf(…)`: in Go and Rust the condition is what a test expects. */
function conditionAbove(lines: Lines, at: number): string {
  const indent = indentOf(lines.bare[at] ?? '');
  for (let above = at - 1; above >= Math.max(0, at - CONDITION_LINES); above--) {
    const text = lines.bare[above] ?? '';
    if (text.trim() === '') continue;
    if (/^\s*(?:\}\s*else\s+)?(?:if|for)\b/.test(text.slice(0, MAX_LINE_CHARS)) && indentOf(text) < indent)
      return (lines.code[above] ?? '').slice(0, MAX_STATEMENT_CHARS);
    if (indentOf(text) < indent) return '';
  }
  return '';
}

function assertionsOf(lines: Lines, language: TestLanguage): readonly Asserting[] {
  const found: Asserting[] = [];
  for (const [at, bare] of lines.bare.entries()) {
    const match = TEST_SYNTAX[language].assertion.exec(bare.slice(0, MAX_LINE_CHARS));
    if (match === null) continue;
    const line = at + 1;
    const isIdle =
      (lines.live[at] ?? '').slice(match.index, match.index + match[0].length) !== match[0] ||
      isTautology((lines.code[at] ?? '').slice(0, MAX_LINE_CHARS)) ||
      assertsNothing(lines, line, match.index, match[0]);
    // What hangs on a subject (`x.should…`) begins with it; all else where the assertion begins.
    const isOwn = /^\w/.test(match[0]) && bare.charAt(match.index - 1) !== '.';
    const condition = language === 'go' ? conditionAbove(lines, at) : '';
    const statement = isIdle ? '' : condition + statementAt(lines, line, isOwn ? match.index : 0);
    const shown = (lines.raw[at] ?? '').trim().slice(0, MAX_NAME_CHARS);
    found.push({ line, text: isIdle ? null : compact(statement), shown, values: literalsOf(statement) });
  }
  return found;
}

/** `expect(value)` without a word on what is expected. */
function assertsNothing(lines: Lines, line: number, column: number, word: string): boolean {
  if (!/^expect\s*\($/.test(word)) return false;
  const statement = statementAt({ ...lines, code: lines.bare }, line, column);
  const from = statement.indexOf('(');
  const end = from < 0 ? null : cutAt(statement.slice(from + 1), 0);
  return end !== null && /^\)[\s;)}]*$/.test(statement.slice(from + 1 + end));
}

function readTests(
  text: { readonly live: string; readonly code: string },
  lines: Lines,
  language: TestLanguage,
  asserting: readonly Asserting[],
  limit: readonly number[],
): readonly TestCase[] {
  const found: { name: string; line: number }[] = [];
  for (const match of text.live.matchAll(TEST_SYNTAX[language].definition)) {
    if (found.length >= MAX_TESTS) break;
    const end = match.index + match[0].length;
    // The line of the name: annotations above it belong to the test, its block begins below.
    const line = lineAt(limit, match.index + match[0].trimEnd().length - 1);
    const name =
      match[1] ??
      match[2] ??
      nameAfter(text.code, end) ??
      (lines.code[line - 1] ?? '').slice(0, MAX_NAME_CHARS).trim();
    found.push({ name: name.slice(0, MAX_NAME_CHARS), line });
  }
  // Tests of a minified file share one line, and what it holds is read once.
  let shared: Omit<TestCase, 'name'> | null = null;
  return found.map(({ name, line }, at) => {
    const last = Math.max(line, (found[at + 1]?.line ?? lines.bare.length + 1) - 1);
    const endLine = blockEnd(lines.bare, line, last);
    if (shared?.line !== line || shared.endLine !== endLine)
      shared = readBody(lines, language, line, endLine, within(asserting, line, endLine));
    return { name, ...shared };
  });
}

function readBody(
  lines: Lines,
  language: TestLanguage,
  line: number,
  endLine: number,
  own: readonly Asserting[],
): Omit<TestCase, 'name'> {
  const real = own.filter((one) => one.text !== null).length;
  const idle = new Set(own.filter((one) => one.text === null).map((one) => one.line));
  const reached = textOf(lines.live, line, endLine).split('\n');
  const statements = statementsOf(reached.map((one, nth) => (idle.has(line + nth) ? '' : one)).join('\n'));
  const asserting = statements.some((one) => LIKE_ASSERTION.test(one) && !isTautology(one));
  const hollow =
    isHollow(statements, real, own.length - real, asserting) ||
    (language === 'python' && isNeverRun(lines, line, endLine));
  const body = textOf(lines.code, line, endLine);
  return { line, endLine, body, assertions: real, asserting, hollow, off: false };
}

/** A line that belongs to what stands below it. */
const ANNOTATION = /^\s*(?:@|#\[|\[[A-Z]|$)/;
const MAX_ANNOTATION_LINES = 20;

/** The tests that a marker is about; `null` when that is the whole file or more. */
function testsOf(
  marker: { kind: MarkerKind; line: number },
  tests: readonly TestCase[],
  lines: Lines,
): readonly TestCase[] | null {
  if (marker.kind !== 'test_skipped' && marker.kind !== 'test_weakened') return null;
  let [low, high] = [0, tests.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((tests[middle]?.line ?? 0) <= marker.line) low = middle + 1;
    else high = middle;
  }
  const around = tests[low - 1];
  if (around !== undefined && marker.line <= around.endLine) return [around];
  let line = marker.line;
  while (
    line < marker.line + MAX_ANNOTATION_LINES &&
    ANNOTATION.test((lines.bare[line - 1] ?? '').slice(0, 200))
  )
    line++;
  const next = tests[low];
  if (next !== undefined && next.line === line) return [next];
  const end = blockEnd(lines.bare, line, lines.bare.length);
  return end > line ? within(tests, line, end) : null;
}

function readMarkers(
  text: { readonly bare: string; readonly raw: string },
  lines: Lines,
  language: TestLanguage,
  tests: readonly TestCase[],
  starts: readonly number[],
): readonly Marker[] {
  const markers: Marker[] = [];
  const add = (kind: MarkerKind, offset: number): void => {
    const line = lineAt(starts, offset);
    const near = [lines.code[line - 1], lines.code[line]];
    markers.push({
      kind,
      line,
      text: compact(near.map((one) => (one ?? '').slice(0, MAX_NAME_CHARS)).join(' ')),
      shown: (lines.raw[line - 1] ?? '').trim().slice(0, MAX_NAME_CHARS),
      tests: testsOf({ kind, line }, tests, lines)?.map((test) => test.name) ?? null,
    });
  };
  for (const [kind, pattern] of TEST_SYNTAX[language].markers) {
    for (const match of text.bare.matchAll(pattern)) {
      if (markers.length >= MAX_TESTS) return markers;
      add(kind, match.index + (match[0].length - match[0].trimStart().length));
    }
  }
  for (const line of earlyReturns(lines, tests)) {
    if (markers.length >= MAX_TESTS) return markers;
    add('test_weakened', starts[line - 1] ?? 0);
  }
  // A build constraint is a comment to everything but go.
  if (language === 'go')
    for (const match of text.raw.matchAll(/^\/\/(?:go:build|[ \t]*\+build)[ \t]/gm))
      add('test_skipped', match.index);
  return markers;
}

/**
 * Reads one version of a test file.
 *
 * @param onlyBodies count assertions inside tests only, because the file holds other code too
 */
export function readTestSource(text: string, language: TestLanguage, onlyBodies: boolean): TestSource {
  const raw = text.replaceAll('\r\n', '\n');
  const { code, bare } = mask(raw, language);
  const dead = deadRanges(bare, language);
  const live = blanked(bare, dead);
  const lines: Lines = {
    code: code.split('\n'),
    bare: bare.split('\n'),
    live: live.split('\n'),
    raw: raw.split('\n'),
  };
  const starts = lineStarts(bare);
  const asserting = assertionsOf(lines, language);
  const found = readTests({ live, code }, lines, language, asserting, starts);
  const markers = readMarkers({ bare, raw }, lines, language, found, starts);
  const off = new Set(
    markers.flatMap(({ kind, tests }) => (kind === 'test_skipped' && tests !== null ? tests : [])),
  );
  const allOff = markers.some(({ kind, tests }) => kind === 'test_skipped' && tests === null);
  const tests = found.map((test) => ({ ...test, off: allOff || off.has(test.name) }));
  const counted = onlyBodies
    ? tests.flatMap((test) => within(asserting, test.line, test.endLine))
    : asserting;
  return {
    tests,
    assertions: counted.flatMap(({ text: said, ...rest }) =>
      said === null ? [] : [{ ...rest, text: said }],
    ),
    markers,
    parametrised: [...bare.matchAll(TEST_SYNTAX[language].parametrised)].length,
    tables: tablesOf(bare, code, (offset) => lineAt(starts, offset)),
    live: blanked(code, dead),
  };
}
