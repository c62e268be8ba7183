import { describe, expect, it } from 'vitest';
import { estimateCost, estimateText, type PastJob } from '../../../src/job/model/estimate.ts';
import type { Outcome } from '../../../src/job/status.ts';
import { sampleRequest } from '../../store/sample.ts';

const REQUEST = sampleRequest({ agent: 'claude', model: 'anthropic/m' });

function past(cost: number | null, over: Partial<PastJob> = {}, outcome: Outcome = 'proposed'): PastJob {
  const { agent, model, mode } = REQUEST;
  return { agent, model, mode, outcome, cost_usd: cost, ...over };
}

function estimate(costs: readonly (number | null)[]): ReturnType<typeof estimateCost> {
  return estimateCost(
    REQUEST,
    costs.map((cost) => past(cost)),
    null,
  );
}

describe('estimateCost', () => {
  it('is the median and the range of 8 in 10 earlier jobs', () => {
    expect(estimate([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])).toEqual({
      known: true,
      jobs: 11,
      median_usd: 6,
      low_usd: 2,
      high_usd: 10,
    });
    expect(estimate([0.3, 0.1, 0.2])).toMatchObject({ median_usd: 0.2, low_usd: 0.12, high_usd: 0.28 });
    expect(estimate([0, 0, 0])).toMatchObject({ known: true, median_usd: 0, high_usd: 0 });
  });

  it('counts jobs of the same kind that ran to an end of their own', () => {
    const jobs = [
      past(1),
      past(1, {}, 'gate_failed'),
      past(1, {}, 'budget_exceeded'),
      past(9, { agent: 'codex' }),
      past(9, { model: null }),
      past(9, { mode: 'ask' }),
      past(9, {}, 'cancelled'),
      past(9, {}, 'infra_failed'),
      past(null, { outcome: null }),
    ];
    expect(estimateCost(REQUEST, jobs, null)).toMatchObject({ known: true, jobs: 3, high_usd: 1 });
  });

  it('looks at the newest 50', () => {
    const costs = [...Array.from({ length: 50 }, () => 1), ...Array.from({ length: 500 }, () => 100)];
    expect(estimate(costs)).toMatchObject({ jobs: 50, median_usd: 1, high_usd: 1 });
  });

  it('never takes an unknown cost for none, and says why it knows nothing', () => {
    const none = estimate([1, 1, null, null]);
    expect(none).toMatchObject({ known: false, jobs: 2 });
    expect(estimateText(none)).toBe(
      'no estimate of the cost: no history: 2 earlier jobs of this repository, agent and model with a known cost, and 2 whose cost is unknown; 3 are needed',
    );
    expect(estimateText(estimateCost(REQUEST, [], 'mine/m1'))).toBe(
      'no estimate of the cost: nobody knows the price of mine/m1',
    );
    // What a provider's own figures have told counts, whoever knows the price.
    expect(estimateCost(REQUEST, [past(1), past(1), past(1)], 'mine/m1')).toMatchObject({ known: true });
  });

  it('is told in one line', () => {
    expect(estimateText(estimate([0.0121, 0.5, 2]))).toBe(
      'estimated cost: $0.50, in 8 of 10 cases $0.11 to $1.70 (3 earlier jobs)',
    );
    expect(estimateText(estimate([0.0121, 0.0121, 0.0121]))).toContain('$0.0121');
  });
});
