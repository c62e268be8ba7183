/** `message`: answers a job that needs input, which goes on with `run --resume`, or one that may ask later. */
import type { JobView } from '../../job/view/view.ts';
import { action, asCalled, printJson, type CliCommand } from '../command.ts';
import { addReachFlag, withJobs, type ReachOptions } from '../reach.ts';
import { addSettingFlags } from '../asking/settings.ts';

/** When the job gets it: only one that waits has to be taken up again by a person. */
function deliveryOf({ job_id: jobId, status }: JobView, url: string | null): string {
  if (status === 'needs_input' && url !== null) return `kept; a worker of ${url} goes on with ${jobId}\n`;
  if (status === 'needs_input')
    return `kept; a worker goes on with it, or: agent-runner run --resume ${jobId}\n`;
  return `kept: ${jobId} is ${status}; its agent gets this with its next turn, or as an answer if it asks first\n`;
}

export const command: CliCommand = {
  define(program, io) {
    addReachFlag(addSettingFlags(program, 'home'))
      .argument('<job>', 'id of the job')
      .argument('<text>', 'the answer')
      .option('--json', 'print JSON')
      .action(
        action(io, (jobId: string, text: string, options: ReachOptions) =>
          withJobs(io, options, async ({ client }) => {
            const job = await client.job(jobId);
            await client.message(jobId, text);
            if (options.json === true) printJson(io, { job_id: jobId, status: job.status, accepted: true });
            else io.out(asCalled(io, deliveryOf(job, client.url)));
            return 0;
          }),
        ),
      );
  },
  examples: ['message job-0123456789ab "Use the second one"', 'message job-0123456789ab "yes" --json'],
};
