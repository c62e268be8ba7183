/** `export`: ended jobs with all that belongs to them, as one file. */
import { resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import { isTerminal, JOB_STATUSES, parseStatus, type JobStatus } from '../../job/status.ts';
import type { Runner } from '../../runner/runner.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { withRunner, type ReadOptions } from '../reading.ts';
import { bytesText, cleanLine } from '../text.ts';

/** Most jobs of one archive. */
const MAX_JOBS = 10_000;

interface Options extends ReadOptions {
  readonly out: string;
  readonly status?: string;
  readonly repo?: string;
  readonly session?: string;
  readonly search?: string;
}

function statusOf(text: string | undefined): JobStatus | undefined {
  if (text === undefined) return undefined;
  const status = parseStatus(text);
  if (status !== null && isTerminal(status)) return status;
  const allowed = JOB_STATUSES.filter(isTerminal).join(', ');
  throw new JobError('usage', `status: ${JSON.stringify(text)} is no end of a job (allowed: ${allowed})`);
}

async function chosen(
  { store }: Runner,
  jobs: readonly string[],
  options: Options,
): Promise<readonly string[]> {
  const { repo, session: sessionId, search } = options;
  const filters = [options.status, repo, sessionId, search].filter((one) => one !== undefined);
  if (jobs.length > 0 === filters.length > 0) {
    throw new JobError(
      'usage',
      'export: name jobs, or say which by --status, --repo, --session or --search',
      {
        hint: 'for example: agent-runner export --session prices --out prices.tar',
      },
    );
  }
  if (jobs.length > 0) return jobs;
  const status = statusOf(options.status);
  const found = await store.listJobs({
    limit: MAX_JOBS,
    ...(status === undefined ? {} : { status }),
    ...(repo === undefined ? {} : { repo }),
    ...(sessionId === undefined ? {} : { sessionId }),
    ...(search === undefined ? {} : { search }),
  });
  const isMoved = ({ request }: (typeof found)[number]): boolean =>
    [request.in_place, request.replay, request.pipeline, request.step].every((one) => one === undefined);
  const ended = found.filter((job) => job.outcome !== null && isMoved(job)).map((job) => job.job_id);
  if (ended.length > 0) return ended;
  throw new JobError('not_found', 'export: no such job has ended', {
    hint: '`agent-runner list` shows the jobs there are',
  });
}

async function write(io: Io, runner: Runner, jobs: readonly string[], options: Options): Promise<number> {
  const path = resolve(runner.config.host.cwd, options.out);
  const exported = await runner.archives.write(await chosen(runner, jobs, options), path);
  if (options.json === true) {
    printJson(io, exported);
    return 0;
  }
  io.out(`${exported.file}\n`);
  const count = exported.jobs.length;
  io.err(`${count} ${count === 1 ? 'job' : 'jobs'}, ${bytesText(exported.bytes)}\n`);
  for (const one of exported.left_out) io.err(`left out: ${cleanLine(one)}\n`);
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program, 'home')
      .argument('[jobs...]', 'ids of jobs')
      .requiredOption('--out <file>', 'the file that is written; nothing may be there')
      .option('--status <status>', 'jobs that ended so: completed, failed or cancelled')
      .option('--repo <repo>', 'jobs on this repository, as `list` shows it')
      .option('--session <name>', 'jobs of this session')
      .option('--search <words>', 'jobs with these words, as `list --search` finds them')
      .option('--json', 'print JSON')
      .action(
        action(io, (jobs: string[], options: Options) =>
          withRunner(io, options, (runner) => write(io, runner, jobs, options)),
        ),
      );
  },
  examples: ['export job-0123456789ab --out job.tar', 'export --session prices --out prices.tar --json'],
};
