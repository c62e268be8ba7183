/**
 * Jobs as one file: what each was asked, its log, steps, recorded turns, result, patch and saved work. Secrets were masked
 * where they were written down; where callbacks went is left out, for such a URL may be a secret in itself.
 */
import { randomBytes } from 'node:crypto';
import { link, lstat, mkdtemp, open, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Delivery } from '../../job/delivery/delivery.ts';
import { codeOf, JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { findMoved, packMoved } from '../../workspace/keep/moved.ts';
import type { RunnerParts } from '../context.ts';
import { ARCHIVE_VERSION, type Manifest } from './form.ts';
import { isMemberName, writeArchive, type ArchiveWriter } from './tar.ts';

/** Events read at once. */
const PAGE = 1000;
/** Largest log of a job, and largest file beside it, that go into an archive. */
export const MAX_EVENTS_BYTES: number = 64 * 1024 * 1024;
export const MAX_FILE_BYTES: number = 64 * 1024 * 1024;
/** Most files of one job. */
export const MAX_JOB_FILES = 1000;

/** What was written. */
export interface ExportedJobs {
  readonly file: string;
  readonly bytes: number;
  readonly jobs: readonly string[];
  /** Files that are not in it, each with why. */
  readonly left_out: readonly string[];
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`);
}

/** The place of a receiver without the part of its URL that may be a secret. */
function originOf(url: string): string {
  return URL.canParse(url) ? `${new URL(url).origin}/…` : '…';
}

function shownDelivery(delivery: Delivery): Delivery {
  return { ...delivery, url: originOf(delivery.url) };
}

function movedJob(job: Job): Job {
  const { callback_url: _callback, ...request } = job.request;
  return { ...job, request };
}

/** @throws JobError `conflict` for a job that is not moved */
function checkMovable({ job_id: id, status, outcome, request }: Job): void {
  if (outcome === null) {
    throw new JobError('conflict', `export: ${id} has not ended, it is ${status}`, {
      hint: `wait for it by \`agent-runner wait ${id}\``,
    });
  }
  if (request.pipeline !== undefined || request.step !== undefined) {
    const what = request.pipeline === undefined ? 'a step of a run' : 'the run of a pipeline';
    throw new JobError('conflict', `export: ${id} is ${what}, which is not moved`, {
      hint: 'run, steps and the commits that they begin with belong together: run the pipeline in the other home',
    });
  }
  if (request.in_place !== undefined)
    throw new JobError('conflict', `export: ${id} worked for a checkout that a person stands in`);
  if (request.replay !== undefined) {
    throw new JobError('conflict', `export: ${id} played a recorded job back`, {
      hint: `export ${request.replay.of} instead`,
    });
  }
}

async function eventsOf({ store }: RunnerParts, jobId: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  let [bytes, after] = [0, 0];
  for (;;) {
    const page = await store.readEvents(jobId, after, PAGE);
    for (const event of page) {
      const line = json(event);
      bytes += line.length;
      parts.push(line);
    }
    if (bytes > MAX_EVENTS_BYTES)
      throw new JobError(
        'invalid_request',
        `export: the log of ${jobId} is larger than ${MAX_EVENTS_BYTES} bytes`,
      );
    after = page.at(-1)?.seq ?? after;
    if (page.length < PAGE) return Buffer.concat(parts);
  }
}

/** Plain files below a job's logs, and its patch; links are passed over. */
async function filesOf({ layout }: RunnerParts, jobId: string): Promise<readonly string[]> {
  const { root, logs, patch } = layout.job(jobId);
  const entries = await readdir(logs, { recursive: true, withFileTypes: true }).catch(() => []);
  const found = entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
  const isPatch = await lstat(patch).then(
    (one) => one.isFile(),
    () => false,
  );
  return [...found.toSorted(), ...(isPatch ? [patch] : [])].map((path) => relative(root, path));
}

async function addFiles(parts: RunnerParts, jobId: string, writer: ArchiveWriter): Promise<string[]> {
  const { root } = parts.layout.job(jobId);
  const leftOut: string[] = [];
  let count = 0;
  for (const path of await filesOf(parts, jobId)) {
    const name = `${jobId}/${path}`;
    const { size } = await stat(join(root, path));
    if (!isMemberName(name)) leftOut.push(`${name}: its name`);
    else if (size > MAX_FILE_BYTES) leftOut.push(`${name}: ${size} bytes (at most ${MAX_FILE_BYTES})`);
    else if (++count > MAX_JOB_FILES) leftOut.push(`${name}: more than ${MAX_JOB_FILES} files`);
    else await writer.addFile(name, join(root, path), size);
  }
  return leftOut;
}

async function addWork(parts: RunnerParts, job: Job, writer: ArchiveWriter): Promise<void> {
  const { git, layout } = parts;
  const { saved } = layout.repo(job.request.repo);
  const work = await findMoved(git, saved, job.job_id);
  if (work === null) return;
  const folder = await mkdtemp(join(tmpdir(), 'agent-runner-export-'));
  try {
    const pack = await packMoved(git, saved, folder, work);
    await writer.add(`${job.job_id}/work.json`, json(work));
    await writer.addFile(`${job.job_id}/work.pack`, pack, (await stat(pack)).size);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function addJob(parts: RunnerParts, job: Job, writer: ArchiveWriter): Promise<readonly string[]> {
  const { store } = parts;
  const id = job.job_id;
  await writer.add(`${id}/job.json`, json(movedJob(job)));
  await writer.add(`${id}/events.jsonl`, await eventsOf(parts, id));
  await writer.add(`${id}/steps.json`, json(await store.readSteps(id)));
  await writer.add(`${id}/deliveries.json`, json((await store.listDeliveries(id)).map(shownDelivery)));
  const leftOut = await addFiles(parts, id, writer);
  await addWork(parts, job, writer);
  return leftOut;
}

/**
 * Writes jobs that have ended as one file, which appears whole or not at all.
 *
 * @param path absolute; nothing is there yet
 * @throws JobError `conflict` where something is there, or a job has not ended
 */
export async function exportJobs(
  parts: RunnerParts,
  jobs: readonly Job[],
  path: string,
): Promise<ExportedJobs> {
  for (const job of jobs) checkMovable(job);
  const ids = jobs.map(({ job_id: id }) => id);
  const building = `${path}.new-${randomBytes(6).toString('hex')}`;
  const leftOut: string[] = [];
  const file = await open(building, 'wx', 0o600);
  try {
    const writer = writeArchive(file);
    const manifest: Manifest = { format: 'agent-runner jobs', version: ARCHIVE_VERSION, jobs: ids };
    await writer.add('agent-runner.json', json(manifest));
    for (const job of jobs) leftOut.push(...(await addJob(parts, job, writer)));
    await writer.finish();
    await file.sync();
    // A link, unlike a rename, never replaces what is there.
    await link(building, path).catch((error: unknown) => {
      if (codeOf(error) !== 'EEXIST') throw error;
      throw new JobError('conflict', `export: ${path} is there already`, { hint: 'name another file' });
    });
    return { file: path, bytes: (await file.stat()).size, jobs: ids, left_out: leftOut };
  } finally {
    await file.close();
    await rm(building, { force: true });
  }
}
