/** `submit`: puts a job into the queue, for a worker of this home or of a server. */
import type { JobClient } from '../../client/client.ts';
import { isTerminal } from '../../job/status.ts';
import { parsePriority } from '../../runner/request/resolve.ts';
import { addAskingFlags, askedJob, repoOf, type AskingOptions } from '../asking/asking.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { printEnd } from '../foreground.ts';
import { createProgress } from '../progress.ts';
import { addReachFlag, isRemote, withJobs, type ReachOptions } from '../reach.ts';

interface Options extends AskingOptions, ReachOptions {
  readonly wait?: boolean;
  readonly priority?: string;
}

/** Shows a job's progress until it has ended or waits for a person, and returns the exit code of `run`. */
export async function waitFor(io: Io, client: JobClient, jobId: string, asJson: boolean): Promise<number> {
  const progress = createProgress(io);
  try {
    for await (const events of client.follow(jobId, { after: 0, signal: io.signal })) {
      for (const event of events) progress.show(event);
      const asks = events.some(({ data }) => data['status'] === 'needs_input');
      // It may have been answered since.
      if (asks && (await client.job(jobId)).status === 'needs_input') break;
    }
  } finally {
    progress.stop();
  }
  const job = await client.job(jobId);
  if (job.question !== null)
    return printEnd({ kind: 'parked', job, question: job.question, wipRef: null }, io, asJson);
  if (!isTerminal(job.status)) {
    io.err(asCalled(io, `${jobId} goes on; see it by: agent-runner logs -f ${jobId}\n`));
    return 130;
  }
  return printEnd({ kind: 'ended', ...(await client.result(jobId)) }, io, asJson);
}

/** Who takes a job that was put into the queue. */
export function takenBy(client: JobClient): string {
  return client.url === null
    ? 'a worker takes it, for example: agent-runner worker --once'
    : `a worker of ${client.url} takes it`;
}

async function submit(io: Io, task: string | undefined, options: Options): Promise<number> {
  const priority = parsePriority(options.priority ?? 0);
  return withJobs(io, options, async ({ client, config }) => {
    const repo = await repoOf(options, async (jobId) => (await client.job(jobId)).repo);
    const asked = await askedJob(config, task, { ...options, ...repo }, isRemote(config, options));
    const { job_id: jobId, status } = await client.submit({ ...asked, priority });
    if (options.wait === true) {
      io.err(`job ${jobId} on ${asked.repo ?? asked.issue ?? ''}\n`);
      return waitFor(io, client, jobId, options.json ?? false);
    }
    if (options.json === true) printJson(io, { job_id: jobId, status });
    else io.out(asCalled(io, `${jobId} is ${status}; ${takenBy(client)}\n`));
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addReachFlag(addAskingFlags(program))
      .option('--executor <where>', 'local, or github-actions: by the workflow of runner_repo')
      .option('--priority <n>', 'higher goes first; 0 by default')
      .option('--wait', 'wait until it has ended, and end as `run` would')
      .option('--json', 'print JSON')
      .action(action(io, (task: string | undefined, options: Options) => submit(io, task, options)));
  },
  examples: [
    'submit "Fix the rounding in src/price.js" --repo . --agent command',
    'submit "Handle zero, too" --session job-0123456789ab',
    'submit "Add a --quiet flag" --repo https://git.example.org/tool.git --url http://127.0.0.1:8000 --wait',
  ],
};
