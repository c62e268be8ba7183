/** `cancel`: stops a job wherever it runs; what it did is saved first. */
import { isTerminal } from '../../job/status.ts';
import { printJson, type CliCommand } from '../command.ts';
import { defineReachCommand } from '../reach.ts';

export const command: CliCommand = {
  define(program, io) {
    defineReachCommand(program, io, async (client, jobId, options) => {
      await client.cancel(jobId);
      // Whoever runs it hears of it within a second, and then saves the work, which has its own bounds.
      for await (const _ of client.follow(jobId, { after: 0, signal: io.signal }));
      const { status, outcome } = await client.job(jobId);
      if (options.json === true) printJson(io, { job_id: jobId, status, outcome });
      else
        io.out(
          `${jobId} is ${isTerminal(status) ? (outcome ?? status) : `${status}, and was asked to stop`}\n`,
        );
      return 0;
    });
  },
  examples: ['cancel job-0123456789ab', 'cancel job-0123456789ab --json'],
};
