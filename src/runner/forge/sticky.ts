/**
 * What the issue of a job is told, or the pull request that it goes on with: one comment, edited as the job goes on. It is told as well as can be within
 * seconds, and nothing of a job depends on it. It holds words of ours alone, for it stands in public.
 */
import type { JobRequest } from '../../job/request.ts';
import type { JobResult } from '../../job/result.ts';
import type { Outcome } from '../../job/status.ts';
import type { JobContext } from '../context.ts';
import { errorInfoOf } from '../../job/error.ts';
import { parseIssueName } from './issue.ts';
import { jobUrlOf } from './request.ts';

/** Tells the issue of one job. */
export interface Sticky {
  /** That it is being worked on; in the background. */
  begin(): void;
  /** That the agent asks, and how it is answered: else a job that waits would seem to work. As bounded as the end. */
  ask(): Promise<void>;
  /** How it ended; resolves within `TELL_TIMEOUT_MS`, and never rejects. */
  end(result: JobResult): Promise<void>;
}

/** Longest time for one word to the issue; the job's end waits for the last one. */
const TELL_TIMEOUT_MS = 20_000;

const ENDINGS: Readonly<Record<Outcome, string>> = {
  pr_opened: 'A pull request was opened',
  pr_updated: 'The pull request was brought up to date',
  proposed: 'The change is on a branch',
  no_change: 'The agent changed nothing',
  answered: 'The agent answered',
  gate_failed: 'The checks stayed red',
  gave_up: 'The agent gave up: the same checks failed again and again',
  tampered: 'The change was refused: it weakens what judges it',
  agent_failed: 'The agent failed',
  budget_exceeded: 'The budget was used up',
  timed_out: 'The time was used up',
  setup_failed: 'The dependencies could not be prepared',
  refused: 'It was refused by a rule',
  infra_failed: 'The machine or the network failed',
  cancelled: 'It was cancelled',
};

const VERDICTS: Readonly<Record<string, string>> = {
  green: '✅ the gate is green',
  red: '❌ the gate is red',
  inconclusive: '⚠️ the gate is inconclusive',
  none: '⚠️ nothing is verified',
};

function nameOf(context: JobContext): string {
  const { job_id: jobId } = context.job;
  const url = jobUrlOf(context);
  return url === null ? `job \`${jobId}\`` : `job [\`${jobId}\`](${url})`;
}

function endText(context: JobContext, { outcome, pr_url: url, draft, gate }: JobResult): string {
  const ended = outcome === null ? 'It ended' : ENDINGS[outcome];
  const verdict = gate.verdict === null ? [] : [VERDICTS[gate.verdict] ?? gate.verdict];
  const look = draft ? ['a draft, which a person must look at first'] : [];
  const link = url === null ? '' : `: ${url}`;
  const facts = [...verdict, ...look, `outcome \`${outcome ?? 'none'}\``, nameOf(context)];
  return `${ended}${link}\n\n${facts.join(' · ')}`;
}

/** The same of a pull request that a job goes on with: what came of it there, and why nothing did. */
function turnText(context: JobContext, result: JobResult): string {
  const { outcome, branch, head_sha: head, error, gate, draft } = result;
  const isPushed = branch !== null && head !== null;
  const ended =
    outcome === null
      ? 'It ended'
      : isPushed
        ? isOnIt(context.job.request)
          ? `Commit ${head} was pushed`
          : `A fix is proposed onto this branch: ${result.pr_url ?? branch}`
        : `${error?.code === 'conflict' ? MOVED : ENDINGS[outcome]}; nothing was pushed`;
  const by = askedBy(context.job.request);
  // "Nothing was pushed, as asked by ann" would say that ann asked for nothing.
  const asked = isPushed ? by : by.replace(/^as asked by (.*)$/, 'though $1 asked');
  const verdict = gate.verdict === null ? [] : [VERDICTS[gate.verdict] ?? gate.verdict];
  const look = draft ? ['a draft, which a person must look at first'] : [];
  const facts = [...verdict, ...look, `outcome \`${outcome ?? 'none'}\``, nameOf(context)];
  return `${ended}${asked === '' ? '' : `, ${asked}`}.\n\n${facts.join(' · ')}`;
}

/** Whether a job's commit goes onto the branch of the pull request that it is about. */
function isOnIt({ session_id: session, onto }: JobRequest): boolean {
  return session !== undefined || onto !== undefined;
}

const MOVED = 'The branch or the pull request is not as the runner left it';

/** Who asked for a turn: names without `@`, which would call them once more. */
function askedBy({ turn }: JobRequest): string {
  if (turn === undefined) return '';
  return turn.by.length === 0
    ? 'after checks failed'
    : `as asked by ${turn.by.map((login) => `\`${login}\``).join(', ')}`;
}

/** Whether anybody outside may hear of a job: not of a playback, a run's step, or work in a checkout that is not pushed. */
function isPublic({ request }: JobContext['job']): boolean {
  return request.replay === undefined && request.step === undefined && request.in_place?.push !== false;
}

/** Makes what tells the issue of a job, or where it was asked for; of a job without either, it tells nothing. */
export function createSticky(context: JobContext): Sticky {
  const { job, config, forge, journal } = context;
  const { issue, pull, trigger } = job.request;
  // What was asked for on a person's pull request is answered there: its own is another, which nobody there would find.
  const where = pull ?? issue ?? trigger?.about;
  if (where === undefined || !isPublic(job))
    return { begin() {}, ask: () => Promise.resolve(), end: () => Promise.resolve() };
  const say = async (text: string): Promise<void> => {
    const signal = AbortSignal.timeout(TELL_TIMEOUT_MS);
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error(`no answer in ${TELL_TIMEOUT_MS / 1000} s`)));
    });
    const tell = async (): Promise<void> => {
      const { repo, number } = parseIssueName(config, where);
      const remote = await forge.resolve(`${config.github.url}/${repo}`);
      // Not the job's own signal: the end of one that was cancelled is told, too.
      await context.reach(remote, signal).access.issues?.say(number, text);
    };
    await Promise.race([tell(), late]).catch((error: unknown) => {
      const why = errorInfoOf(error).message;
      journal.emit('message', 'notify', { notice: `${where} could not be told how the job goes: ${why}` });
    });
  };
  let begun: Promise<void> | null = null;
  return {
    begin() {
      // A job is prepared again where its base has moved.
      const asked = askedBy(job.request);
      begun ??= say(
        `agent-runner is working on this${asked === '' ? '' : `, ${asked}`}, as ${nameOf(context)}.`,
      );
    },
    async ask() {
      await begun;
      const command = `\`agent-runner message ${job.job_id} "…"\``;
      await say(
        `The agent asks something, and waits until whoever runs it answers: ${command}.\n\n${nameOf(context)}`,
      );
    },
    async end(result) {
      await begun;
      await say(pull === undefined ? endText(context, result) : turnText(context, result));
    },
  };
}
