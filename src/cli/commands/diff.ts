/** `diff`: a job's change against its base. */
import { printJson, type CliCommand } from '../command.ts';
import { defineReachCommand } from '../reach.ts';

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) => {
      const diff = await client.diff(jobId);
      if (options.json === true) printJson(io, { job_id: jobId, diff });
      else io.out(diff);
      return 0;
    });
  },
  examples: ['diff job-0123456789ab', 'diff job-0123456789ab | git apply'],
};
