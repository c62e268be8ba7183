/** The values of a definition, each read with care: what is wrong is noted with its path, and reading goes on. */
import type { Budget, Policy } from '../../request.ts';
import { isFields, type Fields } from '../../text/json.ts';
import { BUDGET_LIMITS, POLICY_VALUES } from '../definition.ts';
import { nearest } from '../../text/distance.ts';
import { shown, type Path, type Problems } from './problem.ts';

/** Longest name of an agent, a model or a person, in characters, and most people that one approval may name. */
const MAX_NAME_CHARS = 200;
const MAX_LIST = 100;

/** What people write for a field of ours. */
const SYNONYMS: Readonly<Record<string, string>> = {
  repo: 'repo_url',
  upstream_repo: 'repo_url',
  repository: 'repo_url',
  prompt: 'task',
  instruction: 'task',
  run: 'task',
  needs: 'depends_on',
  after: 'depends_on',
  if: 'condition',
  when: 'condition',
  provider: 'agent',
  id: 'name',
  output: 'outputs',
  continue_on_error: 'on_failure',
  jobs: 'steps',
  tasks: 'steps',
  required: 'optional',
};

/** An object with no other than the known fields; `null` for what is no object. */
export function readFields(
  value: unknown,
  path: Path,
  known: readonly string[],
  what: string,
  problems: Problems,
): Fields | null {
  if (!isFields(value)) {
    problems.add(path, `${shown(value)} is no ${what}`, `give an object with ${known.join(', ')}`);
    return null;
  }
  for (const name of Object.keys(value)) {
    if (known.includes(name)) continue;
    if (problems.isFull()) break;
    const synonym = Object.hasOwn(SYNONYMS, name) ? SYNONYMS[name] : undefined;
    const meant = synonym !== undefined && known.includes(synonym) ? synonym : nearest(name, known);
    problems.add(
      [...path, name],
      `there is no such field of ${/^[aeiou]/.test(what) ? 'an' : 'a'} ${what}`,
      meant === null ? `allowed are ${known.join(', ')}` : `did you mean ${meant}?`,
    );
  }
  return value;
}

/** A field's own value; what every object inherits is none. */
export function fieldOf(fields: Fields, name: string): unknown {
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

/** Whether a field was left out, which `null` says as well. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === undefined || value === null;
}

/** A text; `null` where it is none, which is noted. */
export function readText(value: unknown, path: Path, problems: Problems): string | null {
  if (typeof value === 'string' && value.isWellFormed()) return value;
  if (typeof value === 'string') problems.add(path, 'it holds half of a character', 'give valid Unicode');
  else
    problems.add(
      path,
      `${shown(value)} is no text`,
      typeof value === 'number' || typeof value === 'boolean'
        ? `put it in quotes: "${String(value)}"`
        : 'give a text',
    );
  return null;
}

/** The name of an agent, a model or a person; absent is `null`. */
export function readName(value: unknown, path: Path, problems: Problems): string | null {
  if (isAbsent(value)) return null;
  const text = readText(value, path, problems);
  if (text === null) return null;
  if (text.length > 0 && text.length <= MAX_NAME_CHARS && text.trim() === text && !/\p{C}/u.test(text))
    return text;
  problems.add(
    path,
    `${shown(text)} is not allowed`,
    `give 1 to ${MAX_NAME_CHARS} printable characters without blanks at the ends`,
  );
  return null;
}

/** One of some words; absent is `fallback`. */
export function readOneOf<T extends string>(
  value: unknown,
  path: Path,
  allowed: readonly T[],
  fallback: T,
  problems: Problems,
): T {
  if (isAbsent(value)) return fallback;
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  const meant = typeof value === 'string' ? nearest(value, allowed) : null;
  problems.add(
    path,
    `${shown(value)} is unknown (allowed: ${allowed.join(', ')})`,
    meant === null ? null : `did you mean ${meant}?`,
  );
  return fallback;
}

/** Yes or no; absent is no. */
export function readFlag(value: unknown, path: Path, problems: Problems): boolean {
  if (isAbsent(value)) return false;
  if (typeof value === 'boolean') return value;
  problems.add(path, `${shown(value)} is neither true nor false`, 'write true or false, without quotes');
  return false;
}

/** A list of texts, or one text for a list of one; absent is an empty list. Each is checked by `read`. */
export function readList(
  value: unknown,
  path: Path,
  problems: Problems,
  read: (value: unknown, path: Path) => string | null = (one, at) => readText(one, at, problems),
): readonly string[] {
  if (isAbsent(value)) return [];
  if (typeof value === 'string') {
    const only = read(value, path);
    return only === null ? [] : [only];
  }
  if (!Array.isArray(value)) {
    problems.add(path, `${shown(value)} is no list of names`, 'give a list of texts, or one text');
    return [];
  }
  return value.flatMap((one: unknown, at) => read(one, [...path, at]) ?? []);
}

/** Names of people; each once. */
export function readPeople(value: unknown, path: Path, problems: Problems): readonly string[] {
  const people = readList(value, path, problems, (one, at) => {
    if (!isAbsent(one)) return readName(one, at, problems);
    problems.add(at, `${shown(one)} is no name`, 'give a text');
    return null;
  });
  if (people.length > MAX_LIST)
    problems.add(path, `${people.length} names are too many (at most ${MAX_LIST})`);
  return [...new Set(people)];
}

/** What a pipeline or step says of its budget. */
export function readBudget(value: unknown, path: Path, problems: Problems): Partial<Budget> {
  if (isAbsent(value)) return {};
  const names = Object.keys(BUDGET_LIMITS) as (keyof Budget)[];
  const fields = readFields(value, path, names, 'budget', problems);
  if (fields === null) return {};
  const budget: { -readonly [K in keyof Budget]?: Budget[K] | null } = {};
  for (const name of names) {
    const amount = fieldOf(fields, name);
    const { least, most, whole, nullable } = BUDGET_LIMITS[name];
    if (amount === undefined || (amount === null && !nullable)) continue;
    const isAmount = typeof amount === 'number' && amount >= least && amount <= most;
    if (amount === null || (isAmount && (!whole || Number.isInteger(amount)))) {
      budget[name] = amount;
      continue;
    }
    const kind = whole ? 'a whole number' : 'a number';
    const none = nullable ? ', or null for no limit' : '';
    problems.add(
      [...path, name],
      `${shown(amount)} is not allowed (${kind} from ${least} to ${most}${none})`,
    );
  }
  return budget as Partial<Budget>;
}

/** What a pipeline or step says of its policy. */
export function readPolicy(value: unknown, path: Path, problems: Problems): Partial<Policy> {
  if (isAbsent(value)) return {};
  const names = Object.keys(POLICY_VALUES) as (keyof Policy)[];
  const fields = readFields(value, path, names, 'policy', problems);
  if (fields === null) return {};
  const given = names.filter((name) => !isAbsent(fieldOf(fields, name)));
  return Object.fromEntries(
    given.map((name) => {
      const allowed: readonly string[] = POLICY_VALUES[name];
      return [name, readOneOf(fields[name], [...path, name], allowed, allowed[0] ?? '', problems)];
    }),
  );
}
