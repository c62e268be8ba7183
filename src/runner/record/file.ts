/**
 * A recording as one file that travels: a line that says what it is and how long the recording is, the recording as
 * JSON, and a pack with the base and the trees. Whoever gets one does not know who wrote it.
 */
import { randomBytes } from 'node:crypto';
import { constants, createReadStream, createWriteStream } from 'node:fs';
import { link, mkdtemp, open, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { codeOf, JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { Recording } from '../../job/recording/recording.ts';
import { packRecorded, unpackRecorded } from '../../workspace/keep/recorded.ts';
import type { RunnerParts } from '../context.ts';
import { parseRecording } from './parse.ts';
import { readRecording } from './recording.ts';
import { recordedIn, stage, type Staged } from './stage.ts';

/** The first line: what it is, its version, and the bytes of the JSON that follows. */
const FIRST_LINE = /^agent-runner recording 1 (\d{1,9})\n/;
const MAX_LINE_BYTES = 64;
/** Largest recording as JSON: 200 turns of half a megabyte are never all full. */
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** What was written, and how large it is. */
export interface Exported {
  readonly job_id: string;
  readonly file: string;
  readonly bytes: number;
  readonly turns: number;
}

async function writeAll(path: string, json: Buffer, pack: string): Promise<void> {
  const out = createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true });
  out.write(`agent-runner recording 1 ${json.length}\n`);
  out.write(json);
  await pipeline(createReadStream(pack), out);
}

/**
 * Writes a job's recording as one file, which appears whole or not at all.
 *
 * @param path absolute; nothing is there yet
 * @throws JobError `conflict` where something is there, and what `readRecording` throws
 */
export async function exportRecording(parts: RunnerParts, job: Job, path: string): Promise<Exported> {
  const { git, layout } = parts;
  const recording = await readRecording(parts, job);
  const json = Buffer.from(`${JSON.stringify(recording)}\n`);
  if (json.length > MAX_JSON_BYTES)
    throw new JobError(
      'invalid_request',
      `export: the recording has ${json.length} bytes (at most ${MAX_JSON_BYTES})`,
    );
  const folder = await mkdtemp(join(tmpdir(), 'agent-runner-export-'));
  const building = `${path}.new-${randomBytes(6).toString('hex')}`;
  try {
    const what = recordedIn(recording);
    const pack = await packRecorded(git, layout.repo(job.request.repo).saved, folder, what);
    await writeAll(building, json, pack);
    // A link, unlike a rename, never replaces what is there.
    await link(building, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
      throw new JobError('conflict', `export: ${path} is there already`, { hint: 'name another file' });
    });
    return { job_id: job.job_id, file: path, bytes: (await stat(path)).size, turns: recording.turns.length };
  } finally {
    await rm(building, { force: true });
    await rm(folder, { recursive: true, force: true });
  }
}

function noRecording(path: string, why: string): JobError {
  return new JobError('invalid_request', `replay: ${path} is no recording: ${why}`, {
    hint: 'make one with `agent-runner replay <job> --export <file>`, or name a job',
  });
}

/** The recording at the beginning of a file, and where the pack begins. */
async function readHead(path: string): Promise<{ recording: Recording; start: number }> {
  // A pipe would keep us waiting for whoever writes into it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw noRecording(path, error instanceof Error ? error.message : String(error));
  });
  try {
    if (!(await file.stat()).isFile()) throw noRecording(path, 'it is no plain file');
    const line = Buffer.alloc(MAX_LINE_BYTES);
    await file.read(line, 0, MAX_LINE_BYTES, 0);
    const first = FIRST_LINE.exec(line.toString('latin1'));
    if (first === null) throw noRecording(path, 'its first line is of something else, or of another version');
    const [head, length = '0'] = first;
    const bytes = Number(length);
    if (bytes > MAX_JSON_BYTES)
      throw noRecording(path, `${bytes} bytes of JSON are too many (at most ${MAX_JSON_BYTES})`);
    const json = Buffer.alloc(bytes);
    const { bytesRead } = await file.read(json, 0, bytes, head.length);
    if (bytesRead < bytes) throw noRecording(path, 'it is cut off');
    return { recording: await parseRecording(json.toString('utf8'), path), start: head.length + bytes };
  } finally {
    await file.close();
  }
}

/**
 * Lays out the recording of a file to be played back.
 *
 * @param path absolute
 * @throws JobError `invalid_request` that says what is wrong with it
 */
export async function stageFile(parts: Pick<RunnerParts, 'git' | 'layout'>, path: string): Promise<Staged> {
  const { git, layout } = parts;
  const { recording, start } = await readHead(path);
  const what = recordedIn(recording);
  const named = recording.turns.flatMap(({ trees }) => (trees === null ? [] : [trees.before, trees.after]));
  return stage(layout, recording, (to) => unpackRecorded(git, { path, start }, to, what, named));
}
