/** A run's budget is divided among the steps that begin together, and what is not spent comes back. */
import { describe, expect, it } from 'vitest';
import type { ChildEnd } from '../../../src/job/pipeline/run.ts';
import { DEFAULT_BUDGET, type Budget } from '../../../src/job/request.ts';
import { createShares } from '../../../src/runner/pipeline/walk/shares.ts';

const OWN: Budget = { max_cost_usd: 5, max_tokens: null, max_turns: null, timeout_s: 100 };

function spent(over: Partial<ChildEnd['spent']>): ChildEnd {
  const nothing = { cost_usd: 0, tokens_in: 0, tokens_out: 0, turns: 0, agent_ms: 0 };
  return {
    job_id: 'job-000000000001',
    outcome: 'proposed',
    base_sha: null,
    head_sha: null,
    output: {},
    spent: { ...nothing, ...over },
    error: null,
  };
}

describe('shares', () => {
  it('are equal for steps that begin together, whenever each of them asks', async () => {
    const shares = createShares({ max_cost_usd: 6, max_tokens: 101, max_turns: null, timeout_s: 1000 });
    for (const step of ['a', 'b', 'c']) shares.announce(step);
    const a = shares.take('a', OWN);
    const b = shares.take('b', { ...OWN, max_cost_usd: 1 });
    // Its result was stored: it takes nothing, and nobody waits for it.
    shares.end('c', spent({ cost_usd: 2, tokens_in: 40, tokens_out: 1 }));
    expect([await a, await b]).toEqual([
      { ...OWN, max_cost_usd: 2, max_tokens: 30 },
      { ...OWN, max_cost_usd: 1, max_tokens: 30 },
    ]);
    shares.end('a', spent({ cost_usd: 0.5 }));
    shares.announce('d');
    expect(await shares.take('d', OWN)).toEqual({ ...OWN, max_cost_usd: 2.5, max_tokens: 30 });
  });

  it('wait for what running steps leave, and are refused where that is nothing', async () => {
    const shares = createShares({ ...DEFAULT_BUDGET, max_cost_usd: 4 });
    shares.takeOver('a', OWN);
    shares.announce('b');
    const b = shares.take('b', OWN);
    shares.announce('c');
    shares.end('c', null);
    expect(await Promise.race([b, Promise.resolve('waits')])).toBe('waits');
    shares.end('a', spent({ cost_usd: 1 }));
    expect(await b).toEqual({ ...OWN, max_cost_usd: 3 });
    shares.end('b', spent({ cost_usd: 3 }));
    const error = { code: 'budget_exceeded', message: 'max_cost_usd: the run has spent its 4' };
    shares.announce('d');
    await expect(shares.take('d', OWN)).rejects.toMatchObject(error);
  });

  it('are for the first where they can not be divided among all', async () => {
    const shares = createShares({ ...OWN, max_turns: 2 });
    for (const step of ['a', 'b', 'c']) shares.announce(step);
    const [a, b, c] = ['a', 'b', 'c'].map((step) => shares.take(step, OWN));
    expect([(await a)?.max_turns, (await b)?.max_turns]).toEqual([1, 1]);
    shares.end('a', spent({ turns: 1 }));
    shares.end('b', spent({ turns: 0 }));
    expect((await c)?.max_turns).toBe(1);
    shares.end('c', spent({ turns: 1 }));
    for (const step of ['d', 'e']) shares.announce(step);
    const refused = await Promise.allSettled(['d', 'e'].map((step) => shares.take(step, OWN)));
    expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('are of use where many begin at once: the others wait for what these leave', async () => {
    const shares = createShares({ ...DEFAULT_BUDGET, timeout_s: 3600 });
    const own = { ...OWN, timeout_s: 1800 };
    const steps = Array.from({ length: 4000 }, (_, at) => `step-${at}`);
    for (const step of steps) shares.announce(step);
    const begun: string[] = [];
    const ends: Promise<unknown>[] = steps.map(async (step) => {
      const { timeout_s: timeoutS } = await shares.take(step, own);
      expect(timeoutS).toBeGreaterThanOrEqual(begun.length < 3000 ? 225 : 1);
      begun.push(step);
      await new Promise(setImmediate);
      shares.end(step, spent({ agent_ms: 100 }));
    });
    await Promise.all(ends);
    expect(begun).toHaveLength(4000);
  });

  it('are asked for again where the job could not be made, and taken once', async () => {
    const shares = createShares({ ...DEFAULT_BUDGET, max_cost_usd: 4 });
    shares.announce('a');
    expect(await shares.take('a', OWN)).toMatchObject({ max_cost_usd: 4 });
    expect(await shares.take('a', OWN)).toMatchObject({ max_cost_usd: 4 });
    shares.end('a', spent({ cost_usd: 1 }));
    shares.announce('b');
    expect(await shares.take('b', OWN)).toMatchObject({ max_cost_usd: 3 });
  });

  it('never add up to more than there is, whatever ends in whatever order', async () => {
    const shares = createShares({ max_cost_usd: 0.3, max_tokens: null, max_turns: 40, timeout_s: 1000 });
    const steps = Array.from({ length: 50 }, (_, at) => `step-${at}`);
    for (const step of steps) shares.announce(step);
    const open = new Map<string, Budget>();
    const total = { cost: 0, turns: 0 };
    const run = async (step: string, at: number): Promise<boolean> => {
      const share = await shares.take(step, { ...OWN, max_turns: 500 }).catch(() => null);
      if (share === null) return false;
      open.set(step, share);
      const held = [...open.values()];
      const sum = (field: 'max_cost_usd' | 'max_turns'): number =>
        held.reduce((all, one) => all + (one[field] ?? Infinity), 0);
      expect(sum('max_cost_usd') + total.cost).toBeLessThanOrEqual(0.3 + 1e-9);
      expect(sum('max_turns') + total.turns).toBeLessThanOrEqual(40);
      for (let wait = at % 3; wait >= 0; wait--) await new Promise(setImmediate);
      open.delete(step);
      const cost = (share.max_cost_usd ?? 0) * (at % 2);
      total.cost += cost;
      total.turns += 1;
      shares.end(step, spent({ cost_usd: cost, turns: 1 }));
      return true;
    };
    const ran = await Promise.all(steps.map(run));
    // All was spent, and whoever came then was refused.
    expect(ran.filter(Boolean).length).toBeGreaterThan(3);
    expect(ran.at(-1)).toBe(false);
  });
});
