/** `wait`: until a job has ended or waits for a person; its exit code is that of `run`. */
import type { CliCommand } from '../command.ts';
import { defineReachCommand } from '../reach.ts';
import { waitFor } from './submit.ts';

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, (client, jobId, options) =>
      waitFor(io, client, jobId, options.json ?? false),
    );
  },
  examples: ['wait job-0123456789ab', 'wait job-0123456789ab --json'],
};
