/**
 * The end of what a job of GitHub Actions wrote. GitHub answers with a link to another host, which needs no token and
 * gets none.
 */
import { repoOf, type RepoName } from '../names.ts';
import type { Ask } from '../client.ts';

/** How much of the end of a log is kept. */
const MAX_LOG_BYTES = 64 * 1024;
/** Of a log that is longer than this, only the end is asked for. */
const LONG_LOG_BYTES = 1024 * 1024;
/** Most that is read of a log whose length nobody tells, before it is given up. */
const MAX_READ_BYTES = 64 * 1024 * 1024;
const READ_TIMEOUT_MS = 60_000;

/** Every line of a log begins with the time. */
const STAMP = /^\uFEFF?\d{4}-\d\d-\d\dT[\d:.]+Z ?/;
// oxlint-disable-next-line no-control-regex -- colours begin with the character escape
const COLOUR = /\u001B\[[\d;]*[A-Za-z]/g;
const STEP = '##[group]Run ';
const ERROR = '##[error]';

/**
 * The part of a log that tells of a failure: from the beginning of the first step that failed to the last error,
 * without times and colours. A log in which no error is marked is left whole.
 */
export function failingPart(log: string): string {
  const lines = log.split('\n').map((line) => line.replace(STAMP, '').replace(COLOUR, '').trimEnd());
  const first = lines.findIndex((line) => line.startsWith(ERROR));
  if (first === -1) return lines.join('\n').trim();
  const last = lines.findLastIndex((line) => line.startsWith(ERROR));
  const begin = lines.slice(0, first).findLastIndex((line) => line.startsWith(STEP));
  return lines
    .slice(Math.max(begin, 0), last + 1)
    .join('\n')
    .trim();
}

/** The end of a body; `null` where it is too long to be reached. */
async function endOf(body: ReadableStream<Uint8Array>): Promise<string | null> {
  let kept = Buffer.alloc(0);
  let readBytes = 0;
  for await (const chunk of body) {
    readBytes += chunk.byteLength;
    if (readBytes > MAX_READ_BYTES) return null;
    kept = Buffer.concat([kept, chunk]).subarray(-MAX_LOG_BYTES);
  }
  const text = kept.toString('utf8');
  // The line that was cut says nothing that can be trusted.
  return readBytes > MAX_LOG_BYTES ? text.slice(text.indexOf('\n') + 1) : text;
}

/** Reads what a link names, without saying who we are. */
async function readLink(link: URL, signal: AbortSignal): Promise<string | null> {
  const bounds = AbortSignal.any([signal, AbortSignal.timeout(READ_TIMEOUT_MS)]);
  const get = (headers: Readonly<Record<string, string>>): Promise<Response> =>
    fetch(link, {
      redirect: 'error',
      signal: bounds,
      headers: { 'accept-encoding': 'identity', 'user-agent': 'agent-runner', ...headers },
    });
  let answer = await get({});
  const lengthBytes = Number(answer.headers.get('content-length') ?? 0);
  if (answer.ok && lengthBytes > LONG_LOG_BYTES) {
    await answer.body?.cancel();
    answer = await get({ range: `bytes=${lengthBytes - MAX_LOG_BYTES - 1}-` });
  }
  if (answer.ok && answer.body !== null) return endOf(answer.body);
  await answer.body?.cancel();
  return null;
}

/**
 * The failing part of a job's log, bounded; `null` where there is none that we may read: an old log is gone, one of a
 * job that runs is not there yet, and a token may lack the right (Actions, read).
 */
export async function readJobLog(
  ask: Ask,
  repo: RepoName,
  jobId: number,
  signal: AbortSignal,
): Promise<string | null> {
  try {
    const { headers, url } = await ask('GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs', {
      ...repoOf(repo),
      job_id: jobId,
      // Where it does not come at once, the check is told of without it.
      request: { redirect: 'manual', retries: 1 },
    });
    const link = URL.parse(headers.location ?? '');
    const isSafe = link?.protocol === 'https:' || link?.protocol === new URL(url).protocol;
    const log = link !== null && isSafe ? await readLink(link, signal) : null;
    return log === null || log === '' ? null : failingPart(log);
  } catch (error) {
    // What a check said can be told without its log.
    if (signal.aborted) throw error;
    return null;
  }
}
