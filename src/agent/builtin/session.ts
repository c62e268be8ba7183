/**
 * The conversation of one job, kept in the job's folder outside what its sandbox shows, so that another turn or another
 * process goes on with it. It is written whole, by one rename, after every answer of the model.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelMessage } from 'ai';
import { asAmount, asList, asText, fieldsOf, parseObject } from '../../job/text/json.ts';

/** Largest conversation that is kept; compaction keeps it far below, for windows of some million tokens. */
const MAX_BYTES = 32 * 1024 * 1024;
/** Conversations that are kept in one folder: jobs of a session share it, and each phase has its own. */
const MAX_KEPT = 20;
const VERSION = 1;
const ID = /^[0-9a-f-]{36}$/;

/** A conversation as it stands. */
export interface Session {
  readonly id: string;
  /** What was said; every tool call has its result. */
  messages: readonly ModelMessage[];
  /** Tokens that the last call read and wrote; 0 when there was none. */
  tokens: number;
}

/** A conversation that has not begun. */
export function newSession(): Session {
  return { id: randomUUID(), messages: [], tokens: 0 };
}

function pathOf(folder: string, id: string): string {
  return join(folder, `${id}.json`);
}

/** Whether what a file held is messages of ours, as far as can be seen: it lies where no agent writes. */
function isMessage(value: unknown): value is ModelMessage {
  const role = asText(fieldsOf(value)?.['role']);
  return role === 'user' || role === 'assistant' || role === 'tool';
}

/** Reads a conversation; says why where it can't be gone on with. */
export async function loadSession(folder: string, id: string): Promise<Session | { readonly why: string }> {
  if (!ID.test(id)) return { why: 'it is of another agent' };
  const path = pathOf(folder, id);
  try {
    if ((await stat(path)).size > MAX_BYTES) return { why: 'it is too large' };
    const found = parseObject(await readFile(path, 'utf8'));
    const messages = asList(found?.['messages']);
    if (found?.['version'] !== VERSION || !messages.every(isMessage)) return { why: 'it can not be read' };
    return { id, messages, tokens: asAmount(found['tokens']) ?? 0 };
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) };
  }
}

/** Keeps a conversation; says why where it can't be: that costs the session, not the turn. */
export async function saveSession(folder: string, session: Session): Promise<string | null> {
  const { id, messages, tokens } = session;
  const text = JSON.stringify({ version: VERSION, messages, tokens });
  if (Buffer.byteLength(text) > MAX_BYTES) return `it has more than ${MAX_BYTES} bytes`;
  try {
    const path = pathOf(folder, id);
    if (messages.length < 2) await mkdir(folder, { recursive: true, mode: 0o700 });
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Removes the oldest conversations of a folder, before a new one is added; it matters to nobody if that fails. */
export async function forgetOldSessions(folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  if (names.length < MAX_KEPT) return;
  const dated = await Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      return { path, atMs: (await stat(path).catch(() => null))?.mtimeMs ?? 0 };
    }),
  );
  const newestFirst = dated.toSorted((a, b) => b.atMs - a.atMs);
  for (const { path } of newestFirst.slice(MAX_KEPT - 1)) await rm(path, { force: true }).catch(() => {});
}
