/** What one conversation is about, what it tells, and how it ends: the words that need no SDK. */
import type { ErrorInfo } from '../../job/error.ts';
import type { McpServer } from '../mcp/servers.ts';

/** What a conversation is held about. */
export interface Talk {
  readonly prompt: string;
  /** Session to go on with. */
  readonly sessionId: string | null;
  /** The agent's command that shortens that session's history, given before the prompt; `null`: it is left as it is. */
  readonly compact: string | null;
  /** Whether what the agent asks permission for may change the workspace. */
  readonly mayEdit: boolean;
  /** Where the workspace lies in the sandbox. */
  readonly cwd: string;
  /** Tool servers that the agent starts or calls by itself. */
  readonly mcpServers: readonly McpServer[];
  /** Way to log in that is taken when the agent asks for one; `null` knows none. */
  readonly authMethod: string | null;
  /** Modes of the agent to ask for, the first that it has; its own choice where it has none of them. */
  readonly modes: readonly string[];
}

/** What the conversation tells as it goes. */
export interface TalkListener {
  /** A session is open; its updates count from now on. */
  onSession(sessionId: string): void;
  /** The session's history is shortened from now on, or has been. */
  onCompacting(state: 'begun' | 'done'): void;
  /** Something a person should know, in words. */
  onNote(text: string): void;
  /** A question for permission; an answer ends the turn with this error. */
  onPermission(what: string): ErrorInfo | null;
  /** The turn can't go on. */
  onFailure(error: ErrorInfo): void;
}

/** How a prompt ended: the protocol's stop reason, and the session it was in. */
export interface TalkEnd {
  readonly stopReason: string;
  readonly sessionId: string;
}

/** A conversation that failed with an answer of the agent. */
export class TalkFailed extends Error {
  override readonly name = 'TalkFailed';
  readonly info: ErrorInfo;
  constructor(info: ErrorInfo) {
    super(info.message);
    this.info = info;
  }
}
