/**
 * What travels between the three jobs of a run that has no server: the change as a bundle with a sheet of paper, and
 * the verdict on it. Nobody knows who wrote a file that was downloaded: each is small, of a known form, and counts only
 * where its digest came another way.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { JobError } from '../../job/error.ts';
import { CHECK_KINDS, type GateReport } from '../../job/gate.ts';
import { isOwnerName, type Policy } from '../../job/request.ts';
import type { Usage } from '../../job/step.ts';

/** Version of both forms; another one is refused and not guessed at. */
const VERSION = 1;
/** The one ref of a bundle. */
export const CHANGE_REF = 'refs/agent-runner/change';
const MAX_BUNDLE_BYTES = 32 * 1024 * 1024;
const MAX_SHEET_BYTES = 256 * 1024;
const MAX_VERDICT_BYTES = 1024 * 1024;
const MAX_TEXT = 100_000;
const MAX_NAME = 1000;
const MAX_LIST = 500;
/** Names of the files in their folders. */
export const BUNDLE_FILE = 'change.bundle';
const CHANGE_FILE = 'change.json';
const VERDICT_FILE = 'verdict.json';

/** What the agent's machine says of its change. All of it is a claim. */
export interface Change {
  readonly version: typeof VERSION;
  readonly job_id: string;
  readonly upstream: string;
  readonly base: string;
  readonly base_sha: string;
  readonly head_sha: string;
  readonly agent: string;
  readonly model: string | null;
  /** What the agent says it did. */
  readonly summary: string;
  readonly spent: Usage & { readonly agent_ms: number };
}

/** What a fresh machine says of a change. */
export interface Verdict {
  readonly version: typeof VERSION;
  readonly job_id: string;
  readonly upstream: string;
  readonly base: string;
  /** The commit that the change was judged on: the base's latest. */
  readonly base_sha: string;
  /** The commit of the bundle. */
  readonly head_sha: string;
  /** What was judged: the bundle's tree, or where the base moved what it is there. */
  readonly tree_sha: string;
  readonly bundle_sha256: string;
  readonly change_sha256: string;
  readonly judged_at: string;
  readonly report: GateReport;
  readonly policy: Policy;
}

const sha = z.string().regex(/^[0-9a-f]{40}$/, 'a full commit id');
const digest = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256');
const text = z.string().max(MAX_TEXT);
const name = z.string().min(1).max(MAX_NAME);
const amount = z.number().nonnegative();
const about = {
  version: z.literal(VERSION),
  job_id: name,
  upstream: z.string().refine(isOwnerName, 'owner/name'),
  base: name,
  base_sha: sha,
  head_sha: sha,
};

const CHANGE = z.strictObject({
  ...about,
  agent: name,
  model: name.nullable(),
  summary: text,
  spent: z.strictObject({
    cost_usd: amount.nullable(),
    tokens_in: amount.nullable(),
    tokens_out: amount.nullable(),
    turns: amount,
    agent_ms: amount,
  }),
});

const counts = z.strictObject({ passed: amount, failed: amount, skipped: amount }).nullable().optional();
const side = z.enum(['passed', 'failed', 'inconclusive']);
const CHECK = z.strictObject({
  name,
  kind: z.enum(CHECK_KINDS),
  command: text,
  base: z.union([side, z.literal('not_run')]),
  head: side,
  verdict: z.enum(['passed', 'failed', 'pre_existing', 'fixed', 'flaky', 'inconclusive']),
  duration_ms: amount,
  log: text.nullable(),
  reason: text,
  base_tests: counts,
  head_tests: counts,
  new_failures: z.array(text).max(MAX_LIST),
  excerpt: text,
});
const FINDING = z.strictObject({
  kind: name,
  severity: z.enum(['block', 'draft', 'report']),
  file: text,
  line: amount.nullable(),
  detail: text,
  tests: z.array(text).max(MAX_LIST).optional(),
});
const blockOrOpen = z.enum(['block', 'draft', 'open']);
const VERDICT = z.strictObject({
  ...about,
  tree_sha: sha,
  bundle_sha256: digest,
  change_sha256: digest,
  judged_at: z.iso.datetime(),
  report: z.strictObject({
    verdict: z.enum(['green', 'red', 'inconclusive', 'none']),
    commit: sha,
    tree: sha,
    checks: z.array(CHECK).max(MAX_LIST),
    tamper: z.array(FINDING).max(MAX_LIST),
    duration_ms: amount,
  }),
  policy: z.strictObject({
    on_red: z.enum(['block', 'draft']),
    on_inconclusive: blockOrOpen,
    on_none: blockOrOpen,
    on_tamper: z.enum(['block', 'draft', 'allow']),
  }),
});

/** The error of an artifact that can't be used, or does not fit the others. */
export function unfit(what: string, why: string): JobError {
  return new JobError('conflict', `${what}: ${why}`, {
    hint: 'nothing was pushed; run the workflow again from its first job, and look who could write its artifacts',
  });
}

/** The SHA-256 of bytes, in hex. */
function sha256(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Reads a file whole: no link, nothing but a file, and not more than it may hold. */
async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (error: unknown) => {
      throw unfit(path, `it can't be read: ${error instanceof Error ? error.message : String(error)}`);
    },
  );
  try {
    const info = await file.stat();
    if (!info.isFile()) throw unfit(path, 'it is no file');
    if (info.size > maxBytes) throw unfit(path, `it has ${info.size} bytes (at most ${maxBytes})`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function parsed(path: string, bytes: Buffer, schema: z.ZodType): unknown {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw unfit(path, 'it is no JSON');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw unfit(path, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'it has another form'}`);
}

/** A change as it lies in a folder, with the digests of what was read. */
export interface ReadChange {
  readonly change: Change;
  readonly bundle: Buffer;
  readonly bundleSha256: string;
  readonly changeSha256: string;
}

/** Reads the change in a folder. @throws JobError `conflict` where it is none */
export async function readChange(folder: string): Promise<ReadChange> {
  const path = join(folder, CHANGE_FILE);
  const bytes = await readBounded(path, MAX_SHEET_BYTES);
  const change = parsed(path, bytes, CHANGE) as Change;
  const bundle = await readBounded(join(folder, BUNDLE_FILE), MAX_BUNDLE_BYTES);
  return { change, bundle, bundleSha256: sha256(bundle), changeSha256: sha256(bytes) };
}

/** Writes the sheet of paper beside a bundle. */
export async function writeChange(folder: string, change: Omit<Change, 'version'>): Promise<void> {
  const summary = change.summary.slice(0, MAX_TEXT / 2).toWellFormed();
  const text = JSON.stringify({ version: VERSION, ...change, summary }, null, 2);
  await writeFile(join(folder, CHANGE_FILE), `${text}\n`);
}

/**
 * Reads a verdict, once it is the very one that was told of.
 *
 * @param wanted its digest
 * @throws JobError `invalid_request` without a digest, `conflict` where it is another
 */
export async function readVerdict(folder: string, wanted: string): Promise<Verdict> {
  const path = join(folder, VERDICT_FILE);
  const bytes = await readBounded(path, MAX_VERDICT_BYTES);
  requireDigest('verdict-sha256', wanted, sha256(bytes));
  return parsed(path, bytes, VERDICT) as Verdict;
}

/** Writes a verdict. @returns its digest */
export async function writeVerdict(folder: string, verdict: Omit<Verdict, 'version'>): Promise<string> {
  await mkdir(folder, { recursive: true });
  const bytes = `${JSON.stringify({ version: VERSION, ...verdict }, null, 2)}\n`;
  await writeFile(join(folder, VERDICT_FILE), bytes);
  return sha256(bytes);
}

/**
 * Refuses a digest that is not the one that came by another way.
 *
 * @param wanted as it was said
 */
export function requireDigest(what: string, wanted: string, found: string): void {
  if (!/^[0-9a-f]{64}$/.test(wanted)) {
    throw new JobError('invalid_request', `${what}: ${JSON.stringify(wanted.slice(0, 100))} is no SHA-256`, {
      hint: 'give the output of the job that judged: without it nobody knows whose artifact this is',
    });
  }
  if (wanted !== found) throw unfit(what, `the artifact has ${found}, but what was judged had ${wanted}`);
}

/** The id of a run, which stands in branch, commit and body. @throws JobError `invalid_request` */
export function parseRunId(text: string): string {
  if (/^[A-Za-z0-9][\w-]{0,99}$/.test(text)) return text;
  throw new JobError('invalid_request', `job-id: ${JSON.stringify(text.slice(0, 100))} is not allowed`, {
    hint: 'give 1 to 100 letters, digits, "_" or "-"',
  });
}
