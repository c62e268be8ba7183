/** `recover`: gets a job's saved work back, as a branch or as a bundle; or lists all there is, without the database. */
import { JobError } from '../../job/error.ts';
import { listSavedWork } from '../../runner/open.ts';
import type { RecoverTarget } from '../../runner/look/recover.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { findJob, withRunner, type ReadOptions } from '../reading.ts';
import { addSettingFlags, settingsOf } from '../asking/settings.ts';
import { table } from '../text.ts';

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

async function list(io: Io, jobId: string | undefined, options: ReadOptions): Promise<number> {
  const all = await listSavedWork(await io.resolve(settingsOf(options)));
  const work = all.filter((one) => jobId === undefined || one.jobId === jobId);
  if (options.json === true) {
    const rows = work.map(({ jobId: id, saved, ref, commit, base, date }) => {
      return { job_id: id, repository: saved, ref, commit, base, date };
    });
    printJson(io, { work: rows });
    return 0;
  }
  if (work.length === 0) io.err('there is no saved work\n');
  const rows = work.map((one) => [one.date, `git fetch ${one.saved} ${one.ref}`]);
  if (work.length > 0) io.out(table(['saved', 'fetch it into a clone by'], rows, io.colour));
  return 0;
}

async function recover(io: Io, jobId: string | undefined, options: ReadOptions): Promise<number> {
  if (options['fromSaved'] === true) return list(io, jobId, options);
  if (jobId === undefined) {
    throw new JobError('usage', 'recover: no job is named', {
      hint: '`agent-runner recover --from-saved` lists all saved work',
    });
  }
  return withRunner(io, options, async (runner) => {
    const job = await findJob(runner, jobId);
    const recovered = await runner.recover(job.job_id, targetOf(options, job.job_id));
    if (options.json === true) printJson(io, recovered);
    else io.out(`${recovered.branch ?? recovered.bundle ?? ''}\n`);
    if (options.json !== true) io.err(`go on with: ${recovered.next}\n`);
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .argument('[job]', 'id of the job')
      .option('--branch <name>', 'make this branch in the repository; recovered/<job> by default')
      .option('--bundle <file>', 'write a git bundle instead')
      .option('--from-saved', 'list what is saved, read from the repositories alone, without the database')
      .option('--json', 'print JSON')
      .action(action(io, (jobId: string | undefined, options: ReadOptions) => recover(io, jobId, options)));
  },
  examples: [
    'recover job-0123456789ab',
    'recover job-0123456789ab --bundle work.bundle',
    'recover --from-saved',
  ],
};
