/** Which pipeline a person means: a file of theirs, one that is kept, or one that the repository brings along. */
import { isUtf8 } from 'node:buffer';
import { readFile, stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import type { PipelineClient } from '../../client/pipelines/pipelines.ts';
import { codeOf, JobError } from '../../job/error.ts';
import { MAX_PIPELINE_BYTES, type Pipeline, type StoredPipeline } from '../../job/pipeline/definition.ts';
import { parsePipelineText } from '../../runner/pipeline/file/file.ts';

const ENDINGS: ReadonlySet<string> = new Set(['.yml', '.yaml', '.json']);

/** What the commonest errors of reading say. */
const WHY: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file (ENOENT)',
  ENOTDIR: 'a part of the path is a file and no folder (ENOTDIR)',
  EISDIR: 'it is a folder; name a file in it (EISDIR)',
  EACCES: 'you may not read it (EACCES)',
};

/** Whether a word means a file: by its ending, or a slash in it. */
export function isFileName(named: string): boolean {
  return ENDINGS.has(extname(named)) || named.includes('/');
}

/**
 * Reads a pipeline from a file of this machine.
 *
 * @throws JobError `invalid_request` that names file, line, column and field
 */
export async function readPipelineFile(named: string, cwd: string): Promise<Pipeline> {
  const path = resolve(cwd, named);
  const unreadable = (why: string): JobError =>
    new JobError('invalid_request', `${named}: it can't be read: ${WHY[why] ?? why}`, {
      hint: `check the path; it was looked for as ${path}`,
    });
  const { size } = await stat(path).catch((error: unknown) => {
    throw unreadable(codeOf(error) ?? String(error));
  });
  if (size > MAX_PIPELINE_BYTES) throw unreadable(`it has more than ${MAX_PIPELINE_BYTES} bytes`);
  const bytes = await readFile(path).catch((error: unknown) => {
    throw unreadable(codeOf(error) ?? String(error));
  });
  if (!isUtf8(bytes))
    throw new JobError('invalid_request', `${named}: it is no text in UTF-8`, { hint: 'save it as UTF-8' });
  return parsePipelineText(bytes.toString('utf8'), named);
}

/** A pipeline, and what is known of where it is kept. */
export interface NamedPipeline {
  readonly definition: Pipeline;
  readonly stored: StoredPipeline | null;
}

/** The pipeline that a word means; `null` where none is kept under it and it is no file. */
export async function findPipeline(
  client: PipelineClient,
  named: string,
  cwd: string,
): Promise<NamedPipeline | null> {
  if (isFileName(named)) return { definition: await readPipelineFile(named, cwd), stored: null };
  const stored = await client.get(named).catch((error: unknown) => {
    if (error instanceof JobError && error.code === 'not_found') return null;
    throw error;
  });
  return stored === null ? null : { definition: stored.definition, stored };
}
