/** The tables `queue`, `once` and `switches`. A row of the queue is there as long as its job has not ended. */
import type { Job } from '../../../job/job.ts';
import type { Claimed, ClaimRequest, Once, QueueCounts, Store } from '../../store.ts';
import { NEVER_HELD, claim, leaseOf, type Hold } from '../../rules/lease.ts';
import {
  checkAlone,
  checkOnce,
  checkSame,
  MAX_QUEUE_ROWS,
  queueEntry,
  RUNS,
  waitingState,
} from '../../rules/queue.ts';
import { checkInteger, checkName } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';

/** The claim on a job, held or not. */
export function holdOf(db: Connection, number: number): Hold {
  return (
    (db.get('SELECT token, owner, expires_ms FROM leases WHERE job_number = ?', number) as Hold | null) ??
    NEVER_HELD
  );
}

/** Stores a claim, and where it leaves the job in the queue. */
export function setHold(db: Connection, number: number, hold: Hold): void {
  db.run(
    `INSERT INTO leases (job_number, token, owner, expires_ms) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET token = excluded.token, owner = excluded.owner, expires_ms = excluded.expires_ms`,
    number,
    hold.token,
    hold.owner,
    hold.expires_ms,
  );
  if (hold.owner === null) letWait(db, number);
  else db.run("UPDATE queue SET state = 'held', until_ms = ? WHERE job_number = ?", hold.expires_ms, number);
}

/** Puts a job that nobody holds any more where it waits. */
function letWait(db: Connection, number: number): void {
  const row = db.get(
    `SELECT status, cancelling, CASE WHEN is_run = 1
           THEN EXISTS (SELECT 1 FROM approvals AS a WHERE a.job_number = q.job_number AND a.seen = 0)
           ELSE EXISTS (SELECT 1 FROM messages AS m WHERE m.job_number = q.job_number AND m.taken_by IS NULL)
         END AS waiting,
         EXISTS
         (SELECT 1 FROM queue AS o WHERE o.session_id = q.session_id AND o.job_number < q.job_number) AS blocked
       FROM queue AS q JOIN jobs ON number = q.job_number WHERE q.job_number = ?`,
    number,
  ) as (Pick<Job, 'status'> & Readonly<Record<'cancelling' | 'waiting' | 'blocked', number>>) | null;
  if (row === null) return;
  const state = waitingState(row, {
    isAnswered: row.waiting === 1,
    isCancelling: row.cancelling === 1,
    isBlocked: row.blocked === 1,
  });
  db.run('UPDATE queue SET state = ?, until_ms = NULL WHERE job_number = ?', state, number);
}

/** Notes that a run goes on and looks at what was decided. */
export function seeDecisions(db: Connection, number: number): void {
  db.run('UPDATE approvals SET seen = 1 WHERE job_number = ? AND seen = 0', number);
}

/** Puts a parked job that was told something where it waits now. */
export function wake(db: Connection, number: number): void {
  if (db.get("SELECT 1 FROM queue WHERE job_number = ? AND state = 'parked'", number) !== null)
    letWait(db, number);
}

/** The job of a session that was accepted last of those that have not ended. */
function latestOf(db: Connection, session: string): string | null {
  const row = db.get(
    `SELECT job_id FROM queue AS q JOIN jobs ON number = q.job_number
       WHERE q.session_id = ? ORDER BY q.job_number DESC LIMIT 1`,
    session,
  ) as Pick<Job, 'job_id'> | null;
  return row?.job_id ?? null;
}

/** Puts an accepted job into the queue; behind the other jobs of its session. */
export function enqueue(db: Connection, number: number, job: Job, isHeld: boolean): void {
  const entry = queueEntry(job);
  if (entry === null) return;
  const { priority, repo, session_id: session } = entry;
  const earlier = latestOf(db, session);
  checkAlone(job, isHeld, earlier);
  db.run(
    'INSERT INTO queue (job_number, state, priority, repo, session_id) VALUES (?, ?, ?, ?, ?)',
    number,
    waitingState(job, { isAnswered: false, isCancelling: false, isBlocked: earlier !== null }),
    priority,
    repo,
    session,
  );
}

/** Takes an ended job out of the queue, and lets the next one of its session come. */
export function dequeue(db: Connection, number: number): void {
  const row = db.get('DELETE FROM queue WHERE job_number = ? RETURNING session_id', number) as {
    readonly session_id: string | null;
  } | null;
  if (row === null || row.session_id === null) return;
  db.run(
    `UPDATE queue SET state = 'ready' WHERE state = 'blocked' AND job_number =
       (SELECT job_number FROM queue WHERE session_id = ? ORDER BY job_number LIMIT 1)`,
    row.session_id,
  );
}

/** The job that was accepted under a key, or `null` where it is new. @throws JobError `conflict` */
export function acceptedBefore(db: Connection, given: Once): number | null {
  const once = checkOnce(given);
  db.run('DELETE FROM once WHERE until_ms < ?', checkInteger(once.now.getTime(), 'now'));
  const row = db.get('SELECT digest, job_number FROM once WHERE key = ?', once.key) as {
    readonly digest: string;
    readonly job_number: number;
  } | null;
  if (row === null) return null;
  checkSame(once, row.digest);
  return row.job_number;
}

/** Remembers under which key a job was accepted. */
export function remember(db: Connection, number: number, once: Once): void {
  db.run(
    'INSERT INTO once (key, digest, job_number, until_ms) VALUES (?, ?, ?, ?)',
    once.key,
    once.digest,
    number,
    once.untilMs,
  );
}

const HEAD =
  "SELECT job_number, repo FROM queue WHERE state = 'ready' ORDER BY priority DESC, job_number LIMIT 1";

/**
 * The best of the repositories that are not busy, by the head of each: its cost is the number of repositories with
 * waiting jobs, never the number of jobs.
 */
const HEAD_BESIDE = `
WITH RECURSIVE repos (repo) AS (
  SELECT min(repo) FROM queue WHERE state = 'ready'
  UNION ALL
  SELECT (SELECT min(q.repo) FROM queue AS q WHERE q.state = 'ready' AND q.repo > repos.repo) FROM repos
    WHERE repos.repo IS NOT NULL
)
SELECT q.job_number, q.repo FROM repos JOIN queue AS q ON q.job_number =
  (SELECT job_number FROM queue WHERE state = 'ready' AND repo = repos.repo ORDER BY priority DESC, job_number LIMIT 1)
WHERE repos.repo NOT IN
  (SELECT repo FROM queue WHERE state = 'held' AND repo <> '${RUNS}' GROUP BY repo HAVING count(*) >= ?)
  AND (repos.repo <> '${RUNS}' OR ? = 0)
ORDER BY q.priority DESC, q.job_number LIMIT 1`;

interface Head {
  readonly job_number: number;
  readonly repo: string;
}

/** A limit that no repository reaches. */
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

function nextNumber(
  db: Connection,
  { perRepo, withoutRuns = false }: Pick<ClaimRequest, 'perRepo' | 'withoutRuns'>,
): number | null {
  const head = db.get(HEAD) as Head | null;
  if (head === null) return null;
  const beside = (): number | null =>
    (db.get(HEAD_BESIDE, perRepo ?? NO_LIMIT, withoutRuns ? 1 : 0) as Head | null)?.job_number ?? null;
  if (head.repo === RUNS) return withoutRuns ? beside() : head.job_number;
  if (perRepo === null) return head.job_number;
  const held = db.get("SELECT count(*) AS count FROM queue WHERE state = 'held' AND repo = ?", head.repo) as {
    readonly count: number;
  } | null;
  if ((held?.count ?? 0) < perRepo) return head.job_number;
  return beside();
}

/** The table of jobs, as the queue needs it. */
interface Jobs {
  /** @throws JobError `not_found` */
  numberOf(db: Connection, jobId: string): number;
  byNumber(db: Connection, number: number): Job;
}

/** Claims what is next. */
function claimOne(
  db: Connection,
  jobs: Jobs,
  { owner, leaseMs, now, ...limits }: ClaimRequest,
): Claimed | null {
  // A holder whose lease has ended is late or dead; should it still be there, its writes are refused from now on.
  db.run("UPDATE queue SET state = 'ready' WHERE state = 'held' AND until_ms < ?", now.getTime());
  const number = nextNumber(db, limits);
  if (number === null) return null;
  const hold = claim(holdOf(db, number), owner, leaseMs, now);
  if (hold === null) return null;
  setHold(db, number, hold);
  const job = jobs.byNumber(db, number);
  const lease = leaseOf(job.job_id, hold);
  return lease === null ? null : { job, lease };
}

type QueueMethods = Pick<
  Store,
  | 'claimNext'
  | 'listHeld'
  | 'countQueue'
  | 'requestCancel'
  | 'listCancelling'
  | 'setPaused'
  | 'isPaused'
  | 'takeTurn'
>;

/** Methods of the store about the queue. */
export function queueMethods(database: Database, jobs: Jobs): QueueMethods {
  return {
    async claimNext(request) {
      const { owner, perRepo } = request;
      if (perRepo !== null) checkInteger(perRepo, 'perRepo', 1);
      return await database.write('normal', owner.length, (db) => claimOne(db, jobs, request));
    },
    async listHeld() {
      const rows = await database.read((db) =>
        db.all(
          `SELECT job_id, owner, token, expires_ms FROM leases JOIN jobs ON number = job_number
           WHERE owner IS NOT NULL LIMIT ${MAX_QUEUE_ROWS}`,
        ),
      );
      return (rows as (Hold & { readonly job_id: string })[]).flatMap(
        (row) => leaseOf(row.job_id, { ...row }) ?? [],
      );
    },
    async countQueue() {
      const rows = await database.read((db) =>
        db.all('SELECT state, count(*) AS count FROM queue GROUP BY state'),
      );
      const counts: QueueCounts = { ready: 0, held: 0, parked: 0, blocked: 0 };
      return (rows as { state: keyof QueueCounts; count: number }[]).reduce(
        (all, { state, count }) => ({ ...all, [state]: count }),
        counts,
      );
    },
    async requestCancel(jobId) {
      await database.write('full', 0, (db) => {
        const number = jobs.numberOf(db, jobId);
        db.run('UPDATE queue SET cancelling = 1 WHERE job_number = ?', number);
        db.run(
          "UPDATE queue SET state = 'ready' WHERE job_number = ? AND state IN ('parked', 'blocked')",
          number,
        );
      });
    },
    async listCancelling() {
      const rows = await database.read((db) =>
        db.all(
          `SELECT job_id FROM queue JOIN jobs ON number = job_number WHERE cancelling = 1 LIMIT ${MAX_QUEUE_ROWS}`,
        ),
      );
      return (rows as { job_id: string }[]).map((row) => row.job_id);
    },
    async setPaused(paused) {
      await database.write('full', 0, (db) => {
        db.run(
          "INSERT INTO switches (name, value) VALUES ('paused', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
          paused ? 1 : 0,
        );
      });
    },
    async isPaused() {
      return await database.read((db) => isPaused(db));
    },
    async takeTurn(name, forMs, now) {
      const until = checkInteger(now.getTime(), 'now') + checkInteger(forMs, 'forMs', 1);
      const turn = `turn:${checkName(name, 'turn')}`;
      return await database.write('normal', name.length, (db) => takeTurn(db, turn, until, now.getTime()));
    },
  };
}

function takeTurn(db: Connection, turn: string, untilMs: number, nowMs: number): boolean {
  const row = db.get(
    `INSERT INTO switches (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value
     WHERE value <= ? OR value > excluded.value RETURNING 1`,
    turn,
    untilMs,
    nowMs,
  );
  return row !== null;
}

function isPaused(db: Connection): boolean {
  return (
    (db.get("SELECT value FROM switches WHERE name = 'paused'") as { readonly value: number } | null)
      ?.value === 1
  );
}
