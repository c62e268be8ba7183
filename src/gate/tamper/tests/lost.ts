/** Tests that base has and head has not: removed, or moved, renamed and rewritten. */
import type { TamperFinding } from '../../../job/gate.ts';
import { jaccard } from '../../../job/text/similarity.ts';
import { finding, shown } from './finding.ts';
import type { Pair } from './pairs.ts';
import { within } from './read/source-lines.ts';
import type { Table } from './read/literals.ts';
import type { Assertion, TestCase, TestSource } from './read/test-source.ts';
import {
  livesOn,
  nameOf,
  needsRemoved,
  take,
  testsRemovedFile,
  without,
  type Surroundings,
} from './surroundings.ts';

/** Part of a deleted file's assertions that must appear elsewhere for it to count as moved. */
const MOVED_SHARE = 0.5;
/** Words that a test and its new name must share, of all their words, to count as one test renamed. */
const RENAMED_SHARE = 0.4;
/** Pairs of tests that are compared word by word: 200 lost tests with 200 new ones. */
const MAX_COMPARED = 200;

/** What became of the tests that head does not name any more. */
export interface Lost {
  /** Nothing asserts what they asserted. */
  readonly gone: readonly TestCase[];
  /** What they asserted stands in other tests. */
  readonly rewritten: readonly TestCase[];
}

function fewer({ length }: readonly unknown[]): string {
  return `${length} ${length === 1 ? 'test' : 'tests'} fewer`;
}

function wordsOf(test: TestCase): string {
  return test.body.split(/[^\w$]+/).join(' ');
}

/** Lost tests that no added one continues: a renamed test keeps most of its body, a replaced one does not. */
function withoutRenamed(lost: readonly TestCase[], added: readonly TestCase[]): readonly TestCase[] {
  const free = new Map(added.slice(0, MAX_COMPARED).map((test) => [test, wordsOf(test)]));
  return lost.filter((test, at) => {
    if (at >= MAX_COMPARED) return true;
    const words = wordsOf(test);
    const heir = [...free]
      // A test that was switched off or hollowed on its way continues nothing.
      .filter(([other]) => (!other.off || test.off) && (!other.hollow || test.hollow))
      .map(([other, others]) => ({ other, share: jaccard(words, others) }))
      .filter(({ share }) => share >= RENAMED_SHARE)
      .toSorted((a, b) => b.share - a.share)[0];
    if (heir === undefined) return true;
    free.delete(heir.other);
    return false;
  });
}

function assertionsIn(pair: Pair, test: TestCase): readonly Assertion[] {
  return within(pair.base.assertions, test.line, test.endLine);
}

/** Tests of base that head has nowhere: neither here nor, moved, elsewhere in the change. */
export function lostTests(pair: Pair, around: Surroundings): Lost {
  const pool = new Map(around.addedNames);
  const added = without(pair.head.tests, pair.base.tests, nameOf);
  for (const test of added) take(pool, test.name);
  const missing = without(pair.base.tests, pair.head.tests, nameOf)
    .filter((test) => !take(pool, test.name))
    .filter((test) => !needsRemoved(`${test.name}\n${test.body}`, around));
  const pools = { assertions: new Map(around.testedAssertions), values: new Map(around.addedValues) };
  const lost = withoutRenamed(missing, added);
  const rewritten = lost.filter((test) => livesOn(assertionsIn(pair, test), around, pools));
  return { gone: lost.filter((test) => !rewritten.includes(test)), rewritten };
}

function movedAway(pair: Pair, around: Surroundings): boolean {
  const pool = new Map(around.testedAssertions);
  const moved = pair.base.assertions.filter((assertion) => take(pool, assertion.text)).length;
  return pair.base.assertions.length > 0 && moved >= pair.base.assertions.length * MOVED_SHARE;
}

/** Findings about tests that are gone. */
export function removed(pair: Pair, around: Surroundings, lost: Lost): readonly TamperFinding[] {
  const { gone, rewritten } = lost;
  if (pair.gone !== null) {
    const isHonest = testsRemovedFile(pair, around) || movedAway(pair, around);
    if (gone.length === 0 || isHonest) return [];
    const detail = `${pair.base.tests.length} tests went with it, among them ${shown(gone.map(nameOf))}`;
    return [
      finding(pair.gone === 'deleted' ? 'test_deleted' : 'test_emptied', 'block', pair.path, null, detail),
    ];
  }
  const found: TamperFinding[] = [];
  if (gone.length > 0) {
    // A table can name values in a form of its own; where most of them are found, the rest may be there too.
    const likely = pair.head.parametrised > pair.base.parametrised && rewritten.length >= gone.length;
    const detail = `${fewer(gone)}: ${shown(gone.map(nameOf))}${likely ? ' (perhaps rewritten as cases of one test)' : ''}`;
    const told = finding('test_removed', likely ? 'draft' : 'block', pair.path, null, detail);
    found.push({ ...told, tests: gone.map(nameOf) });
  }
  if (rewritten.length > 0) {
    const names = rewritten.map(nameOf);
    const detail = `${fewer(names)}, whose assertions stand in others now: ${shown(names)}`;
    found.push({ ...finding('test_rewritten', 'draft', pair.path, null, detail), tests: names });
  }
  return found;
}

/** A list's test and name: `vec` of one test is not `vec` of another. */
function placeOf(source: TestSource, table: Table): string {
  const test = source.tests.find(({ line, endLine }) => line <= table.line && table.line <= endLine);
  return `${test?.name ?? ''}\0${table.name}`;
}

/** What became of each of base's lists; those that head has nowhere are left out. */
function tablesOnBothSides({ base, head }: Pair): readonly (readonly [before: Table, after: Table])[] {
  const inBase = Map.groupBy(base.tables, (table) => placeOf(base, table));
  const inHead = Map.groupBy(head.tables, (table) => placeOf(head, table));
  return [...inBase].flatMap(([place, before]) => {
    const after = inHead.get(place) ?? [];
    const [only] = before;
    if (before.length === 1 && only !== undefined) {
      // Where its test is another now, a name that base has once still says which list it is.
      const isOnly = base.tables.filter(({ name }) => name === only.name).length === 1;
      const found = after[0] ?? (isOnly ? head.tables.find(({ name }) => name === only.name) : undefined);
      return found === undefined ? [] : [[only, found] as const];
    }
    // Several of one name in one test: by their order, without those that are there unchanged if some came or went.
    const same = before.length === after.length;
    const without = (some: readonly Table[], others: readonly Table[]): readonly Table[] =>
      same ? some : some.filter(({ text }) => !others.some((other) => other.text === text));
    const left = without(after, before);
    return without(before, after).flatMap((table, at) => {
      const found = left[at];
      return found === undefined ? [] : [[table, found] as const];
    });
  });
}

/** Lists that tests loop over and that have fewer rows now. */
export function emptiedTables(pair: Pair, around: Surroundings): readonly TamperFinding[] {
  const isInline = (name: string): boolean => name.startsWith('each ');
  const inlineOf = (tables: Pair['base']['tables']): number =>
    tables.filter(({ name }) => isInline(name)).length;
  const sameInline = inlineOf(pair.base.tables) === inlineOf(pair.head.tables);
  return tablesOnBothSides(pair).flatMap(([before, after]) => {
    if (isInline(before.name) && !sameInline) return [];
    if (after.rows >= before.rows) return [];
    if (needsRemoved(before.text, around)) return [];
    const emptied = after.rows === 0;
    const certain = emptied && around.removedDefinitions.size === 0;
    const name = isInline(before.name) ? 'a list of cases' : before.name;
    const detail = `${before.rows - after.rows} of ${before.rows} cases are gone from ${name}`;
    return [finding('test_removed', certain ? 'block' : 'draft', pair.path, after.line, detail)];
  });
}
