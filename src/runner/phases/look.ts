/** Steps `explore` and `plan`: turns that look at a workspace they can't write, and what comes of their answers. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parsePlan } from '../../job/phases/plan.ts';
import type { Explored, LookInput, Planned } from '../../job/step.ts';
import { renderPrompt } from '../../prompt/build.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext, StepValue } from '../engine/engine.ts';
import { installDependencies, type Bench } from '../place.ts';
import { takeTurn, type OkReply } from '../steps/build.ts';
import { baseDependencies } from '../steps/prepare.ts';
import { readRules } from './material.ts';

/** Longest report that is kept, in characters; the agent's whole output is in its log. */
const MAX_REPORT_CHARS = 16_000;

/**
 * Takes back what a turn wrote where no mount could keep it from writing (`host`). Where the workspace is mounted
 * read-only, there is nothing to take back.
 */
async function undo(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  start: string,
  phase: 'explore' | 'plan',
): Promise<void> {
  if ((await bench.copy.snapshot()) === start) return;
  await bench.lasting.close();
  await bench.copy.reset(start);
  await installDependencies(context, bench, bench.copy, baseDependencies(context, detail));
  context.journal.emit('message', phase, {
    notice: `the agent changed files in the ${phase} phase, where it may only look: they are as they were`,
  });
}

/** What such a turn is told. */
interface Given {
  readonly input: LookInput;
  /** What the explore phase found out. */
  readonly report: string | null;
  readonly map: string;
}

async function look(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  phase: 'explore' | 'plan',
  given: Given,
  step: StepContext,
): Promise<OkReply> {
  const { input, report, map } = given;
  const { job } = context;
  const { agent, model } = context.looking[phase];
  const [rules, noted] = [await readRules(context, bench, detail.base_sha, agent), step.notes['snapshot']];
  const mayWrite = !context.adapter.canMount;
  let start: string | null = null;
  if (mayWrite) {
    start = typeof noted === 'string' ? noted : await bench.copy.snapshot();
    if (typeof noted === 'string') await undo(context, detail, bench, start, phase);
    else await step.note({ snapshot: start }, 'normal');
  }
  const prompt = (workspacePath: string): string =>
    renderPrompt({
      task: job.request.task,
      turn: { kind: 'task' },
      phase,
      rules,
      checks: detail.rules.checks,
      failures: '',
      summary: null,
      report,
      map,
      workspacePath,
      mode: job.request.mode,
    });
  try {
    const ask = { phase, turn: phase, agent, model, prompt, timeoutMs: input.timeout_ms };
    const taken = await takeTurn(context, detail, bench, { ...ask, sessionId: null, edits: null }, step);
    return taken.reply;
  } finally {
    if (start !== null) await undo(context, detail, bench, start, phase);
  }
}

/** Lets the agent find out what it must know, and keeps its report. */
export async function explore(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  given: Given,
  step: StepContext,
): Promise<StepValue<Explored>> {
  const reply = await look(context, detail, bench, 'explore', given, step);
  const report = context.mask(reply.summary).slice(0, MAX_REPORT_CHARS).toWellFormed();
  const log = join(context.paths.logs, 'exploration.md');
  await writeFile(log, `${report}\n`);
  context.journal.emit('message', 'explore', { text: report, log });
  return { report, usage: reply.usage };
}

/** Lets the agent cut the task into pieces; what can't be read as a plan becomes one. */
export async function plan(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  given: Given,
  step: StepContext,
): Promise<StepValue<Planned>> {
  const reply = await look(context, detail, bench, 'plan', given, step);
  const planned = parsePlan(context.mask(reply.summary));
  context.journal.emit('plan', 'plan', { ...planned });
  return { ...planned, usage: reply.usage };
}
