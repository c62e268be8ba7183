/** A callback on its way to its receiver: what is sent, where it stands, and every try at it. Plain JSON. */

/**
 * Where a delivery stands. `disabled`: the receiver said 410, that it is gone for good. `failed`: given up after the
 * last try, or its destination is refused.
 */
export const DELIVERY_STATUSES = ['pending', 'delivered', 'disabled', 'failed'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** What a job's end leaves to be delivered; stored in one transaction with the end. */
export interface NewDelivery {
  /** The `webhook-id`: the same for every try. */
  readonly delivery_id: string;
  readonly url: string;
  /** The JSON text that is sent and signed, byte by byte. */
  readonly body: string;
  /** RFC 3339 UTC; the first try is due at once. */
  readonly created_at: string;
}

/** What came of one try. */
export interface DeliveryTry {
  /** 1 for the first; counts on over redeliveries. */
  readonly number: number;
  readonly started_at: string;
  readonly duration_ms: number;
  /** The answer's status; `null` where none came. */
  readonly http_status: number | null;
  /** Why it is no success; `null` where it is one. */
  readonly error: string | null;
}

/** A delivery as it is stored. */
export interface Delivery extends NewDelivery {
  readonly job_id: string;
  readonly status: DeliveryStatus;
  /** When the next try is due; `null` when none is. */
  readonly due_at: string | null;
  /** Tries since it was stored, or since a person asked for it again: the place in the schedule. */
  readonly round: number;
  /** The last tries, oldest first. */
  readonly tries: readonly DeliveryTry[];
}

/** A delivery that one process sends now. Another may claim it once `expires_at` has passed. */
export interface DeliveryClaim {
  readonly delivery: Delivery;
  /** Grows with every claim; a try recorded under an old one is refused. */
  readonly token: number;
  readonly expires_at: string;
}

/** What follows a try. */
export type AfterTry =
  | { readonly status: 'pending'; readonly due_at: string }
  | { readonly status: Exclude<DeliveryStatus, 'pending'> };

/**
 * The id of the one delivery of a job's outcome. It holds no full stop, which separates id, time and body in what is
 * signed.
 */
export function deliveryIdOf(jobId: string, outcome: string): string {
  return `delivery-${jobId}-${outcome}`;
}
