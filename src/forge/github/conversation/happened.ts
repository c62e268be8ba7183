/**
 * What happened on GitHub, made out of JSON that a webhook or the REST interface gave: both are read here, so that
 * one happening has one key, whoever tells of it. Nothing in it is trusted: what is not as GitHub writes it is
 * nothing, and every text is cut.
 *
 * Comments, reviews and checks have ids that both sources know. A label has none: a webhook does not tell the id of the
 * event, and REST not what the webhook had. Both tell the issue, the label and a time in seconds, of the change or of
 * the event, which are the same second but for a change on its edge; whoever starts work by a label must therefore
 * look whether work on that issue began since. A key without the time would make it impossible to ask again by taking
 * a label off and putting it on.
 */
import { MAX_EVENT_TEXT_CHARS, type ForgeEvent, type Subject } from '../../../job/trigger/event.ts';
import { splitName } from '../names.ts';

/** The verdict that we say of commits, as a status or as a check: it asks nothing of us. */
export const OWN_CHECK = 'agent-runner/gate';

/** JSON that somebody sent: an object whose fields nobody has looked at. */
export type Given = Readonly<Record<string, unknown>>;

const NOTHING: Given = {};
/** GitHub has 39 characters, Enterprise Server up to 100 with what it adds. */
const LOGIN = /^[a-z\d][\w-]{0,99}(?:\[bot\])?$/i;
const SHA = /^[\da-f]{40}(?:[\da-f]{24})?$/;
/** GitHub has 50 characters for the name of a label; one that is longer than this is no name. */
const MAX_LABEL_CHARS = 256;
const MAX_TIME_CHARS = 40;
const REVIEW_STATES = ['approved', 'changes_requested', 'commented', 'dismissed'] as const;

/** The object in a field of an object; an empty one where there is none. Only own fields count. */
export function within(given: unknown, field: string): Given {
  const value = fieldOf(given, field);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Given) : NOTHING;
}

/** A field that an object itself has. */
export function fieldOf(given: unknown, field: string): unknown {
  return typeof given === 'object' && given !== null && Object.hasOwn(given, field)
    ? (given as Given)[field]
    : undefined;
}

/** Text, cut; `''` where there is none. */
export function textIn(given: unknown, field: string, maxChars = MAX_EVENT_TEXT_CHARS): string {
  const value = fieldOf(given, field);
  return typeof value === 'string' ? value.slice(0, maxChars).toWellFormed() : '';
}

/** A number that counts or names things: whole and above nothing. */
export function idIn(given: unknown, field: string): number | null {
  const value = fieldOf(given, field);
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : null;
}

/** Seconds are all that both sources tell. */
function timeIn(given: unknown, field: string): string | null {
  const value = fieldOf(given, field);
  if (typeof value !== 'string' || value.length > MAX_TIME_CHARS || !/^\d{4}-\d\d-\d\dT/.test(value))
    return null;
  const atMs = Date.parse(value);
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** Login of the account in a field; `null` where there is none that GitHub would give. */
function loginIn(given: unknown, field: string): string | null {
  const login = fieldOf(within(given, field), 'login');
  return typeof login === 'string' && LOGIN.test(login) ? login : null;
}

/** Whether a login may be one: it becomes part of an address. */
export function isLogin(login: string): boolean {
  return LOGIN.test(login);
}

/** Full name of a repository as events have it: GitHub tells no capitals apart. */
export function repoIn(given: unknown): string | null {
  const fullName = fieldOf(given, 'full_name');
  if (typeof fullName !== 'string' || fullName.length > 256) return null;
  const name = splitName(fullName);
  return name === null ? null : `${name.owner}/${name.name}`.toLowerCase();
}

/** Whether what GitHub calls an issue is a pull request. */
export function isPullIn(issue: Given): boolean {
  return (fieldOf(issue, 'pull_request') ?? null) !== null;
}

interface Actor {
  readonly actor: string;
  readonly isBot: boolean;
}

/**
 * Who did something: the account in a field, and whether it, or what it did it with, is a program.
 *
 * @param made what was made, which tells of the App that made it
 */
function actorIn(given: unknown, field: string, made: unknown): Actor | null {
  const actor = loginIn(given, field);
  if (actor === null) return null;
  const isApp = (fieldOf(made, 'performed_via_github_app') ?? null) !== null;
  return {
    actor,
    isBot: isApp || actor.endsWith('[bot]') || fieldOf(within(given, field), 'type') === 'Bot',
  };
}

function subjectOf(issue: unknown): Subject {
  return {
    title: textIn(issue, 'title'),
    text: textIn(issue, 'body'),
    author: loginIn(issue, 'user') ?? 'ghost',
  };
}

/** An issue or a pull request that something was done to. */
export interface Place {
  readonly repo: string;
  readonly issue: Given;
  readonly isPull: boolean;
}

/** What was done, and by whom; where the fields are that tell so differs between the sources. */
export interface Deed {
  readonly given: Given;
  /** Field with the account of who did it. */
  readonly by: string;
  /** Object and field with the time. */
  readonly timed: readonly [Given, string];
}

/** A label that was put on, somebody who was made responsible, or the end of an issue: none where it can't be read. */
export function changeOf(
  kind: 'label' | 'assignment' | 'closed',
  { repo, issue, isPull }: Place,
  { given, by, timed }: Deed,
): ForgeEvent | null {
  const number = idIn(issue, 'number');
  const at = timeIn(...timed);
  if (number === null || at === null) return null;
  const place = `${repo}#${number}`;
  if (kind === 'closed') return { kind, key: `closed:${place}:${at}`, repo, at, number, isPull };
  const done = actorIn(given, by, given);
  if (done === null) return null;
  const shared = { repo, at, number, isPull, ...done, subject: subjectOf(issue) };
  if (kind === 'assignment') {
    const assignee = loginIn(given, 'assignee');
    const key = `assignment:${place}:${assignee?.toLowerCase() ?? ''}:${at}`;
    return assignee === null ? null : { kind, key, assignee, ...shared };
  }
  const label = fieldOf(within(given, 'label'), 'name');
  if (typeof label !== 'string' || label === '' || label.length > MAX_LABEL_CHARS) return null;
  return { kind, key: `label:${place}:${label.toLowerCase()}:${at}`, label, ...shared };
}

/**
 * A comment below an issue or a pull request.
 *
 * @param place.issue what it stands below, where that was told with it
 */
export function commentOf(
  repo: string,
  place: { readonly number: number | null; readonly isPull: boolean; readonly issue?: Given },
  comment: Given,
): ForgeEvent | null {
  const id = idIn(comment, 'id');
  const at = timeIn(comment, 'created_at');
  const done = actorIn(comment, 'user', comment);
  const { number, isPull, issue } = place;
  if (id === null || at === null || done === null || number === null) return null;
  const text = textIn(comment, 'body');
  const subject = issue === undefined ? {} : { subject: subjectOf(issue) };
  const key = `comment:${repo}:${id}`;
  return { kind: 'comment', key, repo, at, number, isPull, ...done, id, text, ...subject };
}

/** A submitted review: what REST writes in capitals is in small letters in a webhook. */
export function reviewOf(repo: string, number: number | null, review: Given): ForgeEvent | null {
  const id = idIn(review, 'id');
  const at = timeIn(review, 'submitted_at');
  const done = actorIn(review, 'user', review);
  const state = reviewStateOf(review);
  if (id === null || at === null || done === null || number === null || state === null) return null;
  const text = textIn(review, 'body');
  const key = `review:${repo}:${id}`;
  return { kind: 'review', key, repo, at, number, isPull: true, ...done, id, state, text };
}

/** How a review judges; `null` for one that is not submitted. */
export function reviewStateOf(review: unknown): (typeof REVIEW_STATES)[number] | null {
  const written = textIn(review, 'state', 30).toLowerCase();
  return REVIEW_STATES.find((state) => state === written) ?? null;
}

/** What tells of the end of checks, and the fields in which each has its time. */
const ENDS = {
  check: 'completed_at',
  suite: 'updated_at',
  workflow: 'updated_at',
  status: 'updated_at',
} as const;

/** A check, a suite of them, a workflow's run or a status of a commit that has ended; ours is none. */
export function checkedOf(
  what: keyof typeof ENDS,
  repo: string,
  shaField: 'head_sha' | 'sha',
  given: Given,
): ForgeEvent | null {
  const id = idIn(given, 'id');
  const at = timeIn(given, ENDS[what]);
  const sha = textIn(given, shaField, 64).toLowerCase();
  if (id === null || at === null || !SHA.test(sha)) return null;
  if (fieldOf(given, 'name') === OWN_CHECK || fieldOf(given, 'context') === OWN_CHECK) return null;
  // A workflow that is run again keeps its id.
  const attempt = what === 'workflow' ? `.${idIn(given, 'run_attempt') ?? 1}` : '';
  return { kind: 'checks', key: `checks:${repo}:${sha}:${what}-${id}${attempt}`, repo, at, sha };
}
