/** Budgets that several jobs share: how much of each is spent, and what is left. */
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { BudgetState } from '../../../../src/job/view/budget.ts';
import { limitsQuery, whoQuery } from '../../api/queries.ts';
import { amount, money, repoName, roundMoney, roundSpan } from '../../parts/words.ts';

function nameOf({ scope, repo }: BudgetState): ReactNode {
  if (scope === 'day') return 'All jobs, today';
  if (scope === 'session') return 'Each session';
  if (repo === null) return 'Each repository, a day';
  return (
    <>
      <Link href={`/?repo=${encodeURIComponent(repo.toWellFormed())}`}>{repoName(repo)}</Link>, today
    </>
  );
}

function Share({
  what,
  spent,
  most,
  unit = '',
  say,
}: {
  readonly unit?: string;
  readonly what: string;
  readonly spent: number | null;
  readonly most: number | null;
  readonly say: (value: number) => string;
}): ReactNode {
  if (most === null) return null;
  if (spent === null)
    return (
      <p>
        at most {say(most)}
        {unit}
      </p>
    );
  const left = Math.max(0, most - spent);
  const isNear = spent >= most * 0.8;
  return (
    <div className="budget-share">
      <p>
        {say(spent)} of {say(most)}
        {unit},{' '}
        <b className={left === 0 ? 'bad' : isNear ? 'warn' : ''}>
          {left === 0 ? 'nothing left: jobs are stopped' : `${say(left)} left`}
        </b>
      </p>
      <meter min={0} max={most} value={Math.min(spent, most)} aria-label={what} />
    </div>
  );
}

/** The budgets, and that of one job; nothing where the server was not told of any. */
export function Budgets(): ReactNode {
  const { data } = useQuery(limitsQuery);
  const { data: who } = useQuery(whoQuery);
  if (data === undefined || who === undefined) return null;
  const { max_cost_usd: cost, max_tokens: tokens, timeout_s: seconds } = who.most;
  return (
    <section className="card budgets" aria-label="Budgets">
      <h2 className="section-name">Budgets</h2>
      <dl>
        {data.budgets.map((one) => (
          <div key={`${one.scope} ${one.repo ?? ''}`}>
            <dt>{nameOf(one)}</dt>
            <dd>
              <Share what="Money spent" spent={one.spent_usd} most={one.max_cost_usd} say={money} />
              <Share
                what="Tokens used"
                spent={one.spent_tokens}
                most={one.max_tokens}
                unit=" tokens"
                say={amount}
              />
              {one.max_calls === null ? null : <p>at most {amount(one.max_calls)} calls of models</p>}
            </dd>
          </div>
        ))}
        <div>
          <dt>Each job</dt>
          <dd>
            {cost === null ? 'any cost' : `at most ${roundMoney(cost)}`}
            {tokens === null ? '' : `, ${amount(tokens)} tokens`}, {roundSpan(seconds * 1000)} of the agent’s
            time
          </dd>
        </div>
      </dl>
      {data.budgets.length > 0 ? null : (
        <p className="hint">
          Days, repositories and sessions have none here: <code>budgets</code> in the server’s settings limits
          them.
        </p>
      )}
    </section>
  );
}
