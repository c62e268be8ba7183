/**
 * Agents that speak the Agent Client Protocol. The agent runs inside the job's sandbox, one process a turn; its
 * session lies in its own files below HOME, so that the next turn, or the next worker, goes on with it.
 */
import { Cancelled, errorInfo, JobError, toErrorInfo, type ErrorInfo } from '../../job/error.ts';
import type { Usage } from '../../job/step.ts';
import type { ExecResult } from '../../sandbox/sandbox.ts';
import type { Agent, AgentContext, AgentNeeds, AgentReply, AgentTurn, ModelAccess } from '../agent.ts';
import { failureOf, tail } from '../claims/ending.ts';
import { asText, fieldsOf, type Fields } from '../../job/text/json.ts';
import { modelErrorIn } from '../claims/model-error.ts';
import { plainText, planHandover } from '../handover.ts';
import { createLogStream } from '../log-stream.ts';
import { TalkFailed, type TalkEnd } from './talk.ts';
import { createGuards, type Guards } from './guards.ts';
import { createUpdates, type Updates } from './updates.ts';
import { usageOf } from './usage.ts';
import { createWire, type Wire } from './wire.ts';

/** How one turn's process is started. */
export interface Launch {
  /** Run by `sh`, in the workspace. */
  readonly command: string;
  readonly env: Readonly<Record<string, string>>;
}

/** How an agent that speaks the protocol is made. */
export interface AcpAgentOptions {
  readonly name: string;
  readonly needs: AgentNeeds;
  /** How its process is started, with the model it is to use where one is given. */
  launch(model: ModelAccess | null, turn: AgentTurn): Launch;
  /** Way to log in that is taken when the agent asks for one; `null` knows none. */
  readonly authMethod: string | null;
  /**
   * Modes in which it asks for nothing; the first that it has is taken. The same in a phase that only reads: the
   * workspace is mounted so, and agents' own modes for that keep them from running commands, too.
   */
  readonly modes: readonly string[];
  /** What the usage in its answer to a prompt counts: all calls of the turn, or only the last. */
  readonly usage: 'turn' | 'last_call';
  check(): ReturnType<Agent['check']>;
}

/** Bytes of stdout and stderr that are kept in memory: stdout is read as it comes, stderr says why it crashed. */
const KEPT_BYTES = 64 * 1024;
/** Bytes of the log file of one turn. */
const LOG_BYTES = 64 * 1024 * 1024;
const SUMMARY_CHARS = 4096;
/** The same where the closing message is what was asked for: a report, a plan. */
const ANSWER_CHARS = 16 * 1024;
/** How long an agent may take to obey: to end its turn when cancelled, and its process when its input is closed. */
const CANCEL_MS = 250;
const GOODBYE_MS = 1_500;

/** How a turn ended, as far as the protocol goes. */
type Talked = { readonly end: TalkEnd } | { readonly error: ErrorInfo } | { readonly broken: unknown };

/** What is known of one turn while it runs. */
interface Turn {
  readonly updates: Updates;
  readonly wire: Wire;
  readonly guards: Guards;
  /** Ends the process. */
  readonly stop: AbortController;
  /** Why we ended it; the first reason counts. */
  failure: ErrorInfo | null;
  /** The answer to the prompt, as it came. */
  answer: Fields;
  /** Answers to prompts before the last. */
  readonly earlier: Fields[];
  /** What the updates that come are about: the session's past, shortening it, or the prompt. */
  about: 'past' | 'compacting' | 'prompt';
}

function fail(turn: Turn, error: ErrorInfo): void {
  turn.failure ??= error;
  turn.stop.abort();
}

/** Updates that count although they are not about the prompt. */
const COUNTS: Readonly<Record<'past' | 'compacting', readonly string[]>> = {
  past: ['available_commands_update'],
  compacting: ['available_commands_update', 'usage_update'],
};

function begin(context: AgentContext): Turn {
  const guards = createGuards();
  const updates = createUpdates({
    emit: (type, data) => context.onEvent(type, data),
    onCallEnded: (call) => {
      const error = guards.callEnded(call);
      if (error !== null) fail(turn, error);
    },
  });
  const wire = createWire({
    onNotification(method, { update }) {
      // A session that is loaded tells its whole past first: that has been told.
      const fields = method === 'session/update' ? (fieldsOf(update) ?? {}) : {};
      if (turn.about === 'prompt' || COUNTS[turn.about].includes(asText(fields['sessionUpdate']) ?? ''))
        updates.take(fields);
    },
    onResult(method, result) {
      if (method !== 'session/prompt') return;
      if (turn.about === 'compacting') turn.earlier.push(result);
      else turn.answer = result;
    },
    onBreach(message) {
      const words = `the agent does not keep to its protocol: ${plainText(message)}`;
      const hint = 'its command must speak the Agent Client Protocol on standard output, and nothing else';
      fail(turn, errorInfo('agent_failed', words, hint));
    },
  });
  const stop = new AbortController();
  const turn: Turn = { updates, wire, guards, stop, failure: null, answer: {}, earlier: [], about: 'past' };
  return turn;
}

/** Holds the conversation beside the process, and ends the process after it. */
async function talk(
  options: AcpAgentOptions,
  request: AgentTurn,
  context: AgentContext,
  turn: Turn,
  exited: Promise<unknown>,
): Promise<Talked> {
  // Loaded when an agent speaks it: the SDK takes 60 ms that a job with another agent need not wait.
  const { converse } = await import('./conversation.ts');
  const { sandbox, signal } = context;
  const { authMethod, modes } = options;
  const conversation = converse(
    turn.wire,
    {
      prompt: request.prompt,
      sessionId: request.sessionId,
      compact: request.compact ?? null,
      mayEdit: request.phase === 'build',
      cwd: sandbox.workspacePath,
      mcpServers: context.mcpServers ?? [],
      authMethod,
      modes,
    },
    {
      onSession(sessionId) {
        turn.about = 'prompt';
        context.onSession?.(sessionId);
        context.onEvent('message', { role: 'runner', session_id: sessionId });
      },
      onCompacting(state) {
        turn.about = state === 'begun' ? 'compacting' : 'prompt';
        if (state === 'done')
          context.onEvent('message', { role: 'runner', compacted: 'by the agent', ...turn.updates.fill() });
      },
      onNote: (text) => context.onEvent('message', { role: 'runner', text }),
      onPermission: (what) => turn.guards.permissionAsked(what),
      onFailure: (error) => fail(turn, error),
    },
  );
  let timer: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    conversation.cancel();
    timer = setTimeout(() => turn.stop.abort(), CANCEL_MS);
  };
  signal.addEventListener('abort', cancel, { once: true });
  if (signal.aborted) cancel();
  // Requests that are never answered end with the process.
  void exited.then(() => turn.wire.close());
  try {
    return { end: await conversation.ended };
  } catch (thrown) {
    return thrown instanceof TalkFailed ? { error: thrown.info } : { broken: thrown };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', cancel);
  }
}

/** Runs the process and the conversation; both have ended when it resolves. */
async function hold(
  options: AcpAgentOptions,
  request: AgentTurn,
  context: AgentContext,
  turn: Turn,
  begun: { readonly argv: readonly [string, ...string[]]; readonly env: Readonly<Record<string, string>> },
): Promise<{ readonly result: ExecResult; readonly talked: Talked }> {
  const log = createLogStream(({ text, dropped }) => {
    context.onEvent('log', { stream: 'stderr', text, ...(dropped === 0 ? {} : { dropped }) });
  });
  let goodbye = (): void => {};
  const running = context.sandbox.exec(begun.argv, {
    env: begun.env,
    onInput: (input) => {
      turn.wire.attach(input);
      goodbye = () => input.end();
    },
    timeoutMs: request.timeoutMs,
    idleTimeoutMs: request.idleTimeoutMs,
    maxBytes: KEPT_BYTES,
    logPath: context.logPath,
    maxLogBytes: LOG_BYTES,
    signal: turn.stop.signal,
    onOutput: (stream, text) => {
      if (stream === 'stdout') turn.wire.push(text);
      else log.push('stderr', text);
    },
  });
  const talked = await talk(
    options,
    request,
    context,
    turn,
    running.catch(() => null),
  );
  // An agent may end by itself now: some write their session when they do.
  goodbye();
  const timer = setTimeout(() => turn.stop.abort(), context.signal.aborted ? 0 : GOODBYE_MS);
  try {
    return { result: await running, talked };
  } finally {
    clearTimeout(timer);
    log.end();
    turn.updates.end();
  }
}

/** Why a prompt that was answered is no success; `null` where it is one, as far as the agent says. */
function stopOf(reason: string, updates: Updates): ErrorInfo | null {
  const failed = (message: string, hint: string): ErrorInfo => errorInfo('agent_failed', message, hint);
  switch (reason) {
    case 'end_turn': {
      const said = modelErrorIn(plainText(updates.message()), updates.toolCalls() > 0);
      if (said === null) return null;
      return failed(
        `the agent reports an error of its model: ${said}`,
        'see that the key is valid, the model exists and its limits are not used up',
      );
    }
    case 'max_tokens':
      return failed("the model's answer was cut off at its longest", 'give a smaller task, or another model');
    case 'max_turn_requests':
      return failed('the agent stopped at its own bound of model calls', 'give a smaller task');
    case 'refusal':
      return failed(
        `the model refused: ${tail(plainText(updates.message()), SUMMARY_CHARS)}`,
        'change the task',
      );
    case 'cancelled':
      return failed('the agent cancelled its turn by itself', 'see why in its log');
    default:
      return failed(`the agent stopped for ${JSON.stringify(reason.slice(0, 100))}`, 'see why in its log');
  }
}

/** Why a turn failed; `null` when the prompt was answered well. */
function errorOf(
  talked: Talked,
  result: ExecResult,
  turn: Turn,
  request: AgentTurn,
  command: string,
  logPath: string,
): ErrorInfo | null {
  if (turn.failure !== null) return turn.failure;
  if ('end' in talked) return stopOf(talked.end.stopReason, turn.updates);
  // How the process ended says more than that its answer did not come; what we ended ourselves says nothing.
  const ended = result.end === 'cancelled' ? null : failureOf(result, request, command, logPath);
  if ('error' in talked)
    return result.end === 'exited' && result.exitCode !== 0 ? (ended ?? talked.error) : talked.error;
  if (ended !== null) return ended;
  const noise = turn.wire.noise();
  const said = noise === '' ? '' : `: ${plainText(noise)}`;
  const what = turn.wire.hasSpoken() ? 'ended before it answered' : 'ended without a word of its protocol';
  const why = talked.broken instanceof Error ? talked.broken.message : String(talked.broken);
  const words = said === '' && result.exitCode !== 0 ? `: ${why}` : said;
  return errorInfo('agent_failed', `the agent ${what}${words}`, `all that it printed is in ${logPath}`);
}

/** Makes an agent of a programme that speaks the Agent Client Protocol. */
export function createAcpAgent(options: AcpAgentOptions): Agent {
  const { name, needs } = options;
  /** What sessions have cost so far by their agent's own count, which goes on from turn to turn. */
  const costs = new Map<string, number>();

  async function work(request: AgentTurn, context: AgentContext): Promise<AgentReply> {
    const { command, env } = options.launch(context.model ?? null, request);
    const turn = begin(context);
    const handover = planHandover(context, false);
    const { result, talked } = await hold(options, request, context, turn, {
      argv: handover.begin(command),
      env: { ...env, AGENT_RUNNER_OUT: handover.outDir },
    });
    if (context.signal.aborted) throw new Cancelled();
    const sessionId = 'end' in talked ? talked.end.sessionId : null;
    const isResumed = sessionId !== null && sessionId === request.sessionId;
    const before = sessionId === null ? null : (costs.get(sessionId) ?? (isResumed ? null : 0));
    const usage = usageOf([...turn.earlier, turn.answer], turn.updates, options.usage, before);
    const cost = turn.updates.costUsd();
    if (sessionId !== null && cost !== null) costs.set(sessionId, cost);
    const { summary: note, question, output } = await handover.collect();
    const error = errorOf(talked, result, turn, request, command, context.logPath);
    if (error !== null) return { ok: false, error, usage };
    const summary = tail(
      note ?? plainText(turn.updates.message()),
      request.phase === 'build' ? SUMMARY_CHARS : ANSWER_CHARS,
    );
    const fill = turn.updates.fill();
    const compact = turn.updates.compactCommand();
    const known = fill === null ? {} : { context: { ...fill, ...(compact === null ? {} : { compact }) } };
    return { ok: true, summary, question, output, sessionId, usage, ...known };
  }

  return {
    name,
    needs,
    takesMcp: true,
    check: () => options.check(),
    async run(request, context) {
      if (context.signal.aborted) throw new Cancelled();
      try {
        return await work(request, context);
      } catch (thrown) {
        const usage: Usage = { cost_usd: null, tokens_in: null, tokens_out: null, turns: 1 };
        if (thrown instanceof JobError && thrown.code === 'agent_failed')
          return { ok: false, error: toErrorInfo(thrown), usage };
        throw thrown;
      }
    },
  };
}
