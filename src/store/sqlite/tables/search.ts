/**
 * The table `jobs_words`: words by which jobs are found. An index without the text itself (FTS5, `content=''`) and without
 * places of words (`detail=none`): which job has a word is all that is asked.
 */
import type { Job } from '../../../job/job.ts';
import type { JobRequest } from '../../../job/request.ts';
import type { JobResult } from '../../../job/result.ts';
import { wordsOfJob, type SearchWord } from '../../../job/text/words.ts';
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
