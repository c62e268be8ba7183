/** Step `build`: one prompt to the agent, and the tree it leaves behind. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Cancelled, JobError, type ErrorInfo } from '../../job/error.ts';
import { isWithoutBaseline } from '../../job/in-place/in-place.ts';
import type { BuildInput, Built, Usage } from '../../job/step.ts';
import { renderPrompt } from '../../prompt/build.ts';
import { renderInterrupted } from '../../prompt/interrupted.ts';
import { isRuleFile, MAX_RULES_BYTES, selectRules, type RuleFile } from '../../prompt/rules.ts';
import { withServices } from '../../sandbox/services.ts';
import { commitTree, treeOf } from '../../workspace/change.ts';
import { partialRef, saveCommit } from '../../workspace/remote/saved.ts';
import { commitInfo } from './commit.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext, StepValue } from '../engine/engine.ts';
import { installDependencies, type Bench } from '../place.ts';
import { baseDependencies } from './prepare.ts';

/** What earlier steps said that the agent should know. */
export interface BuildMemory {
  /** The new failures of the last gate run. */
  readonly failure: string;
  readonly summary: string | null;
  readonly sessionId: string | null;
}

/** Standing rules are read from so many files at most, root first. */
const MAX_RULE_FILES = 50;

async function readRules(context: JobContext, bench: Bench, baseSha: string): Promise<RuleFile[]> {
  const files = await bench.copy.files(baseSha);
  const candidates = files.paths.filter((path) => isRuleFile(path)).slice(0, MAX_RULE_FILES);
  const read = await Promise.all(
    candidates.map(async (path) => ({ path, content: (await files.read(path)) ?? '' })),
  );
  const { agentConfig } = context.config;
  const own =
    agentConfig === null ? null : { path: agentConfig, content: await readAgentConfig(agentConfig) };
  return selectRules(read, { agentConfig: own, maxBytes: MAX_RULES_BYTES });
}

async function readAgentConfig(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => {
    throw new JobError('bad_configuration', `agent_config: ${path} can't be read`, {
      hint: 'correct or unset AGENT_CONFIG',
    });
  });
}

/** After a crash: the partial tree is kept under a ref of its own, then the build begins again from its snapshot. */
async function recover(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  step: StepContext,
  start: string,
): Promise<void> {
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

/** Prompts the agent once. */
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
  const start = step.notes['snapshot'];
  if (typeof start === 'string') await recover(context, detail, bench, step, start);
  else await step.note({ snapshot: await bench.copy.snapshot() }, 'normal');
  // The agent can try what the checks will do: with their services and their environment.
  const needs = { ...agent.needs, env: { ...detail.rules.gate_env, ...agent.needs.env } };
  const opened = await bench.sandboxes.agent(bench.copy, needs, job.request.network);
  const sandbox = withServices(opened, detail.rules.services);
  const rendered = renderPrompt({
    task: job.request.task,
    turn: input.turn,
    rules: await readRules(context, bench, detail.base_sha),
    checks: detail.rules.checks,
    failures: memory.failure,
    summary: memory.summary,
    workspacePath: sandbox.workspacePath,
    mode: job.request.mode,
    withoutBaseline: isWithoutBaseline(job.request.in_place),
  });
  // The session of a try that was cut off: what it had understood need not be paid for again.
  const { session_id: cutOff } = step.notes;
  const sessionId = typeof cutOff === 'string' ? cutOff : memory.sessionId;
  const prompt = typeof cutOff === 'string' ? `${renderInterrupted()}\n\n${rendered}` : rendered;
  journal.emit('message', 'build', { turn: input.turn.kind, prompt_chars: prompt.length, agent: agent.name });
  try {
    const reply = await agent.run(
      {
        phase: 'build',
        prompt,
        model: job.request.model,
        sessionId,
        timeoutMs: input.timeout_ms,
        idleTimeoutMs: context.config.agentIdleTimeoutS * 1000,
      },
      {
        sandbox,
        signal: step.signal,
        logPath: join(context.paths.logs, 'agent.log'),
        // A note that is lost costs a session, not the job.
        onSession: (id) => void step.note({ session_id: id }, 'normal').catch(() => {}),
        onEvent: (type, data) => journal.emit(type, 'build', data),
      },
    );
    if (reply.usage !== null) journal.emit('usage', 'build', { ...reply.usage });
    if (step.signal.aborted) throw new Cancelled();
    if (!reply.ok) throw failedTurn(reply.error, reply.usage, context.mask);
    const tree = await bench.copy.snapshot();
    const baseTree = await treeOf(context.git, bench.copy.target, detail.base_sha);
    journal.emit('message', 'build', { text: reply.summary, changed: tree !== baseTree });
    return {
      tree,
      changed: tree !== baseTree,
      summary: context.mask(reply.summary),
      question: reply.question === null ? null : context.mask(reply.question),
      session_id: reply.sessionId,
      usage: reply.usage,
    };
  } finally {
    await sandbox.close();
  }
}
