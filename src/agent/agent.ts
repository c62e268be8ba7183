/**
 * Port: WHO EDITS. An agent gets a prompt and a sandbox, edits files there and says what it did. What it says
 * is a claim: the runner looks at the tree and asks the gate.
 */
import type { ErrorInfo } from '../job/error.ts';
import type { EventType } from '../job/job.ts';
import type { ModelDialect } from '../job/model/call.ts';
import type { AgentPhase, SessionFill, Usage } from '../job/step.ts';
import type { Mount, Sandbox } from '../sandbox/sandbox.ts';
import type { McpServer } from './mcp/servers.ts';

/** What an agent needs in its sandbox before it can start. */
export interface AgentNeeds {
  /** Paths of the host that must be readable at the same place (its program, its package). */
  readonly readOnlyPaths: readonly string[];
  readonly mounts: readonly Mount[];
  readonly env: Readonly<Record<string, string>>;
  /**
   * Dialects it can speak to the model gateway, one of which the model's provider must speak, or the job does
   * not start; absent: any will do, or it needs no model.
   */
  readonly dialects?: readonly ModelDialect[];
}

/** One prompt to the agent. */
export interface AgentTurn {
  /** In `explore` and `plan` the workspace is read-only, and what is asked for is the closing message. */
  readonly phase: AgentPhase;
  /** Which turn of its phase it is, from 1; absent: the first. */
  readonly number?: number;
  readonly prompt: string;
  readonly model: string | null;
  /** The agent's own session to go on with, where it has one. */
  readonly sessionId: string | null;
  /** Its own command that shortens the session's history, to be given before the prompt; absent: none. */
  readonly compact?: string;
  readonly timeoutMs: number;
  /** Longest silence in milliseconds. */
  readonly idleTimeoutMs: number;
}

/** The way to a model: a gateway that holds the real key, counts what is spent and stops at the budget. */
export interface ModelAccess {
  /**
   * Where clients of a dialect find it, without a slash at the end, as their own base URL variables want it:
   * with `/v1` for OpenAI's two, without a version for `anthropic` and `gemini`. The same in every command
   *
   * @throws JobError `bad_configuration` when the model's provider does not speak the dialect
   */
  baseUrl(dialect: ModelDialect): string;
  /** What stands in for the API key: good for this job alone, and worth nothing elsewhere. */
  readonly token: string;
  /** The model's name at its provider, without `provider/`. */
  readonly model: string;
  /** Who serves it: `openai`, `anthropic`, … */
  readonly provider: string;
  /** Tokens that it reads at once; `null`: nobody knows. */
  readonly window: number | null;
}

/** What the agent works with during a turn. */
export interface AgentContext {
  readonly sandbox: Sandbox;
  readonly signal: AbortSignal;
  /** Whether the sandbox may be that of the next turn, too: what is quicker when it goes on running may go on. */
  readonly stays?: boolean;
  /** File on the host for everything the agent prints. */
  readonly logPath: string;
  /**
   * The model gateway; absent or `null` where none is configured, and the agent reaches its model by itself or
   * not at all. The sandbox answers at its address during every command that keeps a log (`logPath`).
   */
  readonly model?: ModelAccess | null;
  /** Folder on the host for sessions that the agent keeps by itself, outside its sandbox; absent: none are kept. */
  readonly sessionsPath?: string;
  /** Tool servers that the repository names; absent: none. */
  readonly mcpServers?: readonly McpServer[];
  /** Called as soon as the agent's session is known, which may be long before it ends; must not throw. */
  readonly onSession?: (sessionId: string) => void;
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
      /** Text of `$AGENT_RUNNER_OUT/output.json`, as it was left; absent or `null` where there is none. */
      readonly output?: string | null;
      readonly sessionId: string | null;
      readonly usage: Usage | null;
      /** How full its session is, where that is known. */
      readonly context?: SessionFill;
    }
  | { readonly ok: false; readonly error: ErrorInfo; readonly usage: Usage | null };

/** Whether an agent can start here, in words for people. */
export interface AgentState {
  readonly ready: boolean;
  readonly detail: string;
  /** What to do where it can't. */
  readonly fix: string | null;
  /** Whether its programme is here; absent where there is none to look for. */
  readonly installed?: boolean;
}

/** A coding agent behind one port. */
export interface Agent {
  readonly name: string;
  readonly needs: AgentNeeds;
  /**
   * Set where it runs in this process and only its tools act in the sandbox: it reaches the gateway from here, and the
   * sandbox's commands do not.
   */
  readonly inProcess?: true;
  /** The model that it always uses, whatever the job asks for; absent: the job's. */
  readonly model?: string;
  /** Set where no model reads the prompt: nothing is prepared for one. */
  readonly modelless?: true;
  /** Set where it takes the tool servers of its context. */
  readonly takesMcp?: true;
  /** Set where it is quicker in a sandbox that stays from turn to turn, with what it started there. */
  readonly lasts?: true;
  /** Names of files with standing rules at the root of the workspace: it reads the first that is there by itself. */
  readonly ownRules?: readonly string[];
  /** Whether it can start here, in words: program found, version; or what to do. */
  check(): Promise<AgentState>;
  run(turn: AgentTurn, context: AgentContext): Promise<AgentReply>;
}
