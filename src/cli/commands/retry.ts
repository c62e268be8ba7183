/** `retry`: submits what an ended job was asked once more, as a new job in the queue. */
import { asCalled, printJson, type CliCommand } from '../command.ts';
import { defineReachCommand } from '../reach.ts';
import { takenBy } from './submit.ts';

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, ended, options) => {
      const { job_id: jobId, status } = await client.retry(ended);
      if (options.json === true) printJson(io, { job_id: jobId, status, retry_of: ended });
      else io.out(asCalled(io, `${jobId} is ${status}; ${takenBy(client)}\n`));
      return 0;
    });
  },
  examples: ['retry job-0123456789ab', 'retry job-0123456789ab --json'],
};
