/** A follow-up on a pull request, as the request of a job. Pure. */
import type { Pull } from '../../../forge/forge.ts';
import type { Job } from '../../../job/job.ts';
import { parsePull, LOGIN, MAX_TURN_PEOPLE, type TurnNote } from '../../../job/trigger/turn.ts';
import type { Budget, JobRequest } from '../../../job/request.ts';
import { oneLine } from '../../../prompt/untrusted.ts';
import { nameOfPull, turnTaskOf, type Turn } from './task.ts';

/** Checks that a title names. */
const MAX_CHECKS_NAMED = 3;
/** Room for a name in a title, in characters. */
const MAX_NAME_CHARS = 40;

/** The first line of a comment that says something, without the word that called us. */
function firstWords(text: string): string | null {
  const lines = text.slice(0, 20_000).split('\n');
  const said = lines.map((line) => oneLine(line.replace(/^\s*(?:\/\w+|@[\w-]+)(?=[\s:,]|$)[\s:,]*/u, '')));
  // What is quoted was said by somebody else before.
  return said.find((line) => /[\p{L}\p{N}]/u.test(line) && !line.startsWith('>')) ?? null;
}

function titleOfTurn(turn: Turn): string {
  switch (turn.kind) {
    case 'comment':
      return firstWords(turn.text) ?? `Answer a comment by ${turn.author}`;
    case 'review': {
      const [first, second] = turn.remarks;
      const only = turn.text.trim() === '' && second === undefined ? first?.text : turn.text;
      return firstWords(only ?? '') ?? `Answer the review by ${turn.author}`;
    }
    case 'checks': {
      const names = turn.failed.map(({ name }) => oneLine(name, MAX_NAME_CHARS));
      const rest = names.length > MAX_CHECKS_NAMED ? ' and others' : '';
      return `Mend failing checks: ${names.slice(0, MAX_CHECKS_NAMED).join(', ')}${rest}`;
    }
  }
}

/** What is remembered of turns beside the task's text. */
export function noteOf(turns: readonly Turn[]): TurnNote {
  const people = turns.flatMap((turn) => (turn.kind === 'checks' ? [] : [turn.author]));
  const last = turns.at(-1);
  return {
    kinds: [...new Set(turns.map(({ kind }) => kind))],
    by: [...new Set(people)].filter((login) => LOGIN.test(login)).slice(0, MAX_TURN_PEOPLE),
    title: last === undefined ? 'Go on' : titleOfTurn(last),
    sha: turns.findLast((turn) => turn.kind === 'checks')?.sha ?? null,
  };
}

/**
 * The request of a follow-up: of the same agent, under the same rules, on the same files, branch and pull request as the
 * job that opened it.
 *
 * @param root the job that opened the pull request
 * @param latest the last job of its session that ended; the root where there was none since
 * @param turns what asks for it, in the order in which it was said
 * @param usual what a job may spend as configured: a run's budget was that of all its steps
 * @throws JobError `invalid_request` where the pull request's address is none
 */
export function followUpOf(
  root: Job,
  latest: Job,
  pull: Pull,
  turns: readonly Turn[],
  usual: Budget,
): JobRequest {
  const {
    follows: _branch,
    sealed_token: _token,
    callback_url: _callback,
    reviewers: _reviewers,
    in_place: _place,
    replay: _replay,
    pipeline,
    ...asked
  } = root.request;
  const came = latest.outcome ?? 'nothing';
  const isWithout = latest.result?.branch == null && latest.job_id !== root.job_id;
  const before = isWithout
    ? `\n\nThe turn before ended as ${came}: what it left is in the working copy, and not on the pull request.`
    : '';
  return {
    ...asked,
    budget: pipeline === undefined ? asked.budget : usual,
    mode: 'change',
    task: `${turnTaskOf(pull, turns)}${before}`,
    session_id: root.request.session_id ?? root.job_id,
    pull: parsePull(nameOfPull(pull)),
    turn: noteOf(turns),
  };
}
