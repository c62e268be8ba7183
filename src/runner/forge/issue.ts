/** An issue on a forge: found by its name, read, and made the task of a job. Everything in it is data. */
import type { Config } from '../../config.ts';
import type { Forge, Issue, IssueComment, Visit } from '../../forge/forge.ts';
import { nameOn, splitName } from '../../forge/github/names.ts';
import { JobError } from '../../job/error.ts';
import { stemOf, type Issue as IssueText } from '../../job/in-place/issue.ts';
import { parseToken } from '../../job/request.ts';
import { markUntrusted, oneLine, stripInvisible } from '../../prompt/untrusted.ts';

/** Where an issue is. */
export interface IssueName {
  /** `owner/name` of its repository. */
  readonly repo: string;
  readonly number: number;
}

/** An issue, read. */
export interface ReadIssue {
  /** `owner/name#12`. */
  readonly name: string;
  /** `owner/name`. */
  readonly repo: string;
  readonly title: string;
  /** The task that it is, with all that others wrote marked as data. */
  readonly task: string;
  /** What its branch and commit are called in a checkout. */
  readonly issue: IssueText;
}

/** Longest part of an issue's own text, of one comment, and of all of them that an agent is told, in characters. */
const MAX_BODY_CHARS = 48_000;
const MAX_COMMENT_CHARS = 8000;
const MAX_COMMENTS_CHARS = 48_000;
const MAX_COMMENTS = 50;
/** Longest look at an issue. */
const READ_TIMEOUT_MS = 60_000;

/** Whether this names an issue on a forge, and no file. */
export function isIssueName(text: string): boolean {
  return /^https?:\/\//i.test(text) || /^[\w.-]+\/[\w.-]+#\d+$/.test(text);
}

/**
 * The issue or pull request that somebody names: `owner/name#12`, or its address; `null` for anything else.
 *
 * @param url the server's
 * @param address the form of an address: with that of the repository, and the number
 */
export function parseNumbered(url: string, text: string, address: RegExp): IssueName | null {
  const [, at = '', digits = ''] = address.exec(text) ?? /^([\w.-]+\/[\w.-]+)#(\d{1,9})$/.exec(text) ?? [];
  const name = at.includes('://') ? nameOn(url, at) : splitName(at);
  if (name === null || Number(digits) === 0) return null;
  return { repo: `${name.owner}/${name.name}`, number: Number(digits) };
}

/**
 * The issue that somebody names: `owner/name#12`, or its address.
 *
 * @throws JobError `invalid_request`
 */
export function parseIssueName(config: Config, text: string): IssueName {
  const { url } = config.github;
  const name = parseNumbered(url, text, /^([^#?\s]+)\/issues\/(\d{1,9})\/?(?:[?#]\S*)?$/);
  if (name !== null) return name;
  throw new JobError(
    'invalid_request',
    `issue: ${JSON.stringify(text.slice(0, 200))} is no issue of ${url}`,
    {
      hint: `give owner/name#12, or ${url}/owner/name/issues/12`,
    },
  );
}

/** `owner/name#12`. */
export function nameOfIssue({ repo, number }: IssueName): string {
  return `${repo}#${number}`;
}

function cut(text: string, maxChars: number): string {
  // Cleaned first: what does not show must not use up what there is room for.
  const clean = stripInvisible(text.slice(0, maxChars * 4));
  const isWhole = clean.length <= maxChars && text.length <= maxChars * 4;
  return isWhole ? clean : `${clean.slice(0, maxChars).toWellFormed()}\n[cut here: it is longer]`;
}

/** Comments by those who may write first, then the others, each in the order in which they were written. */
function commentsPart(name: string, comments: readonly IssueComment[]): readonly string[] {
  const ordered = [...comments.filter((one) => one.mayWrite), ...comments.filter((one) => !one.mayWrite)];
  const told: string[] = [];
  let size = 0;
  for (const { author, mayWrite, text } of ordered.slice(0, MAX_COMMENTS)) {
    const who = `${author}, who ${mayWrite ? 'may' : 'may not'} write to the repository`;
    const block = markUntrusted(`comment on ${name}, by ${who}`, cut(text, MAX_COMMENT_CHARS));
    size += block.length;
    if (size > MAX_COMMENTS_CHARS) break;
    told.push(block);
  }
  const left = ordered.length - told.length;
  return left === 0
    ? told
    : [...told, `${left} more ${left === 1 ? 'comment is' : 'comments are'} left out.`];
}

/**
 * The task that an issue is: each piece of it marked as data by itself, so that no piece can hide the next.
 *
 * @param asOf RFC 3339; comments that were written or changed after it are left out: whoever asked had not read them
 */
export function issueTaskOf(name: string, issue: Issue, asOf: string | null = null): string {
  const { title, text, author } = issue;
  // Forges tell seconds.
  const untilMs = asOf === null ? Number.POSITIVE_INFINITY : Date.parse(asOf) + 999;
  const comments = issue.comments.filter(
    ({ writtenAt, changedAt }) => Date.parse(writtenAt) <= untilMs && Date.parse(changedAt) <= untilMs,
  );
  const shown = oneLine(title) || name;
  return [
    `Implement this issue: ${shown}`,
    `It is ${name}. The issue says what is wanted of the code; who may write to the repository is to be believed before others.`,
    markUntrusted(`issue ${name}, by ${author}`, `${oneLine(title, 500)}\n\n${cut(text, MAX_BODY_CHARS)}`),
    ...commentsPart(name, comments),
  ].join('\n\n');
}

/** The task of an issue with what the person who asks says beside it. */
export function withWords(task: string, words: string | null): string {
  return words === null
    ? task
    : `${task}\n\nWhoever asked for this says besides, outside of the data:\n${words}`;
}

/**
 * Reads an issue.
 *
 * @param text as somebody named it
 * @param token the job's own for the forge
 * @throws JobError `invalid_request`, `not_found`, `bad_configuration` without a forge
 */
export async function readIssue(
  { forge, config }: { readonly forge: Forge; readonly config: Config },
  text: string,
  token?: string,
): Promise<ReadIssue> {
  const at = parseIssueName(config, text);
  const name = nameOfIssue(at);
  // Looked at before it is used: an error of what can't be a header quotes it.
  if (token !== undefined) parseToken(token);
  const signal = AbortSignal.timeout(READ_TIMEOUT_MS);
  const visit: Visit = { jobId: 'issue', signal, token, onNotice: () => {} };
  const remote = await forge.resolve(`${config.github.url}/${at.repo}`);
  const { issues } = forge.access(remote, visit);
  if (issues === undefined) {
    throw new JobError('bad_configuration', `issue: ${name} lies on a forge, and no forge is configured`, {
      hint: 'set BOT_TOKEN to the token of an account there; or save the issue as a file and name that, or pipe it: gh issue view 12 | agent-runner issue-to-pr -',
    });
  }
  const found = await issues.read(at.number);
  if (found.isProposal) {
    throw new JobError('invalid_request', `issue: ${name} is a pull request`, { hint: 'name an issue' });
  }
  if (!found.isOpen) {
    throw new JobError('conflict', `issue: ${name} is closed`, { hint: 'open it again, or name another' });
  }
  const title = oneLine(found.title);
  const stem = stemOf(`${at.number}-${title.toLowerCase()}`);
  return {
    name,
    repo: at.repo,
    title,
    task: issueTaskOf(name, found),
    issue: { title, text: found.text, stem },
  };
}
