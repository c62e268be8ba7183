/** All that is due in one repository, decided in its order: one process at a time does this, under a claim. */
import { errorInfoOf, type ErrorInfo } from '../../job/error.ts';
import { decideTrigger, type Decision } from '../../job/trigger/decide.ts';
import type { ForgeEvent } from '../../job/trigger/event.ts';
import type { Settlement, Settling, Trigger, TriggerClaim } from '../../job/trigger/record.ts';
import type { Log } from '../../log.ts';
import { visible } from '../../prompt/untrusted.ts';
import type { RunnerParts } from '../context.ts';
import type { Runner } from '../runner.ts';
import { LEASE_MS } from '../engine/lease.ts';
import { jobRequest, turnRequest, type Decided, type JobDecision, type TurnDecision } from './act.ts';
import type { Desk } from './desk.ts';

/** How long a claim holds after it was last renewed, in milliseconds: as long as the lease of a job. */
export const CLAIM_MS: number = LEASE_MS;
/** Settled in one transaction; a storm is a thousand of them. */
const FLUSH = 50;
/** Waits before the next try at a decision that failed, in seconds; after the last there is none. */
const BACKOFF_S = [5, 30, 120, 600, 3600, 6 * 3600, 12 * 3600] as const;
/** Tries at what a person has to mend. */
const MAX_TRIES_OF_OTHERS = 3;
/** Decisions in a row that fail before the rest of a batch is left for later: the forge is down. */
const MAX_FAILURES_IN_A_ROW = 3;
const PUT_OFF_MS = 60_000;
/** How long checks that have not ended are waited for before the next look, and in all, in milliseconds. */
const PENDING_MS = 60_000;
const MAX_PENDING_MS = 24 * 3600_000;
/** How long an event waits for a job at most: jobs may wait for people. */
const MAX_WAIT_MS = 14 * 24 * 3600_000;
/** Where nothing tells that the job has ended. */
const RECHECK_MS = 300_000;
/** Events of one batch that are answered by 👀, and how long that may take in all. */
const MAX_SEEN = 20;
const SEEN_MS = 15_000;

/** What a batch works with. */
export interface BatchParts {
  readonly parts: RunnerParts;
  readonly runner: Runner;
  readonly log: Log;
  readonly now: () => Date;
}

type Group<D> = [Decided<D>, ...Decided<D>[]];

/** What was decided and is not done yet: jobs by issue, follow-ups by session. */
interface Pending {
  readonly jobs: Map<number, Group<JobDecision>>;
  readonly turns: Map<string, Group<TurnDecision>>;
}

function push<K, D>(groups: Map<K, Group<D>>, key: K, one: Decided<D>): void {
  const known = groups.get(key);
  if (known === undefined) groups.set(key, [one]);
  else known.push(one);
}

/** An event freed of what its author may have hidden in it. */
function seen(event: ForgeEvent): ForgeEvent {
  return event.kind === 'comment' || event.kind === 'review'
    ? { ...event, text: visible(event.text) }
    : event;
}

const NOT_DUE = { action: null, due_at: null, waits_for: null } as const;

function later(now: Date, ms: number): string {
  return new Date(now.getTime() + ms).toISOString();
}

/** An event whose decision failed: tried again later, or given up. */
function failed({ key, tries: before }: Trigger, error: ErrorInfo, now: Date): Settlement {
  const tries = before + 1;
  const wait = BACKOFF_S[before];
  const isOver = wait === undefined || (error.blame === 'user' && tries >= MAX_TRIES_OF_OTHERS);
  const hint = error.hint === null ? '' : ` (${error.hint})`;
  const common = { ...NOT_DUE, key, reason: `${error.message}${hint}`, job_id: null, tries };
  return isOver
    ? { ...common, state: 'failed' }
    : { ...common, state: 'due', due_at: later(now, wait * 1000) };
}

/** An event that waits; for ever none does. */
function waiting(trigger: Trigger, decision: Extract<Decision, { kind: 'wait' }>, now: Date): Settlement {
  const { key, tries, received_at: received } = trigger;
  const { job, reason } = decision;
  const most = job === null ? MAX_PENDING_MS : MAX_WAIT_MS;
  const common = { ...NOT_DUE, key, reason, job_id: null, tries };
  if (now.getTime() - Date.parse(received) > most) return { ...common, state: 'ignored' };
  const due_at = later(now, job === null ? PENDING_MS : RECHECK_MS);
  return { ...common, state: 'due', due_at, waits_for: job };
}

/** An event that is left for later, through no fault of its own. */
function putOff({ key, tries, reason, waits_for }: Trigger, now: Date): Settlement {
  const due_at = later(now, PUT_OFF_MS);
  return { ...NOT_DUE, key, tries, state: 'due', reason, job_id: null, due_at, waits_for };
}

/** Settlements on their way to the store. */
function createBook({ parts: { store }, now }: BatchParts, claim: TriggerClaim) {
  const all = new Map(claim.triggers.map((one) => [one.key, one]));
  const open = new Map(all);
  let kept: Settlement[] = [];
  const waits = new Map<string, Trigger>();
  const settling = (settlements: readonly Settlement[]): Settling => ({
    claim: { repo: claim.repo, token: claim.token },
    settlements,
    now: now(),
    leaseMs: CLAIM_MS,
  });
  const flush = async (): Promise<void> => {
    const those = kept;
    kept = [];
    if (those.length > 0) await store.settleTriggers(settling(those));
  };
  return {
    /** Events of the batch that nothing was decided of. */
    open,
    settling,
    flush,
    /** Events of the batch that were found to wait for a job. */
    waitingFor: (jobId: string): readonly Trigger[] =>
      [...waits.values()].filter((one) => one.waits_for === jobId),
    async settle(settlement: Settlement): Promise<void> {
      const { key, waits_for } = settlement;
      const trigger = all.get(key);
      if (waits_for === null || trigger === undefined) waits.delete(key);
      else waits.set(key, { ...trigger, waits_for });
      open.delete(key);
      kept.push(settlement);
      if (kept.length >= FLUSH) await flush();
    },
  };
}

type Book = ReturnType<typeof createBook>;

function ignored({ key, tries }: Trigger, reason: string): Settlement {
  return { ...NOT_DUE, key, tries, state: 'ignored', reason, job_id: null };
}

function done({ key, tries }: Trigger, action: 'job' | 'turn' | 'cancel', jobId: string | null): Settlement {
  return { ...NOT_DUE, key, tries, state: 'done', action, reason: null, job_id: jobId };
}

/** Says 👀 of what will be acted on; whether it can be said changes nothing. */
function createEyes({ log }: BatchParts, desk: Desk): (event: ForgeEvent) => Promise<void> {
  let count = 0;
  const until = performance.now() + SEEN_MS;
  return async (event) => {
    if (event.kind === 'checks' || event.kind === 'closed') return;
    if (++count > MAX_SEEN || performance.now() > until) return;
    await desk.conversation.acknowledge(event).catch((error: unknown) => {
      log.debug('an event could not be acknowledged', { key: event.key, error });
    });
  };
}

/** Cancels a job, with what was asked before and waits for its end: who cancels means that, too. */
async function cancel(
  { runner, log }: BatchParts,
  desk: Desk,
  book: Book,
  trigger: Trigger,
  jobId: string,
): Promise<void> {
  await runner.cancel(jobId).catch((error: unknown) => {
    const { code, message } = errorInfoOf(error);
    // It ended by itself meanwhile.
    if (code !== 'conflict') throw error;
    log.debug('nothing to cancel', { job_id: jobId, message });
  });
  desk.refresh();
  for (const one of book.waitingFor(jobId)) await book.settle(ignored(one, `${jobId} was cancelled`));
  await book.settle(done(trigger, 'cancel', jobId));
}

/** Decides on one event, and does what is not to be done together with others. */
async function decideOne(
  batch: BatchParts,
  desk: Desk,
  book: Book,
  pending: Pending,
  eyes: (event: ForgeEvent) => Promise<void>,
  trigger: Trigger,
): Promise<void> {
  const event = seen(trigger.event);
  const decision = await decideTrigger(event, batch.parts.config.triggers, desk.facts);
  const one = { ...trigger, event };
  switch (decision.kind) {
    case 'ignore': {
      const { reason, tell } = decision;
      // One comment of ours, edited: said twice, it stands there once.
      if (tell !== null) await desk.issues.say(tell.number, tell.text);
      await book.settle(ignored(trigger, reason));
      return;
    }
    case 'wait':
      if (decision.job !== null && trigger.waits_for === null) await eyes(event);
      await book.settle(waiting(trigger, decision, batch.now()));
      return;
    case 'cancel':
      await eyes(event);
      await cancel(batch, desk, book, trigger, decision.job);
      return;
    case 'job':
      if (trigger.waits_for === null) await eyes(event);
      push(pending.jobs, decision.number, { trigger: one, decision });
      return;
    case 'turn':
      if (trigger.waits_for === null) await eyes(event);
      push(pending.turns, decision.pull.session_id, { trigger: one, decision });
  }
}

/** Several reports of the checks of one commit are one: how they stand is read, not told. */
function isRepeated(trigger: Trigger, all: readonly Trigger[]): boolean {
  const { event, number } = trigger;
  return (
    event.kind === 'checks' &&
    all.some((one) => one.number > number && one.event.kind === 'checks' && one.event.sha === event.sha)
  );
}

async function decideAll(
  batch: BatchParts,
  desk: Desk,
  book: Book,
  claim: TriggerClaim,
  signal: AbortSignal,
): Promise<Pending> {
  const pending: Pending = { jobs: new Map(), turns: new Map() };
  const eyes = createEyes(batch, desk);
  const isWithRules = batch.parts.config.triggers.rules.length > 0;
  let failures = 0;
  for (const trigger of claim.triggers) {
    if (signal.aborted) break;
    // Cancelled by an event of this batch.
    if (!book.open.has(trigger.key)) continue;
    if (failures >= MAX_FAILURES_IN_A_ROW) {
      await book.settle(putOff(trigger, batch.now()));
      continue;
    }
    if (isWithRules && isRepeated(trigger, claim.triggers)) {
      await book.settle(ignored(trigger, 'its commit was told of again'));
      continue;
    }
    try {
      await decideOne(batch, desk, book, pending, eyes, trigger);
      failures = 0;
    } catch (error) {
      const info = errorInfoOf(error);
      failures++;
      batch.log.warn('an event could not be decided', {
        key: trigger.key,
        code: info.code,
        message: info.message,
      });
      await book.settle(failed(trigger, info, batch.now()));
    }
  }
  return pending;
}

/** Makes one job of a group, with its events settled in the same transaction; where it can't be made, they are tried again. */
async function makeOne<D>(
  batch: BatchParts,
  book: Book,
  action: 'job' | 'turn',
  group: Group<D>,
  request: () => ReturnType<typeof jobRequest>,
): Promise<void> {
  const { runner, log } = batch;
  const triggers = group.map(({ trigger }) => trigger);
  try {
    const asked = await request();
    await book.flush();
    const settles = book.settling(triggers.map((one) => done(one, action, null)));
    const { job } = await runner.submit(asked, { settles });
    for (const { key } of triggers) book.open.delete(key);
    log.info('job made of events', {
      job_id: job.job_id,
      action,
      events: triggers.map(({ key }) => key).slice(0, 20),
    });
  } catch (error) {
    // A claim that is lost shows when that is stored.
    const info = errorInfoOf(error);
    log.warn('no job could be made of events', { action, code: info.code, message: info.message });
    for (const one of triggers) await book.settle(failed(one, info, batch.now()));
  }
}

/**
 * Decides on all events of a claim. What it does not get to stays as it is.
 *
 * @throws JobError `conflict` where the claim has passed to somebody else
 */
export async function decideBatch(
  batch: BatchParts,
  desk: Desk,
  claim: TriggerClaim,
  signal: AbortSignal,
): Promise<void> {
  const book = createBook(batch, claim);
  const { jobs, turns } = await decideAll(batch, desk, book, claim, signal);
  await book.flush();
  for (const group of jobs.values())
    await makeOne(batch, book, 'job', group, () => jobRequest(batch.parts, desk, group));
  for (const group of turns.values())
    await makeOne(batch, book, 'turn', group, () => turnRequest(batch.parts, desk, group));
  await book.flush();
}

/** Puts all events of a claim off, where the repository as such can't be asked. */
export async function failBatch(batch: BatchParts, claim: TriggerClaim, error: ErrorInfo): Promise<void> {
  const book = createBook(batch, claim);
  for (const trigger of claim.triggers) await book.settle(failed(trigger, error, batch.now()));
  await book.flush();
}
