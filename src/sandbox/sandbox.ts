/**
 * Port: WHERE COMMANDS RUN. An adapter opens sandboxes; a sandbox runs commands on a working copy and is the
 * only thing an agent or a check ever touches. Only this room spawns processes.
 */

import type { Dial } from './bridge.ts';
import type { Door } from './door.ts';
import type { Layers, OverlayMode } from './process/overlay.ts';

export type { Dial } from './bridge.ts';
export type { Door } from './door.ts';
export type { Layers, OverlayMode, OverlayMount } from './process/overlay.ts';

/** A directory or file of the host that appears in the sandbox. */
export interface Mount {
  /** Absolute path on the host. */
  readonly source: string;
  /** Absolute path in the sandbox. */
  readonly target: string;
  readonly mode: 'ro' | 'rw';
}

/** What a sandbox is opened with. */
export interface SandboxOptions {
  /** The working copy on the host; it appears at `workspacePath`, writable unless `readOnlyWorkspace`. */
  readonly workspace: string;
  readonly readOnlyWorkspace?: boolean;
  /**
   * What `workspace` is made of, where it is copy-on-write: the folder itself is empty then, and shows the
   * layers to commands only. Only for adapters with `probeLayers`.
   */
  readonly workspaceLayers?: Layers;
  /** A directory on the host that becomes HOME; nothing of the user's own home is visible. */
  readonly home: string;
  readonly homeLayers?: Layers;
  /** Further mounts. Adapters that can't mount refuse those whose target differs from their source. */
  readonly mounts?: readonly Mount[];
  /** Paths of the host that must be readable at the same place: agents, toolchains, scripts. */
  readonly readOnlyPaths?: readonly string[];
  /** Environment of every command. Nothing is inherited from the host but what is named here. */
  readonly env: Readonly<Record<string, string>>;
  readonly network: boolean;
  /**
   * Who answers at the sandbox's `doorPort`, to every command that keeps a log (`logPath`) and to no other: the
   * small ones with which the runner itself looks at files need nobody. A host's own network has it at all times.
   */
  readonly door?: Door;
}

/** Standard input of a command that is written while the command runs. */
export interface LiveInput {
  /**
   * Writes text, in order. Returns false when it was not taken: the command has ended or is known to have closed its
   * input, or it leaves more than `MAX_PENDING_INPUT_BYTES` unread. Nothing after that is taken either.
   */
  write(text: string): boolean;
  /** Closes the input; what was written before still arrives. */
  end(): void;
}

/** How a command is run. Bounds are required: every wait and every output has one. */
export interface ExecOptions {
  /** Relative to the workspace; the workspace itself by default. */
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Text for standard input, which is closed after it; closed at once when absent. */
  readonly stdin?: string;
  /** Instead of `stdin`: called once, when the command has started, with an input that stays open; must not throw. */
  readonly onInput?: (input: LiveInput) => void;
  /** Wall clock bound in milliseconds. */
  readonly timeoutMs: number;
  /** Longest silence on stdout and stderr in milliseconds; none when absent. */
  readonly idleTimeoutMs?: number;
  /** Bytes of stdout and of stderr that are kept in memory, half from the head and half from the tail. */
  readonly maxBytes: number;
  /** File on the host that receives stdout and stderr together as they come, up to `maxLogBytes`. */
  readonly logPath?: string;
  readonly maxLogBytes?: number;
  readonly signal?: AbortSignal;
  /**
   * Whether the command is a shell of ours, which waits for what it starts and takes in orphans: then it may be the first of
   * its process tree, where others need one that does so for them.
   */
  readonly canBeFirst?: boolean;
  /** Called with every piece of output as it comes; must not throw. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** How a command is run that listens on its loopback. */
export interface ServeOptions extends ExecOptions {
  /** Called once, before the command starts, with the way to its ports until it ends; must not throw. */
  readonly onDial: (dial: Dial) => void;
}

/** Why a command ended. `killed`: by a signal that we did not send, for example by the kernel for memory. */
export type ExecEnd = 'exited' | 'killed' | 'timeout' | 'idle_timeout' | 'cancelled' | 'not_started';

/** How a command ended. Exit codes of agents are claims; this only reports. */
export interface ExecResult {
  readonly end: ExecEnd;
  /** `null` unless `end` is `exited`. */
  readonly exitCode: number | null;
  readonly signal: string | null;
  /** Kept output; a marker names the bytes that were dropped between head and tail. */
  readonly stdout: string;
  readonly stderr: string;
  /** Bytes that stdout and stderr really had. */
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  readonly durationMs: number;
  /** What the system said when the command could not be started. */
  readonly message: string | null;
}

/** A place where commands run. */
export interface Sandbox {
  readonly adapter: string;
  /** Where the working copy appears to commands. */
  readonly workspacePath: string;
  /** Where HOME appears to commands. */
  readonly homePath: string;
  /** Port of 127.0.0.1 at which `door` answers; absent without one. */
  readonly doorPort?: number;
  /** Runs one program with arguments; no shell is involved unless the caller names one. */
  exec(argv: readonly [string, ...string[]], options: ExecOptions): Promise<ExecResult>;
  /** Like `exec`, for a command that is reached while it runs. Absent where nothing can be reached from outside. */
  serve?(argv: readonly [string, ...string[]], options: ServeOptions): Promise<ExecResult>;
  /** Whether HOME has an entry of this name, a link too: looked at from outside, without following anything. */
  homeHas(name: string): Promise<boolean>;
  /** Kills everything that still runs in it. Files stay: they belong to whoever opened the sandbox. */
  close(): Promise<void>;
}

/** Whether an adapter works here, and what to say to a person about it. */
export interface SandboxProbe {
  readonly works: boolean;
  /** Version, or why it does not work. */
  readonly detail: string;
  /** The command that mends it, where there is one. */
  readonly fix: string | null;
}

/** One way to isolate commands. */
export interface SandboxAdapter {
  readonly name: string;
  /** What a command can't do, in words a person understands. */
  readonly isolation: string;
  /** Whether paths of the host can appear elsewhere in the sandbox, so that every checkout is `/workspace`. */
  readonly canMount: boolean;
  probe(): Promise<SandboxProbe>;
  /** How copy-on-write folders below `folder` can be made, `null` where they can't. Absent: never. */
  probeLayers?(folder: string): Promise<OverlayMode | null>;
  open(options: SandboxOptions): Promise<Sandbox>;
}

/** Adapters by name, in the order of strength; loaded only when asked for. */
export const SANDBOX_ADAPTERS = {
  bubblewrap: async (): Promise<SandboxAdapter> => (await import('./bubblewrap.ts')).createBubblewrap(),
  host: async (): Promise<SandboxAdapter> => (await import('./host.ts')).createHost(),
} as const;
export type SandboxName = keyof typeof SANDBOX_ADAPTERS;
