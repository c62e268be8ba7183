/** Secrets in what a change adds: scanned before the change is judged, refused with what was found, masked. */
import { Worker } from 'node:worker_threads';
import { JobError } from '../../job/error.ts';
import { isTestFile } from '../tamper/tests/test-files.ts';
import type { AddedText } from './added-lines.ts';
import type { SecretFinding } from './scan.ts';
import type { ScanOrder } from './worker.ts';

export interface SecretScanOptions {
  /** 30 s by default; 4 MiB of ordinary code take about one second. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const MAX_FILE_BYTES = 8 * 1024 * 1024;
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
const MAX_FINDINGS = 50;
const DEFAULT_TIMEOUT_MS = 30_000;
/**
 * Up to here the scan runs in the calling thread: 1 ms instead of 40 for an ordinary change, and 60 ms for the
 * slowest text that 37 tries at making the rules slow gave. What is larger gets a thread of its own.
 */
const MAX_INLINE_BYTES = 32 * 1024;
/** Memory of the thread's heap; the texts themselves take about 64 MiB of it at the limits above. */
const MAX_HEAP_MIB = 512;

function tooLarge(message: string): JobError {
  return new JobError('diff_too_large', message, { hint: 'ask for a smaller change; nothing was pushed' });
}

/** @returns how many bytes there are in all */
function checkSizes(files: readonly AddedText[]): number {
  let totalBytes = 0;
  for (const file of files) {
    const bytes = file.lines.reduce((sum, { text }) => sum + Buffer.byteLength(text) + 1, 0);
    totalBytes += bytes;
    if (bytes > MAX_FILE_BYTES) {
      throw tooLarge(`${file.path} gains ${bytes} bytes (at most ${MAX_FILE_BYTES} are scanned for secrets)`);
    }
  }
  if (totalBytes > MAX_TOTAL_BYTES) {
    throw tooLarge(
      `the change adds ${totalBytes} bytes (at most ${MAX_TOTAL_BYTES} are scanned for secrets)`,
    );
  }
  return totalBytes;
}

async function runScan(
  order: ScanOrder,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<unknown> {
  // Run from source or from the built package: the thread's file lies beside this one, in the same form.
  const url = import.meta.url.endsWith('.ts')
    ? new URL('./worker.ts', import.meta.url)
    : new URL('./worker.js', import.meta.url);
  const worker = new Worker(url, {
    workerData: order,
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
  });
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const timer = setTimeout(() => {
    reject(tooLarge(`the scan of the change for secrets did not end within ${timeoutMs} ms`));
  }, timeoutMs);
  const onAbort = (): void => reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  worker.once('message', resolve);
  worker.once('error', reject);
  worker.once('exit', (code) => reject(new Error(`the thread ended with ${code}`)));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    await worker.terminate();
  }
}

/**
 * Scans what a change adds for secrets; the rules are loaded with the first change. A file's name counts for nothing: an `.env` or
 * `id_rsa` is found by what it holds. Binary files are not in the input.
 *
 * @param files the added lines of each file, from `addedLines`
 * @returns at most 50 findings in the order of files and lines; none when nothing was found
 * @throws JobError `diff_too_large` beyond 8 MiB a file, 32 MiB in all, or the time; `infra_failed` when the
 *   scan cannot run: a change that was not scanned is never taken for clean
 * @throws the signal's reason when it is aborted
 */
export async function scanForSecrets(
  files: readonly AddedText[],
  options: SecretScanOptions = {},
): Promise<readonly SecretFinding[]> {
  const { timeoutMs = DEFAULT_TIMEOUT_MS, signal } = options;
  signal?.throwIfAborted();
  const bytes = checkSizes(files);
  if (bytes === 0) return [];
  const scanned = files.map((file) => ({ ...file, test: isTestFile(file.path) }));
  try {
    if (bytes <= MAX_INLINE_BYTES) {
      const { scanAdded } = await import('./scan.ts');
      return await scanAdded(scanned, MAX_FINDINGS);
    }
    return (await runScan(
      { files: scanned, maxFindings: MAX_FINDINGS },
      timeoutMs,
      signal,
    )) as SecretFinding[];
  } catch (error) {
    if (error instanceof JobError || signal?.aborted === true) throw error;
    throw new JobError('infra_failed', `the change could not be scanned for secrets: ${String(error)}`, {
      cause: error,
      hint: 'reinstall agent-runner; the scan needs the package @secretlint/secretlint-rule-preset-recommend',
    });
  }
}

/** The findings as one sentence for an error message; names at most five, masked. */
export function describeSecrets(findings: readonly SecretFinding[]): string {
  const shown = findings
    .slice(0, 5)
    .map(({ rule, file, line, masked }) => `${file}:${line} ${rule} ${masked}`);
  const more = findings.length > shown.length ? `, and ${findings.length - shown.length} more` : '';
  return `the change adds what looks like ${findings.length === 1 ? 'a secret' : 'secrets'}: ${shown.join(', ')}${more}`;
}
