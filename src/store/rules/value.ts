/** What every store accepts as a value: plain JSON of bounded size, names, and page sizes. */
import { JobError } from '../../job/error.ts';

/** Largest JSON text of one value (request, result, event, message, baseline), in bytes. */
const MAX_VALUE_BYTES = 16 * 1024 * 1024;
/** Largest name (job id, step key, baseline key, lease owner, repository), in UTF-16 units. */
const MAX_NAME_CHARS = 8192;
/** Most rows that one call may ask for. */
const MAX_PAGE_ROWS = 10_000;
/** Most messages that may wait for one job. */
export const MAX_WAITING_MESSAGES = 1000;
/** Most steps of one job; twice what a run of 10,000 steps can take, with an approval and a conflict of each. */
export const MAX_JOB_STEPS = 100_000;
/** A baseline is forgotten after this many later writes of baselines: it is a cache. */
export const MAX_BASELINES = 1000;

/**
 * The JSON text of a value, so that what is stored is a copy of the moment of the call.
 *
 * @param what names the value in errors
 * @param maxBytes bound on the text in UTF-8
 * @throws JobError `bug` when the value is no JSON or too large
 */
export function toJson(value: unknown, what: string, maxBytes: number = MAX_VALUE_BYTES): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(value) as string | undefined;
  } catch (cause) {
    throw new JobError('bug', `${what}: it can't be written as JSON (${String(cause)})`, { cause });
  }
  if (json === undefined) {
    throw new JobError(
      'bug',
      `${what}: ${typeof value} is no JSON value (allowed: null, booleans, numbers, text, lists, objects)`,
    );
  }
  const bytes = Buffer.byteLength(json);
  if (bytes > maxBytes) {
    throw new JobError('bug', `${what}: ${bytes} bytes of JSON are too many (at most ${maxBytes})`, {
      hint: 'keep large material in a file and store a reference to it',
    });
  }
  return json;
}

/**
 * The value of a stored JSON text.
 *
 * @throws JobError `infra_failed` when it is none: only a damaged file holds such a row, and SQLite's own check
 *   does not look into texts (of 200 flipped bits in a database of events, 16 were met here first)
 */
export function fromJson(json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch (error) {
    throw new JobError('infra_failed', 'a row of the database is damaged: its text is no JSON', {
      hint: 'put the last back-up in its place by `agent-runner restore-db --force`',
      cause: error,
    });
  }
}

/**
 * Checks a name by which something is found again. Half of a surrogate pair has no UTF-8 form, so two such
 * names would become one.
 *
 * @throws JobError `bug`
 */
export function checkName(name: string, what: string): string {
  if (name === '' || name.length > MAX_NAME_CHARS || !name.isWellFormed()) {
    const shown = JSON.stringify(name.slice(0, 100));
    throw new JobError(
      'bug',
      `${what}: ${shown} is no name (allowed: 1 to ${MAX_NAME_CHARS} characters of valid Unicode)`,
    );
  }
  return name;
}

/**
 * Checks a whole number.
 *
 * @throws JobError `bug` that names what came and the least that is allowed
 */
export function checkInteger(value: number, what: string, least = 0): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new JobError('bug', `${what}: ${value} is not allowed (a whole number of at least ${least})`);
}

/**
 * Checks how many rows a caller wants. Refused rather than cut, because a page shorter than asked for means
 * that there is no more.
 *
 * @throws JobError `invalid_request`
 */
export function checkLimit(limit: number): number {
  if (Number.isSafeInteger(limit) && limit >= 1 && limit <= MAX_PAGE_ROWS) return limit;
  throw new JobError('invalid_request', `limit: ${limit} is not allowed (1 to ${MAX_PAGE_ROWS})`, {
    hint: 'read page by page',
  });
}

/** The error of something that is not there. */
export function notFound(what: string, name: string): JobError {
  return new JobError('not_found', `${what} ${JSON.stringify(name.slice(0, 200))} does not exist`);
}
