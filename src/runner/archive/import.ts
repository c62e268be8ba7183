/**
 * Jobs from a file that may be anybody's. Everything is looked at before anything is kept: names, sizes, sums, every
 * field, every git object. Nothing is run, and nobody is told; a job is there with all that belongs to it, or not at all.
 */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import type { JobResult } from '../../job/result.ts';
import { landMoved } from '../../workspace/keep/moved.ts';
import { exists, removeFolder } from '../../workspace/keep/folders.ts';
import type { JobPaths } from '../../workspace/layout.ts';
import type { RunnerParts } from '../context.ts';
import { MAX_EVENTS_BYTES, MAX_FILE_BYTES, MAX_JOB_FILES } from './export.ts';
import { parseEvents, parseJob, parseManifest, parseSteps, parseWork, refused } from './form.ts';
import { checkSums, chunksOf, listArchive, readMember, SUMS, type Member } from './tar.ts';

const MAX_MANIFEST_BYTES = 1024 * 1024;
const MAX_JSON_BYTES = 16 * 1024 * 1024;
const MAX_PACK_BYTES = 1024 ** 3;
const MAX_MEMBERS = 500_000;
/** In the folder of a job that is not stored yet. */
const MARK = 'importing';
/** Files of a job, besides those of its logs. */
const OWN_FILES: Readonly<Record<string, number>> = {
  'job.json': MAX_JSON_BYTES,
  'events.jsonl': MAX_EVENTS_BYTES,
  'steps.json': MAX_JSON_BYTES,
  'deliveries.json': MAX_JSON_BYTES,
  'work.json': MAX_JSON_BYTES,
  'work.pack': MAX_PACK_BYTES,
  'proposal.patch': MAX_FILE_BYTES,
};

/** What was taken in. */
export interface ImportedJobs {
  readonly imported: readonly string[];
  /** Jobs that were here already. */
  readonly skipped: readonly string[];
}

/** An archive that is open, after a look at its whole. */
interface Opened {
  readonly path: string;
  readonly file: FileHandle;
  readonly members: ReadonlyMap<string, Member>;
  readonly jobs: readonly string[];
}

/** Refuses members that belong to no job, or are larger than such a file may be. */
function checkMembers(path: string, members: ReadonlyMap<string, Member>, jobs: readonly string[]): void {
  const known = new Set(jobs);
  const counts = new Map<string, number>();
  for (const { name, bytes } of members.values()) {
    if (name === SUMS || name === 'agent-runner.json') continue;
    const [jobId = '', ...rest] = name.split('/');
    const of = rest.join('/');
    const most = of.startsWith('logs/') ? MAX_FILE_BYTES : OWN_FILES[of];
    if (!known.has(jobId) || most === undefined) throw refused(path, `${name} does not belong there`);
    if (bytes > most) throw refused(path, `${name}: ${bytes} bytes are too many (at most ${most})`);
    counts.set(jobId, (counts.get(jobId) ?? 0) + 1);
    if ((counts.get(jobId) ?? 0) > MAX_JOB_FILES + Object.keys(OWN_FILES).length)
      throw refused(path, `${jobId} has more than ${MAX_JOB_FILES} files`);
  }
  for (const id of jobs)
    for (const needed of ['job.json', 'events.jsonl', 'steps.json'])
      if (!members.has(`${id}/${needed}`)) throw refused(path, `${id}/${needed} is missing`);
}

async function openArchive(path: string): Promise<FileHandle> {
  // A pipe would keep us waiting for whoever writes into it.
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw refused(path, error instanceof Error ? error.message : String(error));
  });
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw refused(path, 'it is no plain file');
}

async function examine(path: string, file: FileHandle): Promise<Opened> {
  const refuse = (why: string): JobError => refused(path, why);
  const members = await listArchive(file, MAX_MEMBERS, refuse);
  const [first] = members.values();
  if (first?.name !== 'agent-runner.json' || first.bytes > MAX_MANIFEST_BYTES)
    throw refuse('it does not begin with agent-runner.json');
  const text = (await readMember(file, first)).toString('utf8');
  const { jobs } = await parseManifest(text, `${path}: agent-runner.json`);
  checkMembers(path, members, jobs);
  await checkSums(file, members, refuse);
  return { path, file, members, jobs };
}

async function textOf({ file, members }: Opened, name: string): Promise<string | null> {
  const member = members.get(name);
  return member === undefined ? null : (await readMember(file, member)).toString('utf8');
}

/** Paths of the job's folder elsewhere, as they are here. */
function hereResult(result: JobResult, { root, patch }: JobPaths, hasPatch: boolean): JobResult {
  const here = (path: string | null): string | null => {
    const rest = path === null ? null : /\/jobs\/job-[0-9a-f]{12}\/(logs\/[\w./-]+)$/.exec(path)?.[1];
    return rest == null || rest.includes('..') ? null : join(root, rest);
  };
  const runs = result.gate.runs.map((run) => ({
    ...run,
    checks: run.checks.map((one) => ({ ...one, log: here(one.log) })),
  }));
  return { ...result, patch_path: hasPatch ? patch : null, gate: { ...result.gate, runs } };
}

/** The job as it is kept here. What it was allowed there, a retry of it is not allowed here. */
function hereJob(job: Job, paths: JobPaths, hasPatch: boolean): Job {
  const { request, result } = job;
  const sandbox = request.sandbox === 'host' ? 'auto' : request.sandbox;
  return {
    ...job,
    request: { ...request, sandbox, allow_host: false, network: false },
    result: result === null ? null : hereResult(result, paths, hasPatch),
  };
}

/** Lays a job's logs and patch into a folder of our own. Names are of letters, digits, `.`, `_` and `-`, none begins with a dot. */
async function layFiles(opened: Opened, jobId: string, folder: string): Promise<void> {
  for (const member of opened.members.values()) {
    const [id, ...rest] = member.name.split('/');
    if (id !== jobId || (rest[0] !== 'logs' && rest.join('/') !== 'proposal.patch')) continue;
    const path = join(folder, ...rest);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const out = await open(path, 'wx', 0o600);
    try {
      for await (const part of chunksOf(opened.file, member)) await out.write(part);
    } finally {
      await out.close();
    }
  }
}

async function landWork(parts: RunnerParts, opened: Opened, job: Job, folder: string): Promise<void> {
  const { layout } = parts;
  const name = `${job.job_id}/work`;
  const where = `${opened.path}: ${name}.json`;
  const text = await textOf(opened, `${name}.json`);
  const pack = opened.members.get(`${name}.pack`);
  if ((text === null) !== (pack === undefined)) throw refused(where, 'it and its pack belong together');
  if (text === null || pack === undefined) return;
  const work = await parseWork(text, job.job_id, where);
  if (job.result?.base_sha != null && job.result.base_sha !== work.base)
    throw refused(where, 'base: it is not the base of the job');
  const { saved } = layout.repo(job.request.repo);
  await landMoved(parts.git, { ...pack, path: opened.path }, folder, saved, work);
}

/** Removes what an import left that did not live to store its job. @throws JobError `conflict` for anything else */
async function makeWay(root: string): Promise<void> {
  if (!(await exists(root))) return;
  if (!(await exists(join(root, MARK)))) {
    throw new JobError('conflict', `import: ${root} is there, and the database does not know its job`, {
      hint: 'it may belong to another database of this home (--db-path); move it away first',
    });
  }
  await removeFolder(root);
}

async function importJob(parts: RunnerParts, opened: Opened, jobId: string): Promise<void> {
  const { layout, store } = parts;
  const { path, members } = opened;
  const read = async (name: string): Promise<string> => (await textOf(opened, `${jobId}/${name}`)) ?? '';
  const at = (name: string): string => `${path}: ${jobId}/${name}`;
  const paths = layout.job(jobId);
  const given = await parseJob(await read('job.json'), jobId, at('job.json'));
  const job = hereJob(given, paths, members.has(`${jobId}/proposal.patch`));
  const events = await parseEvents(await read('events.jsonl'), jobId, at('events.jsonl'));
  const steps = await parseSteps(await read('steps.json'), at('steps.json'));
  // By no name of a job: what a death leaves of it, a clean-up removes like that of a judged branch.
  const folder = join(dirname(paths.root), `import-${randomBytes(6).toString('hex')}`);
  const apart = `${folder}-work`;
  try {
    await mkdir(apart, { recursive: true, mode: 0o700 });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await layFiles(opened, jobId, folder);
    await landWork(parts, opened, job, apart);
    await makeWay(paths.root);
    await writeFile(join(folder, MARK), '');
    await rename(folder, paths.root);
    await store.importJob(job, events, steps);
    await rm(join(paths.root, MARK), { force: true });
  } finally {
    await removeFolder(folder);
    await removeFolder(apart);
  }
}

/**
 * Takes the jobs of an archive in, under their ids.
 *
 * @param path absolute
 * @param skipExisting whether jobs that are here already are passed over, and not refused
 * @throws JobError `invalid_request` that says what is wrong with the file, `conflict` where a job is here already
 */
export async function importJobs(
  parts: RunnerParts,
  path: string,
  skipExisting: boolean,
): Promise<ImportedJobs> {
  const file = await openArchive(path);
  try {
    const opened = await examine(path, file);
    const skipped: string[] = [];
    for (const id of opened.jobs) if ((await parts.store.getJob(id)) !== null) skipped.push(id);
    if (skipped.length > 0 && !skipExisting) {
      const named = skipped.slice(0, 5).join(', ');
      throw new JobError('conflict', `import: ${skipped.length} of its jobs are here already: ${named}`, {
        hint: 'pass over those by `--skip-existing`',
      });
    }
    const imported = opened.jobs.filter((id) => !skipped.includes(id));
    for (const id of imported) await importJob(parts, opened, id);
    return { imported, skipped };
  } finally {
    await file.close();
  }
}
