/** Budgets that several jobs share, and what of each is spent: for whoever looks before asking for a job. */
import type { BudgetSetting } from '../../config/models.ts';
import { sessionBudget } from '../../job/view/session.ts';
import type { BudgetState } from '../../job/view/budget.ts';
import { NOTHING, plus, spentToday, type Amounts } from './ledgers.ts';
import type { Runner } from '../runner.ts';

/** Repositories that are told of, those with the most spent first. */
const MAX_REPOS = 20;

function stateOf(
  scope: BudgetState['scope'],
  setting: BudgetSetting,
  repo: string | null,
  spent: Amounts | null,
): readonly BudgetState[] {
  const limits = sessionBudget(setting);
  if (limits === null) return [];
  return [{ scope, repo, ...limits, spent_usd: spent?.costUsd ?? null, spent_tokens: spent?.tokens ?? null }];
}

/** Reads the budgets that are configured: that of a day, that of each repository in a day, that of a session. */
export async function readBudgets(
  { store, config }: Pick<Runner, 'store' | 'config'>,
  now: Date,
): Promise<readonly BudgetState[]> {
  const { day, repository, session } = config.models.budgets;
  const spent =
    day === undefined && repository === undefined ? new Map<string, Amounts>() : await spentToday(store, now);
  const all = [...spent.values()].reduce(plus, NOTHING);
  const most = [...spent].toSorted(([, a], [, b]) => b.costUsd - a.costUsd).slice(0, MAX_REPOS);
  return [
    ...(day === undefined ? [] : stateOf('day', day, null, all)),
    ...(repository === undefined
      ? []
      : most.length === 0
        ? stateOf('repository', repository, null, null)
        : most.flatMap(([repo, one]) => stateOf('repository', repository, repo, one))),
    ...(session === undefined ? [] : stateOf('session', session, null, null)),
  ];
}
