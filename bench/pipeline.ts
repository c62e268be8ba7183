/** What a pipeline costs besides its agents: durable steps that take no time, and the planning of large graphs. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parsePipeline } from '../src/job/pipeline/parse.ts';
import { createTracker, planPipeline } from '../src/job/pipeline/plan.ts';
import { runOnce } from './pipeline-scene.ts';
import { machine, median } from './place.ts';

const STEPS = 1000;
const MANY = 4000;
const MOST = 10_000;
const ROUNDS = 5;
const MAX_STEP_MS = 5;
/** Four times the steps, and a little for what grows with the database. */
const MAX_GROWTH = 4.5;
const MAX_PLAN_MS = 500;
/** Steps of a layer, and on how many of the layer before each depends: 20,160 edges among 1,000 steps. */
const WIDTH = 40;
const FAN_IN = 21;

interface RawStep {
  readonly name: string;
  readonly task: string;
  readonly depends_on: readonly string[];
}

function nameAt(at: number): string {
  return `step-${at}`;
}

/** A step whose task names an output of the first that it depends on. */
function rawStep(at: number, dependsOn: readonly number[]): RawStep {
  const [first] = dependsOn;
  const told = first === undefined ? '' : ` The one before said: {{ steps.${nameAt(first)}.output.summary }}`;
  return { name: nameAt(at), task: `Do part ${at} of it.${told}`, depends_on: dependsOn.map(nameAt) };
}

/** Shapes of graphs, by which steps (those before it) a step depends on. */
const SHAPES: Readonly<Record<string, (at: number, count: number) => readonly number[]>> = {
  chain: (at) => (at === 0 ? [] : [at - 1]),
  'fan-out': (at, count) =>
    at === 0 ? [] : at === count - 1 ? Array.from({ length: count - 2 }, (_, n) => n + 1) : [0],
  layers(at) {
    const first = Math.floor(at / WIDTH) * WIDTH - WIDTH;
    return first < 0 ? [] : Array.from({ length: FAN_IN }, (_, n) => first + ((at + n) % WIDTH));
  },
};

function rawPipeline(
  shape: string,
  count: number,
): { readonly name: string; readonly steps: readonly RawStep[] } {
  const dependsOn = SHAPES[shape];
  if (dependsOn === undefined) throw new Error(`there is no shape ${shape}`);
  return { name: shape, steps: Array.from({ length: count }, (_, at) => rawStep(at, dependsOn(at, count))) };
}

function edgesOf({ steps }: ReturnType<typeof rawPipeline>): number {
  return steps.reduce((sum, step) => sum + step.depends_on.length, 0);
}

/** A line of the table. */
interface Row {
  readonly what: string;
  readonly measured: string;
  readonly limit: string;
  readonly isMet: boolean;
}

/** Milliseconds of one run. @throws Error where not every step was run once and ended well */
async function timeRun(folder: string, shape: string, count: number): Promise<number> {
  const name = `${shape}-${count}`;
  const { result, ms, jobs, completed } = await runOnce(
    folder,
    name,
    parsePipeline(rawPipeline(shape, count)),
  );
  rmSync(join(folder, name), { recursive: true });
  if (result.outcome !== 'proposed' || jobs !== count || completed !== count)
    throw new Error(
      `${name}: ${result.outcome}, ${jobs} jobs, ${completed} completed: ${JSON.stringify(result.error)}`,
    );
  return ms;
}

/** Both sizes in turn, so that a change of the machine's mood meets both. */
async function runs(folder: string, shape: string): Promise<readonly Row[]> {
  const few: number[] = [];
  const many: number[] = [];
  await timeRun(folder, shape, STEPS);
  for (let round = 0; round < ROUNDS; round++) {
    few.push(await timeRun(folder, shape, STEPS));
    many.push(await timeRun(folder, shape, MANY));
  }
  const [fewMs, manyMs] = [median(few), median(many)];
  // Of the fastest: a neighbour's disk only adds, to the longer runs most often.
  const growth = Math.min(...many) / Math.min(...few);
  const edges = edgesOf(rawPipeline(shape, STEPS));
  const each = fewMs / STEPS;
  return [
    {
      what: `${shape}, ${STEPS} steps, ${edges} edges: overhead a step`,
      measured: `${each.toFixed(2)} ms`,
      limit: `${MAX_STEP_MS} ms`,
      isMet: each <= MAX_STEP_MS,
    },
    {
      what: `${shape}, ${MANY} steps against ${STEPS}`,
      measured: `${growth.toFixed(2)} × (${(manyMs / MANY).toFixed(2)} ms a step)`,
      limit: `${MAX_GROWTH} ×`,
      isMet: growth <= MAX_GROWTH,
    },
  ];
}

/** Checks a definition, plans it, and walks it to its end in the order in which steps become ready. */
function planOnce(raw: ReturnType<typeof rawPipeline>): number {
  const began = performance.now();
  const plan = planPipeline(parsePipeline(raw));
  const tracker = createTracker(plan);
  const ready = [...tracker.begin()];
  for (const { step } of ready) ready.push(...tracker.ended(step, true));
  const ms = performance.now() - began;
  if (ready.length !== raw.steps.length) throw new Error(`${raw.name}: ${ready.length} steps were reached`);
  return ms;
}

function planning(shape: string): Row {
  const raw = rawPipeline(shape, MOST);
  const ms = median(Array.from({ length: ROUNDS }, () => planOnce(raw)));
  return {
    what: `${shape}, ${MOST} steps, ${edgesOf(raw)} edges: check, plan and walk`,
    measured: `${ms.toFixed(0)} ms`,
    limit: `${MAX_PLAN_MS} ms`,
    isMet: ms <= MAX_PLAN_MS,
  };
}

/** Prints a table of what was measured and allowed; the process exits with 1 where a limit is missed. */
export async function benchPipeline(): Promise<void> {
  // On the disk, because steps are flushed to it.
  const folder = mkdtempSync(join(tmpdir(), 'agent-runner-bench-'));
  const rows: Row[] = [];
  try {
    for (const shape of Object.keys(SHAPES)) rows.push(planning(shape));
    for (const shape of Object.keys(SHAPES)) rows.push(...(await runs(folder, shape)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`medians of ${ROUNDS}, interleaved\n\n| figure | measured | at most | |\n|---|---|---|---|`);
  for (const { what, measured, limit, isMet } of rows)
    console.log(`| ${what} | ${measured} | ${limit} | ${isMet ? '' : 'missed'} |`);
  console.log(`\n${machine()}`);
  if (rows.some(({ isMet }) => !isMet)) process.exitCode = 1;
}
