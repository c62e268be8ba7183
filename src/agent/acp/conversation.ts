/** One turn in the words of the Agent Client Protocol (version 1): hello, session, prompt, goodbye. */
import { client, methods, RequestError, type ClientContext } from '@agentclientprotocol/sdk';
import { errorInfo } from '../../job/error.ts';
import { asList, fieldsOf, asText, at, type Fields } from '../../job/text/json.ts';
import { forProtocol } from '../mcp/forms.ts';
import { permissionKey, permissionOf } from './permission.ts';
import { TalkFailed, type Talk, type TalkEnd, type TalkListener } from './talk.ts';
import type { Wire } from './wire.ts';

const PROTOCOL_VERSION = 1;
/** Milliseconds for each step before the prompt: the slowest agent met starts in 6 s, on a busy machine in 30. */
const HELLO_TIMEOUT_MS = 120_000;
/** JSON-RPC code for "log in first", from the protocol's schema. */
const AUTH_REQUIRED = -32_000;

function isAuthRequired(thrown: unknown): boolean {
  return thrown instanceof RequestError && thrown.code === AUTH_REQUIRED;
}

/** The words of an error that the agent answered with; details are often in its data. */
function wordsOf(thrown: unknown): string {
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const data: unknown = thrown instanceof RequestError ? thrown.data : undefined;
  const detail =
    asText(data) ?? asText(at(data, 'message')) ?? asText(at(data, 'details')) ?? asText(at(data, 'error'));
  return detail === null || message.includes(detail) ? message : `${message}: ${detail}`;
}

/** Rejects with `TalkFailed` in the agent's own words, except where the connection itself ended. */
async function ask<T>(what: string, answer: Promise<T>, timeoutMs: number | null): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer =
    timeoutMs === null
      ? undefined
      : setTimeout(() => {
          const message = `the agent did not answer ${what} within ${timeoutMs / 1000} s`;
          late.reject(
            new TalkFailed(errorInfo('agent_failed', message, 'see its log; try it by hand first')),
          );
        }, timeoutMs);
  try {
    return await Promise.race([answer, late.promise]);
  } catch (thrown) {
    if (!(thrown instanceof RequestError) || isAuthRequired(thrown)) throw thrown;
    const message = `the agent refused ${what}: ${wordsOf(thrown).slice(0, 2000)}`;
    throw new TalkFailed(errorInfo('agent_failed', message, 'all that the agent said is in its log'));
  } finally {
    clearTimeout(timer);
  }
}

/** An open session, and what the agent says of its modes. */
interface Session {
  readonly id: string;
  readonly modes: unknown;
}

/** Takes up the session of an earlier turn where the agent still can; `null` where not, which is told. */
async function takeUp(
  agent: ClientContext,
  capabilities: Fields,
  talk: Talk,
  sessionId: string,
  listener: TalkListener,
): Promise<Session | null> {
  const { cwd } = talk;
  const mcpServers = forProtocol(talk.mcpServers, capabilities).servers;
  const canResume = fieldsOf(at(capabilities, 'sessionCapabilities', 'resume')) !== null;
  const canLoad = capabilities['loadSession'] === true;
  const request = { sessionId, cwd, mcpServers };
  try {
    if (!canResume && !canLoad) throw new Error('it can neither resume nor load one');
    const method = canResume ? methods.agent.session.resume : methods.agent.session.load;
    const answer = await ask(method, agent.request(method, request), HELLO_TIMEOUT_MS);
    return { id: sessionId, modes: at(answer, 'modes') };
  } catch (thrown) {
    if (isAuthRequired(thrown)) throw thrown;
    if (!(thrown instanceof TalkFailed) && thrown instanceof Error && thrown.message.includes('closed'))
      throw thrown;
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    listener.onNote(`the agent can't go on with its session ${sessionId}, it begins a new one: ${why}`);
    return null;
  }
}

async function openSession(
  agent: ClientContext,
  capabilities: Fields,
  talk: Talk,
  listener: TalkListener,
): Promise<Session> {
  const earlier =
    talk.sessionId === null ? null : await takeUp(agent, capabilities, talk, talk.sessionId, listener);
  if (earlier !== null) return earlier;
  const method = methods.agent.session.new;
  const { servers: mcpServers } = forProtocol(talk.mcpServers, capabilities);
  const answer = await ask(method, agent.request(method, { cwd: talk.cwd, mcpServers }), HELLO_TIMEOUT_MS);
  return { id: answer.sessionId, modes: answer.modes };
}

/** Opens a session, logging in first where the agent asks for it and a way is known. */
async function enter(
  agent: ClientContext,
  hello: Fields,
  talk: Talk,
  listener: TalkListener,
): Promise<Session> {
  const capabilities = fieldsOf(hello['agentCapabilities']) ?? {};
  const { left } = forProtocol(talk.mcpServers, capabilities);
  if (left.length > 0) listener.onNote(`the agent can't call these tool servers: ${left.join(', ')}`);
  try {
    return await openSession(agent, capabilities, talk, listener);
  } catch (thrown) {
    if (!isAuthRequired(thrown)) throw thrown;
    const ways = asList(hello['authMethods']).flatMap((way) => asText(at(way, 'id')) ?? []);
    const known = talk.authMethod !== null && ways.includes(talk.authMethod) ? talk.authMethod : null;
    const offered = ways.length === 0 ? '' : ` (it offers ${ways.slice(0, 10).join(', ')})`;
    const refused = (why: string): TalkFailed =>
      new TalkFailed(
        errorInfo(
          'agent_failed',
          `the agent is not logged in${offered}: ${why.slice(0, 1000)}`,
          'log in with the agent itself, and admit its login by agent_mounts or agent_env; `agents` says how',
        ),
      );
    if (known === null) throw refused(wordsOf(thrown));
    try {
      const method = methods.agent.authenticate;
      await ask(method, agent.request(method, { methodId: known }), HELLO_TIMEOUT_MS);
      return await openSession(agent, capabilities, talk, listener);
    } catch (again) {
      if (again instanceof TalkFailed) throw refused(again.message);
      throw isAuthRequired(again) ? refused(wordsOf(again)) : again;
    }
  }
}

/** Asks for the first mode that the agent has; it works in its own where that fails, and permissions are answered. */
async function chooseMode(
  agent: ClientContext,
  session: Session,
  talk: Talk,
  listener: TalkListener,
): Promise<void> {
  const available = asList(at(session.modes, 'availableModes')).flatMap(
    (mode) => asText(at(mode, 'id')) ?? [],
  );
  const modeId = talk.modes.find((mode) => available.includes(mode));
  if (modeId === undefined || modeId === at(session.modes, 'currentModeId')) return;
  try {
    const method = methods.agent.session.setMode;
    await ask(method, agent.request(method, { sessionId: session.id, modeId }), HELLO_TIMEOUT_MS);
  } catch (thrown) {
    if (!(thrown instanceof TalkFailed)) throw thrown;
    listener.onNote(`the agent stays in its own mode: ${thrown.message}`);
  }
}

/** Lets the agent shorten the history of a session that was taken up; one that can't goes on as it is. */
async function compact(
  agent: ClientContext,
  session: Session,
  talk: Talk,
  listener: TalkListener,
): Promise<void> {
  // A session that was begun anew has no history.
  if (talk.compact === null || session.id !== talk.sessionId) return;
  listener.onCompacting('begun');
  const method = methods.agent.session.prompt;
  const prompt = [{ type: 'text' as const, text: `/${talk.compact}` }];
  try {
    await ask(method, agent.request(method, { sessionId: session.id, prompt }), null);
  } catch (thrown) {
    if (!(thrown instanceof TalkFailed)) throw thrown;
    listener.onNote(`the agent can't shorten its history: ${thrown.message}`);
  }
  listener.onCompacting('done');
}

/** A conversation that can be cancelled once its session is open. */
export interface Conversation {
  readonly ended: Promise<TalkEnd>;
  /** Tells the agent to stop; it may not listen. */
  cancel(): void;
}

/**
 * Holds one conversation over `wire`. `ended` rejects with `TalkFailed` where the agent answered with an error, and
 * with another error where the connection ended before its answer came.
 */
export function converse(wire: Wire, talk: Talk, listener: TalkListener): Conversation {
  let sessionId: string | null = null;
  const connection = client({ name: 'agent-runner' })
    .onRequest(methods.client.session.requestPermission, ({ params }) => {
      const error = listener.onPermission(permissionKey(params));
      if (error !== null) listener.onFailure(error);
      return { outcome: error === null ? permissionOf(params, talk.mayEdit) : { outcome: 'cancelled' } };
    })
    .connect(wire.stream);
  const { agent } = connection;

  const hold = async (): Promise<TalkEnd> => {
    const hello = await ask(
      methods.agent.initialize,
      agent.request(methods.agent.initialize, {
        protocolVersion: PROTOCOL_VERSION,
        clientInfo: { name: 'agent-runner', version: '1' },
        // Files and commands are the sandbox's: an agent that works in it needs nobody to do that for it.
        clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
      }),
      HELLO_TIMEOUT_MS,
    );
    if (hello.protocolVersion !== PROTOCOL_VERSION) {
      const message = `the agent speaks version ${hello.protocolVersion} of the protocol, only ${PROTOCOL_VERSION} is known here`;
      throw new TalkFailed(
        errorInfo('agent_failed', message, 'install a version of the agent that speaks it'),
      );
    }
    const session = await enter(agent, fieldsOf(hello) ?? {}, talk, listener);
    sessionId = session.id;
    listener.onSession(session.id);
    await chooseMode(agent, session, talk, listener);
    await compact(agent, session, talk, listener);
    const prompt = [{ type: 'text' as const, text: talk.prompt }];
    const method = methods.agent.session.prompt;
    const answer = await ask(method, agent.request(method, { sessionId: session.id, prompt }), null);
    return { stopReason: asText(at(answer, 'stopReason')) ?? '', sessionId: session.id };
  };

  const ended = hold().catch((thrown: unknown) => {
    if (!isAuthRequired(thrown)) throw thrown;
    throw new TalkFailed(
      errorInfo(
        'agent_failed',
        `the agent is not logged in: ${wordsOf(thrown).slice(0, 1000)}`,
        'log in with the agent itself; `agents` says how',
      ),
    );
  });
  return {
    ended: ended.finally(() => connection.close()),
    cancel() {
      if (sessionId !== null) agent.notify(methods.agent.session.cancel, { sessionId }).catch(() => {});
    },
  };
}
