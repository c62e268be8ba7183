/** `self-heal --pr`: the failed checks of a pull request as a job in the foreground. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../job/error.ts';
import { EXIT_CODES, OUTCOMES, type Outcome } from '../../job/status.ts';
import type { JobRequest } from '../../job/request.ts';
import { healingOf, type FailingPull } from '../../runner/forge/turn/heal.ts';
import type { Runner } from '../../runner/runner.ts';
import { judgingOf, makeRequest, settingsOf } from '../asking/settings.ts';
import { printJson, type Io } from '../command.ts';
import { follow, printEnd, sendCallbacks } from '../foreground.ts';
import { withTidyRunner } from '../reading.ts';
import type { InPlaceOptions } from './run.ts';

/** Options of `self-heal --pr`. */
export interface PullOptions extends InPlaceOptions {
  readonly wait?: boolean | undefined;
}

/** Pause between two looks at checks that have not ended, and the longest wait for them. */
const LOOK_PAUSE_MS = 15_000;
const MAX_WAIT_MS = 3600_000;

/** The pull request; with `--wait` once its checks have ended. */
async function look(io: Io, runner: Runner, name: string, wait: boolean): Promise<FailingPull> {
  let found = await runner.readPull(name);
  if (!wait || !found.checks.isPending) return found;
  io.err(`checks of ${found.name} have not ended: waiting\n`);
  for (let waitedMs = 0; found.checks.isPending && waitedMs < MAX_WAIT_MS; waitedMs += LOOK_PAUSE_MS) {
    await sleep(LOOK_PAUSE_MS, undefined, { signal: io.signal });
    found = await runner.readPull(name);
  }
  return found;
}

/** Says why there is nothing to run. @returns the exit code */
function nothing(
  io: Io,
  { name, pull }: FailingPull,
  options: PullOptions,
  why: { readonly outcome: Outcome | null; readonly text: string },
): number {
  if (options.json === true)
    printJson(io, { pull: name, head_sha: pull.head.sha, outcome: why.outcome, message: why.text });
  else io.out(`${why.text}\n`);
  return why.outcome === null ? EXIT_CODES.unavailable : OUTCOMES[why.outcome].exit_code;
}

function agentGiven(plain: JobRequest, options: PullOptions): Partial<JobRequest> {
  const given = settingsOf(options);
  return {
    ...(given['agent'] === undefined ? {} : { agent: plain.agent }),
    ...(given['model'] === undefined ? {} : { model: plain.model }),
  };
}

async function start(io: Io, runner: Runner, found: FailingPull, options: PullOptions): Promise<string> {
  const { config } = runner;
  const agent = found.own?.root.request.agent;
  const plain = await makeRequest(
    agent === undefined ? config : { ...config, agent: config.agent ?? agent },
    {
      task: found.pull.title.trim() === '' ? found.name : found.pull.title,
      repo: found.repo,
      allowHost: config.sandbox.name === 'host',
      draft: options.draft,
      ...judgingOf(options),
    },
  );
  const request = {
    ...healingOf(found, plain, options.push ?? false),
    ...(found.own === null ? {} : agentGiven(plain, options)),
  };
  await runner.preflight(request);
  const job = await runner.accept(request);
  const where = found.own === null && options.push !== true ? `for ${found.name}` : `on ${found.name}`;
  io.err(`job ${job.job_id} ${where}, branch ${job.branch}\n`);
  return job.job_id;
}

/**
 * Mends the failed checks of a pull request: of one of ours as the next job of its session; of somebody else's by a pull
 * request onto its branch, and with `--push` on the very branch.
 *
 * @param name `owner/name#12`, or its address
 */
export async function healPull(io: Io, name: string, options: PullOptions): Promise<number> {
  if (options.simulate !== undefined) {
    throw new JobError('usage', 'pr and simulate exclude each other', { hint: 'give one of them' });
  }
  const config = await io.resolve(settingsOf(options));
  return withTidyRunner(config, async (runner) => {
    let jobId = options.resume;
    if (jobId === undefined) {
      const found = await look(io, runner, name, options.wait ?? false);
      const { failed, isPending } = found.checks;
      if (failed.length === 0 && isPending) {
        const text = `checks of ${found.name} have not ended: ask again, or wait for them with --wait`;
        return nothing(io, found, options, { outcome: null, text });
      }
      if (failed.length === 0) {
        const text = `no check of ${found.name} failed: there is nothing to mend`;
        return nothing(io, found, options, { outcome: 'no_change', text });
      }
      if (found.usedUp !== null) {
        const text = `${found.name}: there were ${found.usedUp}: a person must look`;
        return nothing(io, found, options, { outcome: 'gave_up', text });
      }
      jobId = await start(io, runner, found, options);
    }
    const end = await follow(runner, jobId, io);
    const code = printEnd(end, io, options.json ?? false);
    if (end.kind === 'ended') await sendCallbacks(runner, jobId, io);
    return code;
  });
}
