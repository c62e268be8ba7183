/** `diff`: a job's change against its base. */
import { printJson, type CliCommand } from '../command.ts';
import { defineJobCommand } from '../reading.ts';

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, async (runner, job, options) => {
      const diff = await runner.diff(job.job_id);
      if (options.json === true) printJson(io, { job_id: job.job_id, diff });
      else io.out(diff);
      return 0;
    });
  },
  examples: ['diff job-0123456789ab', 'diff job-0123456789ab | git apply'],
};
