/** One turn of an agent with the model gateway around it: what it may spend, what it did spend, and what stops it. */
import type { Agent, AgentReply, ModelAccess } from '../../agent/agent.ts';
import type { Access } from '../../gateway/account.ts';
import { Cancelled, errorInfo, JobError } from '../../job/error.ts';
import type { Usage } from '../../job/step.ts';
import { listenOnLoopback } from '../../sandbox/door.ts';
import type { Door, Sandbox } from '../../sandbox/sandbox.ts';
import type { StepContext } from '../engine/engine.ts';
import type { JobModels } from './account.ts';

/** How long an agent may go on after everything it asks is refused: time to say so and to end. */
const GIVE_UP_MS = 10_000;

/** Where the gateway answers during one turn. */
interface Way {
  /** Port of 127.0.0.1. */
  readonly port: number;
  close(): void;
}

/**
 * The way of an agent to the gateway: the door of its sandbox, or, for one that runs in this process, a port of this
 * machine's own loopback, at which nobody is served who does not know the turn's token.
 */
async function openWay(agent: Agent, sandbox: Sandbox, door: Door): Promise<Way> {
  if (agent.inProcess !== true) {
    if (sandbox.doorPort === undefined) throw new JobError('bug', 'the sandbox has no door');
    return { port: sandbox.doorPort, close: () => {} };
  }
  const sockets = new Set<Parameters<Door>[0]>();
  const listening = await listenOnLoopback((socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    door(socket);
  });
  return {
    port: listening.port,
    close() {
      void listening.close();
      // Clients keep connections for their next call.
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The gateway as an agent sees it. */
function accessOf(access: Access, way: Way, window: number | null): ModelAccess {
  const { provider, model } = access.ref;
  return {
    token: access.token,
    provider: provider.name,
    model,
    window,
    baseUrl(dialect) {
      if (provider.dialects.includes(dialect))
        return `http://127.0.0.1:${way.port}${access.basePath(dialect)}`;
      throw new JobError('bad_configuration', `model: ${provider.name} does not speak ${dialect}`, {
        hint: `it speaks ${provider.dialects.join(', ')}; take another model or another agent`,
      });
    },
  };
}

/** A signal that follows `stopped` after a while, so that an agent that goes on asking is ended. */
function afterGrace(stopped: AbortSignal): { readonly signal: AbortSignal; cancel(): void } {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => controller.abort(), GIVE_UP_MS);
  };
  stopped.addEventListener('abort', begin, { once: true });
  return {
    signal: controller.signal,
    cancel() {
      stopped.removeEventListener('abort', begin);
      clearTimeout(timer);
    },
  };
}

/** The gateway's count where calls were made: what an agent says of itself is compared with it, never added. */
function reconcile(counted: Usage & { readonly calls: number }, reported: Usage | null): Usage | null {
  if (counted.calls === 0) return reported;
  const { cost_usd, tokens_in, tokens_out } = counted;
  return { cost_usd, tokens_in, tokens_out, turns: reported?.turns ?? 1 };
}

/** What the model's provider or the gateway says against a reply; the agent's own word is a claim. */
function judged(reply: AgentReply, access: Access): AgentReply {
  const why = access.why();
  if (why !== null) return { ok: false, error: why, usage: reply.usage };
  const failed = access.lastError();
  if (!reply.ok || failed === null) return reply;
  const error = errorInfo(
    'agent_failed',
    `the agent said it was done, but its last call to the model failed: ${failed}`,
    'see the usage events of the job; a key, a limit or the name of the model may be wrong',
  );
  return { ok: false, error, usage: reply.usage };
}

/** How full an agent's session is by its calls, where it does not say so and the model's window is known. */
function withFill(reply: AgentReply, access: Access, window: number | null): AgentReply {
  if (!reply.ok || reply.context !== undefined || reply.sessionId === null || window === null) return reply;
  const used = access.filled();
  return used === null ? reply : { ...reply, context: { used, size: window } };
}

/**
 * Runs one turn. A spent budget or a guard ends it as a failure with that reason, whatever the agent says; so does
 * a call that failed last. What the step's calls cost, those of earlier tries included, becomes the reply's usage.
 *
 * @param run prompts the agent; `null` where it has no model through the gateway
 */
export async function meteredTurn(
  models: JobModels | null,
  access: Access | null,
  place: { readonly agent: Agent; readonly sandbox: Sandbox },
  step: StepContext,
  run: (model: ModelAccess | null, signal: AbortSignal) => Promise<AgentReply>,
): Promise<AgentReply> {
  if (models === null || access === null) return run(null, step.signal);
  const noted = step.notes['calls_before'];
  const from = typeof noted === 'number' ? noted : models.callCount();
  if (typeof noted !== 'number') await step.note({ calls_before: from }, 'normal');
  const window = models.models.windowOf(`${access.ref.provider.name}/${access.ref.model}`);
  const way = await openWay(place.agent, place.sandbox, models.door);
  const grace = afterGrace(access.stopped);
  let reply: AgentReply;
  try {
    reply = await run(accessOf(access, way, window), AbortSignal.any([step.signal, grace.signal]));
  } catch (thrown) {
    const why = access.why();
    if (!(thrown instanceof Cancelled) || step.signal.aborted || why === null) throw thrown;
    reply = { ok: false, error: why, usage: null };
  } finally {
    grace.cancel();
    await access.close();
    way.close();
  }
  const ended = withFill(judged(reply, access), access, window);
  return { ...ended, usage: reconcile(models.account.spent(from), ended.usage) };
}
