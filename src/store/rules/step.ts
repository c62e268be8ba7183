/** How a step begins, is noted and ends; pure, so that every store decides alike. */
import { JobError } from '../../job/error.ts';
import { MAX_STEP_RESULT_BYTES, type StepRecord } from '../store.ts';
import { checkInteger, checkName, fromJson, MAX_JOB_STEPS, notFound, toJson } from './value.ts';

/** A step's record with its JSON still as text: what a store keeps. */
export interface StepRow {
  readonly key: string;
  readonly tries: number;
  readonly procedure_version: number;
  readonly note: string;
  readonly result: string | null;
}

/** The record that callers see. */
export function stepRecord(row: StepRow): StepRecord {
  return {
    key: row.key,
    tries: row.tries,
    procedure_version: row.procedure_version,
    note: fromJson(row.note) as Readonly<Record<string, unknown>>,
    result: row.result === null ? null : fromJson(row.result),
  };
}

/** A record as it is kept. @throws JobError `bug` for what no step may be */
export function stepRow({ key, tries, procedure_version, note, result }: StepRecord): StepRow {
  checkBegin(key, procedure_version);
  checkInteger(tries, 'tries', 1);
  return {
    key,
    tries,
    procedure_version,
    note: toJson(note, `note of step ${key}`, MAX_STEP_RESULT_BYTES),
    result: result === null ? null : resultJson(key, result),
  };
}

/** Checks what a step is begun with. @throws JobError `bug` */
export function checkBegin(key: string, procedureVersion: number): void {
  checkName(key, 'step');
  checkInteger(procedureVersion, 'procedure_version');
}

/**
 * A step that begins for the first time or again. What has ended stays as it is; notes are kept, because they
 * say what an interrupted try did.
 *
 * @param others how many steps the job has
 * @throws JobError `bug` when the job has too many steps
 */
export function begin(row: StepRow | null, key: string, procedureVersion: number, others: number): StepRow {
  if (row === null) {
    if (others >= MAX_JOB_STEPS)
      throw new JobError('bug', `step ${key}: the job has ${others} steps (at most ${MAX_JOB_STEPS})`);
    return { key, tries: 1, procedure_version: procedureVersion, note: '{}', result: null };
  }
  if (row.result !== null) return row;
  return { ...row, tries: row.tries + 1, procedure_version: procedureVersion };
}

function begun(row: StepRow | null, key: string): StepRow {
  if (row === null) throw notFound('step', key);
  return row;
}

/**
 * A step with more in its note; equal names are replaced.
 *
 * @throws JobError `not_found` before the step began, `bug` after it ended or when the note grows too large
 */
export function addNote(row: StepRow | null, key: string, note: Readonly<Record<string, unknown>>): StepRow {
  const known = begun(row, key);
  if (known.result !== null) throw new JobError('bug', `step ${key}: it has ended, so nothing can be noted`);
  const all = { ...(fromJson(known.note) as Record<string, unknown>), ...note };
  return { ...known, note: toJson(all, `note of step ${key}`, MAX_STEP_RESULT_BYTES) };
}

/** The JSON of a step's result. @throws JobError `bug` when it is null, no JSON or too large */
export function resultJson(key: string, result: unknown): string {
  const json = toJson(result, `result of step ${key}`, MAX_STEP_RESULT_BYTES);
  if (json === 'null')
    throw new JobError('bug', `result of step ${key}: null means that a step has not ended`);
  return json;
}

/**
 * A step that ends. The same result once more changes nothing; another result is refused, because the first
 * may have been acted on.
 *
 * @throws JobError `not_found` before the step began, `bug` when it ended otherwise
 */
export function finish(row: StepRow | null, key: string, result: string): StepRow {
  const known = begun(row, key);
  if (known.result !== null && known.result !== result) {
    throw new JobError('bug', `step ${key}: it has ended with another result`);
  }
  return { ...known, result };
}
