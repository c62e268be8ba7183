/** The tool that runs commands. What confines it is the sandbox: this bounds its time and what it prints. */
import { z } from 'zod';
import { answer, failure, makeTool, type Tool, type ToolAnswer, type Toolbox } from './tool.ts';

const DEFAULT_TIMEOUT_S = 120;
const MAX_TIMEOUT_S = 600;
/** Bytes of stdout and of stderr that the model gets, half from the head and half from the tail. */
const KEPT_BYTES = 16 * 1024;
/** Bytes after which a command is stopped: one that prints for ever would only burn its time. */
const MAX_PRINTED_BYTES = 64 * 1024 * 1024;

// Models write bash. What a turn leaves for the runner has a folder of its own, made when a command could need it.
const SCRIPT = `mkdir -p -- "$AGENT_RUNNER_OUT" 2>/dev/null
if command -v bash >/dev/null 2>&1; then exec bash -c "$1"; fi
exec sh -c "$1"`;

async function runCommand(
  input: { readonly command: string; readonly timeout_s: number },
  box: Toolbox,
): Promise<ToolAnswer> {
  const flood = new AbortController();
  let printedBytes = 0;
  const { end, exitCode, signal, stdout, stderr, message } = await box.exec(
    ['sh', '-c', SCRIPT, 'sh', input.command],
    {
      timeoutMs: input.timeout_s * 1000,
      maxBytes: KEPT_BYTES,
      signal: flood.signal,
      logs: true,
      onOutput: (_stream, text) => {
        printedBytes += Buffer.byteLength(text);
        if (printedBytes > MAX_PRINTED_BYTES) flood.abort();
      },
    },
  );
  const said = [stdout.trimEnd(), stderr.trim() === '' ? '' : `stderr:\n${stderr.trimEnd()}`]
    .filter((part) => part !== '')
    .join('\n');
  const told = (how: string): string => (said === '' ? how : `${how}\n${said}`);
  if (flood.signal.aborted)
    return failure(told(`(stopped: it printed more than ${MAX_PRINTED_BYTES} bytes)`));
  switch (end) {
    case 'exited':
      if (exitCode === 0) return answer(said === '' ? '(it printed nothing)' : said);
      return failure(told(`(exit code ${exitCode ?? 'unknown'})`));
    case 'timeout':
      return failure(told(`(stopped after ${input.timeout_s} s, with all it had started)`));
    case 'killed':
    case 'idle_timeout':
    case 'cancelled':
    case 'not_started':
      return failure(
        told(`(${end}${signal === null ? '' : ` by ${signal}`}${message === null ? '' : `: ${message}`})`),
      );
  }
}

export const SHELL_TOOL: Tool = makeTool({
  name: 'shell',
  kind: 'execute',
  description:
    'Runs a command with bash in the workspace and answers what it prints. It gets no input, and what it leaves running is ended with it.',
  schema: z.object({
    command: z.string().min(1).max(100_000),
    timeout_s: z
      .number()
      .min(1)
      .max(MAX_TIMEOUT_S)
      .default(DEFAULT_TIMEOUT_S)
      .describe('seconds it may take'),
  }),
  title: ({ command }) => command.slice(0, 200),
  run: runCommand,
});
