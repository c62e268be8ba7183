/** The `patch` agent: applies the diff blocks of the task text, and does nothing else. */
import { dirname } from 'node:path';
import { Cancelled, errorInfo, type ErrorInfo } from '../job/error.ts';
import type { Usage } from '../job/step.ts';
import type { ExecResult } from '../sandbox/sandbox.ts';
import type { Agent, AgentContext, AgentReply, AgentTurn } from './agent.ts';
import { plainText } from './handover.ts';

const USAGE: Usage = { cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 1 };
const KEPT_BYTES = 64 * 1024;
const MAX_LISTED_FILES = 20;

/**
 * The texts of the diff blocks of a task: fenced by three or more backticks or tildes, with `diff` or
 * `patch` as language. A block ends with a fence as indented as its first, so that a context line of the
 * diff (it begins with a space) can't end it.
 */
export function diffBlocks(task: string): string[] {
  const blocks: string[] = [];
  let [open, block]: [{ indent: string; marks: string; cr: boolean } | null, string[]] = [null, []];
  for (const line of task.split('\n')) {
    const fence = /^( {0,3})(`{3,}|~{3,})[ \t]*([^\s`]*)/.exec(line);
    const [, indent = '', marks = '', language = ''] = fence ?? [];
    if (open === null) {
      if (fence === null || !/^(?:diff|patch)$/i.test(language)) continue;
      // Only where the task itself has such line ends are those of the diff not the file's own.
      [open, block] = [{ indent, marks, cr: line.endsWith('\r') }, []];
      continue;
    }
    if (fence !== null && language === '' && indent === open.indent && marks.startsWith(open.marks)) {
      blocks.push(`${block.join('\n')}\n`);
      open = null;
      continue;
    }
    const text = open.indent !== '' && line.startsWith(open.indent) ? line.slice(open.indent.length) : line;
    block.push(open.cr && text.endsWith('\r') ? text.slice(0, -1) : text);
  }
  // A block without an end counts as far as it goes, as it is shown to a reader.
  if (open !== null && block.length > 0) blocks.push(`${block.join('\n').trimEnd()}\n`);
  return blocks;
}

async function gitApply(
  options: readonly string[],
  patch: string,
  turn: AgentTurn,
  context: AgentContext,
): Promise<ExecResult> {
  const { sandbox, signal, logPath } = context;
  const result = await sandbox.exec(['git', 'apply', '--whitespace=nowarn', ...options, '-'], {
    stdin: patch,
    env: {
      // Inside a repository further up, git would silently skip every path.
      GIT_CEILING_DIRECTORIES: dirname(sandbox.workspacePath),
      GIT_CONFIG_NOSYSTEM: '1',
      LC_ALL: 'C',
    },
    timeoutMs: turn.timeoutMs,
    maxBytes: KEPT_BYTES,
    logPath,
    maxLogBytes: KEPT_BYTES,
    signal,
  });
  if (result.end === 'cancelled' || signal.aborted) throw new Cancelled();
  return result;
}

function failureOf(result: ExecResult, turn: AgentTurn): ErrorInfo {
  const said = plainText(result.stderr).slice(0, 2000);
  if (result.end === 'timeout' || result.end === 'idle_timeout') {
    return errorInfo('timed_out', `git apply ran longer than ${turn.timeoutMs} ms`, 'raise timeout_s');
  }
  if (result.end === 'not_started' || result.exitCode === 127) {
    return errorInfo('agent_failed', `git could not be run: ${result.message ?? said}`, 'install git');
  }
  return errorInfo(
    'agent_failed',
    `the diff of the task does not apply: ${said || `git apply ended with ${result.signal ?? result.exitCode}`}`,
    'make the diff against the base of the job, with paths relative to the root of the repository',
  );
}

/** The files of `git apply --numstat`: added and removed lines and the path, separated by tabs. */
function listFiles(numstat: string): string {
  const files = plainText(numstat)
    .split('\n')
    .map((line) => line.split('\t').slice(2).join('\t'))
    .filter((path) => path !== '');
  const more = files.length - MAX_LISTED_FILES;
  return `${files.slice(0, MAX_LISTED_FILES).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * Makes an agent that applies the diff blocks of `task` in the workspace, all or none of them. Paths that
 * leave the workspace are refused by git. In later turns, and when a turn is run twice, the diff is found
 * applied and nothing is changed.
 */
export function createPatchAgent(options: { readonly task: string }): Agent {
  const blocks = diffBlocks(options.task);

  return {
    name: 'patch',
    modelless: true,
    needs: { readOnlyPaths: [], mounts: [], env: {}, dialects: [] },
    check: async () => ({ ready: true, detail: 'applies the diff blocks of the task with git', fix: null }),
    async run(turn, context): Promise<AgentReply> {
      if (context.signal.aborted) throw new Cancelled();
      const ok = (summary: string): AgentReply => ({
        ok: true,
        summary,
        question: null,
        sessionId: null,
        usage: USAGE,
      });
      if (blocks.length === 0) {
        const hint = 'put the change into a fenced block that begins with ```diff, or choose another agent';
        return {
          ok: false,
          error: errorInfo('agent_failed', 'the task holds no diff block', hint),
          usage: USAGE,
        };
      }
      const patch = blocks.join('');
      const applied = await gitApply(['--numstat', '--apply'], patch, turn, context);
      if (applied.end === 'exited' && applied.exitCode === 0) {
        const summary = `Applied ${blocks.length} diff ${blocks.length === 1 ? 'block' : 'blocks'}: ${listFiles(applied.stdout)}`;
        context.onEvent('message', { text: summary });
        return ok(summary);
      }
      const reversed = await gitApply(['--reverse', '--check'], patch, turn, context);
      if (reversed.end === 'exited' && reversed.exitCode === 0) {
        return ok('The diff is applied already; the patch agent can do no more.');
      }
      return { ok: false, error: failureOf(applied, turn), usage: USAGE };
    },
  };
}
