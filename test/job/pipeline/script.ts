/**
 * A run in memory: jobs that end as a script says, commits that are sets of steps, records that outlive a process, and
 * an order of events that a seed decides.
 */
import { Cancelled, errorInfo, JobError, type ErrorCode } from '../../../src/job/error.ts';
import type { Job } from '../../../src/job/job.ts';
import type { Pipeline } from '../../../src/job/pipeline/definition.ts';
import { parsePipeline } from '../../../src/job/pipeline/parse.ts';
import { runPipeline } from '../../../src/job/pipeline/procedure.ts';
import type { ChildInput, Output, RunSteps, StepEnd } from '../../../src/job/pipeline/run.ts';
import type { JobRequest } from '../../../src/job/request.ts';
import type { JobResult } from '../../../src/job/result.ts';
import type { Outcome } from '../../../src/job/status.ts';
import type { StepTimes } from '../../../src/job/step.ts';
import { job as plainJob, scriptedSteps, type Ran, type Script } from '../script.ts';

/** How a step's job ends. */
export type Act =
  | { readonly outcome: Outcome; readonly output?: Output }
  /** The job could not be begun. */
  | { readonly refuse: ErrorCode }
  | { readonly throw: 'cancelled' | 'infra' };

export interface RunScript {
  readonly pipeline: unknown;
  /** `proposed` unless said otherwise; by the step's name, and `resolve:<name>` for conflicts. */
  readonly acts?: Readonly<Record<string, Act>>;
  /** Who is answered no. */
  readonly refused?: readonly string[];
  /** Nobody answers these. */
  readonly unanswered?: readonly string[];
  /** Steps whose changes do not fit together. */
  readonly conflicts?: readonly (readonly [string, string])[];
  /** All changes together leave the base as it was. */
  readonly isUndone?: boolean;
  /** The rest of the story: prepare, verify, rebase, propose, save. */
  readonly rest?: Script;
  readonly request?: Partial<JobRequest>;
  readonly before?: Readonly<Record<string, StepEnd>>;
}

/** What outlives a process. */
export interface World {
  readonly records: Map<string, unknown>;
  /** Keys of effects that were begun, ended or not. */
  readonly begun: Set<string>;
  /** What happened, in order, over all processes: `begin child:a`, `end child:a`, `save`, … */
  readonly log: string[];
  readonly inputs: Map<string, ChildInput>;
  readonly assembled: {
    readonly for: string | null;
    readonly onto: string;
    readonly changes: readonly string[];
  }[];
  readonly told: string[];
}

export function newWorld(): World {
  return { records: new Map(), begun: new Set(), log: [], inputs: new Map(), assembled: [], told: [] };
}

const TIMES: StepTimes = {
  started_at: '2026-01-01T00:00:03.000Z',
  ended_at: '2026-01-01T00:00:04.000Z',
  usage: null,
};
export const BASE: string = 'b'.repeat(40);
const SPENT = { cost_usd: 1, tokens_in: 10, tokens_out: 1, turns: 1, agent_ms: 1000 };

/** A commit is the set of the steps whose work is in it. */
export function stepsIn(commit: string): readonly string[] {
  return commit === BASE
    ? []
    : commit
        .slice(1)
        .split('+')
        .filter((name) => name !== '');
}

function commitOf(names: Iterable<string>): string {
  const all = [...new Set(names)].toSorted();
  return all.length === 0 ? BASE : `=${all.join('+')}`;
}

/** A small generator of numbers (mulberry32), so that a seed gives one order of events. */
function numbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Lets what waits go on, one at a time in an order that the seed decides. */
function scheduler(seed: number): { turn(): Promise<void>; run<T>(work: Promise<T>): Promise<T | null> } {
  const next = numbers(seed);
  const waiting: (() => void)[] = [];
  return {
    turn: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
      }),
    async run(work) {
      const state = { isDone: false };
      const end = (): void => {
        state.isDone = true;
      };
      work.then(end, end);
      // All that follows from one event happens before the next; what stays idle waits for what never comes.
      for (let idle = 0; !state.isDone && idle < 3;) {
        await new Promise((resolve) => {
          setImmediate(resolve);
        });
        idle = waiting.length === 0 ? idle + 1 : 0;
        const [go] = waiting.splice(Math.floor(next() * waiting.length), 1);
        go?.();
      }
      return state.isDone ? work : null;
    },
  };
}

export interface Played {
  readonly result: JobResult | null;
  readonly world: World;
  readonly ran: readonly Ran[];
}

export function runJobOf({ pipeline, request, before }: RunScript): Job {
  const definition: Pipeline = parsePipeline(pipeline);
  const retries = before === undefined ? null : 'job-00000000000a';
  return plainJob({ ...request, pipeline: { pipeline_id: null, definition, retries } });
}

/** The process ends here: what it was about to do is never done, and what it waits for never comes. */
class Killed extends Error {}

interface Options {
  readonly seed?: number;
  /** The process is killed at its n-th event; never where absent. */
  readonly killAt?: number;
  readonly world?: World;
}

function childOf(script: RunScript, world: World, input: ChildInput): object {
  const key = input.kind === 'step' ? input.name : `resolve:${input.name}`;
  const act = script.acts?.[key] ?? { outcome: 'proposed' };
  if ('throw' in act)
    throw act.throw === 'cancelled' ? new Cancelled() : new JobError('infra_failed', 'no disk');
  if ('refuse' in act) return { ...TIMES, ok: false, error: errorInfo(act.refuse, `${key} was refused`) };
  const { outcome } = act;
  world.inputs.set(key, input);
  // What failed has left something as well, and none of it may be taken.
  const isWork = outcome !== 'no_change' && outcome !== 'answered';
  const marked = input.start === null ? [] : stepsIn(input.start);
  const isFine = ['proposed', 'no_change', 'answered'].includes(outcome);
  return {
    ...TIMES,
    ok: true,
    job_id: `job-of-${key}`,
    outcome,
    base_sha: input.base_sha,
    head_sha: isWork
      ? commitOf([...stepsIn(input.base_sha), ...marked, ...(input.kind === 'step' ? [input.name] : [])])
      : null,
    output: { summary: `${key} did it`, outcome, tests_passed: isFine, ...act.output },
    spent: SPENT,
    error: isFine ? null : errorInfo('gate_failed', `${key} stayed red`),
  };
}

function assembleOf(script: RunScript, onto: string, changes: readonly { step: string }[]): object {
  let at = onto;
  for (const [place, { step }] of changes.entries()) {
    const there = stepsIn(at);
    if (there.includes(step)) throw new Error(`${step} is in ${at} already`);
    const against = (script.conflicts ?? []).flatMap(([a, b]) =>
      a === step && there.includes(b) ? [b] : b === step && there.includes(a) ? [a] : [],
    );
    const both = commitOf([...there, step]);
    if (against.length > 0)
      return {
        ...TIMES,
        ok: true,
        commit: at,
        conflict: { step, at: place, paths: ['src/both.ts'], with: against, marked: both },
      };
    at = both;
  }
  return { ...TIMES, ok: true, commit: at, conflict: null };
}

/** Plays a run in one process, over what a world remembers. `result` is `null` for one that was killed, or that waits. */
export async function playRun(
  script: RunScript,
  { seed = 0, killAt, world = newWorld() }: Options = {},
): Promise<Played> {
  const order = scheduler(seed);
  const counts = new Map<string, number>();
  const ran: Ran[] = [];
  const rest = scriptedSteps(script.rest ?? {}, ran);
  const killed = Promise.withResolvers<never>();
  let [events, isDead] = [0, false];
  const event = async (line: string): Promise<void> => {
    if (!isDead && ++events === killAt) {
      isDead = true;
      killed.reject(new Killed());
    }
    if (isDead) await new Promise(() => undefined);
    world.log.push(line);
  };
  const durable = async <T>(name: string, body: () => T | Promise<T>): Promise<T> => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    const key = `${name}-${count}`;
    if (!world.records.has(key) && !world.begun.has(key)) {
      await event(`begin ${key}`);
      world.begun.add(key);
    }
    await order.turn();
    if (world.records.has(key)) return structuredClone(world.records.get(key)) as T;
    const value = await body();
    await event(`end ${key}`);
    world.records.set(key, structuredClone(value));
    return value;
  };
  const nameOf = (key: string): string => key.replace(/^\w+:/, '').replace(/-\d+$/, '');
  const steps: RunSteps = {
    prepare: () => durable('prepare', () => rest.prepare()),
    verify: () => durable('verify', () => rest.verify()),
    rebase: () => durable('rebase', () => rest.rebase()),
    propose: (input) => durable('propose', () => rest.propose(input)),
    async save(input) {
      await event('save');
      return rest.save(input);
    },
    async notify(result) {
      await event('notify');
      await rest.notify(result);
    },
    begun: () =>
      Promise.resolve(
        [...new Set([...world.begun].filter((key) => key.includes(':')).map(nameOf))].map((name) => {
          const of = (key: string): boolean => nameOf(key) === name;
          return {
            name,
            job: [...world.begun].some((key) => of(key) && /^(?:child|resolve):/.test(key)),
            results: [...world.records.keys()].filter((key) => key.includes(':') && of(key)).length,
          };
        }),
      ),
    ended: () => Promise.resolve([]),
    before: (name) => Promise.resolve(script.before?.[name] ?? null),
    approve: ({ step, message }) =>
      durable(`approve:${step}`, () => {
        if (script.unanswered?.includes(step) === true) return new Promise(() => undefined);
        const approved = script.refused?.includes(step) !== true;
        world.told.push(`asked ${message}`);
        return {
          ...TIMES,
          ok: true,
          approved,
          by: 'ann',
          comment: approved ? null : 'too early',
          time: TIMES.ended_at,
        };
      }),
    assemble: ({ for: target, onto, changes }) =>
      durable(`assemble:${target ?? ''}`, () => {
        world.assembled.push({ for: target, onto, changes: changes.map(({ step }) => step) });
        return assembleOf(script, onto, changes) as Awaited<ReturnType<RunSteps['assemble']>>;
      }),
    child: (input) =>
      durable(
        `${input.kind === 'step' ? 'child' : 'resolve'}:${input.name}`,
        () => childOf(script, world, input) as Awaited<ReturnType<RunSteps['child']>>,
      ),
    lay: ({ commit }) =>
      durable('lay', () => {
        world.told.push(`laid ${commit}`);
        return { ...TIMES, ok: true, tree: commit, changed: commit !== BASE && script.isUndone !== true };
      }),
    tell: ({ name, status }) => {
      if (!isDead) world.told.push(`${name} ${status}`);
    },
  };
  const running = order.run(Promise.race([runPipeline(runJobOf(script), steps), killed.promise]));
  const result = await running.catch((thrown: unknown) => {
    if (thrown instanceof Killed) return null;
    throw thrown;
  });
  return { result, world, ran };
}
