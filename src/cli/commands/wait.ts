/** `wait`: until a job has ended or waits for a person; its exit code is that of `run`. */
import type { CliCommand } from '../command.ts';
import { defineJobCommand } from '../reading.ts';
import { waitFor } from './submit.ts';

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, (runner, job, options) =>
      waitFor(io, runner, job.job_id, options.json ?? false),
    );
  },
  examples: ['wait job-0123456789ab', 'wait job-0123456789ab --json'],
};
