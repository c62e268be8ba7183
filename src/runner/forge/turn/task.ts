/** What was said of a pull request, as the task of a job. Everything in it is data, each piece marked by itself. Pure. */
import type { FailedCheck, Pull, Remark, Review } from '../../../forge/forge.ts';
import { markUntrusted, oneLine, stripInvisible } from '../../../prompt/untrusted.ts';

/** What asks for one more turn on a pull request. Whoever calls has looked that its author may ask. */
export type Turn =
  | { readonly kind: 'comment'; readonly author: string; readonly text: string }
  | {
      readonly kind: 'review';
      readonly author: string;
      readonly state: Review['state'];
      readonly text: string;
      readonly remarks: readonly Remark[];
    }
  | { readonly kind: 'checks'; readonly sha: string; readonly failed: readonly FailedCheck[] };

/** What of a pull request a task names. */
export type NamedPull = Pick<Pull, 'number' | 'title' | 'url'>;

/** Longest comment or text of a review, remark, hunk and word of a check that an agent is told, in characters. */
const MAX_TEXT_CHARS = 16_000;
const MAX_REMARK_CHARS = 4000;
const MAX_HUNK_CHARS = 4000;
const MAX_SUMMARY_CHARS = 4000;
/** Longest piece of one log, and of all logs together. */
const MAX_LOG_CHARS = 16_000;
const MAX_LOGS_CHARS = 48_000;
const MAX_REMARKS = 50;
const MAX_CHECKS = 20;
const MAX_TURNS = 20;
/** Longest task, in characters. */
const MAX_ALL_CHARS = 120_000;
/** Shares of a log that is cut: how it began, and how it ended, where failures are; the rest is the marker's. */
const HEAD_SHARE = 0.4;
const TAIL_SHARE = 0.5;
/** Logs of Actions begin each line with the time. */
const TIMES = /^\d{4}-\d\d-\d\dT[\d:.]{8,20}Z /gmu;

function cut(text: string, maxChars: number): string {
  // What does not show must not use up what there is room for.
  const clean = stripInvisible(text.slice(0, maxChars * 4));
  const isWhole = clean.length <= maxChars && text.length <= maxChars * 4;
  return isWhole ? clean : `${clean.slice(0, maxChars).toWellFormed()}\n[cut here: it is longer]`;
}

/** The end of a text: a remark stands below the last line of its hunk. */
function cutFront(text: string, maxChars: number): string {
  const clean = stripInvisible(text.slice(-maxChars * 4));
  const isWhole = clean.length <= maxChars && text.length <= maxChars * 4;
  return isWhole ? clean : `[cut here: it is longer]\n${clean.slice(-maxChars).toWellFormed()}`;
}

function cleanLog(text: string): string {
  return stripInvisible(text).replace(TIMES, '');
}

/**
 * A log within a budget: its head and its tail, with a line between them that says how much is left out.
 *
 * @param maxChars characters that it may take
 */
export function cutLog(text: string, maxChars: number): string {
  const whole = text.length <= maxChars * 4 ? cleanLog(text) : null;
  if (whole !== null && whole.length <= maxChars) return whole;
  const [headChars, tailChars] = [Math.floor(maxChars * HEAD_SHARE), Math.floor(maxChars * TAIL_SHARE)];
  const head = (whole ?? cleanLog(text.slice(0, headChars * 3))).slice(0, headChars);
  const tail = (whole ?? cleanLog(text.slice(-tailChars * 3))).slice(-tailChars);
  const left = (whole ?? text).length - head.length - tail.length;
  return `${head.toWellFormed()}\n[… ${left} characters are left out here …]\n${tail.toWellFormed()}`;
}

function placeOf({ path, line, startLine, isOnBase }: Remark): string {
  const at =
    line === null
      ? 'the file, or a line that is gone'
      : startLine === null || startLine === line
        ? `line ${line}`
        : `lines ${startLine} to ${line}`;
  return `${oneLine(path, 300)}, ${at}${isOnBase ? ' of the base' : ''}`;
}

function remarkPart(remark: Remark): string {
  const hunk =
    remark.hunk === '' ? '' : `\n\nIt stands below this:\n${cutFront(remark.hunk, MAX_HUNK_CHARS)}`;
  const label = `remark of ${oneLine(remark.author, 100)} on ${placeOf(remark)}`;
  const { answers } = remark;
  const before =
    answers === null
      ? ''
      : `\n\nIt answers a remark of ${oneLine(answers.author, 100)}:\n${cut(answers.text, MAX_REMARK_CHARS)}`;
  return markUntrusted(label, `${cut(remark.text, MAX_REMARK_CHARS)}${before}${hunk}`);
}

const STATES: Readonly<Record<Review['state'], string>> = {
  approved: 'who approves',
  changes_requested: 'who asks for changes',
  commented: 'who comments',
  dismissed: 'dismissed since',
};

function checkPart({ name, summary, log }: FailedCheck, maxLogChars: number): string {
  const told =
    log === null
      ? 'Its log can not be read.'
      : `Its log:\n${maxLogChars <= 0 ? '[left out: the logs are longer than there is room for]' : cutLog(log, maxLogChars)}`;
  const said = summary.trim() === '' ? '' : `${cut(summary, MAX_SUMMARY_CHARS)}\n\n`;
  return markUntrusted(`failed check ${oneLine(name, 100)}`, `${said}${told}`);
}

function more(left: number, what: string): readonly string[] {
  return left <= 0 ? [] : [`${left} more ${what} ${left === 1 ? 'is' : 'are'} left out.`];
}

function checksPart(turn: Extract<Turn, { kind: 'checks' }>): readonly string[] {
  const shown = turn.failed.slice(0, MAX_CHECKS);
  const each = Math.min(MAX_LOG_CHARS, Math.floor(MAX_LOGS_CHARS / Math.max(1, shown.length)));
  return [
    `Checks of its commit ${oneLine(turn.sha).slice(0, 12)} failed. Find out why, and mend the code that they found wrong; what judges it (tests, their settings, workflows) is not to be weakened.`,
    ...shown.map((check) => checkPart(check, each)),
    ...more(turn.failed.length - shown.length, 'failed checks'),
  ];
}

function turnPart(name: string, turn: Turn): readonly string[] {
  if (turn.kind === 'checks') return checksPart(turn);
  const author = oneLine(turn.author, 100);
  if (turn.kind === 'comment')
    return [
      markUntrusted(`comment on ${name}, by ${author}, who may write to it`, cut(turn.text, MAX_TEXT_CHARS)),
    ];
  const shown = turn.remarks.slice(0, MAX_REMARKS);
  const label = `review of ${name}, by ${author}, who may write to it and ${STATES[turn.state]}`;
  return [
    ...(turn.text.trim() === '' ? [] : [markUntrusted(label, cut(turn.text, MAX_TEXT_CHARS))]),
    ...shown.map(remarkPart),
    ...more(turn.remarks.length - shown.length, 'remarks'),
  ];
}

/** `owner/name#12` of a pull request, by its address. */
export function nameOfPull({ number, url }: Pick<Pull, 'number' | 'url'>): string {
  const repo = /([\w.-]+\/[\w.-]+)\/pull\/\d+\/?$/.exec(url)?.[1];
  return repo === undefined ? `#${number}` : `${repo}#${number}`;
}

/** Blocks that fit together; the first is told whatever its length, which is bounded. */
function within(parts: readonly string[]): readonly string[] {
  let size = 0;
  const told = parts.filter((part, at) => (size += part.length) <= MAX_ALL_CHARS || at === 0);
  return [...told, ...more(parts.length - told.length, 'pieces')];
}

/**
 * The task of a follow-up: what people who may write ask for is what is to be done. Each piece is marked as data by itself, so that
 * no piece can hide the next.
 *
 * @param turns in the order in which they were said
 */
export function turnTaskOf(pull: NamedPull, turns: readonly Turn[]): string {
  const name = nameOfPull(pull);
  const asked = turns.some(({ kind }) => kind !== 'checks')
    ? 'The pieces below were written by people who may write to the repository: do what they ask of the code. Where they only ask a question, answer it in your last words and change nothing.'
    : 'Nothing else of it is to change.';
  const latest = turns.slice(-MAX_TURNS);
  return [
    `Go on with pull request ${name}: ${oneLine(pull.title)}`,
    `Its change is in the working copy. ${asked}`,
    ...within(latest.flatMap((turn) => turnPart(name, turn))),
    ...more(turns.length - latest.length, 'earlier turns'),
  ].join('\n\n');
}
