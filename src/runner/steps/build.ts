/** Step `build`: one prompt to the agent, and the tree it leaves behind. */
import { join } from 'node:path';
import type { Agent, AgentContext, AgentReply } from '../../agent/agent.ts';
import { Cancelled, JobError, type ErrorInfo } from '../../job/error.ts';
import { isWithoutBaseline } from '../../job/in-place/in-place.ts';
import type { Output } from '../../job/pipeline/run.ts';
import type { AgentPhase, BuildInput, Built, Planned, Turn, Usage } from '../../job/step.ts';
import { renderPrompt } from '../../prompt/build.ts';
import { renderInterrupted } from '../../prompt/interrupted.ts';
import { withServices } from '../../sandbox/services.ts';
import { commitTree, treeOf } from '../../workspace/change.ts';
import { partialRef, saveCommit } from '../../workspace/remote/saved.ts';
import { commitInfo } from './commit.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext, StepValue } from '../engine/engine.ts';
import { readRules } from '../phases/material.ts';
import { toolServers } from '../phases/servers.ts';
import { meteredTurn } from '../models/turn.ts';
import { takeOutputs } from '../pipeline/step/output.ts';
import { stepPlaceOf } from '../pipeline/step/told.ts';
import { forgetTurn, recordTurn, turnNumber, type TurnRecorder } from '../record/recorder.ts';
import { installDependencies, type Bench } from '../place.ts';
import { baseDependencies } from './prepare.ts';

/** What earlier steps said that the agent should know. */
export interface BuildMemory {
  /** The new failures of the last gate run. */
  readonly failure: string;
  /** What explore and plan answered; `null` where they did not run. */
  readonly report: string | null;
  readonly plan: Planned | null;
  /** The repository map as a part of the prompt. */
  readonly map: string;
  readonly summary: string | null;
  readonly sessionId: string | null;
  /** What a person wrote since the last turn. */
  readonly messages: readonly string[];
  /** The outputs that a step's agent gave in earlier turns. */
  readonly output: Output;
  /** The agent's command that shortens that session's history; `null`: it is not full. */
  readonly compact: string | null;
}

/** After a crash: the partial tree is kept under a ref of its own, then the build begins again from its snapshot. */
async function recover(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  step: StepContext,
  start: string,
): Promise<void> {
  await bench.lasting.close();
  const tree = await bench.copy.snapshot();
  if (tree !== start) {
    const ref = partialRef(context.job.job_id, step.tries - 1);
    const info = commitInfo(context, 'Partial work of an interrupted build');
    const commit = await commitTree(context.git, bench.copy.target, tree, detail.base_sha, ref, info);
    await saveCommit(
      context.git,
      context.layout.repo(detail.remote.url),
      context.paths.git,
      commit,
      detail.base_sha,
      ref,
    );
    context.journal.emit('message', 'build', { text: `interrupted work is kept as ${ref}`, ref });
  }
  await bench.copy.reset(start);
  await installDependencies(context, bench, bench.copy, baseDependencies(context, detail));
}

/** An agent's failure with what it spent, so that the money counts although the step failed. */
function failedTurn(error: ErrorInfo, usage: Usage | null, mask: (text: string) => string): JobError {
  const thrown = new JobError(
    error.code,
    mask(error.message),
    error.hint === null ? {} : { hint: error.hint },
  );
  return Object.assign(thrown, { usage });
}

/** What one turn asks of which agent. */
interface Ask {
  readonly phase: AgentPhase;
  /** Why it is prompted, in a word. */
  readonly turn: string;
  readonly agent: Agent;
  readonly model: string | null;
  readonly prompt: (workspacePath: string) => string;
  readonly sessionId: string | null;
  readonly compact?: string | null;
  readonly timeoutMs: number;
  /** The tree it begins with, and what a person answered; `null` where it may only look. */
  readonly edits: { readonly start: string; readonly answer: string | null } | null;
}

/** How a turn that ended well ended. */
export type OkReply = Extract<AgentReply, { readonly ok: true }>;

/** What came of a turn; `tree` is what it left, `null` where it may only look. */
interface Taken {
  readonly reply: OkReply;
  readonly tree: string | null;
}

/** Runs the agent, and gives back how it ended with what writes it down. */
async function promptAgent(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  ask: Ask,
  step: StepContext,
): Promise<{ readonly reply: AgentReply; readonly recorder: TurnRecorder }> {
  const { job, journal } = context;
  const { agent, phase } = ask;
  // The agent can try what the checks will do: with their services and their environment.
  const needs = { ...agent.needs, env: { ...detail.rules.gate_env, ...agent.needs.env } };
  const access = context.models?.open(agent, ask.model, phase) ?? null;
  const { services } = detail.rules;
  const { network } = job.request;
  const readOnly = phase !== 'build';
  const door = access === null || agent.inProcess === true ? null : (context.models?.door ?? null);
  // What shares this machine's loopback, or has services, must not stand in the way of the checks.
  const stays = agent.lasts === true && context.adapter.canMount && !network && services.length === 0;
  const key = { agent, options: JSON.stringify([readOnly, door !== null, needs]) };
  const sandbox = await bench.lasting.take(stays ? key : null, async () =>
    withServices(await bench.sandboxes.agent(bench.copy, needs, { network, readOnly, door }), services),
  );
  // The session of a try that was cut off: what it had understood need not be paid for again.
  const { session_id: cutOff } = step.notes;
  const sessionId = typeof cutOff === 'string' ? cutOff : ask.sessionId;
  const rendered = ask.prompt(sandbox.workspacePath);
  const prompt = typeof cutOff === 'string' ? `${renderInterrupted()}\n\n${rendered}` : rendered;
  journal.emit('message', phase, { turn: ask.turn, prompt_chars: prompt.length, agent: agent.name });
  let endedWell = false;
  const begun = { key: step.key, phase, why: ask.turn, agent: agent.name, model: ask.model, prompt };
  const recorder = recordTurn(context, { ...begun, answer: ask.edits?.answer ?? null });
  try {
    const turn = {
      phase,
      number: turnNumber(step.key),
      prompt,
      model: ask.model,
      sessionId,
      ...(ask.compact == null ? {} : { compact: ask.compact }),
      timeoutMs: ask.timeoutMs,
      idleTimeoutMs: context.config.agentIdleTimeoutS * 1000,
    };
    const logPath = join(context.paths.logs, 'agent.log');
    const sessionsPath = context.paths.conversations;
    const mcpServers = agent.takesMcp === true ? await toolServers(context, bench, detail) : [];
    // A note that is lost costs a session, not the job.
    const onSession = (id: string): void => void step.note({ session_id: id }, 'normal').catch(() => {});
    const onEvent: AgentContext['onEvent'] = (type, data) => {
      journal.emit(type, phase, data);
      recorder.onEvent(type, data);
    };
    const reply = await meteredTurn(context.models, access, { agent, sandbox }, step, (model, signal) =>
      agent.run(turn, {
        sandbox,
        signal,
        stays,
        logPath,
        sessionsPath,
        model,
        mcpServers,
        onSession,
        onEvent,
      }),
    );
    if (reply.usage !== null) journal.emit('usage', phase, { ...reply.usage });
    if (step.signal.aborted) throw new Cancelled();
    endedWell = reply.ok;
    return { reply, recorder };
  } finally {
    await bench.lasting.release(sandbox, endedWell);
  }
}

/**
 * Prompts an agent once, in a sandbox of its own (read-only but for the build phase), and records the turn. One that
 * was cancelled is not recorded: whoever took its lease may be at work on the same files.
 *
 * @throws JobError as the agent failed, with what it spent in `usage`; Cancelled
 */
export async function takeTurn(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  ask: Ask,
  step: StepContext,
): Promise<Taken> {
  if (step.tries > 1) await forgetTurn(context, step.key);
  const { reply, recorder } = await promptAgent(context, detail, bench, ask, step);
  const snapshot = async (): Promise<string | null> =>
    // The agent's own failure is the news; the work is looked at once more when it is saved.
    reply.ok ? bench.copy.snapshot() : bench.copy.snapshot().catch(() => null);
  const tree = ask.edits === null ? null : await snapshot();
  const trees = ask.edits === null || tree === null ? null : { before: ask.edits.start, after: tree };
  await recorder.end(reply, trees);
  if (!reply.ok) throw failedTurn(reply.error, reply.usage, context.mask);
  return { reply, tree };
}

/** Why the agent is prompted, for the events. */
function turnName(turn: Turn): string {
  if (turn.kind === 'subtask') return `sub-task ${turn.number} of ${turn.of}: ${turn.name}`;
  return turn.kind === 'fix' && turn.debug ? 'debug' : turn.kind;
}

/** Builds: prompts the agent once, with all that is known. */
export async function build(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  input: BuildInput,
  memory: BuildMemory,
  step: StepContext,
): Promise<StepValue<Built>> {
  const { job, agent, journal } = context;
  // A try that died before its snapshot was noted had not started the agent: this one is the first.
  const noted = step.notes['snapshot'];
  const start = typeof noted === 'string' ? noted : await bench.copy.snapshot();
  if (typeof noted === 'string') await recover(context, detail, bench, step, start);
  else await step.note({ snapshot: start }, 'normal');
  const { turn } = input;
  const isNew = memory.sessionId === null;
  const rules = await readRules(context, bench, detail.base_sha, agent);
  const place = await stepPlaceOf(context.store, job);
  const prompt = (workspacePath: string): string =>
    renderPrompt({
      task: job.request.task,
      turn,
      rules,
      checks: detail.rules.checks,
      failures: memory.failure,
      summary: memory.summary,
      messages: memory.messages,
      // An agent that goes on with its session has been told.
      report: isNew ? memory.report : null,
      plan: memory.plan,
      map: isNew ? memory.map : '',
      workspacePath,
      mode: job.request.mode,
      step: place,
      withoutBaseline: isWithoutBaseline(job.request.in_place),
    });
  const { reply, tree } = await takeTurn(
    context,
    detail,
    bench,
    {
      phase: 'build',
      turn: turnName(turn),
      agent,
      model: job.request.model,
      prompt,
      sessionId: memory.sessionId,
      compact: memory.compact,
      timeoutMs: input.timeout_ms,
      edits: { start, answer: turn.kind === 'answer' ? turn.answer : null },
    },
    step,
  );
  if (tree === null) throw new JobError('bug', 'a turn that builds left no tree');
  const startTree = detail.session?.tree ?? (await treeOf(context.git, bench.copy.target, detail.base_sha));
  journal.emit('message', 'build', { text: reply.summary, changed: tree !== startTree });
  const given = await takeOutputs(context, bench, { reply, tree, before: memory.output });
  return {
    tree,
    changed: tree !== startTree,
    summary: context.mask(reply.summary),
    question: reply.question === null ? null : context.mask(reply.question),
    session_id: reply.sessionId,
    ...(reply.context === undefined ? {} : { context: reply.context }),
    ...given,
    usage: reply.usage,
  };
}
