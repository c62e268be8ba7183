/** `submit`: puts a job into the queue, for a worker of this home. */
import { isTerminal } from '../../job/status.ts';
import { openRunner } from '../../runner/open.ts';
import { parsePriority } from '../../runner/request/resolve.ts';
import type { Runner } from '../../runner/runner.ts';
import { addAskingFlags, askedFor, type AskingOptions } from '../asking/asking.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { printEnd } from '../foreground.ts';
import { createProgress } from '../progress.ts';
import { findJob } from '../reading.ts';
import { settingsOf } from '../asking/settings.ts';

interface Options extends AskingOptions {
  readonly wait?: boolean;
  readonly priority?: string;
  readonly json?: boolean;
}

/** Shows a job's progress until it has ended or waits for a person, and returns the exit code of `run`. */
export async function waitFor(io: Io, runner: Runner, jobId: string, asJson: boolean): Promise<number> {
  const progress = createProgress(io);
  try {
    for await (const events of runner.follow(jobId, { after: 0, signal: io.signal })) {
      for (const event of events) progress.show(event);
      const asks = events.some(({ data }) => data['status'] === 'needs_input');
      // It may have been answered since.
      if (asks && (await findJob(runner, jobId)).status === 'needs_input') break;
    }
  } finally {
    progress.stop();
  }
  const job = await findJob(runner, jobId);
  if (job.question !== null)
    return printEnd({ kind: 'parked', job, question: job.question, wipRef: null }, io, asJson);
  if (!isTerminal(job.status) || job.result === null) {
    io.err(asCalled(io, `${jobId} goes on; see it by: agent-runner logs -f ${jobId}\n`));
    return 130;
  }
  const savedIn = job.result.wip_ref === null ? null : runner.layout.repo(job.request.repo).saved;
  return printEnd({ kind: 'ended', result: job.result, savedIn }, io, asJson);
}

async function submit(io: Io, task: string | undefined, options: Options): Promise<number> {
  const priority = parsePriority(options.priority ?? 0);
  const config = await io.resolve(settingsOf(options));
  const runner = await openRunner(config);
  try {
    const request = { ...(await askedFor(config, task, options)), priority };
    await runner.preflight(request);
    const { job } = await runner.submit(request);
    const { job_id: jobId, status } = job;
    if (options.wait === true) {
      io.err(`job ${jobId} on ${request.repo}\n`);
      return await waitFor(io, runner, jobId, options.json ?? false);
    }
    if (options.json === true) printJson(io, { job_id: jobId, status });
    else
      io.out(
        asCalled(io, `${jobId} is ${status}; a worker takes it, for example: agent-runner worker --once\n`),
      );
    return 0;
  } finally {
    await runner.close();
  }
}

export const command: CliCommand = {
  define(program, io) {
    addAskingFlags(program)
      .option('--priority <n>', 'higher goes first; 0 by default')
      .option('--wait', 'wait until it has ended, and end as `run` would')
      .option('--json', 'print JSON')
      .action(action(io, (task: string | undefined, options: Options) => submit(io, task, options)));
  },
  examples: [
    'submit "Fix the rounding in src/price.js" --repo . --agent command',
    'submit "Add a --quiet flag" --repo https://git.example.org/tool.git --priority 5 --wait',
  ],
};
