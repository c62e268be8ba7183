/** Sessions of a store in memory. */
import { firstOf, sessionOf } from '../../job/job.ts';
import { sessionView, type SessionView } from '../../job/view/session.ts';
import { checkLimit } from '../rules/value.ts';
import { sumUp, usageOf, usagePage } from '../rules/usage.ts';
import type { Store } from '../store.ts';
import { entryOf, jobOf, newestFirst, opened, type Entry, type State } from './state.ts';

/** The job that bears a session's name; `null` where there is none, or it belongs to another. */
function firstEntry(state: State, sessionId: string): Entry | null {
  const entry = state.jobs.get(firstOf(sessionId) ?? '') ?? null;
  return entry !== null && sessionOf(jobOf(entry)) === sessionId ? entry : null;
}

/** Jobs by session, the newest first, in the order of their latest. */
function bySession(state: State): ReadonlyMap<string, readonly Entry[]> {
  const sessions = new Map<string, Entry[]>();
  for (const entry of [...opened(state).jobs.values()].sort(newestFirst)) {
    const id = jobOf(entry).request.session_id ?? null;
    if (id !== null) sessions.set(id, [...(sessions.get(id) ?? []), entry]);
  }
  for (const [id, entries] of sessions) {
    const first = firstEntry(state, id);
    if (first !== null) sessions.set(id, [...entries, first]);
  }
  return sessions;
}

function viewOf(entries: readonly Entry[]): SessionView | null {
  const [latest, first] = [entries[0], entries.at(-1)];
  const sums = sumUp(entries.map((entry) => usageOf(jobOf(entry), entry.createdMs, null)));
  const [sum] = usagePage(sums, { by: null, since: null, limit: 1 });
  if (latest === undefined || first === undefined || sum === undefined) return null;
  return sessionView(jobOf(latest), jobOf(first).created_at, sum);
}

/** Methods of the store about sessions. */
export function sessionMethods(state: State): Pick<Store, 'listSessions' | 'getSession'> {
  return {
    async listSessions({ before, limit }) {
      checkLimit(limit);
      const cursor = before === undefined ? null : entryOf(state, before);
      const after = [...bySession(state).values()].filter(
        ([latest]) => latest !== undefined && (cursor === null || newestFirst(cursor, latest) < 0),
      );
      return after.slice(0, limit).flatMap((entries) => viewOf(entries) ?? []);
    },
    async getSession(sessionId) {
      const only = firstEntry(state, sessionId);
      return viewOf(bySession(state).get(sessionId) ?? (only === null ? [] : [only]));
    },
  };
}
