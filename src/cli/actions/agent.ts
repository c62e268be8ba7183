/** `actions agent`: an ordinary job on a copy of the upstream, whose change leaves as a bundle. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { EXIT_CODES, OUTCOMES } from '../../job/status.ts';
import { errorInfo, JobError, type ErrorInfo } from '../../job/error.ts';
import type { JobResult } from '../../job/result.ts';
import { parseRunId } from '../../runner/actions/artifact.ts';
import { hasChange, writeBundle } from '../../runner/actions/agent.ts';
import { fetchUpstream, type Upstream } from '../../runner/actions/upstream.ts';
import { inFolder, reachToRead } from '../../runner/forge/alone/fork.ts';
import { openForge } from '../../runner/open.ts';
import type { Runner } from '../../runner/runner.ts';
import type { Config } from '../../config.ts';
import { judgingOf, makeRequest, settingsOf, type JudgingOptions } from '../asking/settings.ts';
import type { Io } from '../command.ts';
import { follow, type FollowedEnd } from '../foreground.ts';
import { withTidyRunner } from '../reading.ts';
import { cleanLine } from '../text.ts';
import { codeSpan, told, type Told, type ToldOptions } from './told.ts';

type Git = ReturnType<typeof openForge>['git'];

/** Checks, and failures of each, that the summary names. */
const MAX_BROKEN = 10;
/** Saved work of a job that left no change, beside where that would be. */
const WORK_FILE = 'work.bundle';

/** Options of the command. */
export interface AgentOptions extends Record<string, unknown>, JudgingOptions, ToldOptions {
  readonly upstream: string;
  readonly jobId: string;
  readonly bundle: string;
  readonly task?: string;
  readonly base?: string;
}

/** Accepts the job and takes it to its end. */
async function work(
  io: Io,
  config: Config,
  runner: Runner,
  upstream: Upstream,
  options: AgentOptions,
): Promise<FollowedEnd> {
  const task = options.task || config.task;
  if (task === null) {
    throw new JobError('usage', 'task: none is given', { hint: 'set TASK_DESCRIPTION, or give --task' });
  }
  const request = await makeRequest(config, {
    task,
    repo: upstream.target.dir,
    base: upstream.base,
    allowHost: config.sandbox.name === 'host',
    ...judgingOf(options),
  });
  await runner.preflight(request);
  const { job_id: jobId } = await runner.accept(request);
  io.err(`job ${jobId} on ${upstream.remote.display}\n`);
  return follow(runner, jobId, io);
}

/**
 * Writes what a job leaves: its change, or where it ended without one its saved work, which would go with the machine.
 *
 * @returns whether there was work to keep
 */
async function leave(
  git: Git,
  runner: Runner,
  upstream: Upstream,
  end: FollowedEnd,
  { jobId, folder }: { readonly jobId: string; readonly folder: string },
): Promise<boolean> {
  if (end.kind === 'ended' && hasChange(end.result)) {
    await writeBundle(git, upstream, jobId, end.result, folder);
    return false;
  }
  const [id, ref] =
    end.kind === 'ended' ? [end.result.job_id, end.result.wip_ref] : [end.job.job_id, end.wipRef];
  if (ref === null) return false;
  await mkdir(folder, { recursive: true });
  await runner.recover(id, { kind: 'bundle', path: join(folder, WORK_FILE) });
  return true;
}

/** The checks that keep a change from going on, with what broke, as lines of a list. */
function brokenOf(result: JobResult): readonly string[] {
  const broken = (result.gate.runs.at(-1)?.checks ?? []).filter(({ verdict }) => verdict === 'failed');
  return broken.slice(0, MAX_BROKEN).map(({ name, new_failures: failures, reason }) => {
    const what = failures.length === 0 ? [reason] : failures.slice(0, MAX_BROKEN);
    return `- ${codeSpan(name)}: ${what.map(codeSpan).join(', ')}`;
  });
}

/** Why no change goes on. Paths that a hint may name are gone with the machine; what was saved is not. */
function errorOf({ error }: JobResult, hasWork: boolean): ErrorInfo | null {
  if (error === null || !hasWork) return error;
  return { ...error, hint: `what it did is kept as ${WORK_FILE}, which git fetch reads` };
}

/** What the step tells of a job that ended. */
function toldOf(end: FollowedEnd, hasWork: boolean): Told {
  if (end.kind === 'parked') {
    const error = errorInfo(
      'agent_failed',
      `the agent asks: ${end.question}`,
      'say more in the task, and run it again',
    );
    const outputs = { outcome: 'needs_input', has_change: 'false', has_work: String(hasWork) };
    return { outputs, summary: '## Agent: it asks\n', error, exitCode: EXIT_CODES.needs_input };
  }
  const { result } = end;
  const outcome = result.outcome ?? 'infra_failed';
  const left = hasChange(result);
  const cost = result.total_cost === null ? 'unknown cost' : `$${result.total_cost.toFixed(2)}`;
  const summary = [
    `## Agent: ${left ? 'a change goes on to be judged' : outcome}`,
    `${codeSpan(result.agent)}, ${result.turns} ${result.turns === 1 ? 'turn' : 'turns'}, ${cost}; its own machine says ${result.gate.verdict ?? 'nothing'}.`,
    ...(left ? [] : brokenOf(result)),
    ...result.notices.map((notice) => `- ${codeSpan(notice)}`),
  ];
  return {
    outputs: { outcome, has_change: String(left), has_work: String(hasWork) },
    summary: `${summary.join('\n\n')}\n`,
    error: left ? null : errorOf(result, hasWork),
    exitCode: left ? 0 : OUTCOMES[outcome].exit_code,
  };
}

/** Runs the command. @returns the exit code: 0 with a change and where there was nothing to change */
export async function runAgent(io: Io, options: AgentOptions): Promise<number> {
  return told(io, options, 'Agent', async () => {
    const jobId = parseRunId(options.jobId);
    const config = await io.resolve(settingsOf(options));
    const parts = openForge(config);
    const attended = { signal: io.signal, onNotice: (said: string) => io.err(`${cleanLine(said)}\n`) };
    const reached = await reachToRead(parts, 'upstream', options.upstream, jobId, attended);
    return inFolder(async (folder) => {
      const upstream = await fetchUpstream(reached, folder, options.base || null);
      let ended: Told | null = null;
      await withTidyRunner(config, async (runner) => {
        const end = await work(io, config, runner, upstream, options);
        const into = { jobId, folder: resolve(config.host.cwd, options.bundle) };
        ended = toldOf(end, await leave(parts.git, runner, upstream, end, into));
        return 0;
      });
      if (ended === null) throw new JobError('bug', 'the job ended without a word');
      return ended;
    });
  });
}
