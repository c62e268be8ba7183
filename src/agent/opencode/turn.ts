/** One prompt to an OpenCode server: its session, its events, the answers to its questions, and how it ended. */
import { errorInfo, type ErrorInfo } from '../../job/error.ts';
import type { Usage } from '../../job/step.ts';
import { asAmount, asList, asText, at, fieldsOf, textAt, type Fields } from '../../job/text/json.ts';
import type { Guards } from '../acp/guards.ts';
import type { Updates } from '../acp/updates.ts';
import type { AgentTurn } from '../agent.ts';
import { propertiesOf, wordsOf, type Client } from './client.ts';
import { AGENTS, PLAN_FORMAT } from './settings.ts';
import { createTranslator } from './translate.ts';

/** How often the model's provider may be asked again for one answer: the server itself never gives up. */
const MAX_RETRIES = 6;
/** Permissions that change files; in a phase that only reads they are refused before the mount refuses them. */
const EDITS: ReadonlySet<string> = new Set(['edit', 'write', 'patch']);
/** How long the last events of a turn may come after its answer. */
const LAST_EVENTS_MS = 1_000;

/** What a turn is given, and what it tells. */
export interface TurnContext {
  readonly updates: Updates;
  readonly guards: Guards;
  /** Aborted when the turn is over, for whatever reason. */
  readonly signal: AbortSignal;
  onSession(sessionId: string): void;
  onNote(text: string): void;
  /** The agent did something. */
  onLife(): void;
  /** An event as it came, for the log. */
  onLine(line: string): void;
  onFailure(error: ErrorInfo): void;
  /** The server is not heard any more. */
  onLost(why: string): void;
}

/** How a prompt was answered. */
export interface Answered {
  readonly sessionId: string;
  /** Its last words; a plan as JSON where the phase asks for one. */
  readonly text: string;
  readonly usage: Usage;
  /** Why the answer is none; `null` where it is one. */
  readonly error: ErrorInfo | null;
}

/** The server refused what a turn needs. */
export class Refused extends Error {
  override readonly name = 'Refused';
}

function failed(message: string, hint = 'all that the agent said is in its log'): ErrorInfo {
  return errorInfo('agent_failed', message, hint);
}

/** What a session has spent so far, by OpenCode's own count. */
interface Spent {
  readonly cost: number;
  readonly input: number;
  readonly output: number;
}

function spentOf(session: Fields | null): Spent {
  const count = (...path: readonly string[]): number => asAmount(at(session, 'tokens', ...path)) ?? 0;
  return {
    cost: asAmount(session?.['cost']) ?? 0,
    input: count('input') + count('cache', 'read') + count('cache', 'write'),
    output: count('output') + count('reasoning'),
  };
}

/** 0 from a server that knows no price is no price. */
function between(before: Spent, after: Spent): Usage {
  const cost = after.cost - before.cost;
  return {
    cost_usd: cost > 0 ? cost : null,
    tokens_in: Math.max(0, after.input - before.input),
    tokens_out: Math.max(0, after.output - before.output),
    turns: 1,
  };
}

interface Session {
  readonly id: string;
  readonly before: Spent;
}

/** Takes up an earlier session where the server knows it; else begins one, with a title that no model has to find. */
async function openSession(client: Client, earlier: string | null, turn: TurnContext): Promise<Session> {
  const { signal } = turn;
  if (earlier !== null) {
    const path = `/session/${encodeURIComponent(earlier)}`;
    const found = await client.ask({ method: 'GET', path, signal });
    if (found.status === 200 && textAt(found.body, 'id') === earlier)
      return { id: earlier, before: spentOf(found.body) };
    turn.onNote(`the agent can't go on with its session ${earlier}, it begins a new one: ${wordsOf(found)}`);
  }
  const body = { title: 'agent-runner' };
  const made = await client.ask({ method: 'POST', path: '/session', body, signal });
  const id = textAt(made.body, 'id');
  if (made.status !== 200 || id === null || !/^[\w-]{1,100}$/.test(id))
    throw new Refused(`the agent opened no session: ${wordsOf(made)}`);
  return { id, before: spentOf(made.body) };
}

/** Answers a question for permission: once, never for ever. What is not heard, the turn's own bounds end. */
async function answer(client: Client, asked: Fields, mayEdit: boolean, turn: TurnContext): Promise<void> {
  const id = textAt(asked, 'id');
  if (id === null) return;
  const { permission, patterns, metadata } = asked;
  const error = turn.guards.permissionAsked(JSON.stringify([permission, patterns, metadata]));
  if (error !== null) return turn.onFailure(error);
  const isAllowed = mayEdit || !EDITS.has(asText(permission) ?? '');
  const body = isAllowed
    ? { reply: 'once' }
    : { reply: 'reject', message: 'Nothing may be changed in this turn: only look.' };
  const path = `/permission/${encodeURIComponent(id)}/reply`;
  await client.ask({ method: 'POST', path, body, signal: turn.signal });
}

/** Follows the events of a session. `idle` resolves when it has come to rest. */
async function follow(
  client: Client,
  request: AgentTurn,
  turn: TurnContext,
): Promise<{ begin(sessionId: string): void; readonly idle: Promise<void> }> {
  const idle = Promise.withResolvers<void>();
  let translate: ReturnType<typeof createTranslator> | null = null;
  let own = '';
  const take = (event: Fields): void => {
    if (translate === null) return;
    const { updates, isAlive } = translate(event);
    if (isAlive) turn.onLife();
    for (const update of updates) turn.updates.take(update);
    const properties = propertiesOf(event);
    const { type } = event;
    if (type === 'permission.asked')
      void answer(client, properties, request.phase === 'build', turn).catch(() => {});
    if (textAt(properties, 'sessionID') !== own) return;
    if (type === 'session.idle') idle.resolve();
    const status = fieldsOf(properties['status']);
    if (type !== 'session.status' || status?.['type'] !== 'retry') return;
    const [said, attempt] = [textAt(status, 'message') ?? 'no reason', asAmount(status['attempt']) ?? 0];
    turn.onNote(`the model did not answer, it is asked again (${attempt}): ${said.slice(0, 500)}`);
    if (attempt >= MAX_RETRIES)
      turn.onFailure(
        failed(
          `the model did not answer after ${attempt} tries: ${said.slice(0, 1000)}`,
          'see that the key is valid, the model exists and its limits are not used up',
        ),
      );
  };
  const listener = {
    onEvent(event: Fields, line: string) {
      if (event['type'] !== 'server.heartbeat') turn.onLine(line);
      take(event);
    },
    onBreach: (why: string) =>
      turn.onFailure(failed(`the agent's server does not keep to its protocol: ${why}`)),
    onEnd: (why: string) => turn.onLost(why),
  };
  await client.listen(listener, turn.signal);
  return {
    begin(sessionId) {
      own = sessionId;
      translate = createTranslator(sessionId);
    },
    idle: idle.promise,
  };
}

/** The error that an answer carries, in words. */
function errorOf(
  info: Fields | null,
): { readonly name: string; readonly message: string; readonly status: number } | null {
  const error = fieldsOf(info?.['error']);
  if (error === null) return null;
  const name = textAt(error, 'name') ?? 'error';
  const message = textAt(error, 'data', 'message') ?? name;
  return { name, message: message.slice(0, 2000), status: asAmount(at(error, 'data', 'statusCode')) ?? 0 };
}

/** Why an answer is none, from what it carries; `null` where it is one. */
function judge(info: Fields | null, hasText: boolean): ErrorInfo | null {
  const error = errorOf(info);
  if (error !== null && !(error.name === 'StructuredOutputError' && hasText)) {
    const status = error.status === 0 ? '' : ` (HTTP ${error.status})`;
    return failed(
      `the agent reports an error${status}: ${error.message}`,
      error.status === 0
        ? 'all that the agent said is in its log'
        : 'see that the key is valid, the model exists and its limits are not used up',
    );
  }
  if (info?.['finish'] === 'length')
    return failed("the model's answer was cut off at its longest", 'give a smaller task, or another model');
  if (info?.['finish'] === 'content-filter')
    return failed("the model's provider held its answer back", 'change the task');
  return null;
}

function textIn(body: Fields | null): string {
  return asList(body?.['parts'])
    .filter((part) => at(part, 'type') === 'text' && at(part, 'synthetic') !== true)
    .map((part) => textAt(part, 'text') ?? '')
    .join('')
    .trim();
}

/** Prompts a session and waits for the end of its work. */
async function prompt(
  client: Client,
  sessionId: string,
  request: AgentTurn,
  turn: TurnContext,
  model: Fields,
): Promise<Fields | null> {
  const path = `/session/${encodeURIComponent(sessionId)}/message`;
  const parts = [{ type: 'text', text: request.prompt }];
  const base = { agent: AGENTS[request.phase], parts, ...model };
  const format = request.phase === 'plan' ? { format: PLAN_FORMAT } : {};
  const send = async (body: Fields): Promise<Fields | null> => {
    const answered = await client.ask({ method: 'POST', path, body, signal: turn.signal });
    if (answered.status === 200 && answered.body !== null) return answered.body;
    throw new Refused(`the agent refused its prompt: ${wordsOf(answered)}`);
  };
  const body = await send({ ...base, ...format });
  const error = errorOf(fieldsOf(body?.['info']));
  // Some servers of models know no call that must be made; the plan is read from its text then.
  if (request.phase !== 'plan' || error?.status !== 400) return body;
  turn.onNote(`the model takes no form for its answer, it is asked without: ${error.message}`);
  return send(base);
}

/**
 * Takes one turn.
 *
 * @param model `{model: {providerID, modelID}}` where the settings of the server name none
 * @throws Refused what the server said; anything else where it could not be asked
 */
export async function takeTurn(
  client: Client,
  request: AgentTurn,
  turn: TurnContext,
  model: Fields,
): Promise<Answered> {
  const events = await follow(client, request, turn);
  const session = await openSession(client, request.sessionId, turn);
  const { id } = session;
  events.begin(id);
  turn.onSession(id);
  const body = await prompt(client, id, request, turn, model);
  // Its last words come by two ways; those by the stream may be behind.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, LAST_EVENTS_MS);
  });
  await Promise.race([events.idle, late]);
  clearTimeout(timer);
  const path = `/session/${encodeURIComponent(id)}`;
  const after = await client.ask({ method: 'GET', path, signal: turn.signal });
  const info = fieldsOf(body?.['info']);
  const structured = fieldsOf(info?.['structured']);
  const text = structured === null ? textIn(body) : JSON.stringify(structured);
  return {
    sessionId: id,
    text: text === '' ? turn.updates.message() : text,
    usage: between(session.before, spentOf(after.body)),
    error: judge(info, text !== ''),
  };
}

/** Tells the server to end what a session does; it may not listen. */
export async function abortSession(client: Client, sessionId: string, signal: AbortSignal): Promise<void> {
  const path = `/session/${encodeURIComponent(sessionId)}/abort`;
  await client.ask({ method: 'POST', path, body: {}, signal }).catch(() => {});
}
