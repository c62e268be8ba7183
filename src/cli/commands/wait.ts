/** `wait`: until a job has ended or waits for a person; its exit code is that of `run`. */
import { isRunId } from '../../job/pipeline/run.ts';
import type { CliCommand } from '../command.ts';
import { defineReachCommand } from '../reach.ts';
import { waitFor } from './submit.ts';

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) => {
      const asJson = options.json ?? false;
      if (!isRunId(jobId)) return waitFor(io, client, jobId, asJson);
      return (await import('../pipeline/run.ts')).waitForRun(io, { client }, jobId, asJson);
    });
  },
  examples: ['wait job-0123456789ab', 'wait run-0123456789ab --json'],
};
