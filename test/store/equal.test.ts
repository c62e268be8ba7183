/** Property: whatever is done in whatever order, the store in memory and the one in SQLite answer alike. */
import { join } from 'node:path';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { DELIVERY_STATUSES, type Delivery } from '../../src/job/delivery/delivery.ts';
import { JobError } from '../../src/job/error.ts';
import type { JobPatch } from '../../src/job/job.ts';
import { USAGE_KEYS } from '../../src/job/model/usage.ts';
import type { JobResult } from '../../src/job/result.ts';
import { JOB_STATUSES, OUTCOMES, type Outcome } from '../../src/job/status.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Durability, Lease, Store } from '../../src/store/store.ts';
import { TRIGGER_STATES } from '../../src/job/trigger/record.ts';
import { sampleDecision, samplePipeline, sampleRun, sampleStep } from '../contract/pipelines.ts';
import { sampleSettlement, sampleTrigger } from '../contract/triggers.ts';
import { testDirectory } from './directory.ts';
import { sampleEvent, sampleJob, sampleRequest, T0 } from './sample.ts';

const HOUR = 3_600_000;

/** Something to do to a store. `leases` are those that were handed out so far, old ones too. */
type Operation = (store: Store, leases: readonly Lease[]) => Promise<unknown>;
type Answer =
  | { readonly value: unknown }
  | { readonly code: string; readonly message: string; readonly hint: string | null };

const jobId = fc.constantFrom('a', 'b', 'c');
const repo = fc.constantFrom('/srv/a', '/srv/b');
const key = fc.constantFrom('build#1', 'build#2', 'verify#1');
const status = fc.constantFrom(...JOB_STATUSES);
const durability = fc.constantFrom<Durability>('full', 'normal');
const text = fc.string({ unit: 'binary', maxLength: 20 });
const json = fc.jsonValue({ maxDepth: 2 });
/** Texts whose words meet each other, or nearly: other forms and cases, marks, scripts without blanks, quotes. */
const task = fc
  .array(
    fc.constantFrom(
      'Straße',
      'STRASSE',
      'naïve',
      'nai\u0308ve',
      '価格を直す',
      'foo_bar',
      'fooBar',
      'a"b',
      'srv',
      '①',
    ),
    { maxLength: 3 },
  )
  .map((all) => all.join(' '));
const words = fc.oneof(
  task,
  fc.constantFrom(
    'str*',
    'nai*',
    'nai\u0308*',
    '価',
    'foo*',
    'srv a',
    'OR',
    '"',
    '',
    'x*',
    'bar NOT foo',
    'İst*',
  ),
);
const note = fc.dictionary(fc.constantFrom('x', 'y', '__proto__', ''), json, { maxKeys: 3 });
const time = fc.integer({ min: 0, max: 120 }).map((n) => new Date(T0.getTime() + n * 60_000).toISOString());
const filters = {
  status,
  repo,
  before: jobId,
  search: words,
  agent: fc.constantFrom('patch', 'simulated'),
  isStep: fc.boolean(),
  since: time,
  until: time,
};
const minutes = fc.integer({ min: 0, max: 120 }).map((n) => new Date(T0.getTime() + n * 60_000));
const limit = fc.integer({ min: 0, max: 5 });
const deliveryId = fc.constantFrom('d-1', 'd-2');
const pipeId = fc.constantFrom('pipe-1', 'pipe-2');
const which = fc.nat({ max: 9 });

/** What a result says of its cost: also what no result should. */
const spent = fc.record(
  {
    total_cost: fc.oneof(fc.constant(null), fc.double({ min: 0, max: 9, noNaN: true }), text),
    total_tokens_in: fc.option(fc.nat()),
    total_tokens_out: fc.option(fc.nat()),
    turns: fc.nat({ max: 9 }),
  },
  { requiredKeys: [] },
) as unknown as fc.Arbitrary<JobResult>;

const patch: fc.Arbitrary<JobPatch> = fc.record(
  {
    status,
    outcome: fc.constantFrom(null, ...(Object.keys(OUTCOMES) as Outcome[])),
    attempt: fc.integer({ min: -1, max: 5 }),
    started_at: fc.constantFrom(null, T0.toISOString()),
    question: fc.option(text),
    result: fc.option(spent),
  },
  { requiredKeys: [] },
);
/** The endings that jobs really have, which random patches seldom hit. */
const ending: fc.Arbitrary<JobPatch> = fc
  .constantFrom(...(Object.keys(OUTCOMES) as Outcome[]))
  .map((outcome) => ({ outcome, status: OUTCOMES[outcome].status }));

/** A delivery as a claim names it: by nothing but its id. */
function claimedSample(id: string): Delivery {
  const created_at = T0.toISOString();
  const rest = { url: '', body: '', status: 'pending', due_at: null, round: 0, tries: [] } as const;
  return { delivery_id: id, job_id: 'a', created_at, ...rest };
}

/** Ends job b with a delivery, and claims that. */
async function endWithDelivery(store: Store): Promise<void> {
  const lease = await store.acquireLease('b', 'w1', HOUR, T0);
  if (lease === null) throw new Error('b is held');
  const { url, body, created_at } = claimedSample('d-1');
  const delivery = { delivery_id: 'd-1', url: `${url}/`, body, created_at };
  await store.updateJob(lease, { status: 'failed', outcome: 'gave_up' }, delivery);
  await store.releaseLease(lease);
  await store.claimDeliveries({ now: T0, limit: 1, leaseMs: HOUR });
}

/** A lease to write with: mostly a recent one, sometimes an old one, sometimes none that ever was. */
function pick(leases: readonly Lease[], n: number): Lease {
  const made = { job_id: 'a', owner: 'nobody', token: n, expires_at: T0.toISOString() };
  return leases.at(-1 - Math.floor(n / 3)) ?? made;
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  fc.tuple(jobId, status, repo, minutes, fc.oneof(text, task), fc.constantFrom(null, 's-1', 's-2')).map(
    ([id, first, where, time, task, session]): Operation =>
      (store) =>
        store.createJob(
          sampleJob(id, {
            status: first,
            created_at: time.toISOString(),
            request: sampleRequest({
              repo: where,
              task,
              ...(session === null ? {} : { session_id: session }),
            }),
          }),
        ),
  ),
  fc.tuple(fc.option(jobId, { nil: undefined }), limit).map(
    ([before, n]): Operation =>
      (store) =>
        store.listSessions({ limit: n, ...(before === undefined ? {} : { before }) }),
  ),
  fc.constantFrom('s-1', 's-2', 's-3').map(
    (id): Operation =>
      (store) =>
        store.getSession(id),
  ),
  jobId.map(
    (id): Operation =>
      (store) =>
        store.getJob(id),
  ),
  fc.tuple(fc.option(fc.integer({ min: 0, max: 20 })), limit).map(
    ([after, n]): Operation =>
      (store) =>
        store.listChanges(after, n),
  ),
  fc.record(filters, { requiredKeys: [] }).chain((filter) =>
    limit.map(
      (n): Operation =>
        (store) =>
          store.listJobs({ ...filter, limit: n }),
    ),
  ),
  fc.tuple(fc.constantFrom(null, ...USAGE_KEYS), fc.option(minutes), limit).map(
    ([by, since, n]): Operation =>
      (store) =>
        store.sumUsage({ by, since: since?.toISOString() ?? null, limit: n }),
  ),
  fc.tuple(repo, limit).map(
    ([of, n]): Operation =>
      (store) =>
        store.listCosts(of, n),
  ),
  fc.tuple(which, fc.oneof(patch, ending)).map(
    ([n, change]): Operation =>
      (store, leases) =>
        store.updateJob(pick(leases, n), change),
  ),
  fc.tuple(jobId, fc.constantFrom('w1', 'w2'), fc.integer({ min: 0, max: HOUR }), minutes).map(
    ([id, owner, ms, now]): Operation =>
      (store) =>
        store.acquireLease(id, owner, ms, now),
  ),
  jobId.map(
    (id): Operation =>
      (store) =>
        store.getLease(id),
  ),
  fc.tuple(which, minutes).map(
    ([n, now]): Operation =>
      (store, leases) =>
        store.renewLease(pick(leases, n), HOUR, now),
  ),
  which.map(
    (n): Operation =>
      (store, leases) =>
        store.releaseLease(pick(leases, n)),
  ),
  fc.tuple(jobId, fc.array(note, { maxLength: 3 }), durability).map(
    ([id, data, how]): Operation =>
      (store) =>
        store.appendEvents(
          id,
          data.map((d) => ({ ...sampleEvent(''), data: d })),
          how,
        ),
  ),
  fc.tuple(jobId, fc.nat({ max: 6 }), limit).map(
    ([id, after, n]): Operation =>
      (store) =>
        store.readEvents(id, after, n),
  ),
  fc.tuple(which, key, fc.nat({ max: 2 })).map(
    ([n, k, version]): Operation =>
      (store, leases) =>
        store.beginStep(pick(leases, n), k, version),
  ),
  fc.tuple(which, key, note, durability).map(
    ([n, k, more, how]): Operation =>
      (store, leases) =>
        store.noteStep(pick(leases, n), k, more, how),
  ),
  fc.tuple(which, key, json, durability).map(
    ([n, k, result, how]): Operation =>
      (store, leases) =>
        store.finishStep(pick(leases, n), k, result, how),
  ),
  jobId.map(
    (id): Operation =>
      (store) =>
        store.readSteps(id),
  ),
  which.map(
    (n): Operation =>
      (store, leases) =>
        store.clearSteps(pick(leases, n)),
  ),
  fc.tuple(jobId, text).map(
    ([id, said]): Operation =>
      (store) =>
        store.addMessage(id, said, T0.toISOString()),
  ),
  fc.tuple(which, key).map(
    ([n, k]): Operation =>
      (store, leases) =>
        store.takeMessage(pick(leases, n), k),
  ),
  fc.tuple(which, fc.oneof(patch, ending), deliveryId, minutes).map(
    ([n, change, id, time]): Operation =>
      (store, leases) =>
        store.updateJob(pick(leases, n), change, {
          delivery_id: id,
          url: 'https://ci.example.org/',
          body: id,
          created_at: time.toISOString(),
        }),
  ),
  fc.record({ now: minutes, limit, leaseMs: fc.integer({ min: 0, max: HOUR }) }).map(
    (claims): Operation =>
      (store) =>
        store.claimDeliveries(claims),
  ),
  fc.tuple(minutes, jobId).map(
    ([now, id]): Operation =>
      (store) =>
        store.claimDeliveries({ now, limit: 5, leaseMs: 1000, jobId: id }),
  ),
  fc.tuple(deliveryId, fc.constantFrom(1, 1, 2, 3), fc.constantFrom(...DELIVERY_STATUSES), minutes).map(
    ([id, token, after, time]): Operation =>
      (store) =>
        store.recordDeliveryTry(
          { delivery: claimedSample(id), token, expires_at: T0.toISOString() },
          { started_at: T0.toISOString(), duration_ms: token, http_status: null, error: id },
          after === 'pending' ? { status: after, due_at: time.toISOString() } : { status: after },
        ),
  ),
  fc.tuple(deliveryId, minutes).map(
    ([id, now]): Operation =>
      (store) =>
        store.redeliver(id, now),
  ),
  jobId.map(
    (id): Operation =>
      (store) =>
        store.listDeliveries(id),
  ),
  fc.tuple(fc.subarray(['t-1', 't-2', 't-3']), fc.option(fc.constantFrom('x', 'y')), minutes).map(
    ([keys, delivery, now]): Operation =>
      (store) =>
        store.addTriggers(
          keys.map((one) => sampleTrigger(one, one === 't-3' ? 'octo/b' : 'octo/a')),
          { delivery, now },
        ),
  ),
  fc.tuple(minutes, fc.integer({ min: 0, max: HOUR }), limit).map(
    ([now, leaseMs, n]): Operation =>
      (store) =>
        store.claimTriggers({ now, leaseMs, limit: n }),
  ),
  fc
    .record({
      key: fc.constantFrom('t-1', 't-2', 't-3'),
      token: fc.integer({ min: 1, max: 3 }),
      state: fc.constantFrom(...TRIGGER_STATES),
      due: fc.option(minutes),
      waitsFor: fc.option(jobId),
      now: minutes,
      job: fc.option(jobId),
    })
    .map(({ key: one, token, state, due, waitsFor, now, job }): Operation => {
      const over = { state, due_at: due?.toISOString() ?? null, waits_for: waitsFor };
      const claim = { repo: one === 't-3' ? 'octo/b' : 'octo/a', token };
      const settles = { claim, settlements: [sampleSettlement(one, over)], now, leaseMs: HOUR };
      return (store) =>
        job === null ? store.settleTriggers(settles) : store.createJob(sampleJob(job), { settles });
    }),
  fc.tuple(fc.constantFrom('octo/a', 'octo/b'), fc.integer({ min: 1, max: 3 })).map(
    ([where, token]): Operation =>
      (store) =>
        store.releaseTriggers({ repo: where, token }),
  ),
  fc
    .tuple(minutes, fc.option(fc.constantFrom(...TRIGGER_STATES), { nil: undefined }), limit)
    .map(([before, of, n]): Operation => async (store) => [
      await store.listTriggers({ limit: n, ...(of === undefined ? {} : { state: of }) }),
      await store.trimTriggers(before.toISOString()),
    ]),
  fc.tuple(minutes, fc.integer({ min: 0, max: HOUR })).map(
    ([now, ms]): Operation =>
      (store) =>
        store.beginLook('octo/a', now, ms),
  ),
  minutes.map(
    (until): Operation =>
      (store) =>
        store.noteLook('octo/a', until.toISOString()),
  ),
  fc.tuple(jobId, fc.constantFrom('pipe-1', 'pipe-2', null), jobId).map(
    ([id, of, run]): Operation =>
      (store) =>
        store.createJob(run === 'a' ? sampleStep(id, run) : sampleRun(id, of)),
  ),
  fc
    .record(
      { isRun: fc.boolean(), pipelineId: pipeId, stepsOf: jobId, before: jobId, status },
      { requiredKeys: [] },
    )
    .map(
      (filter): Operation =>
        (store) =>
          store.listJobs({ ...filter, limit: 5 }),
    ),
  fc.tuple(pipeId, fc.constantFrom('p', 'q', 'pipe-2'), minutes, fc.boolean()).map(
    ([id, name, time, replace]): Operation =>
      (store) =>
        store.putPipeline(samplePipeline(id, name, { created_at: time.toISOString(), created_by: id }), {
          replace,
        }),
  ),
  pipeId.map((id): Operation => async (store) => [
    await store.getPipeline(id),
    await store.listPipelines({ before: id, limit: 2 }),
  ]),
  pipeId.map(
    (id): Operation =>
      (store) =>
        store.deletePipeline(id),
  ),
  fc.tuple(jobId, fc.constantFrom('x', 'y'), fc.boolean(), text).map(
    ([id, step, approved, comment]): Operation =>
      (store) =>
        store.decideApproval(id, step, { ...sampleDecision(approved), comment }),
  ),
  fc.tuple(jobId, fc.constantFrom('x', 'y')).map(
    ([id, step]): Operation =>
      (store) =>
        store.getApproval(id, step),
  ),
  fc.tuple(fc.integer({ min: 0, max: HOUR }), minutes, fc.constantFrom(null, 1), fc.boolean()).map(
    ([leaseMs, now, perRepo, withoutRuns]): Operation =>
      async (store) =>
        (await store.claimNext({ owner: 'w3', leaseMs, now, perRepo, withoutRuns }))?.lease ?? null,
  ),
  fc.tuple(text, json).map(
    ([k, value]): Operation =>
      (store) =>
        store.putBaseline(k.slice(0, 1), value),
  ),
  text.map(
    (k): Operation =>
      (store) =>
        store.getBaseline(k.slice(0, 1)),
  ),
);

function isLease(value: unknown): value is Lease {
  return typeof value === 'object' && value !== null && 'token' in value && 'job_id' in value;
}

/** Does everything in order, starting `together` operations at a time, and notes every answer. */
async function answers(store: Store, operations: readonly Operation[], together: number): Promise<Answer[]> {
  const leases: Lease[] = [];
  const noted: Answer[] = [];
  for (let from = 0; from < operations.length; from += together) {
    // The leases of before, because those of the same group are not known yet.
    const known = [...leases];
    const group = operations.slice(from, from + together).map((run) => run(store, known));
    for (const ended of await Promise.allSettled(group)) {
      if (ended.status === 'fulfilled') {
        noted.push({ value: ended.value });
        if (isLease(ended.value)) leases.push(ended.value);
      } else {
        if (!(ended.reason instanceof JobError)) throw ended.reason;
        const { code, message, hint } = ended.reason;
        noted.push({ code, message, hint });
      }
    }
  }
  return noted;
}

/** Everything that can be seen of a store. */
async function look(store: Store): Promise<unknown> {
  const jobs = await store.listJobs({ limit: 10 });
  const details = jobs.map(async ({ job_id: id }) => [
    await store.getLease(id),
    await store.readEvents(id, 0, 1000),
    await store.readSteps(id),
    await store.listDeliveries(id),
  ]);
  const pipelines = await store.listPipelines({ limit: 9 });
  const shared = [await store.listTriggers({ limit: 100 }), pipelines, await store.countQueue()];
  return [jobs, shared, await Promise.all(details)];
}

/** A clock that moves at every look. Each store has its own, so both must look equally often. */
function clock(): () => Date {
  let ms = T0.getTime();
  return () => new Date(ms++);
}

test('memory and sqlite answer alike', async () => {
  const directory = testDirectory();
  const seen = new Map<string, number>();
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 10, maxLength: 60 }), async (operations) => {
      // All jobs, one claim and one delivery that is claimed exist from the start, so that most operations find something.
      const start: Operation[] = [
        (store) => store.createJob(sampleJob('a')),
        (store) => store.createJob(sampleJob('b')),
        endWithDelivery,
        (store) => store.acquireLease('a', 'w1', HOUR, T0),
      ];
      const memory = createMemoryStore({ now: clock() });
      const path = join(directory, `${run++}.db`);
      const sqlite = await openSqliteStore({ path, now: clock() });
      const all = [...start, ...operations];
      const [expected, found] = [await answers(memory, all, 1), await answers(sqlite, all, 1)];
      expect(found).toEqual(expected);
      expect(await look(sqlite)).toEqual(await look(memory));
      await sqlite.close();
      const again = await openSqliteStore({ path });
      expect(await look(again)).toEqual(await look(memory));
      await again.close();
      for (const answer of expected) {
        const kind = 'code' in answer ? answer.code : 'ok';
        seen.set(kind, (seen.get(kind) ?? 0) + 1);
      }
    }),
    { numRuns: 60 },
  );
  // The property would say little if hardly anything had worked, or nothing had been refused.
  for (const kind of ['ok', 'conflict', 'not_found', 'illegal_transition'])
    expect(seen.get(kind), kind).toBeGreaterThan(3);
});

test('so they do when writes are asked for all at once', async () => {
  const directory = testDirectory();
  let run = 0;
  const reads = new Set([
    'getJob',
    'listJobs',
    'listChanges',
    'sumUsage',
    'listCosts',
    'listSessions',
    'getSession',
    'getLease',
    'readEvents',
    'readSteps',
    'getBaseline',
    'listDeliveries',
    'listTriggers',
    'getPipeline',
    'listPipelines',
    'getApproval',
    // These look first whether anything is due.
    'claimDeliveries',
    'claimTriggers',
  ]);
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { maxLength: 60 }), async (operations) => {
      const memory = createMemoryStore({ now: clock() });
      const sqlite = await openSqliteStore({ path: join(directory, `${run++}.db`), now: clock() });
      // A read shows what was committed when it was asked, which is less in SQLite: only writes are compared.
      const writing = (store: Store): Store =>
        new Proxy(store, {
          get: (target, name: keyof Store) => (reads.has(name) ? async () => null : target[name]),
        });
      const start: Operation = (store) => store.createJob(sampleJob('a'));
      const claim: Operation = (store) => store.acquireLease('a', 'w1', HOUR, T0);
      for (const store of [memory, sqlite]) await answers(store, [start], 1);
      const all = [claim, claim, claim, claim, claim, claim, claim, ...operations];
      expect(await answers(writing(sqlite), all, 7)).toEqual(await answers(writing(memory), all, 7));
      expect(await look(sqlite)).toEqual(await look(memory));
      await sqlite.close();
    }),
    { numRuns: 40 },
  );
});
