/** How a delivery comes into the table: with the end of its job, and nowhere else. */
import type { NewDelivery } from '../../job/delivery/delivery.ts';
import type { Connection } from '../sqlite/connection.ts';
import { DELIVERY_STORED } from '../rules/tally.ts';
import { add } from '../sqlite/tables/tallies.ts';
import { newRow } from './row.ts';

/** Stores a delivery with the end of its job, in the caller's transaction. The same id again changes nothing. */
export function insertDelivery(db: Connection, jobNumber: number, delivery: NewDelivery): void {
  const row = newRow(delivery);
  const added = db.run(
    `INSERT INTO deliveries (job_number, delivery_id, url, body, status, created_ms, due_ms, round, tries, token)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (delivery_id) DO NOTHING`,
    jobNumber,
    row.delivery_id,
    row.url,
    row.body,
    row.status,
    row.created_ms,
    row.due_ms,
    row.round,
    row.tries,
    row.token,
  );
  if (added > 0) add(db, DELIVERY_STORED);
}
