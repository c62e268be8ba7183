/** Sessions: what the jobs that name one say together. There is no table of them, only indexes of `jobs`. */
import { firstOf, sessionOf } from '../../../job/job.ts';
import type { UsageSum } from '../../../job/model/usage.ts';
import { sessionView, type SessionView } from '../../../job/view/session.ts';
import type { Store } from '../../store.ts';
import { noSuchJob } from '../../rules/job.ts';
import { usagePage } from '../../rules/usage.ts';
import { checkLimit } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';
import { jobByNumber, jobNumber } from './jobs.ts';

/** Jobs without a session are in neither index, and cost nothing. */
export const SESSION_INDEXES = `
DROP INDEX jobs_by_session;
CREATE INDEX jobs_by_session ON jobs
  (session_id, created_ms, number, has_ended, cost_usd, tokens_in, tokens_out, turns) WHERE session_id IS NOT NULL;
CREATE INDEX jobs_sessions ON jobs (created_ms, number, session_id) WHERE session_id IS NOT NULL;
`;

const SUMMED = 'has_ended, cost_usd, tokens_in, tokens_out, turns';
/** One walk over the part of the index that holds the session, and the job that bears its name. */
const SUM = `SELECT NULL AS key, COUNT(*) AS jobs, COUNT(*) - SUM(has_ended) AS running,
    SUM(has_ended) - COUNT(cost_usd) AS unpriced, SUM(cost_usd) AS cost_usd,
    SUM(has_ended) - COUNT(tokens_in + tokens_out) AS uncounted,
    SUM(tokens_in) AS tokens_in, SUM(tokens_out) AS tokens_out, TOTAL(turns) AS turns
  FROM (SELECT ${SUMMED} FROM jobs INDEXED BY jobs_by_session WHERE session_id = ?
    UNION ALL SELECT ${SUMMED} FROM jobs WHERE job_id = ? AND session_id IS NULL)`;

/** The latest job of each session, newest first: a job is passed over where a later one of its session is there. */
const LATEST = `SELECT number FROM jobs AS job INDEXED BY jobs_sessions
  WHERE session_id IS NOT NULL AND (created_ms, number) < (?, ?)
    AND NOT EXISTS (SELECT 1 FROM jobs AS later WHERE later.session_id = job.session_id
      AND (later.created_ms, later.number) > (job.created_ms, job.number))
  ORDER BY created_ms DESC, number DESC LIMIT ?`;

function viewOf(db: Connection, number: number): SessionView {
  const latest = jobByNumber(db, number);
  const sessionId = sessionOf(latest);
  const root = firstOf(sessionId);
  const sums = db.all(SUM, sessionId, root) as unknown as UsageSum[];
  const [sum] = usagePage(sums, { by: null, since: null, limit: 1 });
  const first = (
    root === null
      ? db.get(
          'SELECT created_at FROM jobs WHERE session_id = ? ORDER BY created_ms, number LIMIT 1',
          sessionId,
        )
      : db.get('SELECT created_at FROM jobs WHERE job_id = ?', root)
  ) as { created_at: string } | null;
  if (sum === undefined) throw noSuchJob(latest.job_id);
  return sessionView(latest, first?.created_at ?? latest.created_at, sum);
}

function cursorOf(db: Connection, before: string | undefined): readonly [number, number] {
  if (before === undefined) return [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  const number = jobNumber(db, before);
  const row = db.get('SELECT created_ms FROM jobs WHERE number = ?', number) as { created_ms: number } | null;
  return [row?.created_ms ?? 0, number];
}

/** Methods of the store about sessions. */
export function sessionMethods(database: Database): Pick<Store, 'listSessions' | 'getSession'> {
  return {
    async listSessions({ before, limit }) {
      checkLimit(limit);
      return await database.read((db) => {
        const rows = db.all(LATEST, ...cursorOf(db, before), limit) as { number: number }[];
        return rows.map(({ number }) => viewOf(db, number));
      });
    },
    async getSession(sessionId) {
      return await database.read((db) => {
        const row = db.get(
          'SELECT number FROM jobs WHERE session_id = ? ORDER BY created_ms DESC, number DESC LIMIT 1',
          sessionId,
        ) as { number: number } | null;
        // One that nobody went on with yet is a session of one job.
        const only =
          row ??
          db.get('SELECT number FROM jobs WHERE job_id = ? AND session_id IS NULL', firstOf(sessionId));
        return only === null ? null : viewOf(db, (only as { number: number }).number);
      });
    },
  };
}
