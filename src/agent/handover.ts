/**
 * What passes between the runner and a command besides its streams: a prompt file in, a summary and a
 * question out. All of it lies below HOME in the sandbox and is touched only by commands inside it, so that
 * a link planted by an agent leads nowhere the agent could not go itself.
 */
import { randomUUID } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import { Cancelled, JobError } from '../job/error.ts';
import type { ExecResult } from '../sandbox/sandbox.ts';
import type { AgentContext } from './agent.ts';

/** Largest summary or question that is read back, in bytes. */
const MAX_NOTE_BYTES = 16 * 1024;
/** Bound of the small commands that prepare a turn and read its notes. */
const CHORE_TIMEOUT_MS = 30_000;

/** What an agent left for the runner, cleaned for people. */
export interface Notes {
  readonly summary: string | null;
  readonly question: string | null;
}

/** A directory of one turn; `outDir` is `AGENT_RUNNER_OUT`. */
export interface Handover {
  readonly outDir: string;
  /** Path of the prompt in the sandbox, or `null` when none was written. */
  readonly promptFile: string | null;
  /** Reads the notes and removes the directory, as well as it can be done. */
  collect(): Promise<Notes>;
}

/** Text for people: no terminal sequences and no control characters but tab and newline. */
export function plainText(text: string): string {
  return (
    stripVTControlCharacters(text)
      .replace(/\r\n?/g, '\n')
      // oxlint-disable-next-line no-control-regex -- control characters are what is removed here
      .replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '')
      .toWellFormed()
      .trim()
  );
}

async function chore(
  context: AgentContext,
  script: string,
  args: readonly string[],
  stdin: string | null = null,
): Promise<ExecResult> {
  const result = await context.sandbox.exec(['sh', '-c', script, 'sh', ...args], {
    timeoutMs: CHORE_TIMEOUT_MS,
    // Two notes in base64, and their line ends.
    maxBytes: 4 * MAX_NOTE_BYTES,
    signal: context.signal,
    ...(stdin === null ? {} : { stdin }),
  });
  if (result.end === 'cancelled' || context.signal.aborted) throw new Cancelled();
  return result;
}

/**
 * Opens the directory of a turn, new and empty: its name can't be guessed, so nothing of an earlier turn is
 * in it.
 *
 * @param prompt written to a file when given
 * @throws Cancelled; JobError `agent_failed` when the home directory can't be written
 */
export async function openHandover(context: AgentContext, prompt: string | null): Promise<Handover> {
  const dir = `${context.sandbox.homePath}/.agent-runner-${randomUUID()}`;
  const promptFile = prompt === null ? null : `${dir}/prompt.md`;
  const outDir = `${dir}/out`;
  const script = 'umask 077 && mkdir "$1" "$1/out" && if [ -n "$2" ]; then cat > "$2"; fi';
  const made = await chore(context, script, [dir, promptFile ?? ''], prompt);
  if (made.end !== 'exited' || made.exitCode !== 0) {
    const why = made.message ?? (plainText(made.stderr).slice(-500) || `it ended with ${made.end}`);
    throw new JobError('agent_failed', `the agent's home directory can't be written: ${why}`, {
      hint: 'free disk space; an agent may also have taken its own rights away in an earlier turn',
    });
  }
  return {
    outDir,
    promptFile,
    async collect() {
      // Only plain files: a FIFO would hang, and a link is not what was asked for. One line a note.
      const script =
        'for name in summary.md question.md; do ' +
        'if [ -f "$1/out/$name" ] && [ ! -L "$1/out/$name" ]; then ' +
        'head -c "$2" -- "$1/out/$name" | base64 | tr -d "\\n"; fi; echo; done; rm -rf -- "$1"';
      const found = await chore(context, script, [dir, String(MAX_NOTE_BYTES)]);
      if (found.end !== 'exited') return { summary: null, question: null };
      const [summary, question] = found.stdout
        .split('\n')
        .map((line) => plainText(Buffer.from(line, 'base64').toString('utf8')) || null);
      return { summary: summary ?? null, question: question ?? null };
    },
  };
}
