/**
 * What passes between the runner and a command besides its streams: a prompt file in, a summary and a
 * question out. All of it lies below HOME in the sandbox and is touched only by commands inside it, so that
 * a link planted by an agent leads nowhere the agent could not go itself.
 */
import { randomUUID } from 'node:crypto';
import { stripVTControlCharacters } from 'node:util';
import { Cancelled } from '../job/error.ts';
import type { ExecResult } from '../sandbox/sandbox.ts';
import type { AgentContext } from './agent.ts';

/** Largest summary or question that is read back, in bytes. */
export const MAX_NOTE_BYTES: number = 16 * 1024;
/** The same of the outputs of a pipeline's step; what is larger is cut, and then no JSON any more. */
export const MAX_OUTPUT_BYTES: number = 64 * 1024;
/** Bound of the small command that reads a turn's notes. */
const CHORE_TIMEOUT_MS = 30_000;

/** What an agent left for the runner, cleaned for people. */
export interface Notes {
  readonly summary: string | null;
  readonly question: string | null;
  /** Text of `output.json`, as it is: whoever reads it cleans what is in it. */
  readonly output: string | null;
}

/** No notes at all. */
export const NO_NOTES: Notes = { summary: null, question: null, output: null };

/** Notes from their bytes in base64; empty ones are none. */
export function notesOf(summary: string, question: string, output: string): Notes {
  const decode = (text: string): string => Buffer.from(text, 'base64').toString('utf8');
  const read = (text: string): string | null => plainText(decode(text)) || null;
  return { summary: read(summary), question: read(question), output: decode(output) || null };
}

/** A directory of one turn; `outDir` is `AGENT_RUNNER_OUT`. */
export interface Handover {
  readonly outDir: string;
  /** Path of the prompt in the sandbox, or `null` when the prompt goes to the command itself. */
  readonly promptFile: string | null;
  /**
   * The line that makes the directory, runs `command` and removes the directory where it holds no notes. Its standard
   * input is the prompt, for the file or for the command; it ends as the command ended.
   */
  begin(command: string): readonly [string, ...string[]];
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

/** Exit code of a turn whose directory could not be made, and the line on stderr that says so. */
export const NOT_MADE = 125;
export const NOT_MADE_LINE = 'agent-runner: the home directory can not be written';

// This shell's own stderr is closed while the command runs: it would tell of a crash behind the command's last words.
const BEGIN = `old=$(umask); umask 077
if ! mkdir "$1" "$1/out" || { [ -n "$2" ] && ! cat > "$2"; }; then echo '${NOT_MADE_LINE}' >&2; exit ${NOT_MADE}; fi
umask "$old"
[ -z "$2" ] || exec < /dev/null
exec 3>&2 2>/dev/null
(exec sh -c "$3" 2>&3 3>&-)
code=$?
if [ -z "$2" ]; then rmdir -- "$1/out" "$1"; elif rmdir -- "$1/out"; then rm -f -- "$2"; rmdir -- "$1"; fi
case $code in 13[24-79]|159) kill -"$((code - 128))" "$$";; esac
exit "$code"`;

/** Why a turn's directory could not be made, or `null` where it was. */
export function notMade(result: ExecResult): string | null {
  if (result.exitCode !== NOT_MADE || !result.stderr.includes(NOT_MADE_LINE)) return null;
  return plainText(result.stderr.replace(NOT_MADE_LINE, '')).slice(-500) || NOT_MADE_LINE;
}

/**
 * Names the directory of a turn: new, since it can't be guessed, so nothing of an earlier turn is in it.
 *
 * @param hasPromptFile whether the prompt is written to a file
 */
export function planHandover(context: AgentContext, hasPromptFile: boolean): Handover {
  const name = `.agent-runner-${randomUUID()}`;
  const dir = `${context.sandbox.homePath}/${name}`;
  const promptFile = hasPromptFile ? `${dir}/prompt.md` : null;
  return {
    outDir: `${dir}/out`,
    promptFile,
    begin: (command) => ['sh', '-c', BEGIN, 'sh', dir, promptFile ?? '', command],
    async collect() {
      // Nearly always there are none: a look from outside spares a command.
      if (!(await context.sandbox.homeHas(name))) return NO_NOTES;
      // Only plain files: a FIFO would hang, and a link is not what was asked for. One line a note.
      const script =
        'for name in summary.md question.md output.json; do most=$2; ' +
        'if [ "$name" = output.json ]; then most=$3; fi; ' +
        'if [ -f "$1/out/$name" ] && [ ! -L "$1/out/$name" ]; then ' +
        'head -c "$most" -- "$1/out/$name" | base64 | tr -d "\\n"; fi; echo; done; rm -rf -- "$1"';
      const limits = [String(MAX_NOTE_BYTES), String(MAX_OUTPUT_BYTES)];
      const found = await context.sandbox.exec(['sh', '-c', script, 'sh', dir, ...limits], {
        timeoutMs: CHORE_TIMEOUT_MS,
        // All of them in base64, and their line ends.
        maxBytes: 4 * MAX_NOTE_BYTES + 2 * MAX_OUTPUT_BYTES,
        signal: context.signal,
      });
      if (found.end === 'cancelled' || context.signal.aborted) throw new Cancelled();
      if (found.end !== 'exited') return NO_NOTES;
      const [summary = '', question = '', output = ''] = found.stdout.split('\n');
      return notesOf(summary, question, output);
    },
  };
}
