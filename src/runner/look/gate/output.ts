/** What a check printed, as the gate has kept it: by the check's name, never by a path, and masked like all that is shown. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { codeOf, JobError } from '../../../job/error.ts';
import type { GateReport } from '../../../job/gate.ts';
import type { Job } from '../../../job/job.ts';
import type { StepResult, Verified } from '../../../job/step.ts';
import type { RunnerParts } from '../../context.ts';
import { maskOf } from '../../engine/wire.ts';

/** Most that is shown of what a check printed, in bytes: its beginning, and its end, which says why. */
const MAX_HEAD_BYTES = 1024 * 1024;
const MAX_TAIL_BYTES = 7 * 1024 * 1024;

/** Errors of files that say that it is not there: gone, a link, no folder on the way, or a socket. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ELOOP', 'ENOTDIR', 'ENXIO']);

/** Which output is wanted. */
export interface OutputWish {
  /** The run of the gate, from 1. */
  readonly run: number;
  /** Name of the check. */
  readonly check: string;
  readonly side: 'base' | 'head';
}

/**
 * What the gate has said of a job so far, run by run.
 *
 * @param job ended or not; one from elsewhere has no steps here, and its result all the same
 */
export async function readReports(
  { store }: Pick<RunnerParts, 'store'>,
  job: Job,
): Promise<readonly GateReport[]> {
  const told = job.result?.gate.runs ?? [];
  if (told.length > 0) return told;
  return (await store.readSteps(job.job_id)).flatMap(({ key, result }) => {
    if (!key.startsWith('verify-') || result === null) return [];
    const verified = result as StepResult<Verified>;
    return verified.ok ? [verified.report] : [];
  });
}

/** Whole lines alone: half of a secret would not be known for one. */
function linesOf(bytes: Buffer, isEnd: boolean): string {
  const at = isEnd ? bytes.indexOf('\n') : bytes.lastIndexOf('\n');
  if (at < 0) return '';
  return (isEnd ? bytes.subarray(at + 1) : bytes.subarray(0, at + 1)).toString('utf8');
}

/** A file, or its beginning and its end; `null` where something else lies there. */
async function readBounded(path: string): Promise<string | null> {
  // A pipe that nobody writes into would be waited for without end, and one of the few threads for files with it.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) return null;
    const { size } = found;
    const read = async (from: number, length: number): Promise<Buffer> => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, from);
      return buffer.subarray(0, bytesRead);
    };
    if (size <= MAX_HEAD_BYTES + MAX_TAIL_BYTES) return (await read(0, size)).toString('utf8');
    const head = linesOf(await read(0, MAX_HEAD_BYTES), false);
    const tail = linesOf(await read(size - MAX_TAIL_BYTES, MAX_TAIL_BYTES), true);
    const left = size - Buffer.byteLength(head) - Buffer.byteLength(tail);
    return `${head}\n… ${left} bytes are left out here …\n\n${tail}`;
  } finally {
    await file.close();
  }
}

/**
 * What a check printed on one side of a run of the gate: at most 8 MiB, the middle left out of more.
 *
 * @throws JobError `not_found` where there is no such run or check, or where what it printed is not kept: the base may have been
 *   judged for an earlier job, and logs are removed in time
 */
export async function readOutput(parts: RunnerParts, job: Job, wish: OutputWish): Promise<string> {
  const { run, check: name, side } = wish;
  const runs = await readReports(parts, job);
  const check = runs[run - 1]?.checks.find((one) => one.name === name);
  if (check === undefined) {
    throw new JobError('not_found', `output: run ${run} of ${job.job_id} has no check of that name`, {
      hint: `GET /api/jobs/${job.job_id}/gate names its runs and their checks`,
    });
  }
  const hint =
    side === 'base'
      ? 'the base is judged once for all jobs, and what it printed is kept with the first of them'
      : 'logs are removed in time; the gate report keeps the beginning and the end of what failed';
  const gone = new JobError('not_found', `output: what ${name} printed on ${side} is not kept`, { hint });
  if (check.log === null) throw gone;
  const { logs } = parts.layout.job(job.job_id);
  const file = basename(check.log);
  const path = join(dirname(check.log), side === 'head' ? file : file.replace(/^head-/, 'base-'));
  // What is stored of an imported job came from elsewhere.
  if (!path.startsWith(`${logs}${sep}`) || (side === 'base' && file === basename(path))) throw gone;
  const printed = await readBounded(path).catch((error: unknown) => {
    if (GONE.has(codeOf(error) ?? '')) throw gone;
    throw error;
  });
  if (printed === null) throw gone;
  return maskOf(parts)(printed);
}
