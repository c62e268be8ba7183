/** Running one job in the foreground: progress, result, exit code, callback. Shared by `run` and `demo`. */
import { errorInfoOf, JobError } from '../job/error.ts';
import { EXIT_CODES, OUTCOMES } from '../job/status.ts';
import type { RunEnd, Runner } from '../runner/runner.ts';
import { asCalled, printJson, type Io } from './command.ts';
import { createProgress } from './progress.ts';
import { renderResult } from './report.ts';
import { cleanLine, cleanText } from './text.ts';

/** How a job that this process followed came to its end, or to its question. */
export type FollowedEnd = Exclude<RunEnd, { kind: 'triggered' }>;

/**
 * Follows a job to its end on this terminal.
 *
 * @throws JobError `conflict` for one that a run elsewhere has
 */
export async function follow(runner: Runner, jobId: string, io: Io): Promise<FollowedEnd> {
  const progress = createProgress(io);
  try {
    const end = await runner.run(jobId, { signal: io.signal, onEvent: (event) => progress.show(event) });
    if (end.kind !== 'triggered') return end;
    throw new JobError('conflict', `job: ${jobId} is executed by a workflow, and not by this process`, {
      hint: `wait for it by \`agent-runner wait ${jobId}\``,
    });
  } finally {
    progress.stop();
  }
}

/** What is shown of a job that waits for a person. */
type ParkedEnd = Omit<Extract<RunEnd, { kind: 'parked' }>, 'job'> & {
  readonly job: { readonly job_id: string };
};

/** A job that waits for an answer: the question, where its work is, and how to go on. */
function printParked(end: ParkedEnd, io: Io, asJson: boolean): void {
  const { job_id: jobId } = end.job;
  if (asJson) {
    const { question, wipRef } = end;
    printJson(io, { job_id: jobId, status: 'needs_input', outcome: null, question, wip_ref: wipRef });
    return;
  }
  const saved = end.wipRef === null ? '' : `work saved as ${end.wipRef}\n`;
  const answer = `agent-runner message ${jobId} "<answer>" && agent-runner run --resume ${jobId}`;
  io.out(
    `the agent asks: ${cleanText(end.question.trim())}\n\n${saved}answer with: ${asCalled(io, answer)}\n`,
  );
}

/** Prints how a job ended and returns the exit code that goes with it. */
export function printEnd(
  end: Extract<RunEnd, { kind: 'ended' }> | ParkedEnd,
  io: Io,
  asJson: boolean,
): number {
  if (end.kind === 'parked') {
    printParked(end, io, asJson);
    return EXIT_CODES.needs_input;
  }
  if (asJson) printJson(io, end.result);
  else io.out(`\n${renderResult(end.result, end.savedIn, io)}`);
  const { outcome, run } = end.result;
  if (run?.status === 'completed_with_failures') return 1;
  return outcome === null ? EXIT_CODES.needs_input : OUTCOMES[outcome].exit_code;
}

/** Tries the callbacks of a job that ended once, and says on stderr how it went. Never rejects: the job has ended. */
export async function sendCallbacks(runner: Runner, jobId: string, io: Io): Promise<void> {
  try {
    for (const { status, tries, due_at: due } of await runner.callbacks.sendDue(jobId)) {
      const said = cleanLine(tries.at(-1)?.error ?? '');
      if (status === 'delivered') io.err('callback delivered\n');
      else if (due === null) io.err(`callback ${status}: ${said}\n`);
      else {
        const again = asCalled(io, `agent-runner deliveries ${jobId} --redeliver`);
        io.err(`callback not delivered yet: ${said}\n  a worker tries again at ${due}; at once: ${again}\n`);
      }
    }
  } catch (error) {
    io.err(`callback not sent: ${cleanLine(errorInfoOf(error).message)}\n`);
  }
}
