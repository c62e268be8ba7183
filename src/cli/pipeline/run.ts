/** `pipeline run|approve|reject|retry`: a run in the foreground or in the queue, and what can be done to one. */
import { JobError } from '../../job/error.ts';
import { jobOfRun } from '../../job/pipeline/run.ts';
import type { AskedPipeline } from '../../client/pipelines/pipelines.ts';
import { beginRun } from '../../client/pipelines/local.ts';
import type { RunEnd, Runner } from '../../runner/runner.ts';
import { askedRun, type AskingOptions } from '../asking/asking.ts';
import { settingsOf } from '../asking/settings.ts';
import { asCalled, printJson, type Io } from '../command.ts';
import { sendCallbacks } from '../foreground.ts';
import { withTidyRunner } from '../reading.ts';
import { isRemote, reachSettings, withJobs, type ReachOptions, type Reached } from '../reach.ts';
import { renderResult } from '../report.ts';
import { findPipeline, isFileName, readPipelineFile } from './named.ts';
import { printRun } from './view.ts';
import { watchRun } from './watch.ts';

/** Options of `pipeline run`. */
export interface RunOptions extends AskingOptions, ReachOptions {
  readonly wait?: boolean;
  readonly detach?: boolean;
  readonly resume?: string;
  readonly priority?: string;
}

/** Options of what is done to a run. */
export interface ActOptions extends ReachOptions {
  readonly comment?: string;
}

/** The definition of a file, or the name that is looked up where the pipelines are. */
async function pipelineOf(named: string, cwd: string): Promise<AskedPipeline> {
  if (!isFileName(named)) return named;
  return { ...(await readPipelineFile(named, cwd)) };
}

/** Runs in this process, with progress, until it has ended or waits for a person; gives the exit code. */
export async function followRun(io: Io, runner: Runner, runId: string, asJson: boolean): Promise<number> {
  const { createLocalClient } = await import('../../client/local.ts');
  const { pipelines } = createLocalClient(runner);
  const jobId = jobOfRun(runId) ?? runId;
  const over = new AbortController();
  const watched = watchRun(pipelines, runId, io, { signal: over.signal, isRemote: false });
  const drive = async (): Promise<RunEnd> => {
    try {
      return await runner.run(jobId, { signal: io.signal });
    } finally {
      // Nothing is looked at any more once this process is about to close what it looks into.
      over.abort();
      await watched.catch(() => {});
    }
  };
  const end = await drive();
  const view = await pipelines.view(runId);
  const code = printRun(view, io, { asJson, isLocal: true });
  if (end.kind !== 'ended') return code;
  const { result, savedIn } = end;
  // What was judged and proposed as a whole is told as of any job.
  if (!asJson && (result.gate.runs.length > 0 || result.wip_ref !== null))
    io.out(`\n${renderResult(result, savedIn, io)}`);
  await sendCallbacks(runner, jobId, io);
  return code;
}

async function runHere(io: Io, named: string | undefined, options: RunOptions): Promise<number> {
  const config = await io.resolve(settingsOf(options));
  return withTidyRunner(config, async (runner) => {
    const asJson = options.json === true;
    if (options.resume !== undefined) return followRun(io, runner, options.resume, asJson);
    if (named === undefined) throw noPipeline();
    const pipeline = await pipelineOf(named, config.host.cwd);
    const asked = await askedRun(config, options, null, false);
    const view = await beginRun(runner, pipeline, asked, {
      here: true,
      otherwise: config.workspace ?? '.',
    });
    io.err(`${view.run_id} of ${view.pipeline} on ${view.repo}\n`);
    return followRun(io, runner, view.run_id, asJson);
  });
}

function noPipeline(): JobError {
  return new JobError('usage', 'pipeline: none is named', {
    hint: 'name a file, or what `agent-runner pipeline list` shows',
  });
}

async function runThere(
  io: Io,
  { client, config }: Reached,
  named: string,
  options: RunOptions,
): Promise<number> {
  const pipeline = await pipelineOf(named, config.host.cwd);
  const known =
    typeof pipeline === 'string'
      ? ((await findPipeline(client.pipelines, pipeline, ''))?.definition ?? null)
      : null;
  const own = known?.repo_url ?? (typeof pipeline === 'string' ? null : pipeline['repo_url']);
  const asked = await askedRun(
    config,
    options,
    own == null ? (config.workspace ?? '.') : null,
    client.url !== null,
  );
  const view = await client.pipelines.run(pipeline, asked);
  if (options.detach === true) {
    const { run_id, job_id, status } = view;
    if (options.json === true) printJson(io, { run_id, job_id, status });
    else io.out(asCalled(io, `${run_id} is ${status}; wait for it by: agent-runner wait ${run_id}\n`));
    return 0;
  }
  io.err(`${view.run_id} of ${view.pipeline} on ${view.repo}\n`);
  return waitForRun(io, { client }, view.run_id, options.json === true);
}

/** Shows a run that others work on until it has ended or waits for a person; gives the exit code. */
export async function waitForRun(
  io: Io,
  { client }: Pick<Reached, 'client'>,
  runId: string,
  asJson: boolean,
): Promise<number> {
  const seen = await watchRun(client.pipelines, runId, io, {
    signal: io.signal,
    isRemote: client.url !== null,
  });
  if (io.signal.aborted) {
    io.err(asCalled(io, `${runId} goes on; see it by: agent-runner pipeline show ${runId}\n`));
    return 130;
  }
  return printRun(seen, io, { asJson, isLocal: client.url === null });
}

/** `pipeline run [pipeline]` */
export async function run(io: Io, named: string | undefined, options: RunOptions): Promise<number> {
  if (options.wait === true && options.detach === true)
    throw new JobError('usage', 'wait and detach: both are given', { hint: 'give one of them' });
  const config = await io.resolve(reachSettings(options));
  const isQueued = isRemote(config, options) || options.wait === true || options.detach === true;
  if (!isQueued) return runHere(io, named, options);
  return withJobs(io, options, async (reached) => {
    if (options.resume !== undefined) return waitForRun(io, reached, options.resume, options.json === true);
    if (named === undefined) throw noPipeline();
    return runThere(io, reached, named, options);
  });
}

/** `pipeline approve|reject <run> <step>` */
export function decide(
  io: Io,
  runId: string,
  step: string,
  approved: boolean,
  options: ActOptions,
): Promise<number> {
  return withJobs(io, options, async ({ client }) => {
    const { comment } = options;
    const view = await client.pipelines.approve(runId, {
      step,
      approved,
      ...(comment === undefined ? {} : { comment }),
    });
    if (options.json === true) printJson(io, view);
    else io.out(`${step} of ${view.run_id} is ${approved ? 'approved' : 'refused'}\n`);
    if (client.url === null)
      io.err(
        asCalled(io, `a worker goes on with it, or: agent-runner pipeline run --resume ${view.run_id}\n`),
      );
    return 0;
  });
}

/** `pipeline retry <run>` */
export function retry(io: Io, runId: string, options: ActOptions): Promise<number> {
  return withJobs(io, options, async ({ client }) => {
    const view = await client.pipelines.retry(runId);
    if (options.json === true) printJson(io, view);
    else
      io.out(
        asCalled(
          io,
          `${view.run_id} is ${view.status}; ${client.url === null ? `run it by: agent-runner pipeline run --resume ${view.run_id}` : `a worker of ${client.url} takes it`}\n`,
        ),
      );
    return 0;
  });
}
