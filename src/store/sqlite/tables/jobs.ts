/** The tables `jobs` and `leases`. */
import type { SQLInputValue } from 'node:sqlite';
import type { Job } from '../../../job/job.ts';
import type { JobRequest } from '../../../job/request.ts';
import type { PastJob } from '../../../job/model/estimate.ts';
import type { UsageKey, UsageSum } from '../../../job/model/usage.ts';
import type { JobResult } from '../../../job/result.ts';
import type { Acceptance, Accepted, JobFilter, Lease, Store } from '../../store.ts';
import { insertDelivery } from '../../deliveries/insert.ts';
import { settleRows } from '../../triggers/sqlite.ts';
import {
  changeJob,
  checkDelivers,
  createdMs,
  endsJob,
  isRun,
  isTakenUp,
  jobExists,
  newJob,
  noSuchJob,
  searchOf,
} from '../../rules/job.ts';
import { checkHeld, claim, isHeld, leaseOf, release, renew } from '../../rules/lease.ts';
import { checkUsage, dayName, usagePage } from '../../rules/usage.ts';
import { checkLimit, fromJson, toJson } from '../../rules/value.ts';
import type { Connection } from '../connection.ts';
import type { Database } from '../database.ts';
import { changeMethods, NEXT_CHANGE } from './changes.ts';
import { filterClauses, index, matchOf } from './search.ts';
import { count } from './tallies.ts';
import {
  acceptedBefore,
  dequeue,
  enqueue,
  holdOf,
  queueMethods,
  remember,
  seeDecisions,
  setHold,
} from './queue.ts';

interface JobRow extends Omit<Job, 'question' | 'request' | 'result'> {
  /** JSON text, because it comes from an agent and may hold what has no UTF-8 form. */
  readonly question: string | null;
  readonly request: string;
  readonly result: string | null;
}

const COLUMNS = `job_id, request, status, outcome, procedure_version, attempt, branch, created_at, updated_at,
  started_at, finished_at, question, result`;

function toJob(row: JobRow): Job {
  return {
    ...row,
    request: fromJson(row.request) as JobRequest,
    question: row.question === null ? null : (fromJson(row.question) as string),
    result: row.result === null ? null : (fromJson(row.result) as JobResult),
  };
}

function nullableJson(value: unknown, what: string): string | null {
  return value === null ? null : toJson(value, what);
}

/** The number under which a job's rows are kept. @throws JobError `not_found` */
export function jobNumber(db: Connection, jobId: string): number {
  const row = db.get('SELECT number FROM jobs WHERE job_id = ?', jobId) as { number: number } | null;
  if (row === null) throw noSuchJob(jobId);
  return row.number;
}

/** The number of a job that `lease` still holds. @throws JobError `not_found`, `conflict` */
export function heldJobNumber(db: Connection, lease: Lease): number {
  const number = jobNumber(db, lease.job_id);
  checkHeld(holdOf(db, number), lease);
  return number;
}

function readJob(db: Connection, jobId: string): Job | null {
  const row = db.get(`SELECT ${COLUMNS} FROM jobs WHERE job_id = ?`, jobId) as JobRow | null;
  return row === null ? null : toJob(row);
}

/** A job by the number under which its rows are kept. @throws JobError `not_found` */
export function jobByNumber(db: Connection, number: number): Job {
  const row = db.get(`SELECT ${COLUMNS} FROM jobs WHERE number = ?`, number) as JobRow | null;
  if (row === null) throw noSuchJob(String(number));
  return toJob(row);
}

/** Stores a new job. @throws JobError `conflict` when its id is taken */
export function insertJob(db: Connection, job: Job): void {
  if (db.get('SELECT 1 FROM jobs WHERE job_id = ?', job.job_id) !== null) throw jobExists(job.job_id);
  db.run(
    `INSERT INTO jobs (${COLUMNS}, repo, created_ms, user_id, session_id, is_run, pipeline_id, steps_of, changed)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ${NEXT_CHANGE})`,
    job.job_id,
    toJson(job.request, 'request'),
    job.status,
    job.outcome,
    job.procedure_version,
    job.attempt,
    job.branch,
    job.created_at,
    job.updated_at,
    job.started_at,
    job.finished_at,
    nullableJson(job.question, 'question'),
    nullableJson(job.result, 'result'),
    job.request.repo,
    createdMs(job),
    job.request.user_id,
    job.request.session_id ?? null,
    isRun(job) ? 1 : 0,
    job.request.pipeline?.pipeline_id ?? null,
    job.request.step?.run ?? null,
  );
}

function saveJob(db: Connection, job: Job): void {
  db.run(
    `UPDATE jobs SET status = ?, outcome = ?, attempt = ?, updated_at = ?, started_at = ?, finished_at = ?, question = ?,
       result = ?, changed = ${NEXT_CHANGE} WHERE job_id = ?`,
    job.status,
    job.outcome,
    job.attempt,
    job.updated_at,
    job.started_at,
    job.finished_at,
    nullableJson(job.question, 'question'),
    nullableJson(job.result, 'result'),
    job.job_id,
  );
}

/** The query of a list: each clause walks an index, so a page costs its rows and no more. */
function listRows(db: Connection, filter: JobFilter): JobRow[] {
  const narrowed = filterClauses(filter);
  const clauses: string[] = [...narrowed.clauses];
  const values: SQLInputValue[] = [...narrowed.values];
  if (filter.before !== undefined) {
    const number = jobNumber(db, filter.before);
    if (filter.search === undefined) {
      clauses.push('(created_ms, number) < ((SELECT created_ms FROM jobs WHERE number = ?), ?)');
      values.push(number, number);
    } else {
      clauses.push('jobs_words.rowid < ?');
      values.push(number);
    }
  }
  const words = searchOf(filter);
  if (words !== null) {
    // The index gives jobs in the order of their acceptance, and stops when there are enough.
    const found = [...clauses, 'jobs_words MATCH ?'].join(' AND ');
    return db.all(
      `SELECT ${COLUMNS} FROM jobs_words CROSS JOIN jobs ON jobs.number = jobs_words.rowid WHERE ${found}
       ORDER BY jobs_words.rowid DESC LIMIT ?`,
      ...values,
      matchOf(words),
      filter.limit,
    ) as JobRow[];
  }
  const where = clauses.length === 0 ? '' : `WHERE ${clauses.join(' AND ')}`;
  return db.all(
    `SELECT ${COLUMNS} FROM jobs ${narrowed.index} ${where} ORDER BY created_ms DESC, number DESC LIMIT ?`,
    ...values,
    filter.limit,
  ) as JobRow[];
}

/** Stores a job, unless one was accepted under its key before. */
function accept(db: Connection, job: Job, { hold, once, settles }: Acceptance): Accepted {
  const before = once === undefined ? null : acceptedBefore(db, once);
  if (before !== null) return { job: jobByNumber(db, before), lease: null, isNew: false };
  insertJob(db, job);
  const number = jobNumber(db, job.job_id);
  count(db, null, job);
  enqueue(db, number, job, hold !== undefined);
  if (once !== undefined) remember(db, number, once);
  if (settles !== undefined) settleRows(db, settles, job.job_id);
  const claimed = hold === undefined ? null : claim(holdOf(db, number), hold.owner, hold.leaseMs, hold.now);
  if (claimed !== null) setHold(db, number, claimed);
  return { job, lease: claimed === null ? null : leaseOf(job.job_id, claimed), isNew: true };
}

const USAGE_COLUMNS: Readonly<Record<UsageKey, string>> = {
  day: 'created_ms / 86400000',
  repo: 'repo',
  agent: 'agent',
  model: 'model',
};

/** One walk over the part of an index that holds everything a sum needs. */
function usageRows(db: Connection, by: UsageKey | null, from: number): readonly UsageSum[] {
  const key = by === null ? 'NULL' : USAGE_COLUMNS[by];
  const rows = db.all(
    `SELECT ${key} AS key, COUNT(*) AS jobs, COUNT(*) - SUM(has_ended) AS running,
       SUM(has_ended) - COUNT(cost_usd) AS unpriced, SUM(cost_usd) AS cost_usd,
       SUM(has_ended) - COUNT(tokens_in + tokens_out) AS uncounted,
       SUM(tokens_in) AS tokens_in, SUM(tokens_out) AS tokens_out, TOTAL(turns) AS turns
     FROM jobs INDEXED BY jobs_usage WHERE created_ms >= ? AND is_run = 0 GROUP BY 1`,
    from,
  ) as unknown as (UsageSum & { readonly key: string | number | null })[];
  return rows.map((row) => ({ ...row, key: typeof row.key === 'number' ? dayName(row.key) : row.key }));
}

const COSTS = `SELECT agent, model, CASE WHEN json_valid(request) THEN request ->> '$.mode' END AS mode, outcome, cost_usd
  FROM jobs WHERE repo = ? AND is_run = 0 ORDER BY created_ms DESC, number DESC LIMIT ?`;

/** Methods of the store about jobs. */
export function jobMethods(
  database: Database,
): Pick<Store, 'createJob' | 'getJob' | 'listJobs' | 'sumUsage' | 'listCosts' | 'updateJob'> {
  return {
    async createJob(job, acceptance = {}) {
      const json = toJson(newJob(job), `job ${job.job_id}`);
      return await database.write(
        'full',
        json.length,
        (db) => accept(db, fromJson(json) as Job, acceptance),
        (db, { job: stored, isNew }) => {
          if (isNew) index(db, jobNumber(db, stored.job_id), stored, true);
        },
      );
    },
    async getJob(jobId) {
      return await database.read((db) => readJob(db, jobId));
    },
    async listJobs(filter) {
      checkLimit(filter.limit);
      return await database.read((db) => listRows(db, filter).map(toJob));
    },
    async sumUsage(filter) {
      const from = checkUsage(filter);
      return usagePage(await database.read((db) => usageRows(db, filter.by, from)), filter);
    },
    async listCosts(repo, limit) {
      checkLimit(limit);
      return await database.read((db) => db.all(COSTS, repo, limit) as unknown as PastJob[]);
    },
    async updateJob(lease, patch, delivery) {
      if (delivery !== undefined) checkDelivers(lease.job_id, patch);
      const json = toJson(patch, `change of job ${lease.job_id}`);
      const bytes = json.length + (delivery?.body.length ?? 0);
      const change = (db: Connection): Job => {
        const number = heldJobNumber(db, lease);
        const job = readJob(db, lease.job_id);
        if (job === null) throw noSuchJob(lease.job_id);
        const changed = changeJob(job, fromJson(json) as typeof patch, database.now());
        toJson(changed, `job ${lease.job_id}`);
        saveJob(db, changed);
        if (changed.request !== job.request)
          db.run('UPDATE jobs SET request = ? WHERE number = ?', toJson(changed.request, 'request'), number);
        count(db, job, changed);
        if (isTakenUp(job, changed)) seeDecisions(db, number);
        if (changed.outcome !== null) dequeue(db, number);
        if (delivery !== undefined) insertDelivery(db, number, delivery);
        return changed;
      };
      // Of what a job is found by, only its pull request comes later.
      const isNamed = typeof patch.result?.pr_url === 'string';
      return await database.write(endsJob(patch) ? 'full' : 'normal', bytes, change, (db, changed) => {
        if (isNamed) index(db, jobNumber(db, changed.job_id), changed, false);
      });
    },
  };
}

/** Methods of the store about leases. A lease that a power failure takes back took its holder as well. */
export function leaseMethods(
  database: Database,
): Pick<Store, 'acquireLease' | 'getLease' | 'renewLease' | 'releaseLease'> {
  return {
    async acquireLease(jobId, owner, leaseMs, now) {
      return await database.write('normal', owner.length, (db) => {
        const number = jobNumber(db, jobId);
        const hold = claim(holdOf(db, number), owner, leaseMs, now);
        if (hold === null) return null;
        setHold(db, number, hold);
        return leaseOf(jobId, hold);
      });
    },
    async getLease(jobId) {
      return await database.read((db) => leaseOf(jobId, holdOf(db, jobNumber(db, jobId))));
    },
    async renewLease(lease, leaseMs, now) {
      return await database.write('normal', 0, (db) => {
        const number = jobNumber(db, lease.job_id);
        const hold = renew(holdOf(db, number), lease, leaseMs, now);
        setHold(db, number, hold);
        return leaseOf(lease.job_id, hold) ?? lease;
      });
    },
    async releaseLease(lease) {
      await database.write('normal', 0, (db) => {
        const number = jobNumber(db, lease.job_id);
        const hold = holdOf(db, number);
        if (isHeld(hold, lease)) setHold(db, number, release(hold));
      });
    },
  };
}

/** Methods of the store about changes. */
export function changesOf(database: Database): ReturnType<typeof changeMethods> {
  return changeMethods(database, jobByNumber);
}

/** Methods of the store about the queue. */
export function queueOf(database: Database): ReturnType<typeof queueMethods> {
  return queueMethods(database, { numberOf: jobNumber, byNumber: jobByNumber });
}
