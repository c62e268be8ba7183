/**
 * OpenCode's events in the words of the Agent Client Protocol, so that both are collected by one place. Parts of
 * messages are told again with every change; a text is passed on once, as it grows.
 */
import { asList, asText, at, fieldsOf, textAt, type Fields } from '../../job/text/json.ts';
import { propertiesOf } from './client.ts';

/** Parts and messages that are remembered; the oldest are forgotten. */
const MAX_REMEMBERED = 2_000;

/** Kinds of OpenCode's own tools; others, of MCP servers for example, are `other`. */
const KINDS: Readonly<Record<string, string>> = {
  bash: 'execute',
  edit: 'edit',
  write: 'edit',
  patch: 'edit',
  apply_patch: 'edit',
  multiedit: 'edit',
  read: 'read',
  list: 'read',
  glob: 'search',
  grep: 'search',
  webfetch: 'fetch',
  websearch: 'fetch',
  task: 'think',
};
const STATUSES: Readonly<Record<string, string>> = {
  pending: 'pending',
  running: 'in_progress',
  completed: 'completed',
  error: 'failed',
};

/** A map that forgets its oldest entries. */
function createMemory<T>(): { get(key: string): T | undefined; set(key: string, value: T): void } {
  const entries = new Map<string, T>();
  return {
    get: (key) => entries.get(key),
    set(key, value) {
      entries.set(key, value);
      const [oldest] = entries.keys();
      if (entries.size > MAX_REMEMBERED && oldest !== undefined) entries.delete(oldest);
    },
  };
}

/** The sides of an edit, as far as the tool's input tells them. */
function diffOf(tool: string, input: Fields): readonly Fields[] {
  const path = asText(input['filePath']);
  const [before, after] = [asText(input['oldString']), asText(input['newString'])];
  if (path === null) return [];
  if (tool === 'write')
    return [{ type: 'diff', path, oldText: null, newText: asText(input['content']) ?? '' }];
  return after === null ? [] : [{ type: 'diff', path, oldText: before, newText: after }];
}

/** A call of a tool as an update. Its id is the part's: those that models make up come again. */
function toolUpdate(part: Fields): Fields {
  const [tool, state] = [asText(part['tool']) ?? '', fieldsOf(part['state']) ?? {}];
  const input = fieldsOf(state['input']) ?? {};
  const path = asText(input['filePath']);
  const title = textAt(state, 'title') ?? textAt(input, 'command') ?? path ?? '';
  const diffs = diffOf(tool, input);
  return {
    sessionUpdate: 'tool_call_update',
    toolCallId: part['id'],
    title: title === '' ? tool : `${tool}: ${title}`,
    kind: KINDS[tool] ?? 'other',
    status: STATUSES[asText(state['status']) ?? ''] ?? 'pending',
    ...(Object.keys(input).length === 0 ? {} : { rawInput: input }),
    ...(state['output'] === undefined && state['error'] === undefined
      ? {}
      : { rawOutput: state['output'] ?? state['error'] }),
    ...(path === null ? {} : { locations: [{ path }] }),
    ...(diffs.length === 0 ? {} : { content: diffs }),
  };
}

/** What an event means for a turn. */
export interface Meaning {
  /** Updates to be collected. */
  readonly updates: readonly Fields[];
  /** Whether the agent did something, so that it is not silent. */
  readonly isAlive: boolean;
}

const NOTHING: Meaning = { updates: [], isAlive: false };

/** Makes the translator of one turn in one session; sessions that it opens for sub-agents tell their tools. */
export function createTranslator(sessionId: string): (event: Fields) => Meaning {
  const family = new Set([sessionId]);
  const users = createMemory<true>();
  const told = createMemory<{ readonly kind: 'text' | 'reasoning'; chars: number }>();

  const say = (kind: 'text' | 'reasoning', text: string): readonly Fields[] =>
    text === ''
      ? []
      : [
          {
            sessionUpdate: kind === 'text' ? 'agent_message_chunk' : 'agent_thought_chunk',
            content: { type: 'text', text },
          },
        ];

  const takePart = (part: Fields, isOwn: boolean): readonly Fields[] => {
    const { type } = part;
    if (type === 'tool') return [toolUpdate(part)];
    const [id, message] = [asText(part['id']), asText(part['messageID'])];
    const isWords = type === 'text' || type === 'reasoning';
    if (!isOwn || !isWords || id === null || message === null) return [];
    if (users.get(message) !== undefined || part['synthetic'] === true) return [];
    const known = told.get(id) ?? { kind: type, chars: 0 };
    const text = asText(part['text']) ?? '';
    const fresh = text.slice(known.chars);
    told.set(id, { kind: type, chars: Math.max(known.chars, text.length) });
    return say(type, fresh);
  };

  const takeDelta = (properties: Fields): readonly Fields[] => {
    const [id, delta] = [asText(properties['partID']), asText(properties['delta'])];
    const known = id === null ? undefined : told.get(id);
    if (known === undefined || delta === null || properties['field'] !== 'text') return [];
    known.chars += delta.length;
    return say(known.kind, delta);
  };

  return (event) => {
    const properties = propertiesOf(event);
    const info = fieldsOf(properties['info']);
    const session =
      textAt(properties, 'sessionID') ?? textAt(properties, 'part', 'sessionID') ?? textAt(info, 'id');
    if (event['type'] === 'session.created') {
      const [id, parent] = [asText(info?.['id']), asText(info?.['parentID'])];
      if (id !== null && parent !== null && family.has(parent) && family.size < MAX_REMEMBERED)
        family.add(id);
    }
    if (session === null || !family.has(session)) return NOTHING;
    const isOwn = session === sessionId;
    const alive = (updates: readonly Fields[]): Meaning => ({ updates, isAlive: true });
    switch (event['type']) {
      case 'message.updated':
        if (at(info, 'role') === 'user') users.set(asText(info?.['id']) ?? '', true);
        return alive([]);
      case 'message.part.updated':
        return alive(takePart(fieldsOf(properties['part']) ?? {}, isOwn));
      case 'message.part.delta':
        return alive(isOwn ? takeDelta(properties) : []);
      case 'todo.updated': {
        const entries = asList(properties['todos']);
        return alive(isOwn ? [{ sessionUpdate: 'plan', entries }] : []);
      }
      case 'session.status':
      case 'permission.asked':
        return alive([]);
      default:
        return NOTHING;
    }
  };
}
