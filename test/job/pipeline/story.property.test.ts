import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPipeline } from '../../../src/job/pipeline/plan.ts';
import type { RunSummary } from '../../../src/job/pipeline/run.ts';
import { OUTCOMES } from '../../../src/job/status.ts';
import {
  newWorld,
  playRun,
  runJobOf,
  stepsIn,
  type Act,
  type Played,
  type RunScript,
  type World,
} from './script.ts';

const MAX_STEPS = 7;
/** Times that one run is killed at most. */
const MAX_KILLS = 3;

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.constant({ outcome: 'proposed' } as const) },
  { weight: 3, arbitrary: fc.constantFrom({ outcome: 'no_change' }, { outcome: 'answered' }) },
  { weight: 2, arbitrary: fc.constantFrom({ outcome: 'gate_failed' }, { outcome: 'cancelled' }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      { refuse: 'agent_failed' } as const,
      { throw: 'infra' } as const,
      { throw: 'cancelled' } as const,
    ),
  },
);

interface Drawn {
  readonly script: RunScript;
  readonly seed: number;
  readonly kills: readonly number[];
}

const drawn: fc.Arbitrary<Drawn> = fc
  .record({
    count: fc.integer({ min: 1, max: MAX_STEPS }),
    edges: fc.array(fc.tuple(fc.nat(MAX_STEPS - 1), fc.nat(MAX_STEPS - 1)), { maxLength: 12 }),
    how: fc.array(
      fc.record({
        on_failure: fc.constantFrom('stop', 'continue'),
        condition: fc.constantFrom(null, null, 'failed', 'completed', 'false'),
        approval: fc.constantFrom(false, false, true),
        act,
      }),
      { minLength: MAX_STEPS, maxLength: MAX_STEPS },
    ),
    refused: fc.subarray(
      Array.from({ length: MAX_STEPS }, (_, at) => `s${at}`),
      { maxLength: 2 },
    ),
    conflict: fc.option(fc.tuple(fc.nat(MAX_STEPS - 1), fc.nat(MAX_STEPS - 1)), { nil: null }),
    resolve: fc.constantFrom('fail', 'agent'),
    seed: fc.nat(),
    kills: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: MAX_KILLS }),
  })
  .map(({ count, edges, how, refused, conflict, resolve, seed, kills }) => {
    const steps = Array.from({ length: count }, (_, at) => {
      const depends_on = [...new Set(edges.flatMap(([a, b]) => (a === at && b < at ? [`s${b}`] : [])))];
      const { on_failure, condition, approval } = how[at] ?? {
        on_failure: 'stop',
        condition: null,
        approval: false,
      };
      const text =
        condition === null || depends_on.length === 0
          ? null
          : condition === 'false'
            ? 'false'
            : depends_on.map((name) => `steps.${name}.status == "${condition}"`).join(' or ');
      return { name: `s${at}`, task: `do ${at}`, depends_on, on_failure, condition: text, approval };
    });
    const acts = Object.fromEntries(how.map((one, at) => [`s${at}`, one.act]));
    const conflicts =
      conflict === null || conflict[0] === conflict[1]
        ? []
        : [[`s${conflict[0]}`, `s${conflict[1]}`] as const];
    return { script: { pipeline: { name: 'p', resolve, steps }, acts, refused, conflicts }, seed, kills };
  });

/** Plays a run to its end through all its deaths; each goes on from what was stored. */
async function playThrough({ script, seed, kills }: Drawn): Promise<Played> {
  const world: World = newWorld();
  for (const [at, killAt] of kills.entries()) {
    const played = await playRun(script, { seed: seed + at, killAt, world });
    if (played.result !== null) return played;
    world.log.push('killed');
  }
  return playRun(script, { seed: seed + kills.length, world });
}

type Step = RunSummary['steps'][number];

function isFailure(step: Step | undefined): boolean {
  return step?.status === 'failed' || step?.status === 'cancelled';
}

/** Places in the log of the first beginning of what is done for a step, and of its job's end. */
function places(log: readonly string[], name: string): { readonly job: number; readonly end: number } {
  const job = log.findIndex(
    (line) => line === `begin child:${name}-1` || line.startsWith(`begin resolve:${name}-`),
  );
  return { job, end: log.indexOf(`end child:${name}-1`) };
}

/** Checks a whole run against the rules, without looking at how it came about. */
function check(drawn: Drawn, { result, world, ran }: Played): void {
  const { script } = drawn;
  const { definition } = runJobOf(script).request.pipeline ?? {};
  if (result === null || definition === undefined) throw new Error('the run has not ended');
  const { log } = world;
  const plan = planPipeline(definition);
  const steps = new Map((result.run?.steps ?? []).map((step) => [step.name, step]));
  const at = (name: string): Step | undefined => steps.get(name);

  expect(ran.filter(({ step }) => step === 'save')).toHaveLength(1);
  expect(ran.filter(({ step }) => step === 'notify')).toHaveLength(1);
  expect(steps.size).toBe(definition.steps.length);
  for (const { name, depends_on, on_failure } of definition.steps) {
    // Each job is begun once at most, and ends once at most.
    expect(log.filter((line) => line === `end child:${name}-1`).length).toBeLessThanOrEqual(1);
    expect(log.some((line) => line.startsWith(`begin child:${name}-2`))).toBe(false);
    const { job, end } = places(log, name);
    // Nothing begins before all that it depends on has ended, and nothing ends unseen.
    for (const other of depends_on) {
      if (job < 0 || places(log, other).job < 0) continue;
      const others = log.indexOf(`end child:${other}-1`);
      const hasJob = log.includes(`begin child:${other}-1`);
      if (hasJob) expect(others).toBeGreaterThanOrEqual(0);
      expect(job).toBeGreaterThan(others);
    }
    // How a job ended is how its step ended.
    const act = script.acts?.[name];
    if (end >= 0 && act !== undefined && 'outcome' in act) expect(at(name)?.outcome).toBe(act.outcome);
    // After a failure that stops the run no job is begun.
    if (isFailure(at(name)) && on_failure === 'stop' && end >= 0) {
      const late = log.slice(end + 1).filter((line) => line.startsWith('begin child:'));
      // A job that solves a conflict was begun before: what it is for follows it.
      const joined = late.filter((line) => {
        const of = line.slice('begin child:'.length, -2);
        const solving = log.findIndex((one) => one.startsWith(`begin resolve:${of}-`));
        return solving >= 0 && solving < end;
      });
      expect(late).toEqual(joined);
      expect(
        log.some((line) => line.includes('propose') || line.includes('verify') || line.includes('lay')),
      ).toBe(false);
    }
    // What began holds exactly the work of what is upstream and was successful.
    const input = world.inputs.get(name);
    if (input === undefined) continue;
    const number = plan.numberOf.get(name) ?? -1;
    const upstream = plan.names.filter((other, place) => {
      const done = at(other);
      return plan.isUpstream(place, number) && done?.status === 'completed' && done.outcome === 'proposed';
    });
    expect(stepsIn(input.base_sha).toSorted()).toEqual(upstream.toSorted());
  }
  checkEnding(drawn, result, steps, log, world);
}

function checkEnding(
  { script }: Drawn,
  result: NonNullable<Played['result']>,
  steps: ReadonlyMap<string, Step>,
  log: readonly string[],
  world: World,
): void {
  const { definition } = runJobOf(script).request.pipeline ?? {};
  if (definition === undefined) throw new Error('no run');
  const failures = [...steps.values()].filter(isFailure);
  const status = OUTCOMES[result.outcome ?? 'infra_failed'].status;
  expect(result.status).toBe(status);
  expect(result.run?.status).toBe(
    status === 'completed' && failures.length > 0 ? 'completed_with_failures' : status,
  );
  const stopping = definition.steps.filter(
    ({ name, on_failure }) => on_failure === 'stop' && isFailure(steps.get(name)),
  );
  if (stopping.length > 0) expect(status).not.toBe('completed');
  if (status === 'completed') {
    const done = [...steps.values()].filter(({ outcome }) => outcome === 'proposed').map(({ name }) => name);
    const laid = world.told.filter((line) => line.startsWith('laid ')).at(-1) ?? 'laid ';
    expect(stepsIn(laid.slice(5)).toSorted()).toEqual(done.toSorted());
    expect(log.filter((line) => line === 'end propose-1')).toHaveLength(done.length > 0 ? 1 : 0);
    // With continue nothing is left out but for a reason that lies in what it depends on, or in its condition.
    for (const { name, depends_on, condition } of definition.steps) {
      if (steps.get(name)?.status !== 'skipped' || condition !== null) continue;
      expect(
        depends_on.some((other) => isFailure(steps.get(other)) || steps.get(other)?.status === 'skipped'),
      ).toBe(true);
    }
  }
}

describe('any graph, any outcomes, any order, any crash', () => {
  it('keeps the rules', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, async (one) => {
        check(one, await playThrough(one));
      }),
      { numRuns: 300 },
    );
  });

  it('without a failure that stops it, a run ends alike however often it dies and in whatever order things end', async () => {
    await fc.assert(
      fc.asyncProperty(drawn, fc.nat(), async (one, seed) => {
        const steps = (one.script.pipeline as { steps: readonly object[] }).steps.map((step) => ({
          ...step,
          on_failure: 'continue',
        }));
        const acts = Object.fromEntries(
          Object.entries(one.script.acts ?? {}).map(([name, how]) => [
            name,
            'throw' in how ? ({ outcome: 'no_change' } as const) : how,
          ]),
        );
        const script = { ...one.script, acts, pipeline: { ...(one.script.pipeline as object), steps } };
        const through = await playThrough({ ...one, script });
        const straight = await playRun(script, { seed });
        expect(through.result?.run).toEqual(straight.result?.run);
        expect(through.result?.outcome).toBe(straight.result?.outcome);
      }),
      { numRuns: 150 },
    );
  });
});
