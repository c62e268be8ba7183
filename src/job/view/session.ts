/** A session as it is shown: its jobs are its only record, so it is what they say together. Pure. */
import type { UsageSum } from '../model/usage.ts';
import { sessionOf, type Job } from '../job.ts';
import type { JobStatus, Outcome } from '../status.ts';
import type { JobView } from './view.ts';

/** Jobs that go on from one another, summed. */
export interface SessionView extends Omit<UsageSum, 'key'> {
  readonly session_id: string;
  readonly repo: string;
  readonly branch: string;
  /** Its latest job: which, by whom, and where it stands. */
  readonly last_job_id: string;
  readonly agent: string;
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  /** When its first job was accepted. */
  readonly created_at: string;
  /** When its latest job changed. */
  readonly updated_at: string;
}

/** What the jobs of a session may spend together; `null` is no limit. */
export interface SessionBudget {
  readonly max_cost_usd: number | null;
  readonly max_tokens: number | null;
  readonly max_calls: number | null;
}

/** A session with what it may spend, and its newest jobs. */
export interface SessionDetail extends SessionView {
  /** `null` where sessions have no budget of their own. */
  readonly budget: SessionBudget | null;
  /** The newest first; at most as many as were asked for. */
  readonly latest: readonly JobView[];
}

/**
 * A session by its latest job, when its first was accepted, and what all have spent.
 *
 * @param latest a job of it
 */
export function sessionView(latest: Job, firstAt: string, sum: UsageSum): SessionView {
  const { jobs, running, unpriced, cost_usd, uncounted, tokens_in, tokens_out, turns } = sum;
  return {
    session_id: sessionOf(latest),
    repo: latest.request.repo,
    branch: latest.branch,
    last_job_id: latest.job_id,
    agent: latest.request.agent,
    status: latest.status,
    outcome: latest.outcome,
    created_at: firstAt,
    updated_at: latest.updated_at,
    jobs,
    running,
    unpriced,
    cost_usd,
    uncounted,
    tokens_in,
    tokens_out,
    turns,
  };
}

/** What the settings say of the jobs of one session. */
export function sessionBudget(
  limits:
    | { readonly max_cost_usd?: number; readonly max_tokens?: number; readonly max_calls?: number }
    | undefined,
): SessionBudget | null {
  if (limits === undefined) return null;
  const { max_cost_usd = null, max_tokens = null, max_calls = null } = limits;
  return { max_cost_usd, max_tokens, max_calls };
}
