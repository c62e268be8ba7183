/** Commands over a runner: open it, do what is asked, close it. Most only find a job and print something of it. */
import type { Command } from 'commander';
import { JobError } from '../job/error.ts';
import type { Config } from '../config.ts';
import type { Job } from '../job/job.ts';
import { jobOfRun } from '../job/pipeline/run.ts';
import { openRunner } from '../runner/open.ts';
import type { Runner } from '../runner/runner.ts';
import { action, type Io } from './command.ts';
import { addSettingFlags, settingsOf } from './asking/settings.ts';

/** Options every reading command has. */
export interface ReadOptions extends Record<string, unknown> {
  readonly json?: boolean;
}

/** Opens the runner for `read` and closes it again. */
export async function withRunner(
  io: Io,
  options: ReadOptions,
  read: (runner: Runner) => Promise<number>,
): Promise<number> {
  const runner = await openRunner(await io.resolve(settingsOf(options)));
  try {
    return await read(runner);
  } finally {
    await runner.close();
  }
}

/**
 * Opens the runner for `work` and closes it again. What dead processes left is swept up beside the work, so that nobody
 * waits for it, and what is too old goes after it.
 */
export async function withTidyRunner(
  config: Config,
  work: (runner: Runner) => Promise<number>,
  options: { readonly lasts?: boolean } = {},
): Promise<number> {
  const runner = await openRunner(config, options);
  const sweeping = runner.sweep();
  try {
    const code = await work(runner);
    await runner.tidyDaily();
    return code;
  } finally {
    await sweeping;
    await runner.close();
  }
}

/** Finds a job by its id. */
export async function findJob(runner: Runner, jobId: string): Promise<Job> {
  const job = await runner.store.getJob(jobOfRun(jobId) ?? jobId);
  if (job !== null) return job;
  throw new JobError('not_found', `job: there is no ${JSON.stringify(jobId.slice(0, 100))}`, {
    hint: '`agent-runner list` shows the jobs there are',
  });
}

/** Defines a command that takes a job and prints something of it. */
export function defineJobCommand(
  program: Command,
  io: Io,
  print: (runner: Runner, job: Job, options: ReadOptions) => Promise<number>,
): Command {
  return addSettingFlags(program, 'home')
    .argument('<job>', 'id of the job')
    .option('--json', 'print JSON')
    .action(
      action(io, (jobId: string, options: ReadOptions) =>
        withRunner(io, options, async (runner) => print(runner, await findJob(runner, jobId), options)),
      ),
    );
}
