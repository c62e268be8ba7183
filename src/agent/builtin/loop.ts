/** The conversation with the model: it answers, its tool calls are made, and it answers again, until it calls none. */
import {
  jsonSchema,
  streamText,
  tool as sdkTool,
  type LanguageModel,
  type ModelMessage,
  type ToolSet,
} from 'ai';
import { errorInfo, type ErrorInfo } from '../../job/error.ts';
import type { Fields } from '../../job/text/json.ts';
import type { DeclaredAgent } from '../../job/agents/declared.ts';
import type { Updates } from '../acp/updates.ts';
import { roughTokens } from './compact.ts';
import { ANSWER_TOOL, checkerOf, MAX_REMINDERS, REMINDER } from './output.ts';
import { createRoom, isOverflow } from './room.ts';
import type { Session } from './session.ts';
import { failure, type Tool, type ToolAnswer, type Toolbox } from './tools/tool.ts';
import { wordsOf } from './words.ts';

/** Calls to the model in one turn, and tool calls in one answer. */
const MAX_ANSWERS = 500;
const MAX_CALLS = 64;
/** Characters of one answer, words, thoughts and calls together: far above what any model writes. */
const MAX_ANSWER_CHARS = 8 * 1024 * 1024;
/** Characters of a call's input that are held for the events, which show fewer. */
const MAX_SHOWN_CHARS = 4000;
/** How often the SDK tries a call again that failed for a reason that may pass: 2, 4, … s between, half a minute in all. */
const MAX_RETRIES = 4;

/** What one turn's conversation works with. */
export interface Loop {
  readonly agent: DeclaredAgent;
  readonly model: LanguageModel;
  readonly instructions: string;
  readonly tools: readonly Tool[];
  readonly box: Toolbox;
  readonly session: Session;
  /** Tokens the model can read at once. */
  readonly window: number;
  readonly updates: Updates;
  readonly signal: AbortSignal;
  /** Called with every sign of life. */
  readonly touch: () => void;
  /** Keeps the session. */
  readonly save: () => Promise<void>;
  /** Tells of something the agent did not say itself. */
  readonly note: (text: string, more?: Fields) => void;
}

/** A tool call of the model; `problem` says why it can't be made. */
interface Call {
  readonly id: string;
  readonly name: string;
  readonly input: unknown;
  readonly problem: string | null;
}

/** One answer of the model. */
interface Answer {
  readonly messages: readonly ModelMessage[];
  readonly calls: readonly Call[];
  readonly finishReason: string;
  readonly tokens: number | null;
  /** Whether it has no words. */
  readonly isSilent: boolean;
}

/** How a conversation ended: `null` well, with the answer in the declared form where there is one. */
export type LoopEnd =
  | { readonly error: ErrorInfo }
  | { readonly error: null; readonly answer: string | null };

function failed(message: string, hint: string): LoopEnd {
  return { error: errorInfo('agent_failed', message, hint) };
}

/** The model's call failed. */
class CallFailed extends Error {}

function sdkTools(loop: Loop): ToolSet {
  const { output } = loop.agent;
  const own = loop.tools.map(({ name, description, schema }) => [
    name,
    sdkTool({ description, inputSchema: schema }),
  ]);
  const answer = [
    ANSWER_TOOL,
    sdkTool({ description: 'Gives your answer and ends your work.', inputSchema: jsonSchema(output ?? {}) }),
  ];
  return Object.fromEntries(output === null ? own : [...own, answer]) as ToolSet;
}

/** The conversation as it goes out: all of it up to the newest message may be cached, where a provider must be told. */
function cached(messages: readonly ModelMessage[]): ModelMessage[] {
  const mark = { anthropic: { cacheControl: { type: 'ephemeral' } } };
  return messages.map((one, at) =>
    at === messages.length - 1 ? { ...one, providerOptions: { ...one.providerOptions, ...mark } } : one,
  );
}

/**
 * Asks the model once.
 *
 * @throws CallFailed, or what the signal was aborted with
 */
async function ask(loop: Loop, tools: ToolSet): Promise<Answer> {
  try {
    return await stream(loop, tools);
  } catch (thrown) {
    loop.signal.throwIfAborted();
    throw thrown instanceof CallFailed ? thrown : new CallFailed(wordsOf(thrown));
  }
}

async function stream(loop: Loop, tools: ToolSet): Promise<Answer> {
  const { session, updates } = loop;
  const result = streamText({
    model: loop.model,
    instructions: loop.instructions,
    messages: cached(session.messages),
    tools,
    maxRetries: MAX_RETRIES,
    abortSignal: loop.signal,
    ...(loop.agent.maxOutputTokens === null ? {} : { maxOutputTokens: loop.agent.maxOutputTokens }),
    // By default it writes errors to our terminal.
    onError: () => {},
  });
  const calls: Call[] = [];
  let [finishReason, text] = ['', ''];
  let [tokens, chars]: [number | null, number] = [null, 0];
  for await (const part of result.fullStream) {
    loop.signal.throwIfAborted();
    loop.touch();
    chars += 'delta' in part ? part.delta.length : 'text' in part ? part.text.length : 0;
    if (chars > MAX_ANSWER_CHARS)
      throw new CallFailed(`its answer is longer than ${MAX_ANSWER_CHARS} characters`);
    if (part.type === 'text-delta' || part.type === 'reasoning-delta') {
      const sessionUpdate = part.type === 'text-delta' ? 'agent_message_chunk' : 'agent_thought_chunk';
      updates.take({ sessionUpdate, content: { type: 'text', text: part.text } });
      if (part.type === 'text-delta') text ||= part.text.trim();
    } else if (part.type === 'tool-call') {
      const problem = part.invalid === true ? wordsOf(part.error) : null;
      calls.push({ id: part.toolCallId, name: part.toolName, input: part.input, problem });
    } else if (part.type === 'finish-step') {
      finishReason = part.finishReason;
      const { inputTokens, outputTokens } = part.usage;
      tokens = inputTokens === undefined ? null : inputTokens + (outputTokens ?? 0);
    } else if (part.type === 'error') throw new CallFailed(wordsOf(part.error));
  }
  loop.signal.throwIfAborted();
  const { messages } = await result.response;
  // Results of calls that could not be read are among them; ours come in one message, with all others.
  return {
    messages: messages.filter((one) => one.role === 'assistant'),
    calls,
    finishReason,
    tokens,
    isSilent: text === '',
  };
}

/** A call's id in the events: some servers count anew with every answer. */
function eventId({ updates }: Loop, { id }: Call): string {
  return `${updates.toolCalls() + 1}-${id}`;
}

/** As much of a call's input as an event shows, and a little more: whole files need not be held for it. */
function shownInput({ input }: Call): string {
  return (JSON.stringify(input) ?? '').slice(0, MAX_SHOWN_CHARS);
}

/** Looks at an answer in the declared form, and tells of it. */
function takeAnswer(loop: Loop, call: Call, schema: Fields): ToolAnswer {
  const checked = checkerOf(loop.agent.name, schema).safeParse(call.input);
  const taken = checked.success
    ? { text: 'taken', isError: false }
    : failure(`it has not the declared form: ${checked.error.message.slice(0, 2000)}`);
  loop.updates.take({
    sessionUpdate: 'tool_call',
    toolCallId: eventId(loop, call),
    title: ANSWER_TOOL,
    status: taken.isError ? 'failed' : 'completed',
    rawInput: shownInput(call),
    rawOutput: taken.text,
  });
  return taken;
}

/** Makes one call, and tells of it as agents of the protocol do. */
async function make(loop: Loop, call: Call, problem: string | null): Promise<ToolAnswer> {
  const { updates } = loop;
  const tool = loop.tools.find(({ name }) => name === call.name);
  const isReadable = tool !== undefined && problem === null;
  const path = isReadable ? tool.path(call.input) : null;
  const toolCallId = eventId(loop, call);
  updates.take({
    sessionUpdate: 'tool_call',
    toolCallId,
    title: isReadable ? tool.title(call.input) : call.name,
    kind: tool?.kind ?? 'other',
    status: 'in_progress',
    rawInput: shownInput(call),
    ...(path === null ? {} : { locations: [{ path }] }),
  });
  const answered = isReadable
    ? await tool.run(call.input, loop.box)
    : failure(problem ?? `there is no tool ${call.name}`);
  loop.touch();
  const { diff } = answered;
  updates.take({
    sessionUpdate: 'tool_call_update',
    toolCallId,
    status: answered.isError ? 'failed' : 'completed',
    rawOutput: answered.text,
    ...(diff === undefined ? {} : { content: [{ type: 'diff', ...diff }] }),
  });
  return answered;
}

/** Makes the calls of an answer one after another; their results, in order, and the declared answer among them. */
async function makeAll(
  loop: Loop,
  calls: readonly Call[],
): Promise<{ readonly message: ModelMessage; readonly answer: string | null }> {
  const content: Extract<ModelMessage, { role: 'tool' }>['content'] = [];
  let answer: string | null = null;
  const { output } = loop.agent;
  for (const [at, call] of calls.entries()) {
    loop.signal.throwIfAborted();
    let answered: ToolAnswer;
    if (call.name === ANSWER_TOOL && output !== null && call.problem === null) {
      answered = takeAnswer(loop, call, output);
      if (!answered.isError) answer = JSON.stringify(call.input);
    } else {
      const problem = at < MAX_CALLS ? call.problem : `not made: at most ${MAX_CALLS} calls in one answer`;
      answered = await make(loop, call, problem);
    }
    const { text, isError } = answered;
    content.push({
      type: 'tool-result',
      toolCallId: call.id,
      toolName: call.name,
      output: { type: isError ? 'error-text' : 'text', value: text.toWellFormed() },
    });
  }
  return { message: { role: 'tool', content }, answer };
}

/** Why an answer can't be gone on with and is no good end; `null` where nothing is wrong with it. */
function endOf({ finishReason, calls, isSilent }: Answer, hasWorked: boolean): LoopEnd | null {
  // After work, some models end without a word.
  if (calls.length === 0 && isSilent && !hasWorked)
    return failed('the model answered nothing', 'see the usage events of the job; try another model');
  if (finishReason === 'error')
    return failed("the model's answer ended in an error", 'see the usage events of the job');
  if (finishReason === 'length')
    return failed(
      "the model's answer was cut off at its longest",
      'raise max_output_tokens of the agent, or give a smaller task',
    );
  return finishReason === 'content-filter'
    ? failed('the model refused: its provider filtered the answer', 'change the task')
    : null;
}

/**
 * Goes on with the session's conversation until the model is done.
 *
 * @throws what the signal was aborted with
 */
export async function converse(loop: Loop): Promise<LoopEnd> {
  const { session } = loop;
  const tools = sdkTools(loop);
  const room = createRoom(loop);
  /** Asks, and once more with less where the conversation does not fit. */
  const askWithin = async (): Promise<Answer> => {
    await room.make();
    try {
      return await ask(loop, tools);
    } catch (thrown) {
      const isTooLong = thrown instanceof CallFailed && isOverflow(thrown.message);
      if (!isTooLong || !(await room.shrink())) throw thrown;
      return ask(loop, tools);
    }
  };
  let reminders = 0;
  try {
    for (let count = 0; count < MAX_ANSWERS; count++) {
      const answer = await askWithin();
      const cut = endOf(answer, loop.updates.toolCalls() > 0);
      if (cut !== null) return cut;
      session.messages = [...session.messages, ...answer.messages];
      session.tokens = answer.tokens ?? roughTokens(session.messages);
      let given: string | null = null;
      if (answer.calls.length > 0) {
        const made = await makeAll(loop, answer.calls);
        session.messages = [...session.messages, made.message];
        // The provider has not counted these yet.
        session.tokens += roughTokens([made.message]);
        given = made.answer;
      }
      const isDone = given !== null || answer.calls.length === 0;
      const isMissing = isDone && given === null && loop.agent.output !== null;
      if (isMissing) {
        if (reminders++ >= MAX_REMINDERS)
          return failed(
            'the agent ended without its answer in the declared form',
            'see what it said in `logs`',
          );
        session.messages = [...session.messages, { role: 'user', content: REMINDER }];
      }
      await loop.save();
      if (isDone && !isMissing) return { error: null, answer: given };
    }
    return failed(
      `the agent called its model more than ${MAX_ANSWERS} times in one turn`,
      'give a smaller task',
    );
  } catch (thrown) {
    if (!(thrown instanceof CallFailed) || loop.signal.aborted) throw thrown;
    return failed(
      `the call to the model failed: ${thrown.message}`,
      'see that the key is valid, the model exists and its limits are not used up',
    );
  }
}
