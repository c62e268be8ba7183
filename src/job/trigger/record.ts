/** What is kept of an event: that it came, what was decided of it, and why. */
import type { ForgeEvent } from './event.ts';

/** `due`: to be decided, now or later. The others are final. */
export const TRIGGER_STATES = ['due', 'done', 'ignored', 'failed'] as const;
export type TriggerState = (typeof TRIGGER_STATES)[number];

/** What came of an event that was acted on. */
export const TRIGGER_ACTIONS = ['job', 'turn', 'cancel'] as const;
export type TriggerAction = (typeof TRIGGER_ACTIONS)[number];

/** An event as it is stored. */
export interface Trigger {
  /** Position in the list; grows. */
  readonly number: number;
  readonly key: string;
  readonly repo: string;
  readonly kind: ForgeEvent['kind'];
  /** Issue or pull request; `null` for checks, which name a commit. */
  readonly subject: number | null;
  readonly state: TriggerState;
  readonly action: TriggerAction | null;
  /** Why it was ignored, why it failed, or what it waits for. */
  readonly reason: string | null;
  /** The job that came of it, or that it cancelled. */
  readonly job_id: string | null;
  /** How often a decision failed. */
  readonly tries: number;
  /** When it is looked at next; `null` once it is decided. */
  readonly due_at: string | null;
  /** The job after whose end it is looked at, whatever `due_at` says. */
  readonly waits_for: string | null;
  /** RFC 3339 UTC. */
  readonly received_at: string;
  readonly decided_at: string | null;
  readonly event: ForgeEvent;
}

/** A stored event as it is shown: without the words that people wrote. */
export type TriggerView = Omit<Trigger, 'event' | 'tries' | 'waits_for'> & {
  /** Who did it; `null` where nobody did. */
  readonly actor: string | null;
  /** When it happened, as the forge says. */
  readonly at: string;
};

/** Which stored events to list; newest first. */
export interface TriggerFilter {
  readonly state?: TriggerState;
  /** `owner/name`, in lower case. */
  readonly repo?: string;
  /** Cursor: only those with a smaller number. */
  readonly before?: number;
  readonly limit: number;
}

/** How events came. */
export interface TriggerArrival {
  /** Names the delivery of a webhook; `null` where a look at the repository found them. */
  readonly delivery: string | null;
  readonly now: Date;
}

/** The right to decide on the events of one repository, for one process at a time. */
export interface TriggerClaim {
  readonly repo: string;
  /** Grows with every claim; a decision under an old one is refused. */
  readonly token: number;
  /** What is to be decided, in the order in which it came. */
  readonly triggers: readonly Trigger[];
}

/** What was decided of an event; `due_at` (RFC 3339) is given where it stays `due`. */
export type Settlement = Pick<
  Trigger,
  'key' | 'state' | 'action' | 'reason' | 'job_id' | 'tries' | 'due_at' | 'waits_for'
>;

/** Settlements under a claim, which goes on for so long after them. */
export interface Settling {
  readonly claim: Pick<TriggerClaim, 'repo' | 'token'>;
  readonly settlements: readonly Settlement[];
  readonly now: Date;
  readonly leaseMs: number;
}

/** What a person may be shown of a stored event. */
export function viewTrigger({ event, tries: _tries, waits_for: _for, ...rest }: Trigger): TriggerView {
  return { ...rest, actor: 'actor' in event ? event.actor : null, at: event.at };
}

/** The issue or pull request that an event names; `null` for checks. */
export function subjectOf(event: ForgeEvent): number | null {
  return event.kind === 'checks' ? null : event.number;
}
