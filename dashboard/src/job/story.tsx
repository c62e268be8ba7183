/** What the agent said and did, and what the runner told of it, in its order. */
import { useMemo, type ReactNode } from 'react';
import type { JobEvent } from '../../../src/job/job.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { Empty } from '../parts/notes.tsx';
import { clock, firstLine, shown } from '../parts/words.ts';

type Kind = 'gate' | 'agent' | 'thought' | 'tool' | 'note' | 'plan' | 'mark' | 'error' | 'person';

interface Item {
  readonly key: string;
  readonly kind: Kind;
  readonly time: string;
  readonly title: string;
  /** What is shown on request. */
  readonly body: string;
  readonly state: string;
}

const ICONS: Readonly<Record<Kind, IconName>> = {
  gate: 'shield',
  agent: 'say',
  thought: 'none',
  tool: 'tool',
  note: 'flag',
  plan: 'list',
  mark: 'right',
  error: 'warn',
  person: 'say',
};
/** The newest that are shown; what was before stands in the log. */
const MAX_ITEMS = 600;
/** Longest body of an item, in characters. */
const MAX_BODY_CHARS = 20_000;

function words(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
}

const TURNS: Readonly<Record<string, string>> = {
  task: 'The agent gets the task',
  subtask: 'The agent gets a piece of the plan',
  answer: 'The agent gets the answer',
  fix: 'The agent is told what broke, and mends it',
  tamper: 'The agent is told what it must not touch',
  explore: 'The agent reads the repository',
  plan: 'The agent plans',
  debug: 'The agent looks for the cause, step by step',
};

function messageItem({ seq, time, data }: JobEvent): Item | null {
  const { text, role, turn, notice, branch, reason } = data;
  const base = { key: String(seq), time, body: '', state: '' };
  if (typeof turn === 'string')
    return { ...base, kind: 'mark', title: `${TURNS[turn] ?? turn} (${words(data['agent'])})` };
  if (typeof notice === 'string') return { ...base, kind: 'note', title: notice };
  if (typeof branch === 'string') return { ...base, kind: 'mark', title: `Proposed as ${branch}` };
  if (typeof text !== 'string' || text.trim() === '')
    return typeof reason === 'string' ? { ...base, kind: 'note', title: reason } : null;
  const kind = role === 'thought' ? 'thought' : role === 'user' ? 'person' : 'agent';
  return { ...base, kind, title: text };
}

function planText(data: JobEvent['data']): string {
  const entries = data['subtasks'] ?? data['entries'];
  if (!Array.isArray(entries)) return words(data['problem']);
  return entries
    .map(
      (one: Readonly<Record<string, unknown>> | null, at) =>
        `${at + 1}. ${words(one?.['name'] ?? one?.['content'])}${one?.['status'] === 'completed' ? ' ✓' : ''}`,
    )
    .join('\n');
}

function itemOf(event: JobEvent): Item | null {
  const { seq, type, time, data } = event;
  const base = { key: String(seq), time, body: '', state: '' };
  switch (type) {
    case 'message':
      return messageItem(event);
    case 'tool_call':
      return {
        ...base,
        key: `call ${words(data['id']) === '' ? seq : words(data['id'])}`,
        kind: 'tool',
        title: words(data['title']) === '' ? words(data['kind']) : words(data['title']),
        body: [words(data['input']), words(data['output'])].filter((part) => part !== '').join('\n\n'),
        state: words(data['status']),
      };
    case 'plan':
      return { ...base, kind: 'plan', title: 'Plan', body: planText(data) };
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

/** The items of a log; a tool call stands where it began, as it ended. */
export function itemsOf(events: readonly JobEvent[]): readonly Item[] {
  const items = new Map<string, Item>();
  for (const event of events) {
    const item = itemOf(event);
    if (item === null) continue;
    const before = items.get(item.key);
    items.set(item.key, before === undefined ? item : { ...item, time: before.time });
  }
  return [...items.values()];
}

function Entry({ item }: { readonly item: Item }): ReactNode {
  const body = item.body.length > MAX_BODY_CHARS ? `${item.body.slice(0, MAX_BODY_CHARS)}…` : item.body;
  const isFailed = item.state === 'failed';
  // Of a tool call it is what the agent wrote, which names no class of ours.
  const isVerdict = item.kind === 'gate' && /^(red|green)$/.test(item.state);
  return (
    <li className={`entry e-${item.kind}${isVerdict ? ` s-${item.state}` : ''}`}>
      <Icon
        name={
          isFailed
            ? 'warn'
            : item.kind === 'gate' && item.state === 'red'
              ? 'bad'
              : item.kind === 'gate' && item.state === 'green'
                ? 'ok'
                : ICONS[item.kind]
        }
      />
      <div>
        {body === '' ? (
          <p className="prose" dir="auto">
            {shown(item.title.slice(0, MAX_BODY_CHARS))}
          </p>
        ) : (
          <details open={item.kind === 'plan'}>
            <summary>
              <span dir="auto">{firstLine(item.title)}</span>
              {isFailed ? <span className="bad"> failed</span> : null}
            </summary>
            <pre tabIndex={0} aria-label="Details">
              {shown(body)}
            </pre>
          </details>
        )}
      </div>
      <time dateTime={item.time}>{clock(item.time)}</time>
    </li>
  );
}

/** The story. */
export function Story({ events }: { readonly events: readonly JobEvent[] }): ReactNode {
  const items = useMemo(() => itemsOf(events), [events]);
  const shownItems = items.slice(-MAX_ITEMS);
  if (items.length === 0) {
    return (
      <Empty icon="say" title="Nothing has happened yet">
        <p>What the agent says and does appears here as it happens.</p>
      </Empty>
    );
  }
  return (
    <div className="card">
      {shownItems.length < items.length ? (
        <p className="hint pad">{items.length - shownItems.length} earlier entries stand in the log.</p>
      ) : null}
      <ol className="story">
        {shownItems.map((item) => (
          <Entry key={item.key} item={item} />
        ))}
      </ol>
    </div>
  );
}
