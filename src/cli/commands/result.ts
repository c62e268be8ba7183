/** `result`: a job's result, with the exit code that `run` had. */
import { JobError } from '../../job/error.ts';
import type { CliCommand } from '../command.ts';
import { printEnd } from '../foreground.ts';
import { defineJobCommand } from '../reading.ts';

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, async (runner, job, options) => {
      if (job.result === null) {
        throw new JobError('not_found', `result: ${job.job_id} has not ended; its status is ${job.status}`, {
          hint: `watch it with \`agent-runner logs -f ${job.job_id}\`, or take it up with \`agent-runner run --resume ${job.job_id}\``,
        });
      }
      return printEnd(await runner.run(job.job_id, { signal: io.signal }), io, options.json ?? false);
    });
  },
  examples: ['result job-0123456789ab', 'result job-0123456789ab --json'],
};
