/** Assertions of a change that are gone or expect something else, and tests that assert nothing any more. */
import type { TamperFinding } from '../../../job/gate.ts';
import { finding, shown } from './finding.ts';
import type { Pair } from './pairs.ts';
import { within } from './read/source-lines.ts';
import type { TestCase } from './read/test-source.ts';
import { isInside, nameOf, needsRemoved, take, textOf, without, type Surroundings } from './surroundings.ts';

const ASSERTION_WORD =
  /^(?:assert|expect|refute|should|verify|to[A-Z]|is[A-Z]|be$|not$|equal|deep|strict|true$|false$|null$|nil$|none$|undefined$|raises|throws|ok$|fail|error|fatal|must|in$|and$|or$)/i;

/** An assertion without the names that a refactoring changes: values and words of assertion stay. */
function shape(text: string): string {
  return text.replaceAll(/"[^"]*"|[A-Za-z_$][\w$]*/g, (word) =>
    word.startsWith('"') || ASSERTION_WORD.test(word) ? word : '_',
  );
}

/** Names that are called in a test. */
function callsOf(body: string): ReadonlySet<string> {
  return new Set([...body.matchAll(/([A-Za-z_$][\w$]*)[!?]?\s*\(/g)].map((match) => match[1] ?? ''));
}

/** Calls that assert nothing, by their names. */
const SILENT =
  /^(?:log|info|warn|debug|error|print\w*|puts|p|echo|var_dump|dbg|inspect|String|Number|Boolean|void|if|for|while|return|await|function|test|it|catch|setTimeout)$/;

/** Tests of head that base has too, and that asserted something there. */
function samePairs(pair: Pair): readonly { readonly before: TestCase; readonly after: TestCase }[] {
  const before = new Map(pair.base.tests.map((test) => [test.name, test]));
  return pair.head.tests.flatMap((after) => {
    const own = before.get(after.name);
    return own === undefined || own.hollow ? [] : [{ before: own, after }];
  });
}

/** Whether a test calls what it did not call before: perhaps a helper that asserts. */
function mayAssertElsewhere(before: TestCase, after: TestCase): boolean {
  const known = callsOf(before.body);
  return [...callsOf(after.body)].some((name) => !known.has(name) && !SILENT.test(name));
}

/** Tests that are still there, and in which nothing can fail any more. */
export function hollowed(pair: Pair): readonly TamperFinding[] {
  return samePairs(pair)
    .filter(
      ({ before, after }) =>
        after.hollow ||
        (before.assertions > 0 &&
          after.assertions === 0 &&
          !after.asserting &&
          !mayAssertElsewhere(before, after)),
    )
    .map(({ after }) =>
      finding(
        'test_emptied',
        'block',
        pair.path,
        after.line,
        `${shown([after.name])} no longer tests anything`,
      ),
    );
}

/** Tests whose assertions are gone from sight, and that may still assert by something that they call. */
function dubious(pair: Pair): readonly string[] {
  return samePairs(pair)
    .filter(({ before, after }) => before.assertions > 0 && after.assertions === 0)
    .map(({ after }) => after.name);
}

/**
 * Assertions that head has no more, or with other values.
 *
 * @param lost tests that are told by a finding of their own
 */
export function weakened(
  pair: Pair,
  around: Surroundings,
  lost: readonly TestCase[],
): readonly TamperFinding[] {
  if (pair.gone !== null) return [];
  const excused = [
    ...lost,
    ...without(pair.base.tests, pair.head.tests, nameOf).filter((test) =>
      needsRemoved(`${test.name}\n${test.body}`, around),
    ),
  ];
  const counted = pair.base.assertions.filter(({ line }) => !isInside(line, excused));
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
  const skeleton = (text: string): string => shape(text).replaceAll(/"[^"]*"|\d+/g, '_');
  const heir = fresh.find((one) => skeleton(one.text) === skeleton(first.text));
  const now = heir === undefined ? '' : `, now: ${heir.shown.slice(0, 100)}`;
  const what = fewer ? 'gone or changed' : 'expecting something else';
  const detail = `assertions ${what}: ${changed.length}, the first at line ${first.line} of base: ${first.shown.slice(0, 120)}${now}`;
  const kind = fewer ? 'assertion_removed' : 'expectation_changed';
  const told = finding(kind, 'draft', pair.path, heir?.line ?? null, detail);
  const tests = dubious(pair);
  return [tests.length === 0 ? told : { ...told, tests }];
}

/** A method that a test replaces: of whom, and which. */
const REPLACES =
  /\b(?:mock\.(?:method|getter)|(?:jest|vi|sinon)\.(?:spyOn|stub|replace)|monkeypatch\.setattr|(?:mock\.)?patch\.object)\s*\(\s*([A-Za-z_$][\w$.]{0,80})\s*,\s*["'`](\w{1,80})["'`]|(?<![\w$.])([A-Za-z_$][\w$]{0,80})\.(\w{1,80})\s*=\s*(?:async\s+)?(?:\([^()\n]{0,100}\)\s*=>|\w{1,40}\s*=>|function\b|lambda\b)/g;

/** Methods that a body replaces, as `subject.method`. */
function replacedIn(body: string): readonly string[] {
  return [...body.matchAll(REPLACES)].map((match) => `${match[1] ?? match[3]}.${match[2] ?? match[4]}`);
}

/** Tests that newly replace the very method that they assert something about. */
export function mocked(pair: Pair): readonly TamperFinding[] {
  return samePairs(pair).flatMap(({ before, after }) => {
    const known = new Set(replacedIn(before.body));
    const asserted = within(pair.head.assertions, after.line, after.endLine).map(({ text }) => text);
    const method = replacedIn(after.body).find(
      (name) => !known.has(name) && asserted.some((text) => text.includes(`${name}(`)),
    );
    if (method === undefined) return [];
    const detail = `${shown([after.name])} replaces what it asserts about: ${method}`;
    return [{ ...finding('test_weakened', 'draft', pair.path, after.line, detail), tests: [after.name] }];
  });
}
