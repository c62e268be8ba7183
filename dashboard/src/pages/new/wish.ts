/** What is being asked for, as it stands in the fields of the form, and what the server is sent of it. Pure. */
import type { Budget } from '../../../../src/job/request.ts';
import type { JobView } from '../../../../src/job/view/view.ts';
import type { FieldError } from '../../api/call.ts';

/** The fields. What is empty is as configured. */
export interface Wish {
  readonly repo: string;
  readonly task: string;
  readonly agent: string;
  readonly model: string;
  readonly base: string;
  readonly sandbox: string;
  /** Dollars. */
  readonly maxCost: string;
  readonly maxTokens: string;
  readonly maxTurns: string;
  /** Minutes. */
  readonly minutes: string;
  readonly priority: string;
  readonly session: string;
  readonly draft: boolean;
  readonly mode: 'change' | 'ask';
  readonly callback: string;
  /** By commas. */
  readonly labels: string;
  readonly reviewers: string;
  /** A command a line, `name: command` where it is to have one. */
  readonly checks: string;
  readonly testChanges: boolean;
}

/** Nothing is asked for yet. */
export const NOTHING: Wish = {
  repo: '',
  task: '',
  agent: '',
  model: '',
  base: '',
  sandbox: '',
  maxCost: '',
  maxTokens: '',
  maxTurns: '',
  minutes: '',
  priority: '',
  session: '',
  draft: false,
  mode: 'change',
  callback: '',
  labels: '',
  reviewers: '',
  checks: '',
  testChanges: false,
};

/** An issue, which brings its repository and its task along: `owner/name#12`, or its address. */
const ISSUE = /^([\w.-]+\/[\w.-]+#\d+|https?:\/\/[^/\s]+\/[^/\s]+\/[^/\s]+\/issues\/\d+)$/;

/** Whether what stands in the field of the repository is an issue. */
export function isIssue(repo: string): boolean {
  return ISSUE.test(repo.trim());
}

function names(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** The checks of a text: each line is a command, with a name of its own before a colon and a space. */
export function checksOf(text: string): readonly { readonly name: string; readonly command: string }[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line, at) => {
      const [, name, command] = /^([\w.-]{1,60}): +(.+)$/.exec(line) ?? [];
      return { name: name ?? `check-${at + 1}`, command: command ?? line };
    });
}

function numbered(fields: Readonly<Record<string, string>>): Readonly<Record<string, number>> {
  const given = Object.entries(fields).filter(([, text]) => text.trim() !== '');
  return Object.fromEntries(given.map(([name, text]) => [name, Number(text)]));
}

/** The request for it: only what was said. */
export function bodyOf(wish: Wish): Readonly<Record<string, unknown>> {
  const { repo, task } = wish;
  const minutes = wish.minutes.trim() === '' ? '' : String(Math.round(Number(wish.minutes) * 60));
  const budget = numbered({
    max_cost_usd: wish.maxCost,
    max_tokens: wish.maxTokens,
    max_turns: wish.maxTurns,
    timeout_s: minutes,
  });
  const texts = Object.entries({
    ...(isIssue(repo) ? { issue: repo.trim() } : { repo: repo.trim() }),
    task: task.trim(),
    agent: wish.agent,
    model: wish.model.trim(),
    base: wish.base.trim(),
    sandbox: wish.sandbox,
    session_id: wish.session.trim(),
    callback_url: wish.callback.trim(),
  }).filter(([, value]) => value !== '');
  const lists = Object.entries({
    labels: names(wish.labels),
    reviewers: names(wish.reviewers),
    gate: checksOf(wish.checks),
  }).filter(([, list]) => list.length > 0);
  return {
    ...Object.fromEntries(texts),
    ...Object.fromEntries(lists),
    ...numbered({ priority: wish.priority }),
    ...(Object.keys(budget).length === 0 ? {} : { budget }),
    ...(wish.draft ? { draft: true } : {}),
    ...(wish.mode === 'ask' ? { mode: 'ask' } : {}),
    ...(wish.testChanges ? { allow_test_changes: true } : {}),
  };
}

/** The same again, as far as a job tells what it was asked by. @param most what holds where nothing is said */
export function wishOf(job: JobView, most: Budget): Wish {
  const { repo, task, agent, model, base, sandbox, draft, mode, priority, budget } = job;
  const said = (value: number | null, usual: number | null): string =>
    value === null || value === usual ? '' : String(value);
  return {
    ...NOTHING,
    repo,
    task,
    agent,
    model: model ?? '',
    base: base ?? '',
    sandbox: sandbox === 'auto' ? '' : sandbox,
    priority: said(priority, 0),
    maxCost: said(budget.max_cost_usd, most.max_cost_usd),
    maxTokens: said(budget.max_tokens, most.max_tokens),
    maxTurns: said(budget.max_turns, most.max_turns),
    minutes: said(budget.timeout_s / 60, most.timeout_s / 60),
    draft,
    mode,
  };
}

/** Fields of the form by what the server calls them. */
const FIELDS: Readonly<Record<string, keyof Wish>> = {
  repo: 'repo',
  issue: 'repo',
  task: 'task',
  agent: 'agent',
  model: 'model',
  base: 'base',
  sandbox: 'sandbox',
  'budget.max_cost_usd': 'maxCost',
  'budget.max_tokens': 'maxTokens',
  'budget.max_turns': 'maxTurns',
  'budget.timeout_s': 'minutes',
  priority: 'priority',
  session_id: 'session',
  draft: 'draft',
  mode: 'mode',
  callback_url: 'callback',
  labels: 'labels',
  reviewers: 'reviewers',
  gate: 'checks',
  allow_test_changes: 'testChanges',
};

/** What was refused, by field; what is about none of them stands under `other`. */
export interface Faults {
  readonly byField: Readonly<Partial<Record<keyof Wish, string>>>;
  readonly other: readonly FieldError[];
}

/** Sorts refusals by the fields that they are about: `labels[1]` is about `labels`. */
export function faultsOf(errors: readonly FieldError[]): Faults {
  const nameOf = (field: string): keyof Wish | undefined =>
    FIELDS[field] ?? FIELDS[field.split(/[.[]/)[0] ?? ''];
  const found = errors.flatMap((error) => {
    const name = nameOf(error.field);
    return name === undefined ? [] : [[name, error.allowed] as const];
  });
  return {
    byField: Object.fromEntries(found.toReversed()),
    other: errors.filter(({ field }) => nameOf(field) === undefined),
  };
}

/** A wish that was kept, or what is left of one: what it does not hold, or holds in another form, is as nothing was said. */
export function readWish(text: string | null): Wish | null {
  if (text === null) return null;
  try {
    const kept: unknown = JSON.parse(text);
    if (typeof kept !== 'object' || kept === null) return null;
    const known = Object.entries(kept).filter(
      ([name, value]) => name in NOTHING && typeof value === typeof NOTHING[name as keyof Wish],
    );
    return { ...NOTHING, ...Object.fromEntries(known) };
  } catch {
    return null;
  }
}

/** Whether anything was said. */
export function isEmpty(wish: Wish): boolean {
  return (Object.keys(NOTHING) as (keyof Wish)[]).every((name) => wish[name] === NOTHING[name]);
}
