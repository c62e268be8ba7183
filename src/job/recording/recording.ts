/** What an agent did in a job, turn by turn, so that it can be played back without it. Plain JSON. */
import type { ErrorInfo } from '../error.ts';
import type { CheckVerdict, GateVerdict } from '../gate.ts';
import type { EventType } from '../job.ts';
import type { JobRequest } from '../request.ts';
import type { Outcome } from '../status.ts';
import type { AgentPhase, Usage } from '../step.ts';

/** Version of the form; a recording of another one is refused and not guessed at. */
export const RECORDING_VERSION = 1;

/** Turns of one job that are recorded; no job needs as many. */
export const MAX_RECORDED_TURNS = 200;
/** Events of one turn that are recorded: the first half of them and the last. */
export const MAX_RECORDED_EVENTS = 1000;
/** Characters of all events of one turn, as JSON. */
export const MAX_EVENT_CHARS = 512 * 1024;
/** Characters of a closing message, of a question and of an answer. */
export const MAX_REPLY_CHARS = 256 * 1024;

/** Characters of what an agent calls its session. */
export const MAX_SESSION_CHARS = 1000;
/** Objects and lists within each other in an event; what is deeper is no progress that anybody reads. */
const MAX_EVENT_DEPTH = 32;

/** Events an agent may have caused; all others are the runner's own. */
export const AGENT_EVENT_TYPES = [
  'message',
  'tool_call',
  'plan',
  'usage',
  'log',
  'error',
] as const satisfies readonly EventType[];
export type AgentEventType = (typeof AGENT_EVENT_TYPES)[number];

/** Something the agent told while it worked. */
export interface RecordedEvent {
  readonly type: AgentEventType;
  readonly data: Readonly<Record<string, unknown>>;
}

/** How a turn ended, in the agent's own words, with secrets masked. */
export type RecordedEnding =
  | {
      readonly ok: true;
      readonly summary: string;
      readonly question: string | null;
      readonly session_id: string | null;
    }
  | { readonly ok: false; readonly error: ErrorInfo };

/** One prompt to an agent and all that came of it. */
export interface RecordedTurn {
  readonly version: typeof RECORDING_VERSION;
  readonly phase: AgentPhase;
  /** Which turn of its phase it is, from 1. */
  readonly number: number;
  /** Why the agent was prompted, in a word. */
  readonly why: string;
  readonly agent: string;
  readonly model: string | null;
  /** What a person answered, where this turn passed it on. */
  readonly answer: string | null;
  /** SHA-256 of the prompt in hexadecimal, and its length. */
  readonly prompt: { readonly sha256: string; readonly chars: number };
  /** RFC 3339 UTC. */
  readonly started_at: string;
  readonly ended_at: string;
  /** Ids of the trees before and after it; `null` where the turn could only look. */
  readonly trees: { readonly before: string; readonly after: string } | null;
  readonly events: readonly RecordedEvent[];
  readonly ending: RecordedEnding;
  readonly usage: Usage | null;
  /** What is not whole, in words; empty where everything is. */
  readonly cut: readonly string[];
}

/** What a recorded job was asked; where it ran and what it might spend is of no use elsewhere. */
export type RecordedRequest = Pick<
  JobRequest,
  'task' | 'mode' | 'policy' | 'max_gate_runs' | 'checks' | 'setup' | 'allow_test_changes' | 'draft'
> & { readonly timeout_s: number };

/** What one run of the gate said. */
export interface RecordedGate {
  readonly verdict: GateVerdict;
  readonly checks: readonly { readonly name: string; readonly verdict: CheckVerdict }[];
}

/** What a job came to: what a playback is compared with. */
export interface RecordedOutcome {
  readonly outcome: Outcome;
  readonly error: ErrorInfo | null;
  readonly gate: readonly RecordedGate[];
  /** Id of the tree it left; base's where it changed nothing. */
  readonly tree: string;
}

/** A whole recorded job: a test case. */
export interface Recording {
  readonly version: typeof RECORDING_VERSION;
  readonly job_id: string;
  readonly agent: string;
  readonly request: RecordedRequest;
  /** Full id of the commit it began at. */
  readonly base_sha: string;
  /** Full id of the commit whose tree holds the trees of all turns. */
  readonly trees_sha: string;
  readonly result: RecordedOutcome;
  readonly turns: readonly RecordedTurn[];
}

/** Whether a value of an event is not nested too deep to be walked. */
export function isShallow(value: unknown, levels: number = MAX_EVENT_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((one) => isShallow(one, levels - 1));
}

/** The name of a turn, by which it is found again: `build-2`. */
export function turnKey(turn: Pick<RecordedTurn, 'phase' | 'number'>): string {
  return `${turn.phase}-${turn.number}`;
}
