/** The tables `triggers`, `trigger_repos` and `trigger_deliveries`. */
import { TRIGGER_STATES, type Settling, type TriggerClaim } from '../../job/trigger/record.ts';
import { checkInteger, checkLimit, checkName } from '../rules/value.ts';
import type { Connection } from '../sqlite/connection.ts';
import type { Database } from '../sqlite/database.ts';
import { add } from '../sqlite/tables/tallies.ts';
import type { TriggerMethods } from './memory.ts';
import {
  checkDue,
  claimLost,
  MAX_TRIGGERS,
  settledRow,
  timeMs,
  TRIM_ROWS,
  triggerOf,
  triggerRow,
  triggerTallies,
  type TriggerRow,
} from './row.ts';

function textOf(json: string, ...path: readonly string[]): string {
  const at = path.map((field) => `'$.${field}'`);
  const texts = at.map((one) => `CASE WHEN json_type(${json}, ${one}) = 'text' THEN ${json} ->> ${one} END`);
  const [first = 'NULL'] = texts;
  const found = texts.length === 1 ? first : `coalesce(${texts.join(', ')})`;
  return `TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(${json}) THEN lower(${found}) END) VIRTUAL`;
}

/** The schema of these tables, and what jobs are found by when something happens to their pull requests and issues. */
export const TRIGGER_TABLES: string = `
CREATE TABLE triggers (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  repo TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject INTEGER,
  state TEXT NOT NULL CHECK (state IN (${TRIGGER_STATES.map((state) => `'${state}'`).join(', ')})),
  action TEXT,
  reason TEXT,
  job_id TEXT,
  tries INTEGER NOT NULL CHECK (tries >= 0),
  due_ms INTEGER,
  -- The job after whose end it is due at once.
  waits_for TEXT,
  received_ms INTEGER NOT NULL,
  decided_ms INTEGER,
  event TEXT NOT NULL,
  CHECK ((state = 'due') = (due_ms IS NOT NULL))
) STRICT;
-- Only what is to be decided, so that a look costs the same however much happened before.
CREATE INDEX triggers_due ON triggers (due_ms, number) WHERE due_ms IS NOT NULL;
CREATE INDEX triggers_by_repo ON triggers (repo, number);
CREATE INDEX triggers_by_state ON triggers (state, number);
CREATE INDEX triggers_by_age ON triggers (received_ms) WHERE state <> 'due';

CREATE TABLE trigger_repos (
  repo TEXT PRIMARY KEY,
  token INTEGER NOT NULL,
  -- Until when one process decides on its events.
  until_ms INTEGER,
  looked_ms INTEGER,
  seen_until TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE trigger_deliveries (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery_id TEXT NOT NULL UNIQUE,
  received_ms INTEGER NOT NULL
) STRICT;

ALTER TABLE jobs ADD COLUMN pull_url ${textOf('result', 'pr_url')};
ALTER TABLE jobs ADD COLUMN about ${textOf('request', 'issue', 'trigger.about')};
CREATE INDEX jobs_by_pull ON jobs (pull_url, created_ms, number) WHERE pull_url IS NOT NULL;
CREATE INDEX jobs_by_about ON jobs (about, created_ms, number) WHERE about IS NOT NULL;
`;

interface NumberedRow extends TriggerRow {
  readonly number: number;
}

const COLUMNS =
  'key, repo, kind, subject, state, action, reason, job_id, tries, due_ms, waits_for, received_ms, decided_ms, event';
const SELECT = `SELECT number, ${COLUMNS} FROM triggers`;
const HAS_ENDED =
  'waits_for IS NOT NULL AND EXISTS (SELECT 1 FROM jobs WHERE jobs.job_id = waits_for AND outcome IS NOT NULL)';
const IS_DUE = `due_ms IS NOT NULL AND (due_ms <= ? OR (${HAS_ENDED}))`;
const NEXT = `SELECT t.repo FROM triggers AS t INDEXED BY triggers_due LEFT JOIN trigger_repos AS r ON r.repo = t.repo
  WHERE ${IS_DUE} AND coalesce(r.until_ms, 0) <= ? ORDER BY due_ms, number LIMIT 1`;

function numbered({ number, ...row }: NumberedRow): ReturnType<typeof triggerOf> {
  return triggerOf(number, row);
}

function countOf(db: Connection, sql: string): number {
  return (db.get(sql) as { readonly count: number } | null)?.count ?? 0;
}

function insertRow(db: Connection, row: TriggerRow): number {
  // A refused insert would use up a number.
  if (db.get('SELECT 1 FROM triggers WHERE key = ?', row.key) !== null) return 0;
  return db.run(
    `INSERT INTO triggers (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    row.key,
    row.repo,
    row.kind,
    row.subject,
    row.state,
    row.action,
    row.reason,
    row.job_id,
    row.tries,
    row.due_ms,
    row.waits_for,
    row.received_ms,
    row.decided_ms,
    row.event,
  );
}

function saveRow(db: Connection, row: TriggerRow): void {
  db.run(
    `UPDATE triggers SET state = ?, action = ?, reason = ?, job_id = ?, tries = ?, due_ms = ?, waits_for = ?,
       decided_ms = ? WHERE key = ?`,
    row.state,
    row.action,
    row.reason,
    row.job_id,
    row.tries,
    row.due_ms,
    row.waits_for,
    row.decided_ms,
    row.key,
  );
}

function checkClaim(db: Connection, claim: Pick<TriggerClaim, 'repo' | 'token'>): void {
  const sql = 'SELECT 1 FROM trigger_repos WHERE repo = ? AND token = ? AND until_ms IS NOT NULL';
  if (db.get(sql, claim.repo, claim.token) === null) throw claimLost(claim);
}

/** Settles events, in the caller's transaction. @throws JobError `conflict` */
export function settleRows(
  db: Connection,
  { claim, settlements, now, leaseMs }: Settling,
  jobId: string | null,
): void {
  checkClaim(db, claim);
  for (const settlement of settlements) {
    const row = db.get(
      `SELECT ${COLUMNS} FROM triggers WHERE key = ? AND repo = ?`,
      settlement.key,
      claim.repo,
    );
    if (row === null) continue;
    const job_id = jobId ?? settlement.job_id;
    const settled = settledRow(row as TriggerRow, { ...settlement, job_id }, now);
    saveRow(db, settled);
    add(db, triggerTallies(settled));
  }
  const untilMs = now.getTime() + checkInteger(leaseMs, 'leaseMs', 1);
  db.run('UPDATE trigger_repos SET until_ms = ? WHERE repo = ?', untilMs, claim.repo);
}

function nextRepo(db: Connection, now: Date): string | null {
  const row = db.get(NEXT, now.getTime(), now.getTime()) as { readonly repo: string } | null;
  return row?.repo ?? null;
}

function claimRepo(db: Connection, repo: string, now: Date, leaseMs: number, limit: number): TriggerClaim {
  const untilMs = now.getTime() + checkInteger(leaseMs, 'leaseMs', 1);
  const row = db.get(
    `INSERT INTO trigger_repos (repo, token, until_ms) VALUES (?, 1, ?)
     ON CONFLICT (repo) DO UPDATE SET token = token + 1, until_ms = excluded.until_ms RETURNING token`,
    repo,
    untilMs,
  ) as { readonly token: number } | null;
  const rows = db.all(
    `${SELECT} WHERE repo = ? AND due_ms IS NOT NULL AND (due_ms <= ? OR waits_for IS NOT NULL) ORDER BY number LIMIT ?`,
    repo,
    now.getTime(),
    limit,
  ) as NumberedRow[];
  return { repo, token: row?.token ?? 0, triggers: rows.map(numbered) };
}

function listMethods(
  database: Database,
): Pick<TriggerMethods, 'listTriggers' | 'trimTriggers' | 'beginLook' | 'noteLook'> {
  return {
    async listTriggers({ state, repo, before, limit }) {
      checkLimit(limit);
      const clauses = ['number < ?'];
      const values: (string | number)[] = [before ?? Number.MAX_SAFE_INTEGER];
      if (state !== undefined) {
        clauses.push('state = ?');
        values.push(state);
      }
      if (repo !== undefined) {
        clauses.push('repo = ?');
        values.push(repo);
      }
      const sql = `${SELECT} WHERE ${clauses.join(' AND ')} ORDER BY number DESC LIMIT ?`;
      return await database.read((db) => (db.all(sql, ...values, limit) as NumberedRow[]).map(numbered));
    },
    async trimTriggers(receivedBefore) {
      const beforeMs = timeMs(receivedBefore, 'receivedBefore');
      return await database.write('normal', 0, (db) => {
        db.run(
          `DELETE FROM trigger_deliveries WHERE number IN
             (SELECT number FROM trigger_deliveries WHERE received_ms < ? ORDER BY number LIMIT ${TRIM_ROWS})`,
          beforeMs,
        );
        return db.run(
          `DELETE FROM triggers WHERE number IN (SELECT number FROM triggers
             WHERE state <> 'due' AND received_ms < ? ORDER BY number LIMIT ${TRIM_ROWS})`,
          beforeMs,
        );
      });
    },
    async beginLook(repo, now, everyMs) {
      const name = checkName(repo, 'repo').toLowerCase();
      const nowMs = checkInteger(now.getTime(), 'now');
      const latestMs = nowMs - checkInteger(everyMs, 'everyMs');
      return await database.write('normal', 0, (db) => {
        const row = db.get(
          `INSERT INTO trigger_repos (repo, token, looked_ms) VALUES (?, 0, ?)
           ON CONFLICT (repo) DO UPDATE SET looked_ms = excluded.looked_ms
             WHERE looked_ms IS NULL OR looked_ms <= ? RETURNING seen_until`,
          name,
          nowMs,
          latestMs,
        ) as { readonly seen_until: string | null } | null;
        return row === null ? null : { seenUntil: row.seen_until };
      });
    },
    async noteLook(repo, seenUntil) {
      timeMs(seenUntil, 'seenUntil');
      const name = checkName(repo, 'repo').toLowerCase();
      await database.write('normal', 0, (db) => {
        db.run(
          `INSERT INTO trigger_repos (repo, token, seen_until) VALUES (?, 0, ?)
           ON CONFLICT (repo) DO UPDATE SET seen_until = excluded.seen_until`,
          name,
          seenUntil,
        );
      });
    },
  };
}

/** Methods of the store about events of a forge. */
export function triggerMethods(database: Database): TriggerMethods {
  return {
    ...listMethods(database),
    async addTriggers(events, { delivery, now }) {
      const rows = events.map((event) => triggerRow(event, now));
      if (delivery !== null) checkName(delivery, 'delivery');
      const bytes = rows.reduce((sum, row) => sum + row.event.length, 0);
      return await database.write('full', bytes, (db) => {
        if (delivery !== null) {
          const isNew = db.run(
            'INSERT INTO trigger_deliveries (delivery_id, received_ms) VALUES (?, ?) ON CONFLICT (delivery_id) DO NOTHING',
            delivery,
            now.getTime(),
          );
          if (isNew === 0) return null;
          db.run(
            `DELETE FROM trigger_deliveries WHERE number <= (SELECT max(number) FROM trigger_deliveries) - ${MAX_TRIGGERS}`,
          );
        }
        let added = 0;
        for (const row of rows) added += insertRow(db, row);
        if (added > 0) {
          checkDue(countOf(db, 'SELECT count(*) AS count FROM triggers WHERE due_ms IS NOT NULL'));
          db.run(
            `DELETE FROM triggers WHERE number <= (SELECT max(number) FROM triggers) - ${MAX_TRIGGERS} AND state <> 'due'`,
          );
        }
        return added;
      });
    },
    async claimTriggers({ now, leaseMs, limit }) {
      checkLimit(limit);
      // Most looks find nothing, and a read takes no lock.
      if ((await database.read((db) => nextRepo(db, now))) === null) return null;
      return await database.write('normal', 0, (db) => {
        const repo = nextRepo(db, now);
        return repo === null ? null : claimRepo(db, repo, now, leaseMs, limit);
      });
    },
    async settleTriggers(settling) {
      await database.write('full', 0, (db) => settleRows(db, settling, null));
    },
    async releaseTriggers({ repo, token }) {
      await database.write('normal', 0, (db) => {
        db.run('UPDATE trigger_repos SET until_ms = NULL WHERE repo = ? AND token = ?', repo, token);
      });
    },
  };
}
