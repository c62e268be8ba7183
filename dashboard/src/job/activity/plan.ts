/** What the agent means to do, as a list to be ticked off: its own plan or to-do list, else the pieces the task was planned in. */
import type { JobEvent } from '../../../../src/job/job.ts';

/** One thing of it. */
export interface PlanItem {
  readonly text: string;
  readonly state: 'open' | 'doing' | 'done';
}

/** What is shown of a plan. */
const MAX_ITEMS = 100;
const MAX_TEXT_CHARS = 500;
const STATES: Readonly<Record<string, PlanItem['state']>> = {
  pending: 'open',
  in_progress: 'doing',
  completed: 'done',
  cancelled: 'done',
};
/** Tools by which agents keep their lists, where they speak no protocol that has plans. */
const LIST_TOOLS = /^(todo_?write|update_plan|update_todos?|write_todos)\b/i;

function textOf(value: unknown): string {
  return typeof value === 'string' ? value.trim().slice(0, MAX_TEXT_CHARS) : '';
}

function itemsOf(entries: unknown): readonly PlanItem[] {
  if (!Array.isArray(entries)) return [];
  return entries.slice(0, MAX_ITEMS).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { content, step, name, description, status } = one as Record<string, unknown>;
    const text = [content, step, name, description].map(textOf).find((words) => words !== '');
    return text === undefined ? [] : [{ text, state: STATES[textOf(status)] ?? 'open' }];
  });
}

/** The list that a call of such a tool sets; `null` for other calls, and where its input is cut off. */
function listOfCall({ data }: JobEvent): readonly PlanItem[] | null {
  const { title, input } = data;
  if (typeof title !== 'string' || typeof input !== 'string' || !LIST_TOOLS.test(title)) return null;
  try {
    const told = JSON.parse(input) as Record<string, unknown> | null;
    const items = itemsOf(told?.['todos'] ?? told?.['plan']);
    return items.length === 0 ? null : items;
  } catch {
    return null;
  }
}

/** Which piece of the plan a turn is about, from 1; 0 for other turns. */
function pieceOf({ type, data }: JobEvent): number {
  const { turn } = data;
  return type === 'message' && typeof turn === 'string'
    ? Number(/^sub-task (\d+) of /.exec(turn)?.[1] ?? 0)
    : 0;
}

/** The pieces of a plan that is built one after another: the last that was begun is at work until its turn has ended. */
function piecesOf(subtasks: unknown, later: readonly JobEvent[]): readonly PlanItem[] {
  const at = later.findLastIndex((event) => pieceOf(event) > 0);
  const begun = later[at] === undefined ? 0 : pieceOf(later[at]);
  const isPast = later
    .slice(at + 1)
    .some(
      ({ type, data }) =>
        type === 'phase' && data['state'] === 'done' && String(data['step']).startsWith('build-'),
    );
  return itemsOf(subtasks).map(({ text }, place) => ({
    text,
    state: place < begun - 1 || (isPast && place < begun) ? 'done' : place === begun - 1 ? 'doing' : 'open',
  }));
}

/** The newest list that the log tells of; empty where there is none. */
export function planOf(events: readonly JobEvent[]): readonly PlanItem[] {
  const at = events.findLastIndex(
    (event) =>
      (event.type === 'plan' &&
        (Array.isArray(event.data['entries']) || Array.isArray(event.data['subtasks']))) ||
      (event.type === 'tool_call' && listOfCall(event) !== null),
  );
  const event = events[at];
  if (event === undefined) return [];
  if (event.type === 'tool_call') return listOfCall(event) ?? [];
  const { entries, subtasks } = event.data;
  return Array.isArray(entries) ? itemsOf(entries) : piecesOf(subtasks, events.slice(at + 1));
}
