/** One report file's text, whatever its format: JUnit XML, jest's, vitest's and mocha's JSON, go's events, TAP. */
import { cleanName } from '../failures/test-names.ts';
import { linesOf } from '../failures/text.ts';
import { readJunit } from './junit.ts';
import { readPrinted } from './printed.ts';
import { NAME_SEPARATOR, type Tally, type TestState } from './ran.ts';

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function listOf(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fieldsOf) : [];
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

const STATES: Readonly<Record<string, TestState>> = {
  passed: 'passed',
  failed: 'failed',
  pending: 'skipped',
  skipped: 'skipped',
  todo: 'skipped',
  disabled: 'skipped',
};

function nameOf(...parts: readonly string[]): string {
  return cleanName(parts.filter((part) => part !== '').join(NAME_SEPARATOR));
}

/** jest's `--json` and vitest's `--reporter=json`: files with their tests; a file that did not load has none. */
function readJest(report: Fields, tally: Tally): void {
  for (const file of listOf(report['testResults'])) {
    const tests = listOf(file['assertionResults']);
    const path = textOf(file['name']);
    if (tests.length === 0 && file['status'] === 'failed') tally.add('failed', nameOf(path));
    for (const test of tests) {
      const state = STATES[textOf(test['status'])];
      const suites = Array.isArray(test['ancestorTitles']) ? test['ancestorTitles'].map(textOf) : [];
      if (state !== undefined) tally.add(state, nameOf(path, ...suites, textOf(test['title'])));
    }
  }
}

/** mocha's `--reporter json`. */
function readMocha(report: Fields, tally: Tally): void {
  for (const [key, state] of [
    ['passes', 'passed'],
    ['failures', 'failed'],
    ['pending', 'skipped'],
  ] as const)
    for (const test of listOf(report[key]))
      tally.add(state, nameOf(textOf(test['file']), textOf(test['fullTitle'])));
}

function parse(text: string): Fields | null {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return null;
  }
}

/**
 * Reads the tests of one report into `tally`. A text in no known format adds nothing; never throws.
 *
 * @param text hostile: what a command of the repository wrote
 */
export function readReportText(text: string, tally: Tally): void {
  const start = text.replace(/^\uFEFF/, '').trimStart();
  if (start.startsWith('<')) return readJunit(start, tally);
  const json = start.startsWith('{') ? parse(start) : null;
  if (json !== null && 'testResults' in json) return readJest(json, tally);
  if (json !== null && 'passes' in json) return readMocha(json, tally);
  const ran = readPrinted(linesOf(start), []);
  for (const state of ['passed', 'failed', 'skipped'] as const)
    for (const name of ran?.[state] ?? []) tally.add(state, name);
}
