/** How the process of an agent ended, in words for people. */
import { Cancelled, errorInfo, type ErrorInfo } from '../../job/error.ts';
import type { ExecResult } from '../../sandbox/sandbox.ts';
import type { AgentTurn } from '../agent.ts';
import { notMade, plainText } from '../handover.ts';

/** Longest part of a command that is shown in a sentence. */
const SHOWN_CHARS = 100;
const STDERR_CHARS = 2000;

/** The last `maxChars` characters, from the start of a line where one is near. */
export function tail(text: string, maxChars: number): string {
  if (text.length <= maxChars) return text;
  const end = text.slice(-maxChars);
  const lineEnd = end.indexOf('\n');
  return (lineEnd >= 0 && lineEnd < maxChars / 2 ? end.slice(lineEnd + 1) : end).toWellFormed();
}

/**
 * Why the process of a turn that did not end well failed; `null` when it exited with 0.
 *
 * @param command the agent's command line, for people
 * @throws Cancelled
 */
export function failureOf(
  result: ExecResult,
  turn: AgentTurn,
  command: string,
  logPath: string,
): ErrorInfo | null {
  const said = tail(plainText(result.stderr), STDERR_CHARS) || tail(plainText(result.stdout), STDERR_CHARS);
  const words = said === '' ? '' : `: ${said}`;
  const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
  switch (result.end) {
    case 'timeout':
      return errorInfo(
        'timed_out',
        `the agent worked longer than its ${seconds(turn.timeoutMs)}`,
        'raise timeout_s, or give a smaller task',
      );
    case 'idle_timeout':
      return errorInfo(
        'timed_out',
        `the agent printed nothing for ${seconds(turn.idleTimeoutMs)}`,
        `raise agent_idle_timeout_s, or see where it hung in ${logPath}`,
      );
    case 'killed':
      return errorInfo(
        'agent_failed',
        `the agent was killed by ${result.signal ?? 'a signal'}${words}`,
        'SIGKILL without a cause in the log is often the memory limit',
      );
    case 'not_started':
      return missing(command, result.message ?? 'it could not be started');
    case 'cancelled':
      throw new Cancelled();
    case 'exited':
      break;
  }
  if (result.exitCode === 0) return null;
  const unmade = notMade(result);
  if (unmade !== null) {
    return errorInfo(
      'agent_failed',
      `the agent's home directory can't be written: ${unmade}`,
      'free disk space; an agent may also have taken its own rights away in an earlier turn',
    );
  }
  if (result.exitCode === 127 || result.exitCode === 126)
    return missing(command, said, result.exitCode === 126);
  return errorInfo(
    'agent_failed',
    `the agent exited with ${result.exitCode ?? 'no code'}${words}`,
    `all that the agent printed is in ${logPath}`,
  );
}

function missing(command: string, said: string, isThere = false): ErrorInfo {
  return errorInfo(
    'agent_failed',
    `a programme of the agent's command could not be run (${shown(command)})${said === '' ? '' : `: ${said}`}`,
    isThere
      ? 'make it executable (chmod +x), and see that the first line of a script names its interpreter'
      : 'install it where the sandbox sees it; a path outside the sandbox must be named in sandbox.ro_paths',
  );
}

/** A command as one short line, for people. */
export function shown(command: string): string {
  const line = command.trim().replace(/\s+/g, ' ');
  return line.length > SHOWN_CHARS ? `${line.slice(0, SHOWN_CHARS)}…` : line;
}
