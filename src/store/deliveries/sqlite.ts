/** The table `deliveries`. */
import { checkLimit } from '../rules/value.ts';
import type { Connection } from '../sqlite/connection.ts';
import type { Database } from '../sqlite/database.ts';
import { appendRows } from '../sqlite/tables/events.ts';
import { jobNumber } from '../sqlite/tables/jobs.ts';
import { eventRow } from '../rules/event.ts';
import { tryTallies } from '../rules/tally.ts';
import { add } from '../sqlite/tables/tallies.ts';
import type { Store } from '../store.ts';
import {
  againRow,
  claimedRow,
  claimOf,
  deliveryEvent,
  deliveryOf,
  noSuchDelivery,
  triedRow,
  type DeliveryRow,
} from './row.ts';

/** A row with the job it belongs to. */
interface Stored extends DeliveryRow {
  readonly job_id: string;
  readonly job_number: number;
  readonly attempt: number;
}

const SELECT = `SELECT d.delivery_id, d.url, d.body, d.status, d.created_ms, d.due_ms, d.round, d.tries, d.token,
  d.claimed_ms, d.job_number, j.job_id, j.attempt FROM deliveries d JOIN jobs j ON j.number = d.job_number`;

function save(db: Connection, row: DeliveryRow): void {
  db.run(
    `UPDATE deliveries SET status = ?, due_ms = ?, round = ?, tries = ?, token = ?, claimed_ms = ?
     WHERE delivery_id = ?`,
    row.status,
    row.due_ms,
    row.round,
    row.tries,
    row.token,
    row.claimed_ms,
    row.delivery_id,
  );
}

function find(db: Connection, deliveryId: string): Stored {
  const row = db.get(`${SELECT} WHERE d.delivery_id = ?`, deliveryId) as Stored | null;
  if (row === null) throw noSuchDelivery(deliveryId);
  return row;
}

function dueRows(db: Connection, now: Date, limit: number, jobId: string | undefined): readonly Stored[] {
  const time = now.getTime();
  const isDue = 'd.due_ms <= ? AND (d.claimed_ms IS NULL OR d.claimed_ms < ?)';
  const order = 'ORDER BY d.due_ms, d.number LIMIT ?';
  const rows =
    jobId === undefined
      ? db.all(`${SELECT} WHERE ${isDue} ${order}`, time, time, limit)
      : db.all(`${SELECT} WHERE ${isDue} AND j.job_id = ? ${order}`, time, time, jobId, limit);
  return rows as Stored[];
}

/** Methods of the store about deliveries. */
export function deliveryMethods(
  database: Database,
): Pick<Store, 'claimDeliveries' | 'recordDeliveryTry' | 'listDeliveries' | 'redeliver'> {
  return {
    async claimDeliveries({ now, limit, leaseMs, jobId }) {
      checkLimit(limit);
      // Most polls find nothing, and a read takes no lock.
      const waiting = await database.read((db) => dueRows(db, now, 1, jobId));
      if (waiting.length === 0) return [];
      return await database.write('normal', 0, (db) =>
        dueRows(db, now, limit, jobId).map((row) => {
          const claimed = claimedRow(row, leaseMs, now);
          save(db, claimed);
          return claimOf(row.job_id, claimed);
        }),
      );
    },
    async recordDeliveryTry(claim, tried, after) {
      return await database.write('full', claim.delivery.body.length, (db) => {
        const row = find(db, claim.delivery.delivery_id);
        const changed = triedRow(row, claim, tried, after);
        save(db, changed);
        const delivery = deliveryOf(row.job_id, changed);
        add(db, tryTallies(delivery));
        appendRows(db, row.job_number, [eventRow(deliveryEvent(delivery, row.attempt))]);
        return delivery;
      });
    },
    async listDeliveries(jobId) {
      const rows = await database.read(
        (db) =>
          db.all(`${SELECT} WHERE d.job_number = ? ORDER BY d.number`, jobNumber(db, jobId)) as Stored[],
      );
      return rows.map((row) => deliveryOf(row.job_id, row));
    },
    async redeliver(deliveryId, now) {
      return await database.write('full', 0, (db) => {
        const row = find(db, deliveryId);
        const changed = againRow(row, now);
        save(db, changed);
        return deliveryOf(row.job_id, changed);
      });
    },
  };
}
