/** What is wrong with a definition, and where: collected, so that a person sees all of it at once. */
import { JobError } from '../../error.ts';

/** A place in a definition: names of fields, and places in lists from 0. */
export type Path = readonly (string | number)[];

/** One thing that is wrong. `message` says what came and what is allowed, `hint` what to do. */
export interface PipelineProblem {
  readonly path: Path;
  readonly message: string;
  readonly hint: string | null;
}

/** Most problems that are collected. */
export const MAX_PROBLEMS = 50;
const MAX_SHOWN_CHARS = 100;

/** Collects problems up to the bound. */
export interface Problems {
  add(path: Path, message: string, hint?: string | null): void;
  readonly list: readonly PipelineProblem[];
  /** Whether nothing more is taken, so that what only explains a problem need not be worked out. */
  isFull(): boolean;
  /** Runs one of the parsers of requests; `null` where it refuses, which is noted. */
  attempt<T>(path: Path, parse: () => T): T | null;
}

/** Makes an empty collection. */
export function createProblems(): Problems {
  const list: PipelineProblem[] = [];
  const add: Problems['add'] = (path, message, hint = null) => {
    if (list.length < MAX_PROBLEMS) list.push({ path, message, hint });
  };
  return {
    add,
    list,
    isFull: () => list.length >= MAX_PROBLEMS,
    attempt(path, parse) {
      try {
        return parse();
      } catch (thrown) {
        if (!(thrown instanceof JobError)) throw thrown;
        // Parsers of requests begin with their field's name, and the path says it already.
        add(path, thrown.message.replace(/^\w+: /, ''), thrown.hint);
        return null;
      }
    },
  };
}

/** A path as people write it: `steps[2].depends_on[0]`; names that need it in quotes. */
export function pathText(path: Path): string {
  let text = '';
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`;
    else if (/^[A-Za-z_][\w-]{0,99}$/.test(part)) text += text === '' ? part : `.${part}`;
    else text += `[${JSON.stringify(part.slice(0, MAX_SHOWN_CHARS))}]`;
  }
  return text;
}

/** A problem in one line. */
export function problemText({ path, message }: PipelineProblem): string {
  return path.length === 0 ? message : `${pathText(path)}: ${message}`;
}

/** What came, for a message: short texts and numbers as they are, of everything else the kind. */
export function shown(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string') {
    const isLong = value.length > MAX_SHOWN_CHARS;
    return JSON.stringify(isLong ? `${value.slice(0, MAX_SHOWN_CHARS).toWellFormed()}…` : value);
  }
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (value === undefined) return 'nothing';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
