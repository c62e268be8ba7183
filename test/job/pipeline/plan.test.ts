import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createTracker, planPipeline, type Plan } from '../../../src/job/pipeline/plan.ts';

const step = (name: string, ...depends_on: string[]) => ({ name, depends_on });

/** Any graph without cycles, its steps in any order. */
const steps = fc
  .record({
    edges: fc.array(fc.tuple(fc.nat(11), fc.nat(11)), { maxLength: 30 }),
    count: fc.integer({ min: 1, max: 12 }),
    shuffle: fc.array(fc.nat(11), { minLength: 12, maxLength: 12 }),
  })
  .map(({ edges, count, shuffle }) => {
    const all = Array.from({ length: count }, (_, at) => ({
      name: `s${at}`,
      depends_on: [...new Set(edges.flatMap(([a, b]) => (a === at && b < at ? [`s${b}`] : [])))],
    }));
    return all.toSorted(
      (a, b) => (shuffle[Number(a.name.slice(1))] ?? 0) - (shuffle[Number(b.name.slice(1))] ?? 0),
    );
  });

/** The plain meaning of "upstream". */
function isUpstream(plan: Plan, other: number, at: number): boolean {
  return (plan.dependencies[at] ?? []).some((one) => one === other || isUpstream(plan, other, one));
}

describe('planning', () => {
  it('keeps the order of definition where that is an order already', () => {
    const plan = planPipeline({ steps: [step('a'), step('b'), step('c', 'a'), step('d', 'b', 'c')] });
    expect(plan.order).toEqual([0, 1, 2, 3]);
    expect(plan.layers).toEqual([[0, 1], [2], [3]]);
    expect(plan.dependents).toEqual([[2], [3], [3], []]);
  });

  it('puts what is needed before what needs it', () => {
    const plan = planPipeline({ steps: [step('d', 'c', 'b'), step('c', 'a'), step('b'), step('a')] });
    expect(plan.order.map((at) => plan.names[at])).toEqual(['a', 'c', 'b', 'd']);
  });

  it('order, layers and what is upstream are what they are said to be, of any graph', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const plan = planPipeline({ steps: all });
        expect(plan.order.toSorted((a, b) => a - b)).toEqual(all.map((_, at) => at));
        const layer = new Map(plan.layers.flatMap((numbers, at) => numbers.map((number) => [number, at])));
        for (const [at, on] of plan.dependencies.entries()) {
          for (const other of on) expect(plan.place[other]).toBeLessThan(plan.place[at] ?? 0);
          expect(layer.get(at)).toBe(Math.max(-1, ...on.map((other) => layer.get(other) ?? 0)) + 1);
          for (const other of all.keys())
            expect(plan.isUpstream(other, at)).toBe(isUpstream(plan, other, at));
        }
      }),
      { numRuns: 200 },
    );
  });

  it('the tracker says what the plain meaning says, in any order of ends', () => {
    fc.assert(
      fc.property(
        steps,
        fc.array(fc.nat(), { minLength: 12 }),
        fc.array(fc.boolean(), { minLength: 12 }),
        (all, picks, fine) => {
          const plan = planPipeline({ steps: all });
          const tracker = createTracker(plan);
          const ended = new Map<number, boolean>();
          const handed = new Set<number>();
          let ready = [...tracker.begin()];
          for (let round = 0; round <= all.length; round++) {
            const expected = [...all.keys()].filter(
              (at) => !handed.has(at) && plan.dependencies[at]?.every((other) => ended.has(other)) === true,
            );
            const fresh = ready.filter((one) => !handed.has(one.step));
            expect(fresh.map((one) => one.step).toSorted((a, b) => a - b)).toEqual(expected);
            for (const one of fresh) {
              handed.add(one.step);
              expect(one.unfit).toEqual(
                plan.dependencies[one.step]?.filter((other) => ended.get(other) === false),
              );
            }
            const open = ready.filter((one) => !ended.has(one.step));
            const next = open[(picks[round] ?? 0) % Math.max(1, open.length)];
            if (next === undefined) break;
            ended.set(next.step, fine[next.step] ?? true);
            ready = [...open, ...tracker.ended(next.step, fine[next.step] ?? true)];
          }
          expect(ended.size).toBe(all.length);
        },
      ),
      { numRuns: 200 },
    );
  });
});
