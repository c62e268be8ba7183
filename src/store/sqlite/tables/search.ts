/**
 * What lists of jobs are narrowed by: clauses that walk indexes, and the table `jobs_words`: words by which jobs are found. An index without the text itself (FTS5, `content=''`) and without
 * places of words (`detail=none`): which job has a word is all that is asked.
 */
import type { SQLInputValue } from 'node:sqlite';
import { firstOf, type Job } from '../../../job/job.ts';
import type { JobRequest } from '../../../job/request.ts';
import type { JobResult } from '../../../job/result.ts';
import { wordsOfJob, type SearchWord } from '../../../job/text/words.ts';
import type { JobFilter } from '../../store.ts';
import { asciiLower, timeMs } from '../../rules/job.ts';
import type { Connection } from '../connection.ts';

/** Its schema; `wordsFor` is given by the migration. What is damaged is found by nothing, and stays. */
export const SEARCH_TABLE = `
CREATE VIRTUAL TABLE jobs_words USING fts5
  (words, content='', contentless_delete=1, detail=none, tokenize='ascii');
INSERT INTO jobs_words (rowid, words) SELECT number, words_for(job_id, branch, request, result) FROM jobs;
`;

/** The words of a stored job as the index takes them: between blanks, at which `tokenize='ascii'` parts them. */
function textOf(job: Parameters<typeof wordsOfJob>[0]): string {
  return wordsOfJob(job).join(' ');
}

function parsed(text: unknown): unknown {
  try {
    return typeof text === 'string' ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

/** The words of a row of `jobs` that an older version wrote. */
export function wordsFor(jobId: unknown, branch: unknown, request: unknown, result: unknown): string {
  const { repo, task } = (parsed(request) ?? {}) as Partial<JobRequest>;
  const { pr_url: url } = (parsed(result) ?? {}) as Partial<JobResult>;
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return textOf({
    job_id: text(jobId),
    branch: text(branch),
    request: { repo: text(repo), task: text(task) },
    result: { pr_url: text(url) },
  });
}

/** Makes a job be found by the words that it has now. @param isNew whether it never was: that costs less */
export function index(db: Connection, number: number, job: Job, isNew: boolean): void {
  const verb = isNew ? 'INSERT' : 'INSERT OR REPLACE';
  db.run(`${verb} INTO jobs_words (rowid, words) VALUES (?, ?)`, number, textOf(job));
}

/** A search as FTS5 takes it. Words hold letters, digits and marks alone, and so no quotes. */
export function matchOf(words: readonly SearchWord[]): string {
  return words.map(({ word, isBeginning }) => `"${word}"${isBeginning ? '*' : ''}`).join(' AND ');
}

/** Part of a query. */
interface Narrowed {
  readonly clauses: readonly string[];
  readonly values: readonly SQLInputValue[];
  /** The index that is walked, where the planner is not to choose. */
  readonly index: string;
}

/**
 * The clauses about pipelines, and the index that is walked where one of them stands: a run has few steps, and a pipeline few
 * runs, beside all jobs of a repository or a status, which the planner would as soon walk.
 */
function pipelineClauses({ pipelineId, isRun, isStep, stepsOf }: JobFilter): Narrowed {
  const clauses: string[] = [];
  const values: string[] = [];
  const indexes: string[] = [];
  if (stepsOf !== undefined) {
    clauses.push('steps_of = ?');
    values.push(stepsOf);
    indexes.push('jobs_by_run');
  }
  if (pipelineId !== undefined) {
    clauses.push('pipeline_id = ?');
    values.push(pipelineId);
    indexes.push('jobs_by_pipeline');
  }
  if (isRun !== undefined) clauses.push(`is_run = ${isRun ? 1 : 0}`);
  if (isRun === true) indexes.push('jobs_runs');
  if (isStep !== undefined) clauses.push(`steps_of IS ${isStep ? 'NOT NULL' : 'NULL'}`);
  const [index] = indexes;
  return { clauses, values, index: index === undefined ? '' : `INDEXED BY ${index}` };
}

function sessionClause(sessionId: string): Pick<Narrowed, 'clauses' | 'values'> {
  const first = firstOf(sessionId);
  if (first === null) return { clauses: ['session_id = ?'], values: [sessionId] };
  return {
    clauses: ['(session_id = ? OR (job_id = ? AND session_id IS NULL))'],
    values: [sessionId, first],
  };
}

/** The clauses of a filter, but for its words and its cursor: each walks an index, so a page costs its rows and no more. */
export function filterClauses(filter: JobFilter): Narrowed {
  const ofPipelines = pipelineClauses(filter);
  const clauses: string[] = [...ofPipelines.clauses];
  const values: SQLInputValue[] = [...ofPipelines.values];
  const add = (clause: string, value: SQLInputValue | undefined): void => {
    if (value === undefined) return;
    clauses.push(clause);
    values.push(value);
  };
  const { sessionId, pullUrl, about, since, until } = filter;
  add('status = ?', filter.status);
  add('repo = ?', filter.repo);
  add('user_id = ?', filter.userId);
  add('agent = ?', filter.agent);
  add('pull_url = ?', pullUrl === undefined ? undefined : asciiLower(pullUrl));
  add('about = ?', about === undefined ? undefined : asciiLower(about));
  add('created_ms >= ?', since === undefined ? undefined : timeMs(since, 'since'));
  add('created_ms < ?', until === undefined ? undefined : timeMs(until, 'until'));
  const ofSession = sessionId === undefined ? { clauses: [], values: [] } : sessionClause(sessionId);
  return {
    clauses: [...clauses, ...ofSession.clauses],
    values: [...values, ...ofSession.values],
    index: ofPipelines.index,
  };
}
