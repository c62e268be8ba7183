/**
 * Port: WHO EDITS. An agent gets a prompt and a sandbox, edits files there and says what it did. What it says
 * is a claim: the runner looks at the tree and asks the gate.
 */
import type { ErrorInfo } from '../job/error.ts';
import type { EventType } from '../job/job.ts';
import type { AgentPhase, Usage } from '../job/step.ts';
import type { Mount, Sandbox } from '../sandbox/sandbox.ts';

/** What an agent needs in its sandbox before it can start. */
export interface AgentNeeds {
  /** Paths of the host that must be readable at the same place (its program, its package). */
  readonly readOnlyPaths: readonly string[];
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
}

/** One prompt to the agent. */
export interface AgentTurn {
  /** In `explore` and `plan` the workspace is read-only, and what is asked for is the closing message. */
  readonly phase: AgentPhase;
  readonly prompt: string;
  readonly model: string | null;
  /** The agent's own session to go on with, where it has one. */
  readonly sessionId: string | null;
  readonly timeoutMs: number;
  /** Longest silence in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** What the agent works with during a turn. */
export interface AgentContext {
  readonly sandbox: Sandbox;
  readonly signal: AbortSignal;
  /** File on the host for everything the agent prints. */
  readonly logPath: string;
  /** Progress as it happens; must not throw. */
  readonly onEvent: (type: EventType, data: Readonly<Record<string, unknown>>) => void;
}

/** How a turn ended. A cancelled turn throws `Cancelled`. */
export type AgentReply =
  | {
      readonly ok: true;
      /** The agent's closing message. */
      readonly summary: string;
      /** Set when it can't go on without an answer. */
      readonly question: string | null;
      readonly sessionId: string | null;
      readonly usage: Usage | null;
      /** Tokens its session holds and can hold, where it says so and does not shorten its history by itself. */
      readonly context?: { readonly used: number; readonly size: number | null };
    }
  | { readonly ok: false; readonly error: ErrorInfo; readonly usage: Usage | null };

/** A coding agent behind one port. */
export interface Agent {
  readonly name: string;
  readonly needs: AgentNeeds;
  /** Set where no model reads the prompt: nothing is prepared for one. */
  readonly modelless?: true;
  /** Names of files with standing rules at the root of the workspace: it reads the first that is there by itself. */
  readonly ownRules?: readonly string[];
  /** Whether it can start here, in words: program found, version; or what to do. */
  check(): Promise<{ readonly ready: boolean; readonly detail: string; readonly fix: string | null }>;
  run(turn: AgentTurn, context: AgentContext): Promise<AgentReply>;
}
