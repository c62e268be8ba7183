/** What the plan phase answers, read with care: it is a model's text. */
import { isFields, parseJson, type Fields } from '../text/json.ts';

/** One piece of the task, built by one prompt. */
export interface Subtask {
  readonly name: string;
  readonly task: string;
  /** Paths in the repository that it is about; they need not exist. */
  readonly files: readonly string[];
}

/** A plan that can be followed. `problem` says why it is not the agent's own; `null` where it is. */
export interface Plan {
  readonly reasoning: string;
  readonly subtasks: readonly Subtask[];
  readonly problem: string | null;
}

/** Most sub-tasks of a plan: each is a turn of the agent. */
export const MAX_SUBTASKS = 6;
const MAX_NAME_CHARS = 100;
const MAX_TASK_CHARS = 2000;
const MAX_REASONING_CHARS = 2000;
const MAX_FILES = 10;
const MAX_PATH_CHARS = 200;
/** Bytes of a whole plan: a step's result may have 64 KiB. */
const MAX_PLAN_BYTES = 56 * 1024;
/** Characters of an answer that are read, and places in it where a plan may begin. */
const MAX_ANSWER_CHARS = 256 * 1024;
const MAX_CANDIDATES = 20;

/** The whole task as one piece: what a plan that can't be read becomes. */
const WHOLE: Subtask = { name: 'the whole task', task: 'Do the whole task.', files: [] };

// No two repetitions that take the same blanks in a row: a line of them would be tried in every way to share them.
const FENCED = /^[ \t]*(`{3,}|~{3,})[ \t]*(?:(?:json5?|jsonc)[ \t]*)?\n([\s\S]*?)\n[ \t]*\1[ \t]*$/gim;

/** Where the object that begins at `from` ends, strings and their escapes minded; -1 where it does not. */
function objectEnd(text: string, from: number): number {
  let [depth, quoted] = [0, false];
  for (let at = from; at < text.length; at++) {
    const char = text[at];
    if (quoted) {
      if (char === '\\') at++;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return at + 1;
  }
  return -1;
}

/** Objects that begin outside of one another, in the order of the text. */
function objectsIn(text: string): string[] {
  const found: string[] = [];
  let at = text.indexOf('{');
  for (let tries = 0; at >= 0 && tries < MAX_CANDIDATES; tries++) {
    const end = objectEnd(text, at);
    if (end > 0) found.push(text.slice(at, end));
    at = text.indexOf('{', end > 0 ? end : at + 1);
  }
  return found;
}

/** The last object with sub-tasks: agents think aloud before they answer. */
function findPlan(answer: string): Fields | null {
  const text = answer.slice(-MAX_ANSWER_CHARS);
  const fenced = [...text.matchAll(FENCED)].slice(-MAX_CANDIDATES).map((match) => match[2] ?? '');
  for (const candidate of [text, ...fenced.toReversed(), ...objectsIn(text).toReversed()]) {
    const value = parseJson(candidate.trim());
    if (isFields(value) && 'subtasks' in value) return value;
  }
  return null;
}

function cut(text: string, maxChars: number): string {
  const trimmed = text.trim();
  return trimmed.length <= maxChars ? trimmed : `${trimmed.slice(0, maxChars - 1).toWellFormed()}…`;
}

/** A relative path that stays inside the repository, on one line. */
function isPath(value: unknown): value is string {
  return (
    typeof value === 'string' &&
    value.length <= MAX_PATH_CHARS &&
    /^[^/\\\s-][^\\\p{Cc}]*$/u.test(value) &&
    !value.split('/').includes('..')
  );
}

function filesOf(value: unknown): readonly string[] {
  const named = Array.isArray(value) ? value.map((one: unknown) => pathOf(one)).filter(isPath) : [];
  return [...new Set(named)].slice(0, MAX_FILES);
}

function pathOf(value: unknown): unknown {
  return typeof value === 'string' ? value.trim().replace(/^(?:\.\/)+/, '') : value;
}

function subtaskOf(value: unknown): Subtask | null {
  if (!isFields(value)) return null;
  const { name, task, files } = value;
  if (typeof task !== 'string' || task.trim() === '') return null;
  const title = typeof name === 'string' && name.trim() !== '' ? name : (task.split('\n')[0] ?? '');
  return {
    name: cut(title.replace(/\s+/g, ' '), MAX_NAME_CHARS),
    task: cut(task, MAX_TASK_CHARS),
    files: filesOf(files),
  };
}

function whole(problem: string, reasoning = ''): Plan {
  return { reasoning, subtasks: [WHOLE], problem };
}

/**
 * Reads a plan, `{reasoning, subtasks: [{name, task, files}]}`, from what an agent answered: as it is, in a fenced
 * block, or anywhere in its text. Whatever is no plan of 1 to 6 sub-tasks becomes one sub-task, the whole task, and
 * `problem` says why. Texts are cut, paths that leave the repository are dropped.
 */
export function parsePlan(answer: string): Plan {
  const found = findPlan(answer);
  if (found === null)
    return whole(answer.trim() === '' ? 'the agent answered nothing' : 'the answer holds no plan');
  const reasoning =
    typeof found['reasoning'] === 'string' ? cut(found['reasoning'], MAX_REASONING_CHARS) : '';
  const { subtasks: list } = found;
  if (!Array.isArray(list) || list.length === 0) return whole('the plan names no sub-task', reasoning);
  if (list.length > MAX_SUBTASKS) {
    return whole(`the plan has ${list.length} sub-tasks (allowed: 1 to ${MAX_SUBTASKS})`, reasoning);
  }
  const subtasks = list.map((one: unknown) => subtaskOf(one)).filter((one) => one !== null);
  if (subtasks.length < list.length) return whole('a sub-task of the plan says nothing to do', reasoning);
  const names = new Set(subtasks.map((one) => one.name.toLowerCase()));
  if (names.size < subtasks.length) return whole('two sub-tasks of the plan have the same name', reasoning);
  const plan: Plan = { reasoning, subtasks, problem: null };
  const bytes = new TextEncoder().encode(JSON.stringify(plan)).length;
  return bytes > MAX_PLAN_BYTES ? whole(`the plan is too long (${bytes} bytes)`) : plan;
}
