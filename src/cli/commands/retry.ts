/** `retry`: submits what an ended job was asked once more, as a new job in the queue. */
import { asCalled, printJson, type CliCommand } from '../command.ts';
import { defineJobCommand } from '../reading.ts';

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, async (runner, job, options) => {
      const { job_id: jobId, status } = await runner.retry(job.job_id);
      if (options.json === true) printJson(io, { job_id: jobId, status, retry_of: job.job_id });
      else
        io.out(
          asCalled(io, `${jobId} is ${status}; a worker takes it, for example: agent-runner worker --once\n`),
        );
      return 0;
    });
  },
  examples: ['retry job-0123456789ab', 'retry job-0123456789ab --json'],
};
