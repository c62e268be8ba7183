/** `result`: a job's result, with the exit code that `run` had. */
import type { CliCommand } from '../command.ts';
import { printEnd } from '../foreground.ts';
import { defineReachCommand } from '../reach.ts';

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) =>
      printEnd({ kind: 'ended', ...(await client.result(jobId)) }, io, options.json ?? false),
    );
  },
  examples: ['result job-0123456789ab', 'result job-0123456789ab --json'],
};
