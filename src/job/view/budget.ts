/** Budgets that several jobs share, as they are shown. */
import type { SessionBudget } from './session.ts';

/** A shared budget, by what of it is spent. */
export interface BudgetState extends SessionBudget {
  readonly scope: 'day' | 'repository' | 'session';
  /** Which repository; `null` is each. */
  readonly repo: string | null;
  /** What is spent of it today (UTC), as far as it is known; `null` where it is no day's, or of each repository. */
  readonly spent_usd: number | null;
  readonly spent_tokens: number | null;
}
