/**
 * OpenCode by its own server: a password-protected one inside the job's sandbox, with an agent a phase. A turn costs
 * a fraction of a second on a server that runs, and seconds where one must start: so a server stays for the next turn
 * where the sandbox does. Its sessions lie below HOME, so that another server goes on with them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Cancelled, errorInfo, JobError, toErrorInfo, type ErrorInfo } from '../../job/error.ts';
import type { Usage } from '../../job/step.ts';
import type { Fields } from '../../job/text/json.ts';
import { openBoundedLog } from '../../sandbox/process/output.ts';
import type { ExecResult, Sandbox } from '../../sandbox/sandbox.ts';
import { createGuards, type Guards } from '../acp/guards.ts';
import { createUpdates, type Updates } from '../acp/updates.ts';
import type { Agent, AgentContext, AgentNeeds, AgentReply, AgentTurn, ModelAccess } from '../agent.ts';
import { failureOf, tail } from '../claims/ending.ts';
import { modelErrorIn } from '../claims/model-error.ts';
import { plainText } from '../handover.ts';
import type { McpServer } from '../mcp/servers.ts';
import { createLogStream } from '../log-stream.ts';
import type { Client } from './client.ts';
import { startServer, type Server, type ServerLaunch } from './server.ts';
import { abortSession, Refused, takeTurn, type Answered } from './turn.ts';

/** How an agent that is driven by its own server is made. */
export interface OpencodeAgentOptions {
  readonly name: string;
  readonly needs: AgentNeeds;
  /** How its server is started, with the model it is to use where one is given. */
  launch(model: ModelAccess | null, turn: AgentTurn, servers?: readonly McpServer[]): ServerLaunch;
  check(): ReturnType<Agent['check']>;
}

/** Bytes of events in the log file of one turn. */
const LOG_BYTES = 64 * 1024 * 1024;
const SUMMARY_CHARS = 4096;
/** The same where the closing message is what was asked for: a report, a plan. */
const ANSWER_CHARS = 16 * 1024;
/** How long it may take to hear that its turn is cancelled. */
const CANCEL_MS = 250;
/** How long a server that is not heard any more may take to end by itself. */
const LAST_WORDS_MS = 1_000;
/** How long a server may take to listen: it needs 1 to 6 s, on a busy machine 30. */
const START_TIMEOUT_MS = 120_000;

const UNKNOWN: Usage = { cost_usd: null, tokens_in: null, tokens_out: null, turns: 1 };

/** One turn while it runs. */
interface Turn {
  readonly updates: Updates;
  readonly guards: Guards;
  /** Ends what is asked of the server. */
  readonly over: AbortController;
  /** Why the turn ended early; the first reason counts. */
  failure: ErrorInfo | null;
  end: 'timeout' | 'idle_timeout' | null;
  /** Why the server is not heard any more. */
  lost: string | null;
  sessionId: string | null;
}

/** How the talk with the server ended. */
type Talked = { readonly answered: Answered } | { readonly broken: unknown };

function fail(turn: Turn, error: ErrorInfo): void {
  turn.failure ??= error;
  turn.over.abort();
}

/** Ends a turn that takes too long, or in which nothing happens. */
function watch(turn: Turn, request: AgentTurn): { alive(): void; stop(): void } {
  const end = (why: 'timeout' | 'idle_timeout') => (): void => {
    turn.end ??= why;
    turn.over.abort();
  };
  const whole = setTimeout(end('timeout'), request.timeoutMs);
  const idle = setTimeout(end('idle_timeout'), request.idleTimeoutMs);
  return {
    alive: () => void idle.refresh(),
    stop() {
      clearTimeout(whole);
      clearTimeout(idle);
    },
  };
}

/** The client of a server once it listens; rejects where that takes too long. */
async function reach(server: Server, turn: Turn): Promise<Client> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Refused(`the agent's server did not listen within ${START_TIMEOUT_MS / 1000} s`)),
    START_TIMEOUT_MS,
  );
  const stopped = (): void => late.reject(new Error('the turn is over'));
  turn.over.signal.addEventListener('abort', stopped, { once: true });
  try {
    return await Promise.race([server.client, late.promise]);
  } finally {
    clearTimeout(timer);
    turn.over.signal.removeEventListener('abort', stopped);
  }
}

/** Talks with the server until the prompt is answered, or the turn is over. */
async function talk(
  server: Server,
  turn: Turn,
  request: AgentTurn,
  context: AgentContext,
  model: Fields,
): Promise<Talked> {
  const log = openBoundedLog(context.logPath, LOG_BYTES, () => {});
  const clock = watch(turn, request);
  let client: Client | null = null;
  const cancel = (): void => {
    if (client === null || turn.sessionId === null) return turn.over.abort();
    const heard = abortSession(client, turn.sessionId, AbortSignal.timeout(CANCEL_MS));
    void heard.then(() => turn.over.abort());
  };
  context.signal.addEventListener('abort', cancel, { once: true });
  const ended = (): void => turn.over.abort();
  void server.ended.then(ended, ended);
  try {
    client = await reach(server, turn);
    const answered = await takeTurn(
      client,
      request,
      {
        updates: turn.updates,
        guards: turn.guards,
        signal: turn.over.signal,
        onSession(sessionId) {
          turn.sessionId = sessionId;
          context.onSession?.(sessionId);
          context.onEvent('message', { role: 'runner', session_id: sessionId });
        },
        onNote: (text) => context.onEvent('message', { role: 'runner', text: plainText(text) }),
        onLife: () => clock.alive(),
        onLine: (line) => void log.write(Buffer.from(`${line}\n`)),
        onFailure: (error) => fail(turn, error),
        onLost(why) {
          turn.lost ??= why;
          turn.over.abort();
        },
      },
      model,
    );
    return { answered };
  } catch (thrown) {
    return { broken: thrown };
  } finally {
    clock.stop();
    context.signal.removeEventListener('abort', cancel);
    // The stream of events, too.
    turn.over.abort();
    await log.close(CANCEL_MS);
  }
}

/** Why an answer is none, for all that it says; `null` where it is one. */
function doubt(answered: Answered, updates: Updates): ErrorInfo | null {
  if (answered.error !== null) return answered.error;
  const said = modelErrorIn(plainText(answered.text), updates.toolCalls() > 0);
  if (said === null) return null;
  return errorInfo(
    'agent_failed',
    `the agent reports an error of its model: ${said}`,
    'see that the key is valid, the model exists and its limits are not used up',
  );
}

/** Why a turn without an answer failed. */
function brokenError(
  talked: Talked,
  turn: Turn,
  result: ExecResult,
  request: AgentTurn,
  command: string,
  logPath: string,
): ErrorInfo {
  const thrown = 'broken' in talked ? talked.broken : null;
  const why = turn.lost ?? (thrown instanceof Error ? thrown.message : String(thrown));
  const ended = turn.end ?? (result.end === 'cancelled' ? null : result.end);
  // How the server ended says more than that its answer did not come.
  const failure = ended === null ? null : failureOf({ ...result, end: ended }, request, command, logPath);
  if (failure !== null) return failure;
  const words =
    thrown instanceof Refused
      ? thrown.message
      : `the agent's server ended before it answered (${plainText(why).slice(0, 1000)})`;
  return errorInfo('agent_failed', words, `all that it printed is in ${logPath}`);
}

function begin(context: AgentContext): Turn {
  const guards = createGuards();
  const updates = createUpdates({
    emit: (type, data) => context.onEvent(type, data),
    onCallEnded(call) {
      const error = guards.callEnded(call);
      if (error !== null) fail(turn, error);
    },
  });
  const over = new AbortController();
  const turn: Turn = { updates, guards, over, failure: null, end: null, lost: null, sessionId: null };
  return turn;
}

/** The model of an agent with its own login, where it is asked for by its provider's name. */
function ownModel({ model }: AgentTurn): Fields {
  const at = model?.indexOf('/') ?? -1;
  if (model === null || at <= 0) return {};
  return { model: { providerID: model.slice(0, at), modelID: model.slice(at + 1) } };
}

/** Holds the talk, with what the server prints meanwhile as events. */
async function hold(server: Server, turn: Turn, request: AgentTurn, context: AgentContext): Promise<Talked> {
  const log = createLogStream(({ text, dropped }) => {
    context.onEvent('log', { stream: 'stderr', text, ...(dropped === 0 ? {} : { dropped }) });
  });
  server.onStderr = (text) => log.push('stderr', text);
  try {
    return await talk(server, turn, request, context, context.model == null ? ownModel(request) : {});
  } finally {
    server.onStderr = () => {};
    log.end();
    turn.updates.end();
  }
}

/** Makes an agent of OpenCode, driven by its own server. */
export function createOpencodeAgent(options: OpencodeAgentOptions): Agent {
  const { name, needs } = options;
  /** Servers that wait for the next turn in their sandbox. */
  const waiting = new WeakMap<Sandbox, Server>();

  /** The server of an earlier turn where it fits, else a new one. */
  async function serverFor(sandbox: Sandbox, launch: ServerLaunch, logPath: string): Promise<Server> {
    const known = waiting.get(sandbox);
    waiting.delete(sandbox);
    if (known === undefined) return startServer(sandbox, launch, logPath);
    if (!known.hasEnded() && JSON.stringify(known.launch) === JSON.stringify(launch)) return known;
    await known.stop();
    return startServer(sandbox, launch, logPath);
  }

  async function work(request: AgentTurn, context: AgentContext): Promise<AgentReply> {
    const { sandbox, logPath, signal } = context;
    const launch = options.launch(context.model ?? null, request, context.mcpServers);
    const server = await serverFor(sandbox, launch, logPath);
    const turn = begin(context);
    const talked = await hold(server, turn, request, context);
    const answered = 'answered' in talked ? talked.answered : null;
    const error = turn.failure ?? (answered === null ? null : doubt(answered, turn.updates));
    if (signal.aborted || answered === null || error !== null) {
      // A connection is lost a moment before the process that held it has ended, which says more.
      const isLost = answered === null && error === null && turn.end === null && !signal.aborted;
      if (isLost) await Promise.race([server.ended, sleep(LAST_WORDS_MS, null, { ref: false })]);
      const result = await server.stop();
      if (signal.aborted) throw new Cancelled();
      const { command } = launch;
      const why = error ?? brokenError(talked, turn, result, request, command, logPath);
      return { ok: false, error: why, usage: answered?.usage ?? UNKNOWN };
    }
    const notes = await server.notes(context.stays === true ? 'more' : 'last');
    const { summary: note, question, output } = notes;
    if (context.stays === true && !server.hasEnded()) waiting.set(sandbox, server);
    else await server.stop();
    if (signal.aborted) throw new Cancelled();
    const summary = tail(
      note ?? plainText(answered.text),
      request.phase === 'build' ? SUMMARY_CHARS : ANSWER_CHARS,
    );
    return { ok: true, summary, question, output, sessionId: answered.sessionId, usage: answered.usage };
  }

  return {
    name,
    needs,
    lasts: true,
    takesMcp: true,
    check: () => options.check(),
    async run(request, context) {
      if (context.signal.aborted) throw new Cancelled();
      try {
        return await work(request, context);
      } catch (thrown) {
        if (thrown instanceof JobError && thrown.code === 'agent_failed')
          return { ok: false, error: toErrorInfo(thrown), usage: UNKNOWN };
        throw thrown;
      }
    },
  };
}
