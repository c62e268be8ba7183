/** A session as doors show it: what its jobs say together, what they may spend, and the newest of them. */
import { JobError } from '../../job/error.ts';
import { sessionBudget, type SessionDetail } from '../../job/view/session.ts';
import { viewOf } from '../../job/view/view.ts';
import type { Runner } from '../runner.ts';

/**
 * Reads a session.
 *
 * @param limit jobs of it that are shown
 * @throws JobError `not_found` where no job names it
 */
export async function readSession(
  { store, config }: Pick<Runner, 'store' | 'config'>,
  sessionId: string,
  limit: number,
): Promise<SessionDetail> {
  const found = await store.getSession(sessionId);
  if (found === null) {
    const shown = JSON.stringify(sessionId.slice(0, 100));
    throw new JobError('not_found', `session: no job names ${shown}`, {
      hint: '`agent-runner session list` (or GET /api/sessions) shows those there are',
    });
  }
  const latest = (await store.listJobs({ sessionId, limit })).map(viewOf);
  return { ...found, budget: sessionBudget(config.models.budgets.session), latest };
}
