/** Deliveries of the store in memory. */
import type { NewDelivery } from '../../job/delivery/delivery.ts';
import type { NewEvent } from '../../job/job.ts';
import { checkLimit } from '../rules/value.ts';
import { DELIVERY_STORED, tryTallies } from '../rules/tally.ts';
import type { Store, Tally } from '../store.ts';
import {
  againRow,
  claimedRow,
  claimOf,
  deliveryEvent,
  deliveryOf,
  isDue,
  newRow,
  noSuchDelivery,
  triedRow,
  type DeliveryRow,
} from './row.ts';

interface Stored {
  readonly jobId: string;
  readonly row: DeliveryRow;
}

/** What a store in memory knows of deliveries, and what it lets them do. */
export interface DeliveryMemory {
  readonly methods: Pick<Store, 'claimDeliveries' | 'recordDeliveryTry' | 'listDeliveries' | 'redeliver'>;
  /** Stores a delivery with the end of its job. The same one again changes nothing. */
  insert(jobId: string, delivery: NewDelivery): void;
  /** Figures of deliveries, entries of the same name not yet summed. */
  tallies(): readonly Tally[];
  /** Forgets what of a job is no longer to be sent. */
  forget(jobId: string): void;
}

/** Methods about deliveries. */
export function createDeliveryMemory(jobs: {
  /** Throws where the store is closed or knows no such job. */
  readonly attempt: (jobId: string) => number;
  readonly append: (jobId: string, event: NewEvent) => void;
  readonly check: () => void;
}): DeliveryMemory {
  const known = new Map<string, Stored>();
  const counted: Tally[] = [];
  const find = (deliveryId: string): Stored => {
    jobs.check();
    const stored = known.get(deliveryId);
    if (stored === undefined) throw noSuchDelivery(deliveryId);
    return stored;
  };
  const save = ({ jobId }: Stored, row: DeliveryRow): void => void known.set(row.delivery_id, { jobId, row });

  return {
    insert(jobId, delivery) {
      const row = newRow(delivery);
      if (known.has(row.delivery_id)) return;
      known.set(row.delivery_id, { jobId, row });
      counted.push(...DELIVERY_STORED);
    },
    tallies: () => counted,
    forget(jobId) {
      for (const [id, stored] of known) {
        if (stored.jobId === jobId && stored.row.status !== 'pending') known.delete(id);
      }
    },
    methods: {
      async claimDeliveries({ now, limit, leaseMs, jobId }) {
        jobs.check();
        checkLimit(limit);
        return [...known.values()]
          .filter((one) => isDue(one.row, now) && (jobId === undefined || one.jobId === jobId))
          .toSorted((a, b) => (a.row.due_ms ?? 0) - (b.row.due_ms ?? 0))
          .slice(0, limit)
          .map((one) => {
            const row = claimedRow(one.row, leaseMs, now);
            save(one, row);
            return claimOf(one.jobId, row);
          });
      },
      async recordDeliveryTry(claim, tried, after) {
        const stored = find(claim.delivery.delivery_id);
        const row = triedRow(stored.row, claim, tried, after);
        const delivery = deliveryOf(stored.jobId, row);
        const event = deliveryEvent(delivery, jobs.attempt(stored.jobId));
        save(stored, row);
        counted.push(...tryTallies(delivery));
        jobs.append(stored.jobId, event);
        return delivery;
      },
      async listDeliveries(jobId) {
        jobs.attempt(jobId);
        return [...known.values()]
          .filter((one) => one.jobId === jobId)
          .map((one) => deliveryOf(jobId, one.row));
      },
      async redeliver(deliveryId, now) {
        const stored = find(deliveryId);
        const row = againRow(stored.row, now);
        save(stored, row);
        return deliveryOf(stored.jobId, row);
      },
    },
  };
}
