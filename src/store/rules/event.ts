/** An event and a message as every store keeps them. */
import { JobError } from '../../job/error.ts';
import type { JobEvent, NewEvent } from '../../job/job.ts';
import { checkInteger, fromJson, MAX_WAITING_MESSAGES, toJson } from './value.ts';

/** An event with its data still as JSON text, before it has a number. */
export interface EventRow extends Omit<NewEvent, 'data'> {
  readonly data: string;
}

/** Checks an event and takes its data down as it is now. @throws JobError `bug` */
export function eventRow(event: NewEvent): EventRow {
  const { type, phase, attempt, time, data } = event;
  checkInteger(attempt, 'attempt');
  return { type, phase, attempt, time, data: toJson(data, `data of event ${type}`) };
}

/** The event that readers see. */
export function jobEvent(jobId: string, seq: number, row: EventRow): JobEvent {
  const data = fromJson(row.data) as Readonly<Record<string, unknown>>;
  return { seq, job_id: jobId, type: row.type, phase: row.phase, attempt: row.attempt, time: row.time, data };
}

/** Refuses a message when too many wait already. @throws JobError `invalid_request` */
export function checkWaiting(jobId: string, waiting: number): void {
  if (waiting < MAX_WAITING_MESSAGES) return;
  throw new JobError(
    'invalid_request',
    `job ${jobId}: ${waiting} messages wait for it (at most ${MAX_WAITING_MESSAGES})`,
    {
      hint: 'wait until the job has read some of them',
    },
  );
}
