/** Any command line as an agent: prompt in, edits in the workspace, exit code as a claim. */
import { access, constants } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';
import { Cancelled, JobError, toErrorInfo } from '../job/error.ts';
import type { Usage } from '../job/step.ts';
import { shellWord } from '../job/text/shell.ts';
import type { ExecResult } from '../sandbox/sandbox.ts';
import type { Agent, AgentContext, AgentNeeds, AgentReply, AgentTurn } from './agent.ts';
import { failureOf, shown, tail } from './claims/ending.ts';
import { commandStreams, type StreamTurn } from './claims/streams/turn.ts';
import { plainText, planHandover, type Handover } from './handover.ts';
import { modelVariables } from './model/variables.ts';
import { createLogStream } from './log-stream.ts';
import { asFile } from './mcp/forms.ts';

/** How a command is made an agent. */
export interface CommandAgentOptions {
  /** `command` by default. */
  readonly name?: string;
  /**
   * Run by `sh -c`; `{prompt_file}` becomes the path of the prompt, without it the prompt goes to stdin. `{resume}`
   * becomes the words with which a known programme goes on with its session, `{mcp_config}` the path of a file that
   * names the tool servers.
   */
  readonly command: string;
  readonly needs: AgentNeeds;
  readonly env?: Readonly<Record<string, string>>;
  /** Dollars a turn costs; `null`, the default, is unknown. */
  readonly costUsd?: number | null;
}

/** Bytes of stdout and of stderr that are kept in memory. */
const KEPT_BYTES = 256 * 1024;
/** Bytes of the log file of one turn. */
const LOG_BYTES = 64 * 1024 * 1024;
const SUMMARY_CHARS = 4096;
/** The same where the closing message is what was asked for: a report, a plan. */
const ANSWER_CHARS = 16 * 1024;
/** First words that no file on PATH needs to stand behind. */
const SHELL_WORDS =
  /^(?:\.|:|cd|command|echo|env|eval|exec|export|for|if|printf|read|set|test|true|false|umask|while)$/;
const PLACEHOLDER = '{prompt_file}';
const MCP_PLACEHOLDER = '{mcp_config}';
/** Where the file of tool servers lies below HOME: written anew for every turn, from a variable. */
const MCP_FILE = '"$HOME"/.agent-runner-mcp.json';

/** Where the first word of a command was found on the host; `unknown` when it is no plain programme name. */
interface Programme {
  readonly state: 'found' | 'missing' | 'not_executable' | 'unknown';
  readonly path: string;
}

async function may(path: string, mode: number): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

async function findProgramme(command: string, path: string | undefined): Promise<Programme> {
  const word = /^[\w./+@-]+(?=\s|$)/.exec(command.trim())?.[0];
  const unknown: Programme = { state: 'unknown', path: '' };
  if (word === undefined || SHELL_WORDS.test(word)) return unknown;
  if (word.includes('/') && !isAbsolute(word)) return unknown;
  if (!isAbsolute(word) && path === undefined) return unknown;
  const candidates = isAbsolute(word)
    ? [word]
    : (path ?? '')
        .split(delimiter)
        .filter(isAbsolute)
        .map((dir) => join(dir, word));
  for (const candidate of candidates) {
    if (await may(candidate, constants.X_OK)) return { state: 'found', path: candidate };
  }
  const isThere = isAbsolute(word) && (await may(word, constants.F_OK));
  return { state: isThere ? 'not_executable' : 'missing', path: word };
}

/** Writes the file of tool servers before a command that names it. */
function withServers(command: string): string {
  if (!command.includes(MCP_PLACEHOLDER)) return command;
  const write = `printf '%s' "$AGENT_RUNNER_MCP_CONFIG" > ${MCP_FILE}`;
  return `${write} || exit 1\n${command.replaceAll(MCP_PLACEHOLDER, MCP_FILE)}`;
}

async function execute(
  options: CommandAgentOptions,
  turn: AgentTurn,
  context: AgentContext,
  handover: Handover,
  stream: StreamTurn | null,
): Promise<ExecResult> {
  const { outDir, promptFile } = handover;
  const log = createLogStream((piece) => {
    context.onEvent('log', piece.dropped === 0 ? { stream: piece.stream, text: piece.text } : { ...piece });
  });
  const line = withServers(stream?.command ?? options.command);
  const command = promptFile === null ? line : line.replaceAll(PLACEHOLDER, () => shellWord(promptFile));
  const result = await context.sandbox.exec(handover.begin(command), {
    env: {
      ...modelVariables(context.model, { ...options.needs.env, ...options.env }),
      ...options.env,
      AGENT_RUNNER_PHASE: turn.phase,
      AGENT_RUNNER_OUT: outDir,
      ...(options.command.includes(MCP_PLACEHOLDER)
        ? { AGENT_RUNNER_MCP_CONFIG: asFile(context.mcpServers ?? []) }
        : {}),
      ...(turn.model === null ? {} : { AGENT_RUNNER_MODEL: turn.model }),
    },
    stdin: turn.prompt,
    timeoutMs: turn.timeoutMs,
    idleTimeoutMs: turn.idleTimeoutMs,
    maxBytes: KEPT_BYTES,
    logPath: context.logPath,
    maxLogBytes: LOG_BYTES,
    canBeFirst: true,
    signal: stream === null ? context.signal : AbortSignal.any([context.signal, stream.signal]),
    onOutput: (name, text) => {
      // A known stream becomes events of its own.
      if (name === 'stdout' && stream !== null) stream.push(text);
      else log.push(name, text);
    },
  });
  log.end();
  if (context.signal.aborted) throw new Cancelled();
  return result;
}

/**
 * Makes an agent of a command line. It succeeds by exiting with 0; what it changed, and whether that is any
 * good, is for the runner to find out. The JSON stream of a known programme tells its session, usage, last words
 * and errors, which count whatever its exit code says. Else its closing message is `$AGENT_RUNNER_OUT/summary.md`, else the last
 * lines of stdout; a question is `$AGENT_RUNNER_OUT/question.md`, and outputs of a pipeline's step `output.json` there.
 *
 * @throws JobError `bad_configuration` when the command is empty
 */
export function createCommandAgent(options: CommandAgentOptions): Agent {
  const { command, needs, name = 'command', costUsd = null } = options;
  if (command.trim() === '') {
    throw new JobError('bad_configuration', 'AGENT_CMD: the command is empty', {
      hint: 'set AGENT_CMD to the command line of an agent, for example "my-agent --prompt-file {prompt_file}"',
    });
  }
  const streams = commandStreams(command);
  // What costs nothing asks no model; of anything else nobody has counted the tokens.
  const tokens = costUsd === 0 ? 0 : null;
  const usage: Usage = { cost_usd: costUsd, tokens_in: tokens, tokens_out: tokens, turns: 1 };

  async function work(turn: AgentTurn, context: AgentContext): Promise<AgentReply> {
    const handover = planHandover(context, command.includes(PLACEHOLDER));
    const stream = streams?.begin(turn, context) ?? null;
    const result = await execute(options, turn, context, handover, stream);
    const told = stream?.end() ?? null;
    // What the stream says went wrong is better told than an exit code, which may well be 0.
    const error = told?.error ?? failureOf(result, turn, command, context.logPath);
    const { summary: said, question, output } = await handover.collect();
    const spent = told?.usage ?? usage;
    if (error !== null) return { ok: false, error, usage: spent };
    const summary = said ?? told?.message ?? plainText(result.stdout);
    return {
      ok: true,
      summary: tail(summary, turn.phase === 'build' ? SUMMARY_CHARS : ANSWER_CHARS),
      question,
      output,
      sessionId: told?.sessionId ?? null,
      usage: spent,
    };
  }

  return {
    name,
    needs,
    ...(command.includes(MCP_PLACEHOLDER) ? { takesMcp: true } : {}),
    async check() {
      const { state, path } = await findProgramme(command, options.env?.['PATH'] ?? needs.env['PATH']);
      switch (state) {
        case 'found':
          return { ready: true, detail: path, fix: null };
        case 'unknown':
          return { ready: true, detail: `\`${shown(command)}\`, looked up when it runs`, fix: null };
        case 'not_executable':
          return { ready: false, detail: `${path} is not executable`, fix: `chmod +x ${shellWord(path)}` };
        case 'missing': {
          const fix = 'install the programme, or correct AGENT_CMD';
          return { ready: false, detail: `the programme of \`${shown(command)}\` was not found`, fix };
        }
      }
    },
    async run(turn, context) {
      if (context.signal.aborted) throw new Cancelled();
      try {
        return await work(turn, context);
      } catch (thrown) {
        if (thrown instanceof JobError && thrown.code === 'agent_failed') {
          return { ok: false, error: toErrorInfo(thrown), usage };
        }
        throw thrown;
      }
    },
  };
}
