/** Rules of the tamper guard about tests: deleted, emptied, switched off, and weakened ones. */
import type { TamperFinding } from '../../../job/gate.ts';
import type { Change } from '../change.ts';
import type { RepoFiles } from '../../files.ts';
import { finding } from './finding.ts';
import { emptiedTables, lostTests, removed } from './lost.ts';
import { pairOf, type Pair } from './pairs.ts';
import type { Marker, TestSource } from './read/test-source.ts';
import { surroundingsOf, take, textOf, without, type Pool, type Surroundings } from './surroundings.ts';
import { isSnapshot, isTestFile, languageOf } from './test-files.ts';
import { hollowed, mocked, weakened } from './weakened.ts';

const MARKER_TEXT: Readonly<Record<Marker['kind'], string>> = {
  test_skipped: 'a test is switched off',
  run_narrowed: 'tests are left out of the run',
  test_focused: 'all other tests are switched off',
  early_exit: 'the test run is ended early with success',
  assertion_replaced: 'what tests or asserts is replaced by something that does not',
  test_weakened: 'a test that can fail for less',
};

/** Whether a marker is only about tests that base does not have. */
function isAboutNewTests(marker: Marker, pair: Pair, around: Surroundings): boolean {
  if (marker.kind !== 'test_skipped' && marker.kind !== 'test_weakened') return false;
  const whole = pair.basePath === null ? pair.head.tests.map((test) => test.name) : [];
  const names = marker.tests ?? whole;
  return names.length > 0 && names.every((name) => !around.baseNames.has(name));
}

function switchedOff(pair: Pair, around: Surroundings, removedMarkers: Pool): readonly TamperFinding[] {
  return Object.entries(MARKER_TEXT).flatMap(([kind, text]) => {
    const of = (source: TestSource): readonly Marker[] =>
      source.markers.filter((marker) => marker.kind === kind);
    const growth = of(pair.head).length - of(pair.base).length;
    if (growth <= 0) return [];
    const fresh = without(of(pair.head), of(pair.base), textOf).filter(
      (marker) => !take(removedMarkers, marker.text),
    );
    return fresh.slice(0, growth).map((marker) => {
      const isNew = isAboutNewTests(marker, pair, around);
      const weakened = kind === 'test_weakened';
      const what = isNew && !weakened ? 'a new test is switched off from the start' : text;
      const told = kind === 'run_narrowed' ? 'test_skipped' : kind;
      const detail = `${what}: ${marker.shown.slice(0, 120)}`;
      if (weakened && !isNew) {
        const tests = marker.tests ?? pair.head.tests.map((test) => test.name);
        return { ...finding(told, 'draft', pair.path, marker.line, detail), tests };
      }
      return finding(told, isNew ? 'report' : 'block', pair.path, marker.line, detail);
    });
  });
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
    ...pairs.flatMap((pair) => {
      const lost = lostTests(pair, around);
      return [
        ...removed(pair, around, lost),
        ...emptiedTables(pair, around),
        ...hollowed(pair),
        ...mocked(pair),
        ...switchedOff(pair, around, removedMarkers),
        ...weakened(pair, around, [...lost.gone, ...lost.rewritten]),
      ];
    }),
    ...changes.flatMap(expectationFile),
  ];
}
