/** `message`: answers a job that needs input, which goes on with `run --resume`, or one that may ask later. */
import type { Job } from '../../job/job.ts';
import { action, asCalled, printJson, type CliCommand } from '../command.ts';
import { findJob, withRunner, type ReadOptions } from '../reading.ts';
import { addSettingFlags } from '../asking/settings.ts';

/** When the job gets it: only one that waits has to be taken up again by a person. */
function deliveryOf({ job_id: jobId, status }: Job): string {
  if (status === 'needs_input') return `kept; go on with: agent-runner run --resume ${jobId}\n`;
  return `kept: ${jobId} is ${status}; its agent gets this with its next turn, or as an answer if it asks first\n`;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .argument('<job>', 'id of the job')
      .argument('<text>', 'the answer')
      .option('--json', 'print JSON')
      .action(
        action(io, (jobId: string, text: string, options: ReadOptions) =>
          withRunner(io, options, async (runner) => {
            const job = await findJob(runner, jobId);
            await runner.message(jobId, text);
            if (options.json === true) printJson(io, { job_id: jobId, status: job.status, accepted: true });
            else io.out(asCalled(io, deliveryOf(job)));
            return 0;
          }),
        ),
      );
  },
  examples: ['message job-0123456789ab "Use the second one"', 'message job-0123456789ab "yes" --json'],
};
