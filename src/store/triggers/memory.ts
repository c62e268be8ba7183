/** Events of a forge in the store in memory. */
import type { Settling, TriggerClaim } from '../../job/trigger/record.ts';
import { checkInteger, checkLimit, checkName } from '../rules/value.ts';
import type { Store, Tally } from '../store.ts';
import {
  checkDue,
  claimLost,
  MAX_TRIGGERS,
  settledRow,
  timeMs,
  TRIM_ROWS,
  triggerOf,
  triggerRow,
  triggerTallies,
  type TriggerRow,
} from './row.ts';

interface Stored {
  readonly number: number;
  readonly row: TriggerRow;
}

interface Repo {
  token: number;
  untilMs: number | null;
  lookedMs: number | null;
  seenUntil: string | null;
}

/** The methods of a store about events of a forge. */
export type TriggerMethods = Pick<
  Store,
  | 'addTriggers'
  | 'claimTriggers'
  | 'settleTriggers'
  | 'releaseTriggers'
  | 'listTriggers'
  | 'trimTriggers'
  | 'beginLook'
  | 'noteLook'
>;

/** What a store in memory knows of events. */
export interface TriggerMemory {
  readonly methods: TriggerMethods;
  /** Settles events with the job that came of them; whole or not at all. */
  settle(settling: Settling, jobId: string | null): void;
  tallies(): readonly Tally[];
}

function listMethods(
  check: () => void,
  known: Map<string, Stored>,
  deliveries: Map<string, number>,
): Pick<TriggerMethods, 'addTriggers' | 'listTriggers' | 'trimTriggers'> {
  let last = 0;
  const trim = (): void => {
    for (const [key, { number, row }] of known) {
      if (number <= last - MAX_TRIGGERS && row.state !== 'due') known.delete(key);
    }
  };
  return {
    async addTriggers(events, { delivery, now }) {
      check();
      const rows = events.map((event) => triggerRow(event, now));
      if (delivery !== null && deliveries.has(checkName(delivery, 'delivery'))) return null;
      const fresh = new Map(rows.filter((row) => !known.has(row.key)).map((row) => [row.key, row]));
      const due = [...known.values()].filter(({ row }) => row.due_ms !== null).length;
      if (fresh.size > 0) checkDue(due + fresh.size);
      // The first of a key counts, as it does in a table.
      for (const row of rows) {
        if (known.has(row.key)) continue;
        known.set(row.key, { number: ++last, row });
      }
      if (delivery !== null) deliveries.set(delivery, now.getTime());
      trim();
      return fresh.size;
    },
    async listTriggers({ state, repo, before, limit }) {
      check();
      checkLimit(limit);
      return [...known.values()]
        .filter(
          ({ number, row }) =>
            (state === undefined || row.state === state) &&
            (repo === undefined || row.repo === repo) &&
            (before === undefined || number < before),
        )
        .toSorted((a, b) => b.number - a.number)
        .slice(0, limit)
        .map(({ number, row }) => triggerOf(number, row));
    },
    async trimTriggers(receivedBefore) {
      check();
      const beforeMs = timeMs(receivedBefore, 'receivedBefore');
      const old = [...known.values()]
        .filter(({ row }) => row.state !== 'due' && row.received_ms < beforeMs)
        .toSorted((a, b) => a.number - b.number)
        .slice(0, TRIM_ROWS);
      for (const { row } of old) known.delete(row.key);
      const oldDeliveries = [...deliveries].filter(([, ms]) => ms < beforeMs).slice(0, TRIM_ROWS);
      for (const [id] of oldDeliveries) deliveries.delete(id);
      return old.length;
    },
  };
}

function lookMethods(
  check: () => void,
  repoOf: (name: string) => Repo,
): Pick<TriggerMethods, 'beginLook' | 'noteLook'> {
  return {
    async beginLook(name, now, everyMs) {
      check();
      const repo = repoOf(checkName(name, 'repo').toLowerCase());
      const nowMs = checkInteger(now.getTime(), 'now');
      if (repo.lookedMs !== null && repo.lookedMs + checkInteger(everyMs, 'everyMs') > nowMs) return null;
      repo.lookedMs = nowMs;
      return { seenUntil: repo.seenUntil };
    },
    async noteLook(name, seenUntil) {
      check();
      timeMs(seenUntil, 'seenUntil');
      repoOf(checkName(name, 'repo').toLowerCase()).seenUntil = seenUntil;
    },
  };
}

/** The jobs of the same store. */
interface Jobs {
  /** Throws where the store is closed. */
  readonly check: () => void;
  readonly hasEnded: (jobId: string) => boolean;
}

function claimMethods(
  jobs: Jobs,
  known: ReadonlyMap<string, Stored>,
  repos: ReadonlyMap<string, Repo>,
  repoOf: (name: string) => Repo,
): Pick<TriggerMethods, 'claimTriggers'> {
  const isDue = ({ row }: Stored, now: Date): boolean =>
    row.due_ms !== null &&
    (row.due_ms <= now.getTime() || (row.waits_for !== null && jobs.hasEnded(row.waits_for)));
  return {
    async claimTriggers({ now, leaseMs, limit }) {
      jobs.check();
      checkLimit(limit);
      const isFree = (repo: string): boolean => (repos.get(repo)?.untilMs ?? 0) <= now.getTime();
      const [first] = [...known.values()]
        .filter((one) => isDue(one, now) && isFree(one.row.repo))
        .toSorted((a, b) => (a.row.due_ms ?? 0) - (b.row.due_ms ?? 0) || a.number - b.number);
      if (first === undefined) return null;
      const { repo } = first.row;
      const claimed = repoOf(repo);
      claimed.token++;
      claimed.untilMs = now.getTime() + checkInteger(leaseMs, 'leaseMs', 1);
      const triggers = [...known.values()]
        .filter((one) => one.row.repo === repo && (isDue(one, now) || one.row.waits_for !== null))
        .toSorted((a, b) => a.number - b.number)
        .slice(0, limit)
        .map(({ number, row }) => triggerOf(number, row));
      return { repo, token: claimed.token, triggers };
    },
  };
}

/** Methods about events. */
export function createTriggerMemory(jobs: Jobs): TriggerMemory {
  const known = new Map<string, Stored>();
  const deliveries = new Map<string, number>();
  const repos = new Map<string, Repo>();
  const counted: Tally[] = [];

  const repoOf = (name: string): Repo => {
    const found = repos.get(name) ?? { token: 0, untilMs: null, lookedMs: null, seenUntil: null };
    repos.set(name, found);
    return found;
  };
  const held = ({ repo, token }: Pick<TriggerClaim, 'repo' | 'token'>): Repo => {
    const found = repoOf(repo);
    if (found.token !== token || found.untilMs === null) throw claimLost({ repo, token });
    return found;
  };
  const settledRows = ({ claim, settlements, now }: Settling, jobId: string | null): readonly Stored[] => {
    held(claim);
    return settlements.flatMap((settlement) => {
      const stored = known.get(settlement.key);
      if (stored === undefined || stored.row.repo !== claim.repo) return [];
      const row = settledRow(stored.row, { ...settlement, job_id: jobId ?? settlement.job_id }, now);
      return [{ ...stored, row }];
    });
  };
  const settle = (settling: Settling, jobId: string | null): void => {
    const { claim, now, leaseMs } = settling;
    for (const stored of settledRows(settling, jobId)) {
      known.set(stored.row.key, stored);
      counted.push(...triggerTallies(stored.row));
    }
    held(claim).untilMs = now.getTime() + checkInteger(leaseMs, 'leaseMs', 1);
  };
  return {
    settle,
    tallies: () => counted,
    methods: {
      ...claimMethods(jobs, known, repos, repoOf),
      ...lookMethods(jobs.check, repoOf),
      ...listMethods(jobs.check, known, deliveries),
      async settleTriggers(settling) {
        jobs.check();
        settle(settling, null);
      },
      async releaseTriggers({ repo, token }) {
        jobs.check();
        const found = repoOf(repo);
        if (found.token === token) found.untilMs = null;
      },
    },
  };
}
