/** Which tests ran, read from the text that runners print for people, and from TAP and `go test -json`. */
import { cleanName } from '../failures/test-names.ts';
import { createTally, NAME_SEPARATOR, type RanTests, type Tally, type TestState } from './ran.ts';
import { readSummary } from './summary.ts';

/** Reads one line; `true` means that the line was its own. */
type LineReader = (line: string, tally: Tally) => boolean;

/** Deepest nesting of suites that is kept. */
const MAX_DEPTH = 20;

function path(parents: readonly string[], depth: number, name: string): string {
  return [...parents.slice(0, depth), name].filter((part) => part !== '').join(NAME_SEPARATOR);
}

function marked(text: string, otherwise: TestState): TestState {
  return /(?:^|\s)# ?(?:SKIP|TODO)\b/i.test(text) ? 'skipped' : otherwise;
}

const withoutMark = (text: string): string => text.replace(/\s# ?(?:SKIP|TODO)\b.*$/i, '');

/** TAP 13 and 14, subtests nested by four blanks. A parent only sums up its subtests and is no test. */
function createTapReader(): LineReader {
  const parents: string[] = [];
  // Tests of the parent that is being read, by depth: who has any is a parent.
  const below: number[] = [];
  return (line, tally) => {
    const subtest = /^( *)# Subtest: (.*)$/.exec(line);
    if (subtest !== null) {
      const depth = Math.min(MAX_DEPTH, Math.floor((subtest[1] ?? '').length / 4));
      while (parents.length < depth) parents.push('');
      parents.length = depth;
      parents[depth] = unescape(subtest[2] ?? '');
      below.length = depth + 1;
      return true;
    }
    const test = /^( *)(not )?ok \d+(?: - | )?(.*)$/.exec(line);
    if (test === null) return false;
    const depth = Math.min(MAX_DEPTH, Math.floor((test[1] ?? '').length / 4));
    const isParent = (below[depth + 1] ?? 0) > 0;
    below.length = Math.min(below.length, depth + 1);
    while (below.length <= depth) below.push(0);
    below[depth] = (below[depth] ?? 0) + 1;
    const text = test[3] ?? '';
    if (isParent) {
      tally.parent();
      return true;
    }
    const name = unescape(withoutMark(text)) || `test ${(below[depth] ?? 0).toString()}`;
    tally.add(
      marked(text, test[2] === undefined ? 'passed' : 'failed'),
      cleanName(path(parents, depth, name)),
    );
    return true;
  };
}

function unescape(name: string): string {
  return name.replace(/\\([#\\])/g, '$1').trim();
}

/**
 * Marks of the reporters for people: node:test's spec (`▶ suite`, `✔ test`), vitest's verbose (`✓ file > test`),
 * jest's verbose, mocha's spec. A suite is named by the indentation above a test.
 */
function createMarkReader(): LineReader {
  const suites: { readonly indent: number; readonly name: string }[] = [];
  let over = false;
  let [arrows, files] = [false, false];
  return (line, tally) => {
    // What follows repeats the failures, with their stacks.
    if (/^\s*(?:✖ failing tests:|⎯+ ?Failed|\d+ failing$|Summary of all failing tests)/.test(line))
      over = true;
    if (over) return false;
    const file = /^\s?(?:PASS|FAIL)\s+(?:\S+\s+)?(\S+\.[cm]?[jt]sx?)(?: \([\d.]+ m?s\))?$/.exec(line);
    if (file !== null) {
      files = true;
      suites.splice(0, suites.length, { indent: -1, name: file[1] ?? '' });
      return true;
    }
    const found = /^(\s*)(▶|✔|✓|√|✖|×|✕|✗|﹣|↓|○|✎|-|\d+\)) (\S.*)$/.exec(line);
    const [indent, mark, text] = [(found?.[1] ?? '').length, found?.[2] ?? '', found?.[3] ?? ''];
    // A dash is also a line of a diff, and a number an item of a list: they are mocha's below a suite only.
    const isMocha = suites.length > 0 && indent >= 2 && !files && !arrows;
    if (found === null || (/^[-\d]/.test(mark) && !isMocha)) {
      if (!arrows) readHeading(line, suites);
      return false;
    }
    // vitest's line of a whole file, which the default reporter gives instead of its tests
    if (/ \(\d+ tests?(?: \| [^)]*)?\)/.test(text)) return true;
    while ((suites.at(-1)?.indent ?? -1) > indent) suites.pop();
    const name = cleanName(mark === '﹣' ? text.replace(/ # .*$/, '') : withoutMark(text));
    const last = suites.at(-1);
    if (last !== undefined && last.indent === indent) {
      suites.pop();
      // The line that closes a suite repeats its name.
      if (mark !== '▶' && last.name === name) {
        tally.parent();
        return true;
      }
    }
    if (mark === '▶') {
      arrows = true;
      if (suites.length < MAX_DEPTH) suites.push({ indent, name });
      return true;
    }
    const state = /[✖×✕✗\d]/.test(mark) ? 'failed' : /[﹣↓○✎-]/.test(mark) ? 'skipped' : 'passed';
    const parents = suites.map((suite) => suite.name);
    tally.add(marked(text, state), path(parents, parents.length, name));
    return true;
  };
}

/** A suite of jest and mocha is a line of its own, without a mark, above its indented tests. */
function readHeading(line: string, suites: { readonly indent: number; readonly name: string }[]): void {
  const found = /^( {2,40})(\S.{0,200})$/.exec(line);
  if (found === null || suites.length >= MAX_DEPTH) return;
  const indent = (found[1] ?? '').length;
  while ((suites.at(-1)?.indent ?? -1) >= indent) suites.pop();
  suites.push({ indent, name: cleanName(found[2] ?? '') });
}

/** `go test -v`: tests come before the line that names their package. */
function createGoReader(): LineReader {
  const waiting: [TestState, string][] = [];
  const flush = (tally: Tally, name: string): void => {
    const all = waiting.splice(0);
    // A test with subtests only sums them up.
    const parents = new Set(all.map(([, test]) => test.slice(0, Math.max(0, test.lastIndexOf('/')))));
    for (const [state, test] of all) if (!parents.has(test)) tally.add(state, `${name}: ${test}`);
  };
  return (line, tally) => {
    if (line.startsWith('{"') && line.endsWith('}')) return readGoEvent(line, tally);
    const test = /^\s*--- (PASS|FAIL|SKIP): (\S+)/.exec(line);
    if (test !== null) {
      const state = test[1] === 'PASS' ? 'passed' : test[1] === 'FAIL' ? 'failed' : 'skipped';
      if (waiting.length < 20_000) waiting.push([state, test[2] ?? '']);
      return true;
    }
    const end = /^(?:ok|FAIL)\s+(\S+)\s+(?:\(cached\)|[\d.]+s|\[[^\]]*\])/.exec(line);
    if (end === null) return false;
    flush(tally, end[1] ?? '');
    return true;
  };
}

/** One line of `go test -json`; packages are no tests. */
function readGoEvent(line: string, tally: Tally): boolean {
  try {
    const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const { Action: action, Package: name, Test: test } = event;
    if (typeof action !== 'string' || typeof name !== 'string') return false;
    if (typeof test !== 'string') return true;
    const state = ({ pass: 'passed', fail: 'failed', skip: 'skipped' } as const)[action];
    if (state !== undefined) tally.add(state, `${name}: ${test}`);
    return true;
  } catch {
    return false;
  }
}

/** `python -m unittest -v`: a docstring, or what a test prints, may stand between its name and its end. */
function createUnittestReader(): LineReader {
  let open: string | null = null;
  return (line, tally) => {
    const test = /^ *(\w+ \([\w.<>]+\))(?: (?:\(.*\)|\[.*\]))?(?: \.\.\. ?(.*))?$/.exec(line);
    if (test !== null) open = test[1] ?? null;
    if (open === null) return false;
    const end = test === null ? /^(?:.* \.\.\. )?(\S.*)$/.exec(line)?.[1] : test[2];
    const state = unittestState(end ?? '');
    if (state === null) return test !== null;
    // A subtest only speaks of its failure; it is the test that has failed.
    tally.add(state, open);
    open = null;
    return true;
  };
}

function unittestState(end: string): TestState | null {
  if (end === 'ok') return 'passed';
  if (/^(?:FAIL|ERROR|unexpected success)$/.test(end)) return 'failed';
  return /^(?:skipped ['"]|expected failure$)/.test(end) ? 'skipped' : null;
}

interface LineRule {
  readonly pattern: RegExp;
  readonly state: (word: string) => TestState | null;
}

const WORDS: Readonly<Record<string, TestState>> = {
  ok: 'passed',
  PASSED: 'passed',
  PASS: 'passed',
  FAILED: 'failed',
  ERROR: 'failed',
  FAIL: 'failed',
  SKIPPED: 'skipped',
  SKIP: 'skipped',
  XFAIL: 'skipped',
  XPASS: 'passed',
  ignored: 'skipped',
};
const word = (text: string): TestState | null => WORDS[text] ?? null;

// Group 1 is the name, group 2 the word that tells its end; anchored, without overlapping repetitions.
const LINE_RULES: readonly LineRule[] = [
  {
    pattern: /^([^\s:]+\.py::.*) (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \(.*\))?(?: +\[ *\d+%\])?$/,
    state: word,
  },
  { pattern: /^test (\S.*?)(?: - should panic)? \.\.\. (ok|FAILED|ignored)(?:,.*)?$/, state: word },
  { pattern: /^([A-Z][\w$.]*(?: > [^>]+)+) (PASSED|FAILED|SKIPPED)$/, state: word },
];
const XDIST = /^\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) (\S.*)$/;
const NEXTEST = /^\s*(PASS|FAIL|SKIP) \[ *[\d.]*s?\] (?:\( *\d+\/\d+\) )?(\S.*)$/;

function readLine(line: string, tally: Tally): boolean {
  for (const { pattern, state } of LINE_RULES) {
    const found = pattern.exec(line);
    const end = found === null ? null : state(found[2] ?? '');
    if (found === null || end === null) continue;
    tally.add(end, cleanName(found[1] ?? ''));
    return true;
  }
  const reversed = XDIST.exec(line) ?? NEXTEST.exec(line);
  const end = reversed === null ? null : word(reversed[1] ?? '');
  if (reversed === null || end === null) return false;
  tally.add(end, cleanName(reversed[2] ?? ''));
  return true;
}

/**
 * Reads which tests ran from an output. `null` when it neither names passing or skipped tests nor counts them.
 * Time is linear in the text: lines are cut, and every pattern is anchored or bounded.
 *
 * @param lines the lines of an output, without escape sequences and cut to a bounded length
 * @param failing names of failing tests that were read otherwise; used where the output names no tests one by one
 */
export function readPrinted(lines: readonly string[], failing: readonly string[]): RanTests | null {
  const counts = readSummary(lines);
  const readers = [createTapReader(), createGoReader(), createUnittestReader(), readLine];
  // A mark is also how tools say that they are done: it names a test only where tests are counted.
  if (counts !== null) readers.push(createMarkReader());
  const tally = createTally();
  for (const line of lines) if (line !== '') readers.some((read) => read(line, tally));
  if (tally.size() > 0) return tally.done('output', counts);
  if (counts === null) return null;
  for (const name of failing) tally.add('failed', name);
  const ran = tally.done('output', counts);
  return ran === null ? null : { ...ran, counts, named: false };
}
