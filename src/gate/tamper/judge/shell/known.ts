/** What is known of a shell command before it runs: the gate's own variables, and failures that it answers. */
import { CHECK_ENV } from '../../../attempt.ts';
import { plainWords } from './endings.ts';
import type { ShellNode } from './tree.ts';

/** The value of a word, as far as the gate itself gives it; `null` when it may be anything. */
function valueOf(word: string, source: string): string | null {
  if (!/[$`*?]/.test(word)) return word;
  const [, plain, braced, operator = '', other = ''] =
    /^\$(?:([A-Z_]+)|\{([A-Z_]+)(?:(:?[-+])([^{}$`]*))?\})$/.exec(word) ?? [];
  const name = plain ?? braced ?? '';
  const value = CHECK_ENV[name];
  if (value === undefined || new RegExp(`\\b(?:${name}=|unset\\b[^\\n;]*\\b${name}\\b)`).test(source))
    return null;
  return operator.endsWith('+') ? other : value;
}

/**
 * Whether a command surely succeeds or fails in the gate: it is `true` or `false`, or asks for a variable that
 * every check runs with, such as `CI`; `null` when that can't be told.
 *
 * @param source the whole text, which may set the variable itself
 */
export function constant(node: ShellNode, source: string): boolean | null {
  const [program = '', ...rest] = plainWords(node);
  if (program === 'true' || program === ':') return true;
  if (program === 'false') return rest.length === 0 ? false : null;
  if (!/^(?:\[|test)$/.test(program)) return null;
  const words = program === 'test' ? rest : rest.slice(0, -1);
  const [first = '', second, third] = words;
  if (words.length > 3 || !words.some((word) => word.startsWith('$'))) return null;
  if (second === undefined) return asks(valueOf(first, source), (value) => value !== '');
  if (third === undefined)
    return /^-[nz]$/.test(first)
      ? asks(valueOf(second, source), (value) => (value === '') === (first === '-z'))
      : null;
  const right = valueOf(third, source);
  if (right === null || !/^(?:==?|!=)$/.test(second)) return null;
  return asks(valueOf(first, source), (value) => (value === right) === (second !== '!='));
}

function asks(value: string | null, holds: (value: string) => boolean): boolean | null {
  return value === null ? null : holds(value);
}

/** Words of a command that runs tests. */
const TESTS =
  /(?:^|[\s/:._-])(?:tests?|specs?|jest|vitest|mocha|ava|tap|pytest|unittest|tox|nox|rspec|phpunit|pest|nextest|verify)(?:$|[\s:._-])/;
/** Words of one that reads code without running it, or formats it. */
const READS =
  /(?:^|[\s/:._-])(?:lint(?:er|ing)?|eslint|oxlint|prettier|biome|format|fmt|vet|types?|typecheck|tsc|mypy|pyright|ruff|flake8|black|clippy|rubocop|phpstan)(?:$|[\s:._-])/;
/** What shells report of a command that was stopped: by `timeout`, for lack of memory, by a signal. */
const STOPPED = new Set(['124', '137', '143']);
/** What runners of tests end with when a test failed. */
const FAILED = new Set(['1', '101']);

/**
 * Why the failure of a command of tests is answered by `handler`, which says nothing of them; `null` when it may.
 *
 * @param words the command without what wraps it, `whole` with it
 */
export function forgives(
  words: readonly string[],
  whole: readonly string[],
  handler: readonly string[],
): string | null {
  const text = words.join(' ');
  const answer = handler.join(' ').slice(0, 60);
  if (READS.test(answer) && !TESTS.test(answer) && TESTS.test(text) && !READS.test(text))
    return `its failure is answered with “|| ${answer}”, which runs no test`;
  const code = /^(?:\[|test) \$\? (?:-eq|==?) (\d{1,3})(?: \])?$/.exec(answer)?.[1] ?? '';
  if (STOPPED.has(code) && whole.includes('timeout'))
    return `it counts as passed when it is stopped (“|| ${answer}”)`;
  return FAILED.has(code) && TESTS.test(text)
    ? `its failure is asked for and dropped (“|| ${answer}”)`
    : null;
}
