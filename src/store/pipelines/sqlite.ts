/** The tables `pipelines` and `approvals`, and by what runs and their steps are found. */
import type { Job } from '../../job/job.ts';
import { checkLimit, checkName, fromJson } from '../rules/value.ts';
import type { ApprovalDecision } from '../../job/pipeline/run.ts';
import type { Connection } from '../sqlite/connection.ts';
import type { Database } from '../sqlite/database.ts';
import { jobNumber } from '../sqlite/tables/jobs.ts';
import { wake } from '../sqlite/tables/queue.ts';
import {
  checkDecided,
  decisionJson,
  firstDecision,
  noSuchPipeline,
  pipelineOf,
  pipelineRow,
  placedRow,
  type PipelineMethods,
  type PipelineRow,
} from './row.ts';

/**
 * The schema of these tables. Of the jobs before there is neither a run nor a step, so nothing is read to fill the columns;
 * they are real ones, because a definition is large and lists pass over many jobs.
 */
export const PIPELINE_TABLES = `
CREATE TABLE pipelines (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  pipeline_id TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL UNIQUE,
  definition TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  created_by TEXT
) STRICT;

CREATE TABLE approvals (
  job_number INTEGER NOT NULL REFERENCES jobs (number),
  step TEXT NOT NULL,
  decision TEXT NOT NULL,
  -- Whether the run was taken up again since.
  seen INTEGER NOT NULL DEFAULT 0 CHECK (seen IN (0, 1)),
  PRIMARY KEY (job_number, step)
) STRICT;
CREATE INDEX approvals_unseen ON approvals (job_number) WHERE seen = 0;

ALTER TABLE jobs ADD COLUMN is_run INTEGER NOT NULL DEFAULT 0 CHECK (is_run IN (0, 1));
ALTER TABLE jobs ADD COLUMN pipeline_id TEXT;
ALTER TABLE jobs ADD COLUMN steps_of TEXT;
CREATE INDEX jobs_runs ON jobs (is_run, created_ms, number) WHERE is_run = 1;
CREATE INDEX jobs_by_pipeline ON jobs (pipeline_id, created_ms, number) WHERE pipeline_id IS NOT NULL;
CREATE INDEX jobs_by_run ON jobs (steps_of, created_ms, number) WHERE steps_of IS NOT NULL;

-- A run has thousands of steps: which is the last, and all in order, without a walk or a sort.
CREATE INDEX steps_in_order ON steps (job_number, position);

-- What a run spends its steps spend: sums pass over runs, and still read nothing but the index.
DROP INDEX jobs_usage;
CREATE INDEX jobs_usage ON jobs
  (created_ms, is_run, repo, agent, model, has_ended, cost_usd, tokens_in, tokens_out, turns);
`;

const COLUMNS = 'pipeline_id, name, definition, created_at, updated_at, created_by';

function rowOf(db: Connection, column: 'pipeline_id' | 'name', value: string): PipelineRow | null {
  return db.get(`SELECT ${COLUMNS} FROM pipelines WHERE ${column} = ?`, value) as PipelineRow | null;
}

function countOf(db: Connection, sql: string, ...values: readonly number[]): number {
  return (db.get(sql, ...values) as { readonly count: number } | null)?.count ?? 0;
}

function put(db: Connection, given: PipelineRow, replace: boolean): PipelineRow {
  const byId = rowOf(db, 'pipeline_id', given.pipeline_id);
  const byName = rowOf(db, 'name', given.name);
  const count = countOf(db, 'SELECT count(*) AS count FROM pipelines');
  const { row, isNew } = placedRow(given, { byId, byName }, { replace, count });
  if (isNew) {
    db.run(
      `INSERT INTO pipelines (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)`,
      row.pipeline_id,
      row.name,
      row.definition,
      row.created_at,
      row.updated_at,
      row.created_by,
    );
  } else {
    db.run(
      'UPDATE pipelines SET name = ?, definition = ?, updated_at = ? WHERE pipeline_id = ?',
      row.name,
      row.definition,
      row.updated_at,
      row.pipeline_id,
    );
  }
  return row;
}

function list(db: Connection, before: string | undefined, limit: number): readonly PipelineRow[] {
  let number = Number.MAX_SAFE_INTEGER;
  if (before !== undefined) {
    const row = db.get('SELECT number FROM pipelines WHERE pipeline_id = ?', before);
    if (row === null) throw noSuchPipeline(before);
    ({ number } = row as { readonly number: number });
  }
  return db.all(
    `SELECT ${COLUMNS} FROM pipelines WHERE number < ? ORDER BY number DESC LIMIT ?`,
    number,
    limit,
  ) as PipelineRow[];
}

function storedDecision(db: Connection, number: number, step: string): string | null {
  const row = db.get('SELECT decision FROM approvals WHERE job_number = ? AND step = ?', number, step);
  return (row as { readonly decision: string } | null)?.decision ?? null;
}

function decide(db: Connection, jobId: string, step: string, json: string): ApprovalDecision {
  const number = jobNumber(db, jobId);
  const decision = fromJson(json) as ApprovalDecision;
  const first = storedDecision(db, number, step);
  if (first !== null) return firstDecision(step, first, decision);
  const row = db.get('SELECT job_id, outcome, is_run FROM jobs WHERE number = ?', number);
  const job = row as Pick<Job, 'job_id' | 'outcome'> & { readonly is_run: number };
  const count = countOf(db, 'SELECT count(*) AS count FROM approvals WHERE job_number = ?', number);
  checkDecided(job, job.is_run === 1, count);
  db.run('INSERT INTO approvals (job_number, step, decision) VALUES (?, ?, ?)', number, step, json);
  wake(db, number);
  return decision;
}

/** Methods of the store about pipelines and decisions of their runs. */
export function pipelineMethods(database: Database): PipelineMethods {
  return {
    async putPipeline(pipeline, { replace = false } = {}) {
      const row = pipelineRow(pipeline);
      return pipelineOf(await database.write('full', row.definition.length, (db) => put(db, row, replace)));
    },
    async getPipeline(idOrName) {
      const row = await database.read(
        (db) => rowOf(db, 'pipeline_id', idOrName) ?? rowOf(db, 'name', idOrName),
      );
      return row === null ? null : pipelineOf(row);
    },
    async listPipelines({ before, limit }) {
      checkLimit(limit);
      return (await database.read((db) => list(db, before, limit))).map(pipelineOf);
    },
    async deletePipeline(pipelineId) {
      return await database.write(
        'full',
        0,
        (db) => db.run('DELETE FROM pipelines WHERE pipeline_id = ?', pipelineId) > 0,
      );
    },
    async decideApproval(runJobId, step, decision) {
      const json = decisionJson(decision, checkName(step, 'step'));
      return await database.write('full', json.length, (db) => decide(db, runJobId, step, json));
    },
    async getApproval(runJobId, step) {
      const json = await database.read((db) => storedDecision(db, jobNumber(db, runJobId), step));
      return json === null ? null : (fromJson(json) as ApprovalDecision);
    },
  };
}
