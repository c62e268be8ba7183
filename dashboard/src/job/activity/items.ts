/** What a log tells of the agent's doing, entry by entry. */
import type { JobEvent } from '../../../../src/job/job.ts';

/** An edit, as a call told of it. */
export interface Edit {
  readonly path: string;
  /** `null` where the file is new, or where that is not known. */
  readonly before: string | null;
  readonly after: string;
}

/** An entry. */
export interface Item {
  readonly key: string;
  readonly kind: 'gate' | 'agent' | 'thought' | 'tool' | 'note' | 'plan' | 'mark' | 'error' | 'person';
  readonly time: string;
  readonly title: string;
  /** Of a call: which tool it is, by its kind. */
  readonly tool: string;
  /** What it worked on. */
  readonly places: readonly string[];
  readonly input: string;
  readonly output: string;
  readonly edits: readonly Edit[];
  readonly state: string;
}

/** Longest text of a part that is kept, in characters. */
const MAX_TEXT_CHARS = 20_000;
const MAX_PLACES = 20;

function words(value: unknown): string {
  const text =
    typeof value === 'string' ? value : value == null ? '' : (JSON.stringify(value, null, 2) ?? '');
  return text.length > MAX_TEXT_CHARS ? `${text.slice(0, MAX_TEXT_CHARS)}…` : text;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, MAX_PLACES) : [];
}

const TURNS: Readonly<Record<string, string>> = {
  task: 'The agent gets the task',
  answer: 'The agent gets the answer',
  fix: 'The agent is told what broke, and mends it',
  tamper: 'The agent is told what it must not touch',
  explore: 'The agent reads the repository',
  plan: 'The agent plans',
  debug: 'The agent looks for the cause, step by step',
};

/** Why the agent is prompted. */
function turnText(turn: string): string {
  const [, place] = /^sub-task (.*)$/.exec(turn) ?? [];
  return place === undefined ? (TURNS[turn] ?? turn) : `The agent gets piece ${place}`;
}

function itemBase({ seq, time }: JobEvent): Omit<Item, 'kind' | 'title'> {
  return { key: String(seq), time, tool: '', places: [], input: '', output: '', edits: [], state: '' };
}

function messageItem(event: JobEvent): Item | null {
  const { text, role, turn, notice, branch, reason } = event.data;
  const base = itemBase(event);
  if (typeof turn === 'string')
    return { ...base, kind: 'mark', title: `${turnText(turn)} (${words(event.data['agent'])})` };
  if (typeof notice === 'string') return { ...base, kind: 'note', title: words(notice) };
  if (typeof branch === 'string') return { ...base, kind: 'mark', title: `Proposed as ${branch}` };
  if (typeof text !== 'string' || text.trim() === '')
    return typeof reason === 'string' ? { ...base, kind: 'note', title: words(reason) } : null;
  const kind = role === 'thought' ? 'thought' : role === 'user' ? 'person' : 'agent';
  return { ...base, kind, title: words(text) };
}

/** Input as people read it: the words of a command, JSON with its lines. */
function inputOf(input: unknown): string {
  if (typeof input !== 'string') return words(input);
  try {
    const told: unknown = JSON.parse(input);
    if (typeof told !== 'object' || told === null) return words(input);
    const only = Object.values(told);
    return only.length === 1 && typeof only[0] === 'string' ? words(only[0]) : words(told);
  } catch {
    return words(input);
  }
}

function callItem(event: JobEvent): Item {
  const { id, title, kind, status, input, output, locations, diffs } = event.data;
  const edits = listOf(diffs).flatMap((one): readonly Edit[] => {
    if (typeof one !== 'object' || one === null) return [];
    const { path, old_text: before, new_text: after } = one as Record<string, unknown>;
    if (typeof path !== 'string' || typeof after !== 'string') return [];
    return [{ path, before: typeof before === 'string' ? before : null, after }];
  });
  return {
    ...itemBase(event),
    key: `call ${words(id) === '' ? event.seq : words(id)}`,
    kind: 'tool',
    title: words(title) === '' ? words(kind) : words(title),
    tool: words(kind),
    places: listOf(locations).filter((one): one is string => typeof one === 'string'),
    // What an edit changed says more than what it was given.
    input: edits.length > 0 ? '' : inputOf(input),
    output: words(output),
    edits,
    state: words(status),
  };
}

function planText(data: JobEvent['data']): string {
  const entries = data['subtasks'] ?? data['entries'];
  if (!Array.isArray(entries)) return words(data['problem']);
  return entries
    .slice(0, 100)
    .map((one: unknown, at) => {
      const told = typeof one === 'object' && one !== null ? (one as Record<string, unknown>) : {};
      return `${at + 1}. ${words(told['name'] ?? told['content'])}${told['status'] === 'completed' ? ' ✓' : ''}`;
    })
    .join('\n');
}

function itemOf(event: JobEvent): Item | null {
  const { type, data } = event;
  const base = itemBase(event);
  switch (type) {
    case 'message':
      return messageItem(event);
    case 'tool_call':
      return callItem(event);
    case 'plan':
      return { ...base, kind: 'plan', title: 'Plan', output: planText(data) };
    case 'error':
      return { ...base, kind: 'error', title: words(data['message']) };
    case 'gate':
      return typeof data['verdict'] === 'string'
        ? {
            ...base,
            kind: 'gate',
            title: `Gate run ${words(data['run'])}: ${data['verdict']}`,
            state: data['verdict'],
          }
        : null;
    case 'status':
      return {
        ...base,
        kind: 'mark',
        title: [words(data['status']), words(data['outcome'])].filter((one) => one !== '').join(': '),
      };
    case 'phase':
    case 'usage':
    case 'sandbox':
    case 'log':
    case 'delivery':
      return null;
  }
}

/** The newer of what was told of a call, with what only the older said. */
function merged(before: Item, item: Item): Item {
  return {
    ...item,
    time: before.time,
    input: item.input === '' && item.edits.length === 0 ? before.input : item.input,
    places: item.places.length === 0 ? before.places : item.places,
    edits: item.edits.length === 0 ? before.edits : item.edits,
  };
}

/** The entries of a log; a call stands where it began, as it ended. Words that follow one another are one entry. */
export function itemsOf(events: readonly JobEvent[]): readonly Item[] {
  const items = new Map<string, Item>();
  let last: Item | undefined;
  for (const event of events) {
    const item = itemOf(event);
    if (item === null) continue;
    const isWords = item.kind === 'agent' || item.kind === 'thought';
    if (isWords && last?.kind === item.kind && last.title.length < MAX_TEXT_CHARS) {
      // Words come line by line.
      last = { ...last, title: `${last.title.replace(/\n$/, '')}\n${item.title}` };
      items.set(last.key, last);
      continue;
    }
    const before = items.get(item.key);
    items.set(item.key, before === undefined ? item : merged(before, item));
    if (before === undefined) last = item;
  }
  return [...items.values()];
}
