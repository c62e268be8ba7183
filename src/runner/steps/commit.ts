/** How the runner's commits read. */
import type { JobRequest } from '../../job/request.ts';
import type { CommitInfo } from '../../workspace/change.ts';
import { stripInvisible } from '../../prompt/untrusted.ts';
import type { JobContext } from '../context.ts';

/** Names the step of a pipeline in the message of its commit, which is what tells later whose work a file is. */
export const STEP_TRAILER = 'Agent-Runner-Step';
/** Longest title of a commit and of a proposal, in characters. */
const MAX_TITLE_CHARS = 72;
/** Longest part of the task that a commit message quotes. */
const MAX_BODY_CHARS = 4000;

/**
 * A text in which nothing tells a CI to stay away, as `[skip ci]` does in the message of a commit: what looks at a
 * change is not to be sent home by whoever wrote an issue or a task.
 */
function withCi(text: string): string {
  return text
    .replace(/\[([^\]\n]*\b(?:skip|no)\b[^\]\n]*)\]/gi, '($1)')
    .replace(/\*{3}NO_CI\*{3}/gi, 'NO_CI')
    .replace(/^skip-checks:/gim, 'skip checks:');
}

/** The first line of a task as a title of at most 72 characters. */
function titleOf(task: string): string {
  const line =
    task
      .split('\n')
      .map((text) => text.replace(/^[#\s]+/, '').trim())
      .find((text) => text !== '') ?? 'Change';
  // oxlint-disable-next-line no-control-regex -- control characters would end the line or hide text
  const clean = withCi(stripInvisible(line.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')));
  const chars = Array.from(clean);
  return chars.length <= MAX_TITLE_CHARS
    ? clean
    : `${chars
        .slice(0, MAX_TITLE_CHARS - 1)
        .join('')
        .trimEnd()}…`;
}

/** Words of an issue, whoever wrote it, so that in a title they call nobody and close nothing. */
function plainWords(text: string): string {
  return text
    .replace(/[#@]+(?=[\p{L}\p{N}_])/gu, '')
    .replace(/\bGH-(?=\d)/gi, 'GH ')
    .replace(/:\/\//g, ' ');
}

/** What a commit is named by. */
type Asked = Pick<JobRequest, 'task' | 'issue' | 'pull' | 'turn' | 'trigger' | 'pipeline'>;

/** The title of a job's commit and proposal. */
export function titleOfJob({ task, issue, turn, pipeline }: Asked): string {
  if (pipeline !== undefined) return titleOf(pipeline.definition.name);
  if (turn !== undefined) return titleOf(plainWords(turn.title));
  return issue === undefined
    ? titleOf(task)
    : titleOf(plainWords(task.replace(/^Implement this issue: /, '')));
}

function bodyOf({ task, issue, pull, turn, trigger }: Asked): string {
  if (turn !== undefined) {
    const who = turn.by.length === 0 ? 'after its checks failed' : `as asked by ${turn.by.join(', ')}`;
    return `For ${pull ?? 'its pull request'}, ${who}`;
  }
  // What others wrote is in the issue; nobody should have to read it in the history.
  if (issue !== undefined && pull === undefined) return `For ${issue}`;
  if (trigger !== undefined) return `For ${trigger.about}`;
  const rest = withCi(task.trim().split('\n').slice(1).join('\n').trim());
  return rest.length > MAX_BODY_CHARS ? `${rest.slice(0, MAX_BODY_CHARS)}…` : rest;
}

/**
 * Message, author and date of a job's commit. The date is the job's own, so that the same change made twice is
 * the same commit.
 */
export function commitInfo(context: JobContext, title: string, body = ''): CommitInfo {
  const { job, config, agent } = context;
  const { step, pipeline } = job.request;
  const by = `Co-authored-by: ${agent.name.replace(/[<>\n]/g, '')} <${agent.name.replace(/[^A-Za-z0-9.-]+/g, '-')}@agents.invalid>`;
  const trailers = [
    `Agent-Runner-Job: ${job.job_id}`,
    // A conflict that was solved is the work of those who made it.
    ...(step?.kind !== 'step' ? [] : [`${STEP_TRAILER}: ${step.name.replace(/[\n\r]/g, ' ')}`]),
    // A run has no agent of its own.
    ...(pipeline === undefined ? [by] : []),
  ];
  const message = [title, body, trailers.join('\n')].filter((part) => part !== '').join('\n\n');
  return { message: `${message}\n`, author: config.author, date: job.created_at };
}

/** The commit of the change itself. */
export function changeCommit(context: JobContext): CommitInfo {
  const { request } = context.job;
  const { in_place: inPlace, issue, step } = request;
  if (step?.kind === 'resolve') return commitInfo(context, `Fit in the work of step ${step.name}`);
  if (inPlace !== undefined)
    return commitInfo(context, inPlace.title, issue === undefined ? '' : bodyOf(request));
  return commitInfo(context, titleOfJob(request), bodyOf(request));
}
