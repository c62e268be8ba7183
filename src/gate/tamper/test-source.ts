/** What a test file holds: its tests, its assertions, and the markers that switch tests off. */
import { mask } from './source-mask.ts';
import type { TestLanguage } from './test-files.ts';
import { isTautology, TEST_SYNTAX, type MarkerKind } from './test-syntax.ts';

/** One test of a file. Lines count from 1. */
export interface TestCase {
  readonly name: string;
  readonly line: number;
  readonly endLine: number;
  /** Its text without comments. */
  readonly body: string;
  /** Assertions that say something about the code. */
  readonly assertions: number;
  /** Nothing in it can fail: it has no statement, begins with a return, or asserts only what always holds. */
  readonly hollow: boolean;
}

/** An assertion: its whole statement without white space. */
export interface Assertion {
  readonly line: number;
  readonly text: string;
}

/** A marker that switches a test off, or all others. */
export interface Marker {
  readonly kind: MarkerKind;
  readonly line: number;
  readonly text: string;
}

/** What the guard knows about one version of a test file. */
export interface TestSource {
  readonly tests: readonly TestCase[];
  readonly assertions: readonly Assertion[];
  readonly markers: readonly Marker[];
  readonly parametrised: number;
}

const MAX_TESTS = 5000;
const MAX_STATEMENT_LINES = 40;
const MAX_BODY_LINES = 2000;
const MAX_BODY_CHARS = 20_000;
const MAX_NAME_CHARS = 200;
const MAX_LINE_CHARS = 5000;
const MAX_STATEMENT_CHARS = 2000;

/** Looks up lines of offsets in ascending order of use. */
function lineStarts(text: string): readonly number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineAt(starts: readonly number[], offset: number): number {
  let [low, high] = [0, starts.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return low + 1;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** Last line of a block that begins at `start`: everything indented deeper, and what closes it. */
function blockEnd(lines: readonly string[], start: number, limit: number): number {
  const indent = indentOf(lines[start - 1] ?? '');
  let end = start;
  for (let line = start + 1; line <= Math.min(limit, start + MAX_BODY_LINES); line++) {
    const text = lines[line - 1] ?? '';
    if (text.trim() === '') continue;
    const same = indentOf(text) <= indent;
    // A brace or bracket at the same depth belongs to the signature; a closing brace ends the block.
    if (same && !/^\s*[)\]{]/.test(text)) return /^\s*(?:\}|end\b)/.test(text) ? line : end;
    end = line;
    if (same && /^\s*\)\s*;?\s*$/.test(text)) return end;
  }
  return end;
}

function depthOf(text: string): number {
  return (text.match(/[([{]/g)?.length ?? 0) - (text.match(/[)\]}]/g)?.length ?? 0);
}

/** The statement that begins at a line: over more lines while brackets are open or a chain goes on. */
function statementAt(code: readonly string[], bare: readonly string[], line: number): string {
  let text = (code[line - 1] ?? '').slice(0, MAX_STATEMENT_CHARS);
  let depth = depthOf((bare[line - 1] ?? '').slice(0, MAX_STATEMENT_CHARS));
  for (let next = line + 1; next < line + MAX_STATEMENT_LINES && next <= code.length; next++) {
    if (text.length > MAX_STATEMENT_CHARS) break;
    const more = (code[next - 1] ?? '').slice(0, MAX_STATEMENT_CHARS);
    if (depth <= 0 && !/^\s*\.\w/.test(more)) break;
    text += `\n${more}`;
    depth += depthOf((bare[next - 1] ?? '').slice(0, MAX_STATEMENT_CHARS));
  }
  return text;
}

/** A statement in a form that formatters do not change. */
function compact(statement: string): string {
  return statement
    .replaceAll(/["'`]/g, '"')
    .replaceAll(/\s+/g, '')
    .replaceAll(/,(?=[)\]}])/g, '')
    .replace(/[;,{:]+$/, '');
}

function nameAfter(code: string, offset: number): string | null {
  const text = code.slice(offset, offset + 600);
  return /^[\s(]*(["'`])((?:[^\\\n]|\\.)*?)\1/.exec(text)?.[2] ?? null;
}

const RETURNS_AT_ONCE = /^\s*(?:return\b\s*(?:;|$|None\b|nil\b|undefined\b|null\b)|pass\s*$)/;
const LIKE_ASSERTION =
  /\b\w*(?:assert|expect|should|verify|check|must|require|raises|throws|match|snapshot|fail|ensure|compare)\w*\s*[(!.]/i;

function isHollow(bareBody: string, real: number, tautologies: number): boolean {
  const brace = /^[^\n]*?\{(.*)$/.exec(bareBody.split('\n')[0] ?? '');
  const firstInline = brace?.[1] ?? '';
  const statements = [firstInline, ...bareBody.split('\n').slice(1)]
    .map((line) => line.trim())
    .filter((line) => !/^[\s(){}[\];,"']*$|^end\b/.test(line));
  const first = statements[0];
  if (first === undefined) return real === 0;
  if (RETURNS_AT_ONCE.test(first)) return true;
  return (
    real === 0 &&
    tautologies > 0 &&
    !statements.some((line) => LIKE_ASSERTION.test(line) && !isTautology(line))
  );
}

interface Lines {
  readonly code: readonly string[];
  readonly bare: readonly string[];
}

/** An assertion as it stands in a file; `text` is `null` where it holds whatever the code does. */
interface Asserting {
  readonly line: number;
  readonly text: string | null;
}

function assertionsOf(lines: Lines, language: TestLanguage): readonly Asserting[] {
  const found: Asserting[] = [];
  for (const [at, bare] of lines.bare.entries()) {
    if (!TEST_SYNTAX[language].assertion.test(bare.slice(0, MAX_LINE_CHARS))) continue;
    const tautology = isTautology((lines.code[at] ?? '').slice(0, MAX_LINE_CHARS));
    found.push({
      line: at + 1,
      text: tautology ? null : compact(statementAt(lines.code, lines.bare, at + 1)),
    });
  }
  return found;
}

/** Lines `from` to `to` as one text, up to `MAX_BODY_CHARS`: minified files have lines of a megabyte. */
function textOf(lines: readonly string[], from: number, to: number): string {
  const parts: string[] = [];
  let left = MAX_BODY_CHARS;
  for (let line = from; line <= to && left > 0; line++) {
    const part = (lines[line - 1] ?? '').slice(0, left);
    parts.push(part);
    left -= part.length + 1;
  }
  return parts.join('\n');
}

function readTests(
  bare: string,
  code: string,
  lines: Lines,
  language: TestLanguage,
  asserting: readonly Asserting[],
): readonly TestCase[] {
  const starts = lineStarts(bare);
  const found: { name: string; line: number }[] = [];
  for (const match of bare.matchAll(TEST_SYNTAX[language].definition)) {
    if (found.length >= MAX_TESTS) break;
    const end = match.index + match[0].length;
    // The line of the name: annotations above it belong to the test, its block begins below.
    const line = lineAt(starts, match.index + match[0].trimEnd().length - 1);
    const name =
      match[1] ??
      match[2] ??
      nameAfter(code, end) ??
      (lines.code[line - 1] ?? '').slice(0, MAX_NAME_CHARS).trim();
    found.push({ name: name.slice(0, MAX_NAME_CHARS), line });
  }
  return found.map(({ name, line }, at) => {
    const limit = Math.max(line, (found[at + 1]?.line ?? lines.bare.length + 1) - 1);
    const endLine = blockEnd(lines.bare, line, limit);
    const own = within(asserting, line, endLine);
    const real = own.filter((one) => one.text !== null).length;
    const hollow = isHollow(textOf(lines.bare, line, endLine), real, own.length - real);
    return { name, line, endLine, body: textOf(lines.code, line, endLine), assertions: real, hollow };
  });
}

/** The assertions of some lines, found by halving: a file may have thousands of each. */
function within(asserting: readonly Asserting[], from: number, to: number): readonly Asserting[] {
  let [low, high] = [0, asserting.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((asserting[middle]?.line ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  let end = low;
  while (end < asserting.length && (asserting[end]?.line ?? 0) <= to) end++;
  return asserting.slice(low, end);
}

function readMarkers(
  bare: string,
  code: readonly string[],
  raw: string,
  language: TestLanguage,
): readonly Marker[] {
  const starts = lineStarts(bare);
  const markers: Marker[] = [];
  const add = (kind: MarkerKind, offset: number): void => {
    const line = lineAt(starts, offset);
    const text = compact(
      [code[line - 1], code[line]].map((one) => (one ?? '').slice(0, MAX_NAME_CHARS)).join(' '),
    );
    markers.push({ kind, line, text });
  };
  for (const [kind, pattern] of TEST_SYNTAX[language].markers) {
    for (const match of bare.matchAll(pattern)) {
      if (markers.length >= MAX_TESTS) return markers;
      add(kind, match.index + (match[0].length - match[0].trimStart().length));
    }
  }
  // A build constraint is a comment to everything but go.
  if (language === 'go')
    for (const match of raw.matchAll(/^\/\/(?:go:build|[ \t]*\+build)[ \t]/gm))
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
  const lines = { code: code.split('\n'), bare: bare.split('\n') };
  const asserting = assertionsOf(lines, language);
  const tests = readTests(bare, code, lines, language, asserting);
  const counted = onlyBodies
    ? tests.flatMap((test) => within(asserting, test.line, test.endLine))
    : asserting;
  return {
    tests,
    assertions: counted.flatMap(({ line, text }) => (text === null ? [] : [{ line, text }])),
    markers: readMarkers(bare, lines.code, raw, language),
    parametrised: [...bare.matchAll(TEST_SYNTAX[language].parametrised)].length,
  };
}
