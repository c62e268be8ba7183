/** One turn of the built-in agent: its session, its tools, its bounds. */
import { Cancelled, errorInfo, JobError, type ErrorInfo } from '../../job/error.ts';
import type { DeclaredAgent } from '../../job/agents/declared.ts';
import type { Usage } from '../../job/step.ts';
import { createUpdates } from '../acp/updates.ts';
import type { AgentContext, AgentReply, AgentTurn } from '../agent.ts';
import { tail } from '../claims/ending.ts';
import { plainText, planHandover } from '../handover.ts';
import { instructionsOf } from './instructions.ts';
import { converse, type Loop, type LoopEnd } from './loop.ts';
import { openModel } from './model/model.ts';
import { forgetOldSessions, loadSession, newSession, saveSession, type Session } from './session.ts';
import type { Toolbox } from './tools/tool.ts';
import { toolsOf } from './tools/tools.ts';

const SUMMARY_CHARS = 4096;
/** The same where the closing message is what was asked for: a report, a plan, an answer in a declared form. */
const ANSWER_CHARS = 16 * 1024;
/** Bytes of the log file of one turn. */
const LOG_BYTES = 64 * 1024 * 1024;
/** Money and tokens are the gateway's to count. */
const USAGE: Usage = { cost_usd: null, tokens_in: null, tokens_out: null, turns: 1 };

/** What ends a turn before its time. */
interface Bounds {
  readonly signal: AbortSignal;
  /** Called with every sign of life. */
  touch(): void;
  /** Why the turn was ended; `null` where it was not, or by a person. */
  why(): ErrorInfo | null;
  end(): void;
}

function boundsOf(turn: AgentTurn, signal: AbortSignal): Bounds {
  const stop = new AbortController();
  let reason: ErrorInfo | null = null;
  const late = (message: string, hint: string): void => {
    reason ??= errorInfo('timed_out', message, hint);
    stop.abort();
  };
  const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;
  const { timeoutMs, idleTimeoutMs } = turn;
  const wall = setTimeout(
    () =>
      late(
        `the agent worked longer than its ${seconds(timeoutMs)}`,
        'raise timeout_s, or give a smaller task',
      ),
    timeoutMs,
  );
  const idle = setTimeout(
    () =>
      late(
        `neither the model nor a command said anything for ${seconds(idleTimeoutMs)}`,
        'raise agent_idle_timeout_s, or see where it hung in `logs`',
      ),
    idleTimeoutMs,
  );
  let isOver = false;
  return {
    signal: AbortSignal.any([signal, stop.signal]),
    // A timer that was cleared would be set again.
    touch: () => {
      if (!isOver) idle.refresh();
    },
    why: () => reason,
    end() {
      isOver = true;
      clearTimeout(wall);
      clearTimeout(idle);
    },
  };
}

/** The tools' way to the sandbox. */
function toolboxOf(context: AgentContext, bounds: Bounds, outDir: string): Toolbox {
  const { sandbox } = context;
  let logLeft = LOG_BYTES;
  return {
    workspacePath: sandbox.workspacePath,
    async exec(argv, { logs = false, signal, onOutput, ...options }) {
      const signals = signal === undefined ? bounds.signal : AbortSignal.any([bounds.signal, signal]);
      const result = await sandbox.exec(argv, {
        ...options,
        env: { ...options.env, AGENT_RUNNER_OUT: outDir },
        signal: signals,
        onOutput: (stream, text) => {
          bounds.touch();
          onOutput?.(stream, text);
        },
        ...(logs && logLeft > 0 ? { logPath: context.logPath, maxLogBytes: logLeft } : {}),
      });
      if (logs) logLeft -= result.stdoutBytes + result.stderrBytes;
      if (bounds.signal.aborted) throw new Cancelled();
      return result;
    },
  };
}

/** The session to go on with, or a new one. */
async function openSession(turn: AgentTurn, context: AgentContext): Promise<Session> {
  const { sessionsPath } = context;
  if (sessionsPath === undefined) return newSession();
  if (turn.sessionId === null) {
    await forgetOldSessions(sessionsPath);
    return newSession();
  }
  const found = await loadSession(sessionsPath, turn.sessionId);
  if (!('why' in found)) return found;
  const text = `the agent can't go on with its session ${turn.sessionId.slice(0, 100)}, it begins a new one: ${found.why}`;
  context.onEvent('message', { role: 'runner', text });
  return newSession();
}

/** Adds the runner's prompt. One that was never answered, by a process that died, is replaced: the new one says it all. */
function prompt(session: Session, text: string): void {
  const { messages } = session;
  const answered = messages.at(-1)?.role === 'user' ? messages.slice(0, -1) : messages;
  session.messages = [...answered, { role: 'user', content: text }];
}

/** Resolves with `work`, or rejects as soon as the signal is aborted: nobody waits for what does not listen. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const gone = Promise.withResolvers<never>();
  const leave = (): void => gone.reject(new Cancelled());
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    return await Promise.race([work, gone.promise]);
  } finally {
    signal.removeEventListener('abort', leave);
    work.catch(() => {});
    gone.promise.catch(() => {});
  }
}

/** Tokens that a model is taken to read at once where nobody knows; a smaller window is learned from its refusal. */
const DEFAULT_WINDOW = 200_000;

/**
 * Takes one turn.
 *
 * @throws Cancelled
 */
export async function takeTurn(
  agent: DeclaredAgent,
  turn: AgentTurn,
  context: AgentContext,
): Promise<AgentReply> {
  const { model: access, sandbox, sessionsPath } = context;
  if (access == null)
    throw new JobError('bad_configuration', 'agent: builtin needs a model, and none is configured');
  const bounds = boundsOf(turn, context.signal);
  const updates = createUpdates({ emit: context.onEvent, onCallEnded: () => {} });
  const handover = planHandover(context, false);
  const note: Loop['note'] = (text, more = {}) =>
    context.onEvent('message', { role: 'runner', text, ...more });
  try {
    const session = await openSession(turn, context);
    context.onSession?.(session.id);
    context.onEvent('message', { role: 'runner', session_id: session.id });
    let isUnsaved = false;
    const save = async (): Promise<void> => {
      const why = sessionsPath === undefined ? null : await saveSession(sessionsPath, session);
      if (why !== null && !isUnsaved) note(`the session can't be kept: ${why}`);
      isUnsaved = why !== null;
    };
    prompt(session, turn.prompt);
    await save();
    const tools = toolsOf(agent.tools, turn.phase);
    const loop: Loop = {
      agent,
      model: await openModel(access),
      instructions: instructionsOf(agent, turn.phase, sandbox.workspacePath, tools),
      tools,
      box: toolboxOf(context, bounds, handover.outDir),
      session,
      window: agent.modelWindow ?? access.window ?? DEFAULT_WINDOW,
      updates,
      signal: bounds.signal,
      touch: () => bounds.touch(),
      save,
      note,
    };
    const ended: LoopEnd = await unlessAborted(converse(loop), bounds.signal);
    if (ended.error !== null) return { ok: false, error: ended.error, usage: USAGE };
    updates.end();
    const { summary, question, output } = await handover.collect();
    const isAnswer = ended.answer !== null || turn.phase !== 'build';
    const said = ended.answer ?? summary ?? plainText(updates.message());
    const text = isAnswer ? said.slice(0, ANSWER_CHARS) : tail(said, SUMMARY_CHARS);
    return { ok: true, summary: text, question, output, sessionId: session.id, usage: USAGE };
  } catch (thrown) {
    if (context.signal.aborted) throw new Cancelled();
    const why = bounds.why();
    if (why === null) throw thrown;
    return { ok: false, error: why, usage: USAGE };
  } finally {
    bounds.end();
    updates.end();
  }
}
