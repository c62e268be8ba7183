/** What the rest of a change says about tests that went away: moved, rewritten, or gone with their code. */
import type { Change } from '../change.ts';
import { baseName, type RepoFiles } from '../../files.ts';
import { literalsOf } from './read/literals.ts';
import type { Assertion, Marker, TestCase } from './read/test-source.ts';
import type { Pair } from './pairs.ts';
import { isTestFile, languageOf, testedStem } from './test-files.ts';

/** Counts of items that may be taken away again. */
export type Pool = Map<string, number>;

/** What the rest of the change says about tests that went away. */
export interface Surroundings {
  /** Names of tests that came, of those only that run. */
  readonly addedNames: ReadonlyMap<string, number>;
  readonly addedAssertions: ReadonlyMap<string, number>;
  /** Of those the ones in tests that run. */
  readonly testedAssertions: ReadonlyMap<string, number>;
  /** Values in lines of test files that base does not have. */
  readonly addedValues: ReadonlyMap<string, number>;
  /** Words of the tests that came or changed. */
  readonly addedWords: ReadonlySet<string>;
  readonly baseNames: ReadonlySet<string>;
  readonly removedMarkers: ReadonlyMap<string, number>;
  readonly removedFiles: readonly string[];
  readonly removedDefinitions: ReadonlySet<string>;
}

/** How often each item comes. */
export function countOf(items: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
}

/** Items of `from` that `other` does not have, counted. */
export function without<T>(from: readonly T[], other: readonly T[], key: (item: T) => string): readonly T[] {
  const left = countOf(other.map(key));
  return from.filter((item) => {
    const count = left.get(key(item)) ?? 0;
    left.set(key(item), count - 1);
    return count <= 0;
  });
}

/** Takes one away, when there is one. */
export function take(counts: Pool, key: string): boolean {
  const count = counts.get(key) ?? 0;
  if (count > 0) counts.set(key, count - 1);
  return count > 0;
}

/** A test's name. */
export const nameOf = (test: TestCase): string => test.name;
/** What an assertion or marker says. */
export const textOf = (item: Assertion | Marker): string => item.text;

const DEFINITION =
  /\b(?:function\*?|class|def|defp|defmodule|fn|func|struct|enum|interface|trait|fun|record|module)\s+(?:\([^)\n]{0,200}\)\s*)?([A-Za-z_$][\w$]{2,})|^(?:export\s+)?(?:const|let|var)\s+([A-Za-z_$][\w$]{2,})|^[ \t]*(?:public|private|protected|internal|static)\b[^=;(){}\n]{0,200}\b([A-Za-z_]\w{2,})\s*\(|^[ \t]+(?:static[ \t]+|async[ \t]+|get[ \t]+|set[ \t]+|\*[ \t]*){0,3}([A-Za-z_$][\w$]{2,})(?:[ \t]*\([^()\n]{0,200}\)[ \t]*\{|[ \t]*[:=][ \t]*(?:async[ \t]*)?(?:function\b|\([^()\n]{0,200}\)[ \t]*=>|\w+[ \t]*=>))/gm;
const KEYWORD = /^(?:if|for|while|switch|catch|function|return|with|constructor|else|match)$/;

/** Names that a file defines, its inline tests excepted: a test that goes is not code that goes. */
function definitionsOf(whole: string): readonly string[] {
  const text = whole.split(/^#\[cfg\(test\)\]|^if \(import\.meta\.vitest\)/m)[0] ?? '';
  return [...text.matchAll(DEFINITION)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? '')
    .filter((name) => !KEYWORD.test(name));
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

/** Lines of a text that lie in none of some tests. */
function outside(text: string, tests: readonly TestCase[]): string {
  const inside = new Set<number>();
  for (const test of tests) for (let line = test.line; line <= test.endLine; line++) inside.add(line);
  return text
    .split('\n')
    .filter((_, at) => !inside.has(at + 1))
    .join('\n');
}

/** A value as it is compared: formatters and quotes change white space. */
function plain(value: string): string {
  return value.replaceAll(/\s+/g, '');
}

/** Whether a line lies in one of some tests. */
export function isInside(line: number, tests: readonly TestCase[]): boolean {
  return tests.some((test) => line >= test.line && line <= test.endLine);
}

function difference(from: readonly string[], other: readonly string[]): readonly string[] {
  return without(from, other, (item) => item);
}

/** Lines that `before` does not have: what was there already is no row that was written for a lost test. */
function freshLines(after: string, before: string): string {
  const trimmed = (text: string): readonly string[] => text.split('\n').map((line) => line.trim());
  return difference(trimmed(after), trimmed(before)).join('\n');
}

/** What one file gained, seen without the tests that left it and without those that are switched off. */
function gainOf(pair: Pair): {
  assertions: readonly string[];
  tested: readonly string[];
  values: readonly string[];
  words: readonly string[];
} {
  const left = without(pair.base.tests, pair.head.tests, nameOf);
  const knownOff = new Set(pair.base.tests.filter((test) => test.off).map(nameOf));
  const off = pair.head.tests.filter((test) => test.off && !knownOff.has(test.name));
  const staying = pair.base.assertions.filter((one) => !isInside(one.line, left));
  const running = pair.head.tests.filter((test) => !off.includes(test));
  const alive = pair.head.assertions.filter((one) => !isInside(one.line, off));
  const tested = alive.filter((one) => isInside(one.line, running));
  const valuesIn = (text: string): readonly string[] => literalsOf(text).map(plain);
  const bodies = new Set(pair.base.tests.map((test) => test.body));
  const changed = running.filter((test) => !test.hollow && !bodies.has(test.body));
  return {
    assertions: difference(alive.map(textOf), staying.map(textOf)),
    tested: difference(tested.map(textOf), staying.map(textOf)),
    values: valuesIn(freshLines(outside(pair.head.live, off), pair.base.live)),
    words: changed.flatMap((test) => test.body.split(/[^\w$]+/)),
  };
}

/** Tests of head that base does not have here, and that run. */
function arrivals(pair: Pair): readonly TestCase[] {
  return without(pair.head.tests, pair.base.tests, nameOf).filter((test) => !test.off);
}

/** Reads what a change says beside each single file. */
export async function surroundingsOf(
  pairs: readonly Pair[],
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
): Promise<Surroundings> {
  const isSource = (path: string): boolean => languageOf(path) !== null && !isTestFile(path);
  const gains = pairs.map(gainOf);
  return {
    addedNames: countOf(pairs.flatMap((pair) => arrivals(pair).map(nameOf))),
    addedAssertions: countOf(gains.flatMap((gain) => gain.assertions)),
    testedAssertions: countOf(gains.flatMap((gain) => gain.tested)),
    addedValues: countOf(gains.flatMap((gain) => gain.values)),
    addedWords: new Set(gains.flatMap((gain) => gain.words)),
    baseNames: new Set(pairs.flatMap((pair) => pair.base.tests.map(nameOf))),
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
export function needsRemoved(text: string, around: Surroundings): boolean {
  if (around.removedDefinitions.size === 0) return false;
  return text.split(/[^\w$]+/).some((word) => around.removedDefinitions.has(word));
}

/** Whether the file that a test file is named after, or imports, was deleted by the same change. */
export function testsRemovedFile(pair: Pair, around: Surroundings): boolean {
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

/** Words of an assertion that are none of its code. */
const ASSERTING =
  /^(?:assert|expect|refute|should|verify|to[A-Z]|is[A-Z]|be$|not$|equal|deep|strict|raises|throws|t$|self$|if$)/i;
/** A message of a failure, not a value of the code. */
const MESSAGE = /%[a-z+#v]|\{\w*:?\??\}/;

/**
 * Whether what a test asserted is asserted by others: each assertion stands elsewhere as it was, or its values
 * stand in added rows and what it called is called by a test that came or changed. Takes what it finds.
 */
export function livesOn(
  assertions: readonly Assertion[],
  around: Surroundings,
  pools: { readonly assertions: Pool; readonly values: Pool },
): boolean {
  if (assertions.length === 0) return false;
  return assertions.every((assertion) => {
    if (take(pools.assertions, assertion.text)) return true;
    const values = assertion.values.filter((value) => !MESSAGE.test(value)).map(plain);
    const calls = [...assertion.text.replaceAll(/"[^"]*"/g, '').matchAll(/([A-Za-z_$][\w$]*)!?\(/g)]
      .map((match) => match[1] ?? '')
      .filter((name) => !ASSERTING.test(name));
    return (
      values.length > 0 &&
      calls.every((name) => around.addedWords.has(name)) &&
      values.every((value) => take(pools.values, value))
    );
  });
}
