/** Rules of the tamper guard about tests: deleted, emptied, switched off, and weakened ones. */
import type { TamperFinding } from '../../job/gate.ts';
import { jaccard } from '../../job/similarity.ts';
import type { Change } from './change.ts';
import { baseName, type RepoFiles } from '../files.ts';
import { isSnapshot, isTestFile, languageOf, testedStem, type TestLanguage } from './test-files.ts';
import {
  readTestSource,
  type Assertion,
  type Marker,
  type TestCase,
  type TestSource,
} from './test-source.ts';

const EMPTY: TestSource = { tests: [], assertions: [], markers: [], parametrised: 0 };
/** Part of a deleted file's assertions that must appear elsewhere for it to count as moved. */
const MOVED_SHARE = 0.5;

/** One changed file that held or holds tests. */
interface Pair {
  /** The path that a finding names: head's, or base's when head has none. */
  readonly path: string;
  readonly basePath: string | null;
  readonly base: TestSource;
  readonly head: TestSource;
  /** Head has no readable test file in its place. */
  readonly gone: 'deleted' | 'emptied' | null;
  readonly baseText: string;
}

/** What the rest of the change says about tests that went away. */
interface Surroundings {
  readonly addedNames: ReadonlyMap<string, number>;
  readonly addedAssertions: ReadonlyMap<string, number>;
  readonly removedMarkers: ReadonlyMap<string, number>;
  readonly removedFiles: readonly string[];
  readonly removedDefinitions: ReadonlySet<string>;
}

function countOf(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Items of `from` that `other` does not have, counted. */
function without<T>(from: readonly T[], other: readonly T[], key: (item: T) => string): readonly T[] {
  const left = countOf(other.map(key));
  return from.filter((item) => {
    const count = left.get(key(item)) ?? 0;
    left.set(key(item), count - 1);
    return count <= 0;
  });
}

function take(counts: Map<string, number>, key: string): boolean {
  const count = counts.get(key) ?? 0;
  if (count > 0) counts.set(key, count - 1);
  return count > 0;
}

const nameOf = (test: TestCase): string => test.name;
const textOf = (item: Assertion | Marker): string => item.text;

async function sourceOf(
  files: RepoFiles,
  path: string | null,
): Promise<{ text: string; source: TestSource } | null> {
  const language = path === null ? null : languageOf(path);
  const text = path === null || language === null ? null : await files.read(path);
  if (path === null || language === null || text === null) return null;
  const isTest = isTestFile(path);
  if (!isTest && !holdsInlineTests(text, language)) return null;
  return { text, source: readTestSource(text, language, !isTest) };
}

/** Rust keeps unit tests beside the code, and vitest can. */
function holdsInlineTests(text: string, language: TestLanguage): boolean {
  return language === 'rust'
    ? /#\[(?:\w+::)*test\b|#\[cfg\(test\)\]/.test(text)
    : language === 'js' && text.includes('import.meta.vitest');
}

async function pairOf(change: Change, base: RepoFiles, head: RepoFiles): Promise<Pair | null> {
  const basePath = change.status === 'added' ? null : (change.oldPath ?? change.path);
  const headPath = change.status === 'deleted' ? null : change.path;
  const before = await sourceOf(base, basePath);
  const after = await sourceOf(head, headPath);
  if (before === null && after === null) return null;
  const isBlank = after !== null && after.text.trim() === '';
  const gone =
    before === null || (after !== null && !isBlank)
      ? null
      : headPath === null || after === null
        ? 'deleted'
        : 'emptied';
  const stillThere = gone === 'deleted' && headPath !== null && basePath === headPath;
  return {
    path: headPath ?? change.path,
    basePath,
    base: before?.source ?? EMPTY,
    head: after?.source ?? EMPTY,
    gone: stillThere ? 'emptied' : gone,
    baseText: before?.text ?? '',
  };
}

const DEFINITION =
  /\b(?:function\*?|class|def|defp|defmodule|fn|func|struct|enum|interface|trait|fun|record|module)\s+(?:\([^)\n]{0,200}\)\s*)?([A-Za-z_$][\w$]{2,})|^(?:export\s+)?(?:const|let|var)\s+([A-Za-z_$][\w$]{2,})|^[ \t]*(?:public|private|protected|internal|static)\b[^=;(){}\n]{0,200}\b([A-Za-z_]\w{2,})\s*\(/gm;

/** Names that a file defines, its inline tests excepted: a test that goes is not code that goes. */
function definitionsOf(whole: string): readonly string[] {
  const text = whole.split(/^#\[cfg\(test\)\]|^if \(import\.meta\.vitest\)/m)[0] ?? '';
  return [...text.matchAll(DEFINITION)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** Names that code outside the tests defined on base and defines nowhere in the change any more. */
async function removedDefinitions(
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
): Promise<ReadonlySet<string>> {
  const gone = new Set<string>();
  const kept = new Set<string>();
  for (const change of changes) {
    if (isTestFile(change.oldPath ?? change.path) || languageOf(change.path) === null) continue;
    const before = change.status === 'added' ? null : await base.read(change.oldPath ?? change.path);
    const after = change.status === 'deleted' ? null : await head.read(change.path);
    for (const name of definitionsOf(before ?? '')) gone.add(name);
    for (const name of definitionsOf(after ?? '')) kept.add(name);
  }
  return new Set([...gone].filter((name) => !kept.has(name)));
}

async function surroundingsOf(
  pairs: readonly Pair[],
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
): Promise<Surroundings> {
  const isSource = (path: string): boolean => languageOf(path) !== null && !isTestFile(path);
  return {
    addedNames: countOf(
      pairs.flatMap((pair) => without(pair.head.tests, pair.base.tests, nameOf).map(nameOf)),
    ),
    addedAssertions: countOf(
      pairs.flatMap((pair) => without(pair.head.assertions, pair.base.assertions, textOf).map(textOf)),
    ),
    removedMarkers: countOf(
      pairs.flatMap((pair) => without(pair.base.markers, pair.head.markers, textOf).map(textOf)),
    ),
    removedFiles: changes
      .filter((change) => change.status === 'deleted' && isSource(change.path))
      .map((change) => change.path),
    removedDefinitions: await removedDefinitions(changes, base, head),
  };
}

/** Whether a test needs something that the change removed from the code. */
function needsRemoved(text: string, around: Surroundings): boolean {
  if (around.removedDefinitions.size === 0) return false;
  return text.split(/[^\w$]+/).some((word) => around.removedDefinitions.has(word));
}

/** Whether the file that a test file is named after, or imports, was deleted by the same change. */
function testsRemovedFile(pair: Pair, around: Surroundings): boolean {
  const stem = testedStem(pair.basePath ?? pair.path);
  const imports = pair.baseText
    .split('\n')
    .filter((line) => /\b(?:import|require|from|use|using|include|load)\b/.test(line));
  return around.removedFiles.some((path) => {
    const name = baseName(path).replace(/\.[^.]+$/, '');
    if (testedStem(path) === stem && stem !== '') return true;
    if (name.length < 3 || /^(?:index|main|mod|lib|__init__)$/.test(name)) return false;
    return imports.some((line) => line.split(/[^\w-]+/).includes(name));
  });
}

/** Tests of base that head has nowhere: neither here nor, moved, elsewhere in the change. */
function lostTests(pair: Pair, around: Surroundings): readonly TestCase[] {
  const pool = new Map(around.addedNames);
  const added = without(pair.head.tests, pair.base.tests, nameOf);
  for (const test of added) take(pool, test.name);
  const lost = without(pair.base.tests, pair.head.tests, nameOf)
    .filter((test) => !take(pool, test.name))
    .filter((test) => !needsRemoved(`${test.name}\n${test.body}`, around));
  return withoutRenamed(lost, added);
}

/** Words that a test and its new name must share, of all their words, to count as one test renamed. */
const RENAMED_SHARE = 0.4;

/** Lost tests that no added one continues: a renamed test keeps most of its body, a replaced one does not. */
function withoutRenamed(lost: readonly TestCase[], added: readonly TestCase[]): readonly TestCase[] {
  const free = new Set(added);
  return lost.filter((test) => {
    const heir = [...free]
      .map((other) => ({ other, share: jaccard(wordsOf(test), wordsOf(other)) }))
      .filter(({ share }) => share >= RENAMED_SHARE)
      .toSorted((a, b) => b.share - a.share)[0];
    if (heir === undefined) return true;
    free.delete(heir.other);
    return false;
  });
}

function wordsOf(test: TestCase): string {
  return test.body.split(/[^\w$]+/).join(' ');
}

function movedAway(pair: Pair, around: Surroundings): boolean {
  const pool = new Map(around.addedAssertions);
  const moved = pair.base.assertions.filter((assertion) => take(pool, assertion.text)).length;
  return pair.base.assertions.length > 0 && moved >= pair.base.assertions.length * MOVED_SHARE;
}

function finding(
  kind: string,
  severity: TamperFinding['severity'],
  file: string,
  line: number | null,
  detail: string,
): TamperFinding {
  return { kind, severity, file, line, detail };
}

function shown(names: readonly string[]): string {
  const some = names.slice(0, 3).map((name) => JSON.stringify(name.slice(0, 80)));
  return some.join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '');
}

function removed(pair: Pair, around: Surroundings): readonly TamperFinding[] {
  const lost = lostTests(pair, around);
  if (pair.gone !== null) {
    if (lost.length === 0 || testsRemovedFile(pair, around) || movedAway(pair, around)) return [];
    const detail = `${pair.base.tests.length} tests went with it, among them ${shown(lost.map(nameOf))}`;
    return [
      finding(pair.gone === 'deleted' ? 'test_deleted' : 'test_emptied', 'block', pair.path, null, detail),
    ];
  }
  if (lost.length === 0) return [];
  const rewritten = pair.head.parametrised > pair.base.parametrised;
  const detail = `${lost.length} fewer tests: ${shown(lost.map(nameOf))}${rewritten ? ' (perhaps rewritten as cases of one test)' : ''}`;
  return [finding('test_removed', rewritten ? 'draft' : 'block', pair.path, null, detail)];
}

function hollowed(pair: Pair): readonly TamperFinding[] {
  const before = new Map(pair.base.tests.map((test) => [test.name, test]));
  return pair.head.tests
    .filter((test) => test.hollow && before.get(test.name)?.hollow === false)
    .map((test) =>
      finding(
        'test_emptied',
        'block',
        pair.path,
        test.line,
        `${shown([test.name])} no longer tests anything`,
      ),
    );
}

const MARKER_TEXT = {
  test_skipped: 'a test is switched off',
  test_focused: 'all other tests are switched off',
  early_exit: 'the test run is ended early with success',
} as const;

function switchedOff(pair: Pair, removedMarkers: Map<string, number>): readonly TamperFinding[] {
  return Object.keys(MARKER_TEXT).flatMap((name) => {
    const kind = name as keyof typeof MARKER_TEXT;
    const of = (source: TestSource): readonly Marker[] =>
      source.markers.filter((marker) => marker.kind === kind);
    const growth = of(pair.head).length - of(pair.base).length;
    if (growth <= 0) return [];
    const fresh = without(of(pair.head), of(pair.base), textOf).filter(
      (marker) => !take(removedMarkers, marker.text),
    );
    return fresh
      .slice(0, growth)
      .map((marker) =>
        finding(kind, 'block', pair.path, marker.line, `${MARKER_TEXT[kind]}: ${marker.text.slice(0, 120)}`),
      );
  });
}

const ASSERTION_WORD =
  /^(?:assert|expect|refute|should|verify|to[A-Z]|is[A-Z]|be$|not$|equal|deep|strict|true$|false$|null$|nil$|none$|undefined$|raises|throws|ok$|fail|error|fatal|must|in$|and$|or$)/i;

/** An assertion without the names that a refactoring changes: values and words of assertion stay. */
function shape(text: string): string {
  return text.replaceAll(/"[^"]*"|[A-Za-z_$][\w$]*/g, (word) =>
    word.startsWith('"') || ASSERTION_WORD.test(word) ? word : '_',
  );
}

function weakened(pair: Pair, around: Surroundings): readonly TamperFinding[] {
  if (pair.gone !== null) return [];
  const lost = new Set(
    without(pair.base.tests, pair.head.tests, nameOf).filter((test) =>
      needsRemoved(`${test.name}\n${test.body}`, around),
    ),
  );
  for (const test of lostTests(pair, around)) lost.add(test);
  const counted = pair.base.assertions.filter(
    ({ line }) => ![...lost].some((test) => line >= test.line && line <= test.endLine),
  );
  const pool = new Map(around.addedAssertions);
  const fresh = without(pair.head.assertions, pair.base.assertions, textOf);
  for (const assertion of fresh) take(pool, assertion.text);
  const missing = without(counted, pair.head.assertions, textOf)
    .filter((assertion) => !take(pool, assertion.text))
    .filter((assertion) => !needsRemoved(assertion.text, around));
  const changed = without(missing, fresh, (assertion) => shape(assertion.text));
  const first = changed[0];
  if (first === undefined) return [];
  const fewer = missing.length > fresh.length;
  const detail = `${changed.length} ${fewer ? 'assertions are gone or changed' : 'assertions expect something else'}, the first: ${first.text.slice(0, 160)}`;
  return [finding(fewer ? 'assertion_removed' : 'expectation_changed', 'draft', pair.path, null, detail)];
}

/** What tests compare with and is no code: snapshots, golden files, fixtures. */
function expectationFile(change: Change): readonly TamperFinding[] {
  const path = change.oldPath ?? change.path;
  if (change.status === 'added' || (change.status === 'renamed' && isTestFile(change.path))) return [];
  if (!isTestFile(path) || (languageOf(path) !== null && !isSnapshot(path))) return [];
  if (languageOf(path) !== null && !/__snapshots__|\.snap$|golden/.test(path)) return [];
  const what = isSnapshot(path) ? 'what tests compare with' : 'data of tests';
  return [finding('expectation_changed', 'draft', change.path, null, `${what} is ${change.status}`)];
}

/** Findings about the tests of a change. */
export async function findTestTampering(
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
): Promise<readonly TamperFinding[]> {
  const found = await Promise.all(changes.map(async (change) => pairOf(change, base, head)));
  const pairs = found.filter((pair) => pair !== null);
  const around = await surroundingsOf(pairs, changes, base, head);
  const removedMarkers = new Map(around.removedMarkers);
  return [
    ...pairs.flatMap((pair) => [
      ...removed(pair, around),
      ...hollowed(pair),
      ...switchedOff(pair, removedMarkers),
      ...weakened(pair, around),
    ]),
    ...changes.flatMap(expectationFile),
  ];
}
