/** Which tests failed, read from what a check printed; where no test is named, which error lines it printed. */
import { readErrorLines } from './error-lines.ts';
import { readTestNames } from './test-names.ts';
import { linesOf } from './text.ts';

/** What went red, in a form that compares between two runs. Both lists are sorted and without duplicates. */
export interface Failures {
  /** Names of failing tests. */
  readonly tests: readonly string[];
  /** Normalised error lines; empty when tests are named. */
  readonly errors: readonly string[];
}

/** Most names that are kept. More than 512 KiB of kept output can name, so comparing never misses by cutting. */
export const MAX_FAILING_TESTS = 5000;
/** Most error lines that are kept. */
export const MAX_ERROR_LINES = 1000;
/** Longest name or line, in characters. */
export const MAX_FAILURE_CHARS = 300;

function bounded(names: Iterable<string>, most: number): readonly string[] {
  const short = new Set<string>();
  for (const name of names) {
    const trimmed = name.slice(0, MAX_FAILURE_CHARS).trim();
    if (trimmed !== '') short.add(trimmed);
  }
  return [...short].sort().slice(0, most);
}

/**
 * Reads failures from the output of any runner. Never throws; time is linear in the text, because lines are
 * cut and every pattern is anchored or bounded.
 *
 * @param output standard output and standard error, escape sequences allowed
 */
export function readFailures(output: string): Failures {
  const lines = linesOf(output);
  const tests = bounded(readTestNames(lines), MAX_FAILING_TESTS);
  return { tests, errors: tests.length > 0 ? [] : bounded(readErrorLines(lines), MAX_ERROR_LINES) };
}
