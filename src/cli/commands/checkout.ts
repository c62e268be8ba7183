/** `checkout`: brings a job's work into your own clone and switches to it. */
import { JobError } from '../../job/error.ts';
import { printJson, type CliCommand } from '../command.ts';
import { defineJobCommand } from '../reading.ts';

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, async (runner, job, options) => {
      const { repo, branch, force, detach } = options;
      if (branch !== undefined && detach === true) {
        throw new JobError('usage', 'checkout: --branch and --detach are both given', {
          hint: 'give one of them',
        });
      }
      const done = await runner.checkOut(job.job_id, {
        clone: typeof repo === 'string' ? repo : '.',
        ...(typeof branch === 'string' ? { branch } : {}),
        force: force === true,
        detach: detach === true,
      });
      if (options.json === true) printJson(io, done);
      else io.out(`${done.branch ?? done.commit}\n`);
      if (done.previous !== null) io.err(`${done.branch ?? ''} was at ${done.previous} before\n`);
      return 0;
    })
      .option('--repo <path>', 'your clone; the current folder by default')
      .option('--branch <name>', "name of the branch; the job's own by default")
      .option('--detach', 'switch to the commit without making a branch')
      .option(
        '--force',
        'move a branch of that name that is elsewhere; uncommitted changes are never overwritten',
      );
  },
  examples: ['checkout job-0123456789ab', 'checkout job-0123456789ab --branch try-it --repo ~/src/tool'],
};
