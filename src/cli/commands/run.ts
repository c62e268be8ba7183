/** `run`: the whole story in the foreground, or on from where a dead process left it. */
import { addAskingFlags, askedFor, repoOf, type AskingOptions } from '../asking/asking.ts';
import { jobOfRun, runIdOf } from '../../job/pipeline/run.ts';
import { action, type CliCommand, type Io } from '../command.ts';
import { follow, printEnd, sendCallbacks } from '../foreground.ts';
import { withTidyRunner } from '../reading.ts';
import { settingsOf } from '../asking/settings.ts';

interface Options extends AskingOptions {
  readonly resume?: string;
  readonly json?: boolean;
}

async function run(io: Io, task: string | undefined, options: Options): Promise<number> {
  const config = await io.resolve(settingsOf(options));
  return withTidyRunner(config, async (runner) => {
    let jobId = options.resume === undefined ? undefined : (jobOfRun(options.resume) ?? options.resume);
    const resumed = jobId === undefined ? null : await runner.store.getJob(jobId);
    if (resumed?.request.pipeline !== undefined) {
      const { followRun } = await import('../pipeline/run.ts');
      return followRun(io, runner, runIdOf(resumed.job_id), options.json ?? false);
    }
    if (jobId === undefined) {
      const repo = await repoOf(options, async (id) => (await runner.store.getJob(id))?.request.repo);
      const asked = { ...options, ...repo };
      const request = await askedFor(config, task, asked, (issue) => runner.readIssue(issue));
      await runner.preflight(request);
      const job = await runner.accept(request);
      jobId = job.job_id;
      io.err(`job ${jobId} on ${request.repo}\n`);
    }
    const end = await follow(runner, jobId, io);
    const code = printEnd(end, io, options.json ?? false);
    if (end.kind === 'ended') await sendCallbacks(runner, jobId, io);
    return code;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addAskingFlags(program)
      .option('--resume <job>', 'go on with a job whose process died')
      .option('--json', 'print the result as JSON')
      .action(action(io, (task: string | undefined, options: Options) => run(io, task, options)));
  },
  examples: [
    'run "Fix the rounding in src/price.js" --repo . --agent command',
    'run "Add a --quiet flag" --repo https://git.example.org/tool.git --base main --json',
    'run --issue owner/name#12 --label bot --reviewer ada',
    'run --resume job-0123456789ab',
  ],
};
