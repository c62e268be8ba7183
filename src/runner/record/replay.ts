/** Playing a recorded job back: as a new job with today's gate, and what it came to beside the recording. */
import type { Job } from '../../job/job.ts';
import type { Check } from '../../job/gate.ts';
import { compareOutcomes, type Comparison } from '../../job/recording/compare.ts';
import type { JobRequest } from '../../job/request.ts';
import type { JobResult } from '../../job/result.ts';
import { selectSandbox } from '../../sandbox/select.ts';
import { treeOf } from '../../workspace/change.ts';
import { differingPaths } from '../../workspace/keep/recorded.ts';
import { exists } from '../../workspace/keep/folders.ts';
import type { RunnerParts } from '../context.ts';
import { exportRecording, stageFile, type Exported } from './file.ts';
import { outcomeOfResult, readRecording } from './recording.ts';
import { stageJob, type Staged } from './stage.ts';

/** What may be otherwise than it was recorded. */
export interface ReplayChanges {
  readonly checks?: readonly Check[];
  readonly setup?: string;
  readonly allowTestChanges?: boolean;
}

/** Recorded jobs, and playing them back. */
export interface Replays {
  /** Lays out the recording of a job, or of a file (an absolute path), to be played back. */
  stage(source: { readonly jobId: string } | { readonly file: string }): Promise<Staged>;
  /** Accepts the job that plays a recording back. */
  accept(staged: Staged, changes: ReplayChanges): Promise<Job>;
  /** What a playback came to, beside its recording. */
  compare(staged: Staged, result: JobResult): Promise<Comparison>;
  /** Writes a job's recording as one file, at an absolute path where nothing is. */
  export(jobId: string, path: string): Promise<Exported>;
}

const NOBODY = { agent: null, model: null };

/**
 * The request of a playback: what was asked then, on a repository of its own, so that nothing is fetched and nobody
 * gets a branch. Where it runs is up to whoever plays it back; nothing is spent, so no budget holds but the clock.
 */
function replayRequest(
  { config, layout }: RunnerParts,
  { id, recording }: Staged,
  changes: ReplayChanges,
): JobRequest {
  const { timeout_s, ...asked } = recording.request;
  const looked = recording.turns.some((turn) => turn.phase !== 'build');
  return {
    ...asked,
    repo: layout.replay(id).repository,
    base: recording.base_sha,
    agent: 'replay',
    model: null,
    phases: { mode: looked ? 'on' : 'off', explore: NOBODY, plan: NOBODY },
    sandbox: config.sandbox.name,
    allow_host: config.sandbox.name === 'host',
    network: false,
    budget: { max_cost_usd: null, max_tokens: null, max_turns: null, timeout_s },
    checks: changes.checks ?? asked.checks,
    setup: changes.setup ?? asked.setup,
    allow_test_changes: changes.allowTestChanges ?? asked.allow_test_changes,
    user_id: null,
    replay: { recording: id, of: recording.job_id },
  };
}

/** Gives a playback the answers that a person gave to the recorded job, in their order. */
async function answerAhead({ store }: RunnerParts, job: Job, { recording }: Staged): Promise<void> {
  for (const { answer } of recording.turns)
    if (answer !== null) await store.addMessage(job.job_id, answer, new Date().toISOString());
}

/** Compares what a playback came to with its recording. */
async function compareReplay(
  { git, layout }: RunnerParts,
  { id, recording }: Staged,
  result: JobResult,
): Promise<Comparison> {
  const { repository } = layout.replay(id);
  const { saved } = layout.repo(repository);
  const base = await treeOf(git, { dir: repository }, recording.base_sha);
  const replayed = await outcomeOfResult({ git }, result, saved, base);
  const [first, second] = [recording.result.tree, replayed.tree];
  const dirs = [repository, ...((await exists(saved)) ? [saved] : [])] as const;
  const differing =
    first === second ? [] : await differingPaths(git, [dirs[0], ...dirs.slice(1)], first, second);
  const names = { of: recording.job_id, job_id: result.job_id };
  return compareOutcomes(names, recording.result, replayed, differing);
}

/**
 * Makes the replays of a runner.
 *
 * @param find the job of an id; rejects with `not_found`
 * @param accept stores a request as a job
 */
export function createReplays(
  parts: RunnerParts,
  find: (jobId: string) => Promise<Job>,
  accept: (request: JobRequest) => Promise<Job>,
): Replays {
  return {
    async stage(source) {
      if ('file' in source) return stageFile(parts, source.file);
      const job = await find(source.jobId);
      return stageJob(parts, job, await readRecording(parts, job));
    },
    async accept(staged, changes) {
      const request = replayRequest(parts, staged, changes);
      await selectSandbox(request.sandbox, { allowHost: request.allow_host });
      const job = await accept(request);
      await answerAhead(parts, job, staged);
      return job;
    },
    compare: (staged, result) => compareReplay(parts, staged, result),
    export: async (jobId, path) => exportRecording(parts, await find(jobId), path),
  };
}
