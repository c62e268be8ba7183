/** The Steps of a job over the rooms. Each is durable through the engine; what they share is found again on replay. */
import { errorInfoOf, JobError } from '../../job/error.ts';
import type {
  Answered,
  Built,
  Explored,
  LookInput,
  Planned,
  Prepared,
  Proposed,
  Rebased,
  Saved,
  StepResult,
  Steps,
  Verified,
} from '../../job/step.ts';
import { DEFAULT_WINDOW, isFull } from '../../prompt/budget.ts';
import { restoreBase } from '../../workspace/remote/mirror.ts';
import { createSticky, type Sticky } from '../forge/sticky.ts';
import { createSaver, type Saver } from '../keep/save.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Engine, StepContext } from '../engine/engine.ts';
import type { HeldLease } from '../engine/lease.ts';
import { endJob } from '../engine/settle.ts';
import { reopenBench, type Bench } from '../place.ts';
import { createBackgroundBaseline, type BackgroundBaseline } from './background.ts';
import { createMap, type JobMap } from '../phases/map.ts';
import { lookAtBase } from '../forge/proposal/rebase.ts';
import { explore, plan } from '../phases/look.ts';
import { build } from './build.ts';
import { prepare } from './prepare.ts';
import { propose } from './propose.ts';
import { verify } from './verify.ts';

/** The Steps of one job, and what its engine needs of them. */
export interface JobSteps extends Steps {
  /** Saves the work now, whatever state it is in; `null` when there is none. */
  saveNow(): Promise<string | null>;
  /** Takes over what an earlier process prepared, and saves its work, before its steps are forgotten. */
  rescue(prepared: PreparedDetail): Promise<void>;
  /** Whether the last `save` succeeded: only then may the working copy be removed. */
  isSaved(): boolean;
  /** The working copy that was prepared, opened anew where an earlier process did so. */
  ready(): Promise<Ready>;
  /** Stops what runs in the background. */
  stop(): Promise<void>;
}

/** What was prepared, and where. */
interface Ready {
  readonly detail: PreparedDetail;
  readonly bench: Bench;
}

interface StepsOptions {
  readonly context: JobContext;
  readonly engine: Engine;
  readonly lease: HeldLease;
  /** Parks the job until a person answers; the promise it returns never resolves in this process. */
  readonly park: (question: string) => Promise<never>;
}

/** What is known of a job in this process, filled by steps and by their replayed results alike. */
interface Memory {
  detail: PreparedDetail | null;
  bench: Bench | null;
  report: string | null;
  plan: Planned | null;
  verified: Verified | null;
  built: Built | null;
  gateRuns: number;
  /** The commit that the base moved to, where the change is judged there. */
  onto: string | null;
  saved: boolean;
}

/** Messages that one prompt holds; more come with the next. */
const MAX_MESSAGES_A_TURN = 20;

/** A job's memory with the rooms around it: what every step below works on. */
interface Work extends StepsOptions {
  readonly memory: Memory;
  readonly baseline: BackgroundBaseline;
  readonly map: JobMap;
  readonly saver: Saver;
  readonly sticky: Sticky;
}

/** The working copy, opened anew where `prepare` ran in an earlier process. */
async function ready({ context, memory, baseline }: Work): Promise<Ready> {
  const { detail } = memory;
  if (detail === null) throw new JobError('bug', 'a step was reached before prepare');
  const { git, repo } = context.reach(detail.remote);
  await restoreBase(git, repo, detail.remote, detail.base_sha, context.job.job_id);
  if (memory.bench === null) {
    memory.bench = await reopenBench(context, detail.remote.url, detail.base_sha);
    if (memory.verified === null) baseline.start(detail, memory.bench);
  }
  return { detail, bench: memory.bench };
}

async function saveNow(work: Work): Promise<string | null> {
  const { memory } = work;
  if (memory.detail === null) return null;
  const { detail, bench } = await ready(work);
  return work.saver.now(detail, bench, memory.verified);
}

async function stepPrepare(work: Work): Promise<StepResult<Prepared>> {
  const { context, engine, lease, memory, baseline, map } = work;
  work.sticky.begin();
  const result = await engine.step<PreparedDetail>('prepare', 'prepare', async () => {
    await memory.bench?.lasting.close();
    const onto = memory.onto === null ? null : { sha: memory.onto, base: memory.detail?.base ?? '' };
    const { bench, ...detail } = await prepare(context, { check: () => lease.check(), onto });
    memory.bench = bench;
    return detail;
  });
  if (result.ok) {
    memory.detail = result;
    // A working copy that was made anew has a HOME without the conversation.
    if (memory.built !== null) memory.built = { ...memory.built, session_id: null };
    if (memory.bench !== null) {
      baseline.start(result, memory.bench);
      map.start(result, memory.bench);
    }
  }
  return result;
}

async function stepExplore(work: Work, input: LookInput): Promise<StepResult<Explored>> {
  const { context, engine, memory } = work;
  const result = await engine.step<Explored>('explore', 'explore', async (step) => {
    const { detail, bench } = await ready(work);
    const map = await work.map.text(context.looking.explore.agent, detail, bench);
    return explore(context, detail, bench, { input, report: null, map }, step);
  });
  if (result.ok) memory.report = result.report;
  return result;
}

async function stepPlan(work: Work, input: LookInput): Promise<StepResult<Planned>> {
  const { context, engine, memory } = work;
  const result = await engine.step<Planned>('plan', 'plan', async (step) => {
    const { detail, bench } = await ready(work);
    const map = await work.map.text(context.looking.plan.agent, detail, bench);
    return plan(context, detail, bench, { input, report: memory.report, map }, step);
  });
  if (result.ok) memory.plan = result;
  return result;
}

/** The session to go on with, and the agent's command that shortens its history first. */
interface GoOn {
  readonly sessionId: string | null;
  readonly compact: string | null;
}

/** A new session where the last is nearly full and its agent can't shorten it: what was said is told as a summary. */
function sessionOf({ job, models, journal }: JobContext, built: Built): GoOn {
  if (built.session_id === null) return { sessionId: null, compact: null };
  const { session_id: sessionId, context } = built;
  const window = models?.models.windowOf(job.request.model) ?? DEFAULT_WINDOW;
  if (!isFull(context, window)) return { sessionId, compact: null };
  const compact = context?.compact ?? null;
  if (compact !== null) return { sessionId, compact };
  journal.emit('message', 'build', { compacted: 'to a summary, in a new session', window, ...context });
  return { sessionId: null, compact };
}

async function stepBuild(work: Work, input: Parameters<Steps['build']>[0]): Promise<StepResult<Built>> {
  const { context, engine, memory } = work;
  const result = await engine.step<Built>('build', 'build', async (step) => {
    const { detail, bench } = await ready(work);
    const { built, verified, report, plan: planned } = memory;
    const failure = verified?.failure ?? '';
    const known = {
      failure,
      map: await work.map.text(context.agent, detail, bench),
      report,
      plan: planned,
      summary: built?.summary ?? detail.session?.summary ?? null,
      output: built?.output ?? {},
      messages: [...movedWord(detail, built), ...(await takeMessages(work, step))],
      ...(built === null
        ? { sessionId: detail.session?.conversation ?? null, compact: null }
        : sessionOf(context, built)),
    };
    return build(context, detail, bench, input, known, step);
  });
  if (result.ok) memory.built = result;
  return result;
}

/** Words of ours alone: titles of commits are others', and stand in a notice. */
const MOVED =
  'People pushed commits to this branch since the last turn. They are in the working copy: read a file again before you edit it, and keep what they did.';

/** Said with the first turn, where the files are no longer as the session left them. */
function movedWord({ session }: PreparedDetail, built: Built | null): readonly string[] {
  return built === null && session?.isMoved === true ? [MOVED] : [];
}

/** What a person wrote while nobody asked; a try after a crash gets the same again. */
async function takeMessages({ context, lease }: Work, step: StepContext): Promise<readonly string[]> {
  // What waits for a playback are the answers to the questions that were recorded.
  if (context.job.request.replay !== undefined) return [];
  const messages: string[] = [];
  while (messages.length < MAX_MESSAGES_A_TURN) {
    const text = await context.store.takeMessage(lease.current(), `${step.key}/${messages.length}`);
    if (text === null) break;
    messages.push(text);
  }
  if (messages.length > 0) context.journal.emit('message', 'build', { from_person: messages });
  return messages;
}

async function stepMessage(work: Work, question: string): Promise<StepResult<Answered>> {
  const { context, engine, lease } = work;
  return engine.step<Answered>(
    'message',
    'build',
    async (step) => {
      const answer = await context.store.takeMessage(lease.current(), step.key);
      if (answer === null && question !== '') {
        await work.sticky.ask();
        return work.park(question);
      }
      return { answer: answer ?? '' };
    },
    { durability: 'full' },
  );
}

async function stepVerify(work: Work): Promise<StepResult<Verified>> {
  const { context, engine, memory } = work;
  memory.gateRuns++;
  const result = await engine.step<Verified>('verify', 'verify', async () => {
    const { detail, bench } = await ready(work);
    const saveEarly = (commit: string): void => work.saver.early(detail, bench, commit);
    const verified = await verify(context, detail, bench, memory.gateRuns, saveEarly);
    const waiting = await context.store.countMessages(context.job.job_id);
    return waiting === 0 ? verified : { ...verified, message_waits: true };
  });
  if (result.ok) memory.verified = result;
  return result;
}

async function stepRebase(work: Work): Promise<StepResult<Rebased>> {
  const { engine, memory } = work;
  const result = await engine.step<Rebased>('rebase', 'propose', async () => {
    const { detail, bench } = await ready(work);
    if (memory.verified === null) throw new JobError('bug', 'rebase was reached before verify');
    const rebased = await lookAtBase(work.context, detail, bench, memory.verified);
    // What is prepared anew begins with the work that is saved.
    if (rebased.fits) await saveNow(work);
    return rebased;
  });
  if (!result.ok || result.onto === null || !result.fits) return result;
  memory.onto = result.onto;
  return result;
}

async function stepPropose(
  work: Work,
  input: Parameters<Steps['propose']>[0],
): Promise<StepResult<Proposed>> {
  const { context, engine, memory } = work;
  return engine.step<Proposed>(
    'propose',
    'propose',
    async (step) => {
      const { detail, bench } = await ready(work);
      await bench.lasting.close();
      if (memory.verified === null) throw new JobError('bug', 'propose was reached before verify');
      const summary = memory.built?.summary ?? '';
      return propose(context, detail, bench, { verified: memory.verified, input, summary }, step);
    },
    { durability: 'full' },
  );
}

async function stepSave(work: Work): Promise<StepResult<Saved>> {
  const { context, engine, lease, memory, baseline, map } = work;
  await Promise.all([baseline.stop(), map.stop(), memory.bench?.lasting.close()]);
  const run = async (): Promise<Saved> => ({ wip_ref: await saveNow(work) });
  const startedAt = new Date().toISOString();
  try {
    // A signal that is never aborted: saving can't be cancelled.
    const signal = new AbortController().signal;
    const result = await engine.step<Saved>('save', 'notify', run, { durability: 'full', signal });
    memory.saved = result.ok;
    return result;
  } catch (thrown) {
    // Somebody else's job by now: who has it saves it.
    if (lease.lost.aborted) throw thrown;
    // The job still ends: with its outcome, and with the place where its work lies unsaved.
    const why = errorInfoOf(thrown);
    const hint = `the working copy is kept at ${memory.bench?.copy.where ?? context.paths.root}`;
    const error = { ...why, message: `the work could not be saved: ${why.message}`, hint };
    context.journal.emit('error', 'notify', { message: error.message, hint });
    return { ok: false, error, started_at: startedAt, ended_at: new Date().toISOString(), usage: null };
  }
}

/** Wires the Steps of a job. */
export function createSteps(options: StepsOptions): JobSteps {
  const memory: Memory = {
    detail: null,
    bench: null,
    report: null,
    plan: null,
    verified: null,
    built: null,
    gateRuns: 0,
    onto: null,
    saved: false,
  };
  const baseline = createBackgroundBaseline(options.context);
  const work: Work = {
    ...options,
    memory,
    baseline,
    map: createMap(options.context),
    saver: createSaver(options.context, options.lease),
    sticky: createSticky(options.context),
  };
  return {
    prepare: () => stepPrepare(work),
    explore: (input) => stepExplore(work, input),
    plan: (input) => stepPlan(work, input),
    build: (input) => stepBuild(work, input),
    message: ({ question }) => stepMessage(work, question),
    verify: () => stepVerify(work),
    rebase: () => stepRebase(work),
    propose: (input) => stepPropose(work, input),
    save: () => stepSave(work),
    async notify(result) {
      const { context, engine, lease } = options;
      const final = { ...result, resumed_from_checkpoint: engine.replayed() };
      // Before the end is stored: who takes the job over after a death tells it again, and nobody would after the end.
      await work.sticky.end(final);
      await endJob({ ...context, lease }, context.job, final);
    },
    saveNow: () => saveNow(work),
    async rescue(prepared) {
      memory.detail = prepared;
      const { remote, base_sha: sha } = prepared;
      const { git, repo } = options.context.reach(remote);
      await restoreBase(git, repo, remote, sha, options.context.job.job_id);
      memory.bench = await reopenBench(options.context, remote.url, sha);
      await saveNow(work);
      memory.detail = null;
      memory.bench = null;
    },
    isSaved: () => memory.saved,
    ready: () => ready(work),
    stop: async () => {
      await Promise.all([
        work.baseline.stop(),
        work.map.stop(),
        work.saver.settled(),
        memory.bench?.lasting.close(),
      ]);
    },
  };
}
