/**
 * What an agent says while it works, as events: messages and thoughts line by line, tool calls upserted by id (some
 * agents send an update of a call that they never announced), plans, and how full the context is.
 */
import type { EventType } from '../../job/job.ts';
import { createLogStream } from '../log-stream.ts';
import { asAmount, asList, asText, at, type Fields } from '../../job/text/json.ts';

/** Longest closing message that is kept, in characters; the end of a longer one. */
const MAX_MESSAGE_CHARS = 64 * 1024;
/** Longest text of a tool call that an event shows: an input, an output, each side of a diff. */
const MAX_SHOWN_CHARS = 2_000;
const MAX_TITLE_CHARS = 300;
/** Tool calls that are remembered; the oldest are forgotten. */
const MAX_CALLS = 500;
const MAX_PLAN_ENTRIES = 100;
const MAX_DIFFS = 20;
const MAX_LOCATIONS = 20;
/** What agents call the command that shortens a session's history, the commonest first. */
const COMPACT_COMMANDS = ['compact', 'compress', 'summarize'];
/** Events of one turn; what comes after them is in the log file only. */
const MAX_EVENTS = 10_000;

/** A tool call as its updates have told of it so far. */
export interface ToolCall {
  readonly id: string;
  readonly title: string;
  readonly kind: string;
  readonly status: string;
  /** The input as JSON; empty when the agent does not tell. */
  readonly input: string;
  readonly output: string;
  readonly locations: readonly string[];
  readonly diffs: readonly {
    readonly path: string;
    readonly old_text: string | null;
    readonly new_text: string;
  }[];
}

/** What one turn's updates have said. */
export interface Updates {
  /** Takes the `update` of a `session/update`. */
  take(update: Fields): void;
  /** What the agent said after its last tool call, or, where that is nothing, what it said before. */
  message(): string;
  toolCalls(): number;
  /** What the agent itself says the session has cost so far; `null` when it does not. */
  costUsd(): number | null;
  /** Tokens that the session holds and can hold, as the agent said last; `null` when it does not. */
  fill(): { readonly used: number; readonly size: number | null } | null;
  /** The command that shortens the session's history, of those the agent offers; `null`: it offers none. */
  compactCommand(): string | null;
  /** Usage that came with chunks of messages, one model call each, summed; `null` when none came. */
  chunkUsage(): { readonly input: number; readonly output: number } | null;
  /** Shows what is held of unfinished lines. */
  end(): void;
}

interface UpdatesOptions {
  readonly emit: (type: EventType, data: Readonly<Record<string, unknown>>) => void;
  /** Called when a tool call has ended, with what is known of it. */
  readonly onCallEnded: (call: ToolCall) => void;
}

function clip(text: string, maxChars: number): string {
  return text.length > maxChars ? `${text.slice(0, maxChars).toWellFormed()}…` : text;
}

function json(value: unknown): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** The text of content blocks; what is no text is named. */
function textOf(content: unknown): string {
  return asText(at(content, 'text')) ?? '';
}

/** The parts of a call that an update replaces; what it does not name stays as it was. */
function merge(call: ToolCall, update: Fields): ToolCall {
  const { content, locations, rawInput, rawOutput } = update;
  const blocks = content === undefined || content === null ? null : asList(content);
  const said = blocks?.map((block) => textOf(at(block, 'content'))).filter((text) => text !== '');
  const diffs = blocks?.flatMap((block) => {
    const [path, text] = [asText(at(block, 'path')), asText(at(block, 'newText'))];
    if (at(block, 'type') !== 'diff' || path === null || text === null) return [];
    const old = asText(at(block, 'oldText'));
    return [
      {
        path,
        old_text: old === null ? null : clip(old, MAX_SHOWN_CHARS),
        new_text: clip(text, MAX_SHOWN_CHARS),
      },
    ];
  });
  const output = rawOutput === undefined || rawOutput === null ? said?.join('\n') : json(rawOutput);
  const places = locations === undefined || locations === null ? null : asList(locations);
  return {
    id: call.id,
    title: clip(asText(update['title']) ?? call.title, MAX_TITLE_CHARS),
    kind: asText(update['kind']) ?? call.kind,
    status: asText(update['status']) ?? call.status,
    // Whole, not clipped: calls are compared by it.
    input: rawInput === undefined || rawInput === null ? call.input : json(rawInput),
    output: output === undefined || output === '' ? call.output : clip(output, MAX_SHOWN_CHARS),
    locations:
      places?.flatMap((place) => asText(at(place, 'path')) ?? []).slice(0, MAX_LOCATIONS) ?? call.locations,
    diffs: diffs === undefined || diffs.length === 0 ? call.diffs : diffs.slice(0, MAX_DIFFS),
  };
}

/** What is known of a call before its first update. */
const NO_CALL: Omit<ToolCall, 'id'> = {
  title: '',
  kind: 'other',
  status: 'pending',
  input: '',
  output: '',
  locations: [],
  diffs: [],
};

function isEnded(status: string): boolean {
  return status === 'completed' || status === 'failed';
}

/** What a person needs to know of a call; empty parts are left out. */
function shown(call: ToolCall): Readonly<Record<string, unknown>> {
  const { id, title, kind, status, input, output, locations, diffs } = call;
  return {
    id: clip(id, MAX_TITLE_CHARS),
    title,
    kind,
    status,
    ...(input === '' ? {} : { input: clip(input, MAX_SHOWN_CHARS) }),
    ...(output === '' || !isEnded(status) ? {} : { output }),
    ...(locations.length === 0 ? {} : { locations }),
    ...(diffs.length === 0 ? {} : { diffs }),
  };
}

/** The words of a turn: shown line by line, and the last ones kept. */
interface Words {
  take(role: 'agent' | 'thought', update: Fields): void;
  /** A tool call comes in between: what was said before it is not the closing message any more. */
  cut(): void;
  closing(): string;
  chunkUsage(): { readonly input: number; readonly output: number } | null;
  flush(): void;
}

function createWords(emit: UpdatesOptions['emit']): Words {
  const flow = (role: 'agent' | 'thought'): ReturnType<typeof createLogStream> =>
    createLogStream(({ text, dropped }) => {
      emit('message', { role, text, ...(dropped === 0 ? {} : { dropped }) });
    });
  const flows = { agent: flow('agent'), thought: flow('thought') };
  let [said, saidBefore] = ['', ''];
  let chunks: { input: number; output: number } | null = null;
  return {
    take(role, update) {
      const text = textOf(update['content']);
      if (role === 'agent') said += text;
      // Not with every piece: cutting copies all of it.
      if (said.length > 2 * MAX_MESSAGE_CHARS) said = said.slice(-MAX_MESSAGE_CHARS);
      flows[role === 'agent' ? 'thought' : 'agent'].end();
      flows[role].push('stdout', text);
      const usage = at(update, '_meta', 'usage');
      const [input, output] = [asAmount(at(usage, 'inputTokens')), asAmount(at(usage, 'outputTokens'))];
      if (input === null || output === null) return;
      chunks = { input: (chunks?.input ?? 0) + input, output: (chunks?.output ?? 0) + output };
    },
    cut() {
      if (said.trim() !== '') saidBefore = said;
      said = '';
    },
    closing: () => (said.trim() === '' ? saidBefore : said).slice(-MAX_MESSAGE_CHARS).toWellFormed(),
    chunkUsage: () => chunks,
    flush() {
      flows.agent.end();
      flows.thought.end();
    },
  };
}

/** Entries of a plan, bounded. */
function planOf(update: Fields): readonly Readonly<Record<string, string>>[] {
  return asList(update['entries'])
    .slice(0, MAX_PLAN_ENTRIES)
    .map((entry) => ({
      content: clip(asText(at(entry, 'content')) ?? '', MAX_TITLE_CHARS),
      status: asText(at(entry, 'status')) ?? 'pending',
      priority: asText(at(entry, 'priority')) ?? 'medium',
    }));
}

/** Collects the updates of one turn. */
export function createUpdates(options: UpdatesOptions): Updates {
  let [count, events] = [0, 0];
  const emit: UpdatesOptions['emit'] = (type, data) => {
    if (++events <= MAX_EVENTS) options.emit(type, data);
  };
  const words = createWords(emit);
  const calls = new Map<string, ToolCall>();
  let cost: number | null = null;
  let fill: ReturnType<Updates['fill']> = null;
  let offered: readonly string[] = [];

  const takeCall = (update: Fields): void => {
    const id = asText(update['toolCallId']);
    if (id === null) return;
    const known = calls.get(id);
    if (known === undefined) {
      count++;
      words.cut();
    }
    const before = known ?? { ...NO_CALL, id };
    const call = merge(before, update);
    calls.set(id, call);
    const [oldest] = calls.keys();
    if (calls.size > MAX_CALLS && oldest !== undefined) calls.delete(oldest);
    const wasEnded = known !== undefined && isEnded(before.status);
    const isChanged = call.status !== before.status || (call.title !== before.title && !wasEnded);
    words.flush();
    // Output that grows is told once, at the end.
    if (known === undefined || isChanged) emit('tool_call', shown(call));
    if (isEnded(call.status) && !wasEnded) options.onCallEnded(call);
  };

  return {
    take(update) {
      switch (update['sessionUpdate']) {
        case 'agent_message_chunk':
          return words.take('agent', update);
        case 'agent_thought_chunk':
          return words.take('thought', update);
        case 'tool_call':
        case 'tool_call_update':
          return takeCall(update);
        case 'plan':
          words.flush();
          return emit('plan', { entries: planOf(update) });
        case 'usage_update': {
          const amount = asAmount(at(update, 'cost', 'amount'));
          if (amount !== null && at(update, 'cost', 'currency') === 'USD') cost = amount;
          const [used, size] = [asAmount(update['used']), asAmount(update['size'])];
          // Some say 0 before they know.
          if (used !== null && used > 0) fill = { used, size: size === 0 ? null : size };
          return;
        }
        case 'available_commands_update':
          offered = asList(update['availableCommands']).flatMap((one) => asText(at(one, 'name')) ?? []);
          return;
        default:
          // Modes, titles and what later versions add: nothing that a job needs.
          return;
      }
    },
    message: () => words.closing(),
    toolCalls: () => count,
    costUsd: () => cost,
    fill: () => fill,
    compactCommand: () => COMPACT_COMMANDS.find((name) => offered.includes(name)) ?? null,
    chunkUsage: () => words.chunkUsage(),
    end: () => words.flush(),
  };
}
