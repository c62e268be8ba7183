/** `list`: jobs, newest first. */
import { JobError } from '../../job/error.ts';
import type { JobView } from '../../job/view/view.ts';
import { JOB_STATUSES, parseStatus, type Outcome } from '../../job/status.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { addReachFlag, withJobs, type ReachOptions } from '../reach.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { cleanLine, table } from '../text.ts';

interface Options extends ReachOptions {
  readonly status?: string;
  readonly search?: string;
  readonly repo?: string;
  readonly session?: string;
  readonly limit: string;
}

const MAX_LIMIT = 1000;
const TASK_CHARS = 50;
/** Outcomes of jobs whose branch was proposed. */
const PROPOSED: ReadonlySet<Outcome> = new Set(['proposed', 'pr_opened', 'pr_updated']);

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new JobError('usage', `limit: ${JSON.stringify(text)} is not a whole number from 1 to ${MAX_LIMIT}`);
}

/** What a job does; of the step of a run, which one and whose. */
function taskOf({ task, run_id: run, step }: JobView): string {
  const text = cleanLine(task).slice(0, TASK_CHARS);
  return step === null ? text : `${run ?? ''} ${cleanLine(step)}: ${text}`;
}

async function list(io: Io, options: Options): Promise<number> {
  const status = options.status === undefined ? undefined : parseStatus(options.status);
  if (status === null) {
    throw new JobError(
      'usage',
      `status: ${JSON.stringify(options.status)} is unknown (allowed: ${JOB_STATUSES.join(', ')})`,
    );
  }
  return withJobs(io, options, async ({ client }) => {
    const jobs = await client.list({
      limit: limitOf(options.limit),
      ...(status === undefined ? {} : { status }),
      ...(options.search === undefined ? {} : { search: options.search }),
      ...(options.repo === undefined ? {} : { repo: options.repo }),
      ...(options.session === undefined ? {} : { sessionId: options.session }),
    });
    if (options.json === true) {
      const rows = jobs.map(
        ({
          job_id,
          run_id,
          step,
          status: at,
          outcome,
          repo,
          task,
          agent,
          branch,
          created_at,
          finished_at,
        }) => {
          return {
            job_id,
            run_id,
            step,
            status: at,
            outcome,
            repo,
            task,
            agent,
            // The branch that a job works on is there from the start; shown is one that was proposed.
            branch: outcome !== null && PROPOSED.has(outcome) ? branch : null,
            created_at,
            finished_at,
          };
        },
      );
      printJson(io, { jobs: rows });
      return 0;
    }
    const isFiltered = [status, options.search, options.repo, options.session].some(
      (one) => one !== undefined,
    );
    if (jobs.length === 0 && isFiltered) io.err('no such jobs\n');
    else if (jobs.length === 0)
      io.err(asCalled(io, 'no jobs yet; `agent-runner demo` makes one in a folder of its own\n'));
    const rows = jobs.map((job) => [
      job.step === null ? (job.run_id ?? job.job_id) : job.job_id,
      job.outcome ?? job.status,
      job.created_at.slice(0, 19).replace('T', ' '),
      job.agent,
      cleanLine(job.repo),
      taskOf(job),
    ]);
    if (jobs.length > 0)
      io.out(table(['job', 'outcome', 'created (UTC)', 'agent', 'repository', 'task'], rows, io.colour));
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addReachFlag(addSettingFlags(program, 'home'))
      .option('--status <status>', 'only jobs with this status')
      .option(
        '--search <words>',
        'only jobs with these words in task, repository, branch, id or pull request; `disc*` is what one begins with',
      )
      .option('--repo <repo>', 'only jobs on this repository, as `list` shows it')
      .option('--session <name>', 'only jobs of this session')
      .option('--limit <n>', 'at most so many', '20')
      .option('--json', 'print JSON')
      .action(action(io, (options: Options) => list(io, options)));
  },
  examples: ['list --search "rounding disc*"', 'list --status failed --json'],
};
