/** `actions agent`: an ordinary job on a copy of the upstream, whose change leaves as a bundle. */
import { resolve } from 'node:path';
import { EXIT_CODES, OUTCOMES } from '../../job/status.ts';
import { errorInfo, JobError } from '../../job/error.ts';
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

/** What the step tells of a job that ended. */
function toldOf(end: FollowedEnd): Told {
  if (end.kind === 'parked') {
    const error = errorInfo(
      'agent_failed',
      `the agent asks: ${end.question}`,
      'say more in the task, and run it again',
    );
    const outputs = { outcome: 'needs_input', has_change: 'false' };
    return { outputs, summary: '## Agent: it asks\n', error, exitCode: EXIT_CODES.needs_input };
  }
  const { result } = end;
  const outcome = result.outcome ?? 'infra_failed';
  const left = hasChange(result);
  const cost = result.total_cost === null ? 'unknown cost' : `$${result.total_cost.toFixed(2)}`;
  const summary = [
    `## Agent: ${left ? 'a change goes on to be judged' : outcome}`,
    `${codeSpan(result.agent)}, ${result.turns} turns, ${cost}; its own machine says ${result.gate.verdict ?? 'nothing'}.`,
    ...result.notices.map((notice) => `- ${codeSpan(notice)}`),
  ];
  return {
    outputs: { outcome, has_change: String(left) },
    summary: `${summary.join('\n\n')}\n`,
    error: left ? null : result.error,
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
        if (end.kind === 'ended' && hasChange(end.result))
          await writeBundle(parts.git, upstream, jobId, end.result, resolve(config.host.cwd, options.bundle));
        ended = toldOf(end);
        return 0;
      });
      if (ended === null) throw new JobError('bug', 'the job ended without a word');
      return ended;
    });
  });
}
