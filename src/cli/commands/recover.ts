/** `recover`: gets a job's saved work back, as a branch or as a bundle. */
import { JobError } from '../../job/error.ts';
import type { RecoverTarget } from '../../runner/look/recover.ts';
import { printJson, type CliCommand } from '../command.ts';
import { defineJobCommand, type ReadOptions } from '../reading.ts';

function targetOf(options: ReadOptions, jobId: string): RecoverTarget {
  const { branch, bundle } = options;
  if (branch !== undefined && bundle !== undefined) {
    throw new JobError('usage', 'recover: --branch and --bundle are both given', {
      hint: 'give one of them',
    });
  }
  if (typeof bundle === 'string') return { kind: 'bundle', path: bundle };
  return { kind: 'branch', name: typeof branch === 'string' ? branch : `recovered/${jobId}` };
}

export const command: CliCommand = {
  define(program, io) {
    defineJobCommand(program, io, async (runner, job, options) => {
      const recovered = await runner.recover(job.job_id, targetOf(options, job.job_id));
      if (options.json === true) printJson(io, recovered);
      else io.out(`${recovered.branch ?? recovered.bundle ?? ''}\n`);
      if (options.json !== true) io.err(`go on with: ${recovered.next}\n`);
      return 0;
    })
      .option('--branch <name>', 'make this branch in the repository; recovered/<job> by default')
      .option('--bundle <file>', 'write a git bundle instead');
  },
  examples: ['recover job-0123456789ab', 'recover job-0123456789ab --bundle work.bundle'],
};
