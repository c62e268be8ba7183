/** Running one job in the foreground: progress, result, exit code. Shared by `run` and `demo`. */
import { EXIT_CODES, OUTCOMES } from '../job/status.ts';
import type { RunEnd, Runner } from '../runner/runner.ts';
import { printJson, type Io } from './command.ts';
import { createProgress } from './progress.ts';
import { renderResult } from './report.ts';

/** Follows a job to its end on this terminal. */
export async function follow(runner: Runner, jobId: string, io: Io): Promise<RunEnd> {
  const progress = createProgress(io);
  try {
    return await runner.run(jobId, { signal: io.signal, onEvent: (event) => progress.show(event) });
  } finally {
    progress.stop();
  }
}

/** Prints how a job ended and returns the exit code that goes with it. */
export function printEnd(end: RunEnd, io: Io, asJson: boolean): number {
  if (end.kind === 'parked') {
    const answer = `agent-runner message ${end.job.job_id} "<answer>" && agent-runner run --resume ${end.job.job_id}`;
    if (asJson)
      printJson(io, { job_id: end.job.job_id, status: 'needs_input', outcome: null, question: end.question });
    else io.out(`the agent asks: ${end.question.trim()}\n\nanswer with: ${answer}\n`);
    return EXIT_CODES.needs_input;
  }
  if (asJson) printJson(io, end.result);
  else io.out(`\n${renderResult(end.result, end.savedIn, io.colour)}`);
  const { outcome } = end.result;
  return outcome === null ? EXIT_CODES.needs_input : OUTCOMES[outcome].exit_code;
}
