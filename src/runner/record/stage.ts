/** Recordings laid out to be played back: a repository and the recording beside it, made whole or not at all. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Playback } from '../../agent/replay/agent.ts';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { Recording } from '../../job/recording/recording.ts';
import type { JobRequest } from '../../job/request.ts';
import { exists, markUsed } from '../../workspace/keep/folders.ts';
import { linkRecorded, type Recorded } from '../../workspace/keep/recorded.ts';
import type { Layout } from '../../workspace/layout.ts';
import type { RunnerParts } from '../context.ts';
import { parseRecording } from './parse.ts';

/** A recording that can be played back. */
export interface Staged {
  readonly id: string;
  readonly recording: Recording;
}

/** The objects that a recording is about. */
export function recordedIn({ base_sha: base, trees_sha: trees, result }: Recording): Recorded {
  return { base, trees, left: result.tree };
}

/** The same recording has the same name, so it is laid out once. */
export function recordingId(recording: Recording): string {
  return createHash('sha256').update(JSON.stringify(recording)).digest('hex').slice(0, 16);
}

/**
 * Lays a recording out.
 *
 * @param fill makes the repository at the path it is given
 */
export async function stage(
  layout: Layout,
  recording: Recording,
  fill: (repository: string) => Promise<void>,
): Promise<Staged> {
  const id = recordingId(recording);
  const { root } = layout.replay(id);
  const staged = { id, recording };
  if (await exists(root)) {
    await markUsed(root);
    return staged;
  }
  const building = `${root}.new-${randomBytes(6).toString('hex')}`;
  await mkdir(dirname(root), { recursive: true });
  await mkdir(building);
  try {
    await fill(join(building, 'repository.git'));
    await writeFile(join(building, 'recording.json'), `${JSON.stringify(recording)}\n`);
    await rename(building, root);
  } catch (error) {
    await rm(building, { recursive: true, force: true });
    // Another process laid the same one out meanwhile.
    if (!(await exists(root))) throw error;
  }
  return staged;
}

/** Lays out the recording of a job of this home. */
export async function stageJob(parts: RunnerParts, job: Job, recording: Recording): Promise<Staged> {
  const { git, layout } = parts;
  const { saved } = layout.repo(job.request.repo);
  const what = recordedIn(recording);
  return stage(layout, recording, (repository) => linkRecorded(git, saved, repository, what));
}

/** What the `replay` agent of a request plays back; `null` for requests that are no playback. */
export async function playbackOf(
  layout: Layout,
  request: Pick<JobRequest, 'replay'>,
): Promise<Playback | null> {
  if (request.replay === undefined) return null;
  const { recording: id, of } = request.replay;
  const { repository, recording: path } = layout.replay(id);
  const text = await readFile(path, 'utf8').catch(() => {
    throw new JobError('not_found', `replay: the recording ${id} was evicted from the cache`, {
      hint: `begin again: agent-runner replay ${of}`,
    });
  });
  const { turns, result } = await parseRecording(text, path);
  return { repository, turns, error: result.error };
}
