/** The schema, and how a database of an older version gets to it. */
import { DELIVERY_STATUSES } from '../../job/delivery/delivery.ts';
import { JobError } from '../../job/error.ts';
import { JOB_STATUSES, isTerminal, OUTCOMES } from '../../job/status.ts';
import { QUEUE_STATES } from '../rules/queue.ts';
import { MAX_STEP_RESULT_BYTES } from '../store.ts';
import type { Connection } from './connection.ts';
import { whileLocked } from './lock.ts';
import { ACCESS_TABLES } from './tables/access.ts';
import { CHANGES } from './tables/changes.ts';
import { SEARCH_TABLE, wordsFor } from './tables/search.ts';
import { SESSION_INDEXES } from './tables/sessions.ts';
import { TALLY_TABLE } from './tables/tallies.ts';
import { PIPELINE_TABLES } from '../pipelines/sqlite.ts';
import { TRIGGER_TABLES } from '../triggers/sqlite.ts';
import { inTransaction } from './transaction.ts';

/** Marks a database as ours ("agrn" in ASCII), so that another program's is never changed. */
const APPLICATION_ID = 0x6167726e;

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}

/** Which outcome a status allows, as SQL. */
function outcomeCheck(): string {
  return JOB_STATUSES.map((status) => {
    const outcomes = Object.entries(OUTCOMES).flatMap(([outcome, of]) =>
      of.status === status ? [outcome] : [],
    );
    const allowed = isTerminal(status)
      ? `outcome IS NOT NULL AND outcome IN (${quoted(outcomes)})`
      : 'outcome IS NULL';
    return `(status = '${status}' AND ${allowed})`;
  }).join('\n    OR ');
}

const FIRST = `
CREATE TABLE jobs (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id TEXT NOT NULL UNIQUE,
  status TEXT NOT NULL CHECK (status IN (${quoted(JOB_STATUSES)})),
  outcome TEXT,
  repo TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  procedure_version INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  branch TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  question TEXT,
  request TEXT NOT NULL,
  result TEXT,
  CHECK (${outcomeCheck()})
) STRICT;
CREATE INDEX jobs_by_time ON jobs (created_ms, number);
CREATE INDEX jobs_by_status ON jobs (status, created_ms, number);
CREATE INDEX jobs_by_repo ON jobs (repo, created_ms, number);

-- Apart from jobs, because a renewal should not rewrite a row that holds a long task.
CREATE TABLE leases (
  job_number INTEGER PRIMARY KEY REFERENCES jobs (number),
  token INTEGER NOT NULL CHECK (token >= 0),
  owner TEXT,
  expires_ms INTEGER,
  CHECK ((owner IS NULL) = (expires_ms IS NULL))
) STRICT;

CREATE TABLE events (
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  seq INTEGER NOT NULL CHECK (seq >= 1),
  type TEXT NOT NULL,
  phase TEXT,
  attempt INTEGER NOT NULL,
  time TEXT NOT NULL,
  data TEXT NOT NULL,
  PRIMARY KEY (job_number, seq)
) STRICT;

CREATE TABLE steps (
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  key TEXT NOT NULL,
  position INTEGER NOT NULL,
  tries INTEGER NOT NULL CHECK (tries >= 1),
  procedure_version INTEGER NOT NULL,
  note TEXT NOT NULL,
  result TEXT CHECK (octet_length(result) <= ${MAX_STEP_RESULT_BYTES}),
  PRIMARY KEY (job_number, key)
) STRICT;

CREATE TABLE messages (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  time TEXT NOT NULL,
  text TEXT NOT NULL,
  -- The key of the step that took it, which gets it again after a crash.
  taken_by TEXT
) STRICT;
CREATE UNIQUE INDEX messages_taken ON messages (job_number, taken_by) WHERE taken_by IS NOT NULL;
CREATE INDEX messages_waiting ON messages (job_number, number) WHERE taken_by IS NULL;

CREATE TABLE baselines (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  value TEXT NOT NULL
) STRICT;
`;

const QUEUE = `
-- Only jobs that have not ended: what a claim looks at does not grow with the past.
CREATE TABLE queue (
  job_number INTEGER PRIMARY KEY REFERENCES jobs (number),
  state TEXT NOT NULL CHECK (state IN (${quoted(QUEUE_STATES)})),
  priority INTEGER NOT NULL,
  repo TEXT NOT NULL,
  session_id TEXT,
  -- When the lease of a held job ends.
  until_ms INTEGER,
  cancelling INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX queue_next ON queue (state, priority DESC, job_number);
CREATE INDEX queue_by_repo ON queue (state, repo, priority DESC, job_number);
CREATE INDEX queue_by_session ON queue (session_id, job_number) WHERE session_id IS NOT NULL;
CREATE INDEX leases_held ON leases (job_number) WHERE owner IS NOT NULL;
CREATE INDEX queue_cancelling ON queue (job_number) WHERE cancelling = 1;

INSERT INTO queue (job_number, state, priority, repo, until_ms)
  SELECT number, CASE WHEN owner IS NOT NULL THEN 'held' WHEN status = 'needs_input' THEN 'parked' ELSE 'ready' END,
    0, repo, expires_ms
  FROM jobs LEFT JOIN leases ON job_number = number
  WHERE outcome IS NULL AND CASE WHEN json_valid(request) THEN json_type(request, '$.in_place') IS NULL END;

CREATE TABLE once (
  key TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  until_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX once_by_end ON once (until_ms);

CREATE TABLE switches (
  name TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT;
`;

const DELIVERIES = `
CREATE TABLE deliveries (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  delivery_id TEXT NOT NULL UNIQUE,
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  url TEXT NOT NULL,
  body TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN (${quoted(DELIVERY_STATUSES)})),
  created_ms INTEGER NOT NULL,
  due_ms INTEGER,
  round INTEGER NOT NULL CHECK (round >= 0),
  tries TEXT NOT NULL,
  token INTEGER NOT NULL CHECK (token >= 0),
  -- Until when one process has it.
  claimed_ms INTEGER,
  CHECK ((status = 'pending') = (due_ms IS NOT NULL))
) STRICT;
-- Only what is still to be sent, so that a poll costs the same however many deliveries there were.
CREATE INDEX deliveries_due ON deliveries (due_ms, number) WHERE due_ms IS NOT NULL;
CREATE INDEX deliveries_by_job ON deliveries (job_number, number);
`;

/** A number of a job's result; `NULL` for what is none, also where the text is no JSON at all. */
function ofResult(field: string, type: 'INTEGER' | 'REAL'): string {
  const kinds = type === 'REAL' ? `'integer', 'real'` : `'integer'`;
  return `${type} GENERATED ALWAYS AS (CASE WHEN json_valid(result) THEN
    CASE WHEN json_type(result, '$.${field}') IN (${kinds}) THEN CAST(result ->> '$.${field}' AS ${type}) END END) VIRTUAL`;
}

function ofRequest(field: string): string {
  return `TEXT GENERATED ALWAYS AS (CASE WHEN json_valid(request) THEN
    CASE WHEN json_type(request, '$.${field}') = 'text' THEN request ->> '$.${field}' END END) VIRTUAL`;
}

/** What usage is summed of, in an index of its own: 100,000 jobs are summed without reading one result. */
const USAGE = `
ALTER TABLE jobs ADD COLUMN agent ${ofRequest('agent')};
ALTER TABLE jobs ADD COLUMN model ${ofRequest('model')};
ALTER TABLE jobs ADD COLUMN has_ended INTEGER GENERATED ALWAYS AS (result IS NOT NULL) VIRTUAL;
ALTER TABLE jobs ADD COLUMN cost_usd ${ofResult('total_cost', 'REAL')};
ALTER TABLE jobs ADD COLUMN tokens_in ${ofResult('total_tokens_in', 'INTEGER')};
ALTER TABLE jobs ADD COLUMN tokens_out ${ofResult('total_tokens_out', 'INTEGER')};
ALTER TABLE jobs ADD COLUMN turns ${ofResult('turns', 'INTEGER')};
CREATE INDEX jobs_usage ON jobs (created_ms, repo, agent, model, has_ended, cost_usd, tokens_in, tokens_out, turns);
`;

// A damaged row must not keep the others from being read, so what can't be parsed is passed over.
const SERVER = `${ACCESS_TABLES}${TALLY_TABLE}
ALTER TABLE jobs ADD COLUMN user_id TEXT;
ALTER TABLE jobs ADD COLUMN session_id TEXT;
UPDATE jobs SET user_id = json_extract(request, '$.user_id'), session_id = json_extract(request, '$.session_id')
  WHERE json_valid(request);
CREATE INDEX jobs_by_user ON jobs (user_id, created_ms, number) WHERE user_id IS NOT NULL;
CREATE INDEX jobs_by_session ON jobs (session_id, created_ms, number) WHERE session_id IS NOT NULL;
`;

// Every job is the first of a session that bears its id: who goes on with one that waits here waits behind it.
const FIRST_OF_SESSIONS = `
UPDATE queue SET session_id = (SELECT job_id FROM jobs WHERE number = job_number) WHERE session_id IS NULL;
`;

/**
 * Every change of the schema, in order; the number of those applied is the database's version. An entry that
 * was published never changes: a new status or outcome needs a new entry that rebuilds `jobs` with its check.
 */
const MIGRATIONS: readonly string[] = [
  FIRST,
  QUEUE,
  DELIVERIES,
  USAGE,
  SERVER,
  SESSION_INDEXES,
  SEARCH_TABLE,
  TRIGGER_TABLES,
  FIRST_OF_SESSIONS,
  PIPELINE_TABLES,
  CHANGES,
];

/** The version that this code writes. */
export const SCHEMA_VERSION: number = MIGRATIONS.length;

function pragma(db: Connection, name: 'user_version' | 'application_id'): number {
  return (db.get(`PRAGMA ${name}`) as Record<string, number> | null)?.[name] ?? 0;
}

function versionOf(db: Connection, path: string): number {
  const version = pragma(db, 'user_version');
  if (version <= SCHEMA_VERSION) return version;
  throw new JobError(
    'bad_configuration',
    `the database ${path} has version ${version}, this agent-runner knows versions up to ${SCHEMA_VERSION}`,
    { hint: 'upgrade agent-runner, or name another database' },
  );
}

/** Refuses a database that another program made. */
function checkOurs(db: Connection, path: string): void {
  if (pragma(db, 'application_id') === APPLICATION_ID) return;
  if (db.get('SELECT 1 FROM sqlite_schema LIMIT 1') === null && pragma(db, 'user_version') === 0) return;
  throw new JobError('bad_configuration', `the database ${path} belongs to another program`, {
    hint: 'name another path for the database',
  });
}

/**
 * Looks at a database before anything in it is changed.
 *
 * @throws JobError `bad_configuration` when it is newer than this code, or another program's
 */
export function inspect(db: Connection, path: string): void {
  // One read transaction, so that another process's first migration is seen whole or not at all.
  db.run('BEGIN');
  try {
    checkOurs(db, path);
    versionOf(db, path);
  } finally {
    if (db.inTransaction()) db.run('ROLLBACK');
  }
}

/**
 * Brings a database to `SCHEMA_VERSION`, each step in one transaction that looks again under the write lock,
 * so that two processes that open at once apply each step once.
 *
 * @throws JobError `bad_configuration` when it is newer than this code; what SQLite throws
 */
export async function migrate(db: Connection, path: string): Promise<void> {
  if (versionOf(db, path) < SCHEMA_VERSION) db.define('words_for', wordsFor);
  for (let count = 0; count < MIGRATIONS.length && versionOf(db, path) < SCHEMA_VERSION; count++) {
    await whileLocked(() =>
      inTransaction(db, () => {
        const version = versionOf(db, path);
        const script = MIGRATIONS[version];
        if (script === undefined) return;
        db.script(script);
        db.script(`PRAGMA application_id = ${APPLICATION_ID}`);
        db.script(`PRAGMA user_version = ${version + 1}`);
      }),
    );
  }
}
