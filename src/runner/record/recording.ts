/** A job's recording, gathered from what the job left: its turns, its result, and the trees in the saved work. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { IN_PLACE_GATE_RUNS } from '../../job/in-place/in-place.ts';
import type { Job } from '../../job/job.ts';
import {
  MAX_RECORDED_TURNS,
  RECORDING_VERSION,
  type RecordedOutcome,
  type RecordedRequest,
  type RecordedTurn,
  type Recording,
} from '../../job/recording/recording.ts';
import type { JobRequest } from '../../job/request.ts';
import type { JobResult } from '../../job/result.ts';
import { PHASES } from '../../job/step.ts';
import { treeOf } from '../../workspace/change.ts';
import { readSaved, turnsRef } from '../../workspace/remote/saved.ts';
import type { RunnerParts } from '../context.ts';
import { parseTurn } from './parse.ts';
import { turnNames } from './turns.ts';

/** Largest file of a turn: its events, its words, and what JSON adds to them. */
const MAX_TURN_BYTES = 16 * 1024 * 1024;

/** The turns that a job's folder holds, in the order in which they were taken. */
export async function readTurns(folder: string): Promise<readonly RecordedTurn[]> {
  const names = await turnNames(folder);
  const turns: RecordedTurn[] = [];
  for (const name of names.slice(0, MAX_RECORDED_TURNS)) {
    const path = join(folder, name);
    const { size } = await stat(path);
    if (size > MAX_TURN_BYTES)
      throw new JobError(
        'invalid_request',
        `recording: ${path} has ${size} bytes (at most ${MAX_TURN_BYTES})`,
      );
    turns.push(await parseTurn(await readFile(path, 'utf8'), path));
  }
  return turns.toSorted((a, b) => PHASES.indexOf(a.phase) - PHASES.indexOf(b.phase) || a.number - b.number);
}

/**
 * What a job came to, as a playback is compared with it.
 *
 * @param saved the repository of its saved work, which tells what it left
 * @param base id of its base's tree: what it left where nothing was saved
 */
export async function outcomeOfResult(
  { git }: Pick<RunnerParts, 'git'>,
  result: JobResult,
  saved: string,
  base: string,
): Promise<RecordedOutcome> {
  if (result.outcome === null) throw new JobError('bug', 'a job ended without an outcome');
  const work = result.wip_ref === null ? null : await readSaved(git, saved, result.wip_ref);
  if (result.wip_ref !== null && work === null) {
    throw new JobError('not_found', `replay: the saved work of ${result.job_id} is gone`, {
      hint: 'replay a job that is younger than keep_work_days',
    });
  }
  const tree = work === null ? base : await treeOf(git, { dir: saved }, work);
  const gate = result.gate.runs.map(({ verdict, checks }) => {
    return { verdict, checks: checks.map((check) => ({ name: check.name, verdict: check.verdict })) };
  });
  return { outcome: result.outcome, error: result.error, gate, tree };
}

function requestOf(request: JobRequest): RecordedRequest {
  const { task, mode, policy, max_gate_runs, checks, setup, allow_test_changes, draft, in_place } = request;
  // What the commands in place have by default stands nowhere else.
  const runs = max_gate_runs ?? (in_place === undefined ? null : IN_PLACE_GATE_RUNS[in_place.command]);
  const asked = { task, mode, policy, max_gate_runs: runs, checks, setup, allow_test_changes, draft };
  return { ...asked, timeout_s: request.budget.timeout_s };
}

function refuse(job: Job, why: string, hint: string): JobError {
  return new JobError('not_found', `replay: ${job.job_id} ${why}`, { hint });
}

/**
 * Gathers the recording of a job that has ended.
 *
 * @throws JobError `conflict` while it has not, `not_found` where it can't be played back, with why
 */
export async function readRecording(parts: RunnerParts, job: Job): Promise<Recording> {
  const { git, layout } = parts;
  const { result, request } = job;
  if (result?.outcome == null) {
    throw new JobError('conflict', `replay: ${job.job_id} has not ended`, {
      hint: `agent-runner run --resume ${job.job_id} takes it to its end`,
    });
  }
  if (request.in_place?.command === 'self-heal') {
    const hint = 'replay jobs of `run` and `issue-to-pr`';
    throw refuse(job, 'healed a checkout without a baseline, which is not played back', hint);
  }
  const turns = await readTurns(layout.job(job.job_id).turns);
  const { saved } = layout.repo(request.repo);
  const trees =
    turns.length === 0 ? null : await readSaved(git, saved, turnsRef(job.job_id)).catch(() => null);
  if (trees === null || result.base_sha === null) {
    const hint =
      'a job is recorded since there is replay, where its agent ran, and until gc removes its logs';
    throw refuse(job, 'has no recorded turns', hint);
  }
  const baseTree = await treeOf(git, { dir: saved }, result.base_sha);
  const first = turns.find((turn) => turn.trees !== null)?.trees?.before ?? baseTree;
  if (first !== baseTree) {
    const hint = 'replay a job that began at its base';
    throw refuse(
      job,
      'went on from work of an earlier run, so its recording does not begin at its base',
      hint,
    );
  }
  return {
    version: RECORDING_VERSION,
    job_id: job.job_id,
    agent: request.agent,
    request: requestOf(request),
    base_sha: result.base_sha,
    trees_sha: trees,
    result: await outcomeOfResult(parts, result, saved, baseTree),
    turns,
  };
}
