/** What of all jobs is looked for: how it stands in the address, how the server is asked, and whether a job fits. Pure. */
import type { JobView } from '../../../src/job/view/view.ts';

/** What is looked for; empty is everything. */
export interface Filter {
  readonly status: string;
  readonly repo: string;
  readonly agent: string;
  readonly user: string;
  /** `''`: jobs and runs, with the steps of runs folded away; `job`, `run`, `step`; `all` is each of them. */
  readonly kind: string;
  /** How many days back, as text. */
  readonly days: string;
  readonly words: string;
}

/** Everything. */
export const ALL: Filter = { status: '', repo: '', agent: '', user: '', kind: '', days: '', words: '' };

const NAMES: readonly (readonly [keyof Filter, string])[] = [
  ['status', 'status'],
  ['repo', 'repo'],
  ['agent', 'agent'],
  ['user', 'user'],
  ['kind', 'kind'],
  ['days', 'days'],
  ['words', 'q'],
];
const KINDS: readonly string[] = ['job', 'run', 'step', 'all'];
/** Letters that the server needs of the beginning of a word. */
const MIN_BEGINNING = 3;
const DAY_MS = 24 * 3_600_000;

/** A filter as it stands in the address. What makes no sense is passed over. */
export function filterOf(search: URLSearchParams): Filter {
  const read = (name: string, allowed: (value: string) => boolean = () => true): string => {
    const value = search.get(name) ?? '';
    return allowed(value) ? value : '';
  };
  return {
    status: read('status'),
    repo: read('repo'),
    agent: read('agent'),
    user: read('user'),
    kind: read('kind', (kind) => KINDS.includes(kind)),
    days: read('days', (days) => /^[1-9]\d{0,3}$/.test(days)),
    words: read('q'),
  };
}

/** The same, for the address. */
export function addressOf(filter: Filter): URLSearchParams {
  const search = new URLSearchParams();
  for (const [field, name] of NAMES) if (filter[field] !== '') search.set(name, filter[field]);
  return search;
}

/** How many of a filter's fields narrow the list. */
export function narrows(filter: Filter): number {
  return NAMES.filter(([field]) => filter[field] !== '').length;
}

/** Words as the server searches them: the last one may still be growing, so that its beginning is looked for. */
export function searchOf(words: string): string {
  const trimmed = words.trim();
  const last = /[\p{L}\p{N}]+$/u.exec(trimmed)?.[0] ?? '';
  return last.length >= MIN_BEGINNING && trimmed === words ? `${trimmed}*` : trimmed;
}

/** Since when jobs are looked for: days are those of UTC, today among them. `null` for ever. */
export function sinceOf({ days }: Filter, nowMs: number): string | null {
  if (days === '') return null;
  return new Date(nowMs - (Number(days) - 1) * DAY_MS).toISOString().slice(0, 10);
}

/** How the server is asked for a page. */
export function questionOf(filter: Filter, limit: number, cursor: string | null, nowMs: number): string {
  const query = new URLSearchParams({ limit: String(limit) });
  const { status, repo, agent, user, kind, words } = filter;
  for (const [name, value] of Object.entries({ status, repo, agent, user }))
    if (value !== '') query.set(name, value);
  if (kind !== 'all') query.set('kind', kind === '' ? 'top' : kind);
  const since = sinceOf(filter, nowMs);
  if (since !== null) query.set('since', since);
  if (words.trim() !== '') query.set('q', searchOf(words));
  if (cursor !== null) query.set('cursor', cursor);
  return `/api/jobs?${query}`;
}

type Sort = Pick<JobView, 'step' | 'run_id'>;

/** Whether a job is the run of a pipeline. */
export function isRun(job: Sort): boolean {
  return job.run_id !== null && job.step === null;
}

function fitsKind(job: Sort, kind: string): boolean {
  if (kind === '') return job.step === null;
  if (kind === 'job') return job.run_id === null;
  if (kind === 'run') return isRun(job);
  return kind === 'all' || job.step !== null;
}

/** Whether a job fits a filter; `null` where only the server knows, which has the words. */
export function fits(filter: Filter, job: JobView, nowMs: number): boolean | null {
  const { status, repo, agent, user, kind, words } = filter;
  const since = sinceOf(filter, nowMs);
  const isIn =
    (status === '' || job.status === status) &&
    (repo === '' || job.repo === repo) &&
    (agent === '' || job.agent === agent) &&
    (user === '' || job.user_id === user) &&
    fitsKind(job, kind) &&
    (since === null || job.created_at >= since);
  return isIn && words.trim() !== '' ? null : isIn;
}
