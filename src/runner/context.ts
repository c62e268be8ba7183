/** What every step of a job works with, wired once by `open.ts`. */
import type { SetupTrouble } from '../gate/setup/failure.ts';
import type { Agent } from '../agent/agent.ts';
import type { Forge, Remote } from '../forge/forge.ts';
import type { Reach } from './forge/reach.ts';
import type { Seals } from './forge/seal.ts';
import type { Service } from '../sandbox/services.ts';
import type { SandboxAdapter } from '../sandbox/sandbox.ts';
import type { Store } from '../store/store.ts';
import type { Git } from '../workspace/git.ts';
import type { JobPaths, Layout } from '../workspace/layout.ts';
import type { Config } from '../config.ts';
import type { Job } from '../job/job.ts';
import type { Check } from '../job/gate.ts';
import type { Policy } from '../job/request.ts';
import type { Prepared } from '../job/step.ts';
import type { InPlaceStart } from '../job/in-place/in-place.ts';
import type { Baselines } from '../gate/gate.ts';
import type { Layer, SetupRecipe } from '../workspace/dependencies.ts';
import type { Callbacks } from './callbacks/callbacks.ts';
import type { Journal } from './engine/journal.ts';
import type { Bell } from './queue/bell.ts';
import type { Cancels } from './queue/cancel.ts';
import type { SessionStart } from './session/start.ts';
import type { JobModels, ModelRoom } from './models/account.ts';

/** Ref of the job's repository that holds the commit under judgement. */
export const WORK_REF = 'refs/agent-runner/work';

/** What `open.ts` wires together. */
export interface RunnerParts {
  readonly config: Config;
  readonly store: Store;
  readonly layout: Layout;
  readonly git: Git;
  readonly forge: Forge;
  readonly baselines: Baselines;
  readonly models: ModelRoom;
  readonly bell: Bell;
  readonly cancels: Cancels;
  readonly callbacks: Callbacks;
  readonly seals: Seals;
}

/** Who explores or plans, and with which model; `null` is the agent's own. */
export interface LookingAgent {
  readonly agent: Agent;
  readonly model: string | null;
}

/** One job and everything it may use. */
export interface JobContext {
  readonly job: Job;
  readonly config: Config;
  readonly store: Store;
  readonly git: Git;
  readonly forge: Forge;
  /** The way to a remote, as this job; until `signal` is aborted, else until the job is cancelled. */
  readonly reach: (remote: Remote, signal?: AbortSignal) => Reach;
  readonly adapter: SandboxAdapter;
  /** Why this sandbox, and what a person should know about it. */
  readonly sandboxNotice: string | null;
  readonly agent: Agent;
  /** Who explores and plans. */
  readonly looking: Readonly<Record<'explore' | 'plan', LookingAgent>>;
  /** The job's account at the model gateway; `null` where no agent runs. */
  readonly models: JobModels | null;
  readonly layout: Layout;
  readonly paths: JobPaths;
  readonly baselines: Baselines;
  readonly journal: Journal;
  /** Takes the secrets that the agent was given out of a text. */
  readonly mask: (text: string) => string;
  /** Aborted when a person cancels. */
  readonly signal: AbortSignal;
}

/** How dependencies are prepared; `withoutScripts` is for a head that changed a lock file. */
export interface SetupPlanned extends SetupRecipe {
  readonly lockFiles: readonly string[];
  readonly withoutScripts: readonly string[] | null;
  readonly runsOwnCode: boolean;
}

/** Why dependencies could not be prepared. */
export interface SetupError extends SetupTrouble {
  /** Where everything that setup printed stands. */
  readonly log: string;
}

/** What the repository (or the caller) says about gate and setup, resolved from the base commit. */
export interface Rules {
  readonly checks: readonly Check[];
  readonly policy: Policy;
  readonly max_gate_runs: number;
  readonly gate_env: Readonly<Record<string, string>>;
  readonly gate_network: boolean;
  /** What checks and agents can reach while they run. */
  readonly services: readonly Service[];
  /** The part of the repository a job may change; empty is everything. Paths, folders or globs. */
  readonly paths: readonly string[];
  /** What a job may not change. */
  readonly protected_paths: readonly string[];
  readonly max_files: number;
  readonly max_diff_bytes: number;
  readonly setup: SetupPlanned | null;
  /** Where checks and setup come from, in words. */
  readonly sources: readonly string[];
}

/** Where the session stood, with what was laid of it. */
export interface SessionLaid extends SessionStart {
  readonly tree: string;
  /** Whether people pushed to its branch since: an agent that goes on in its conversation knows other files. */
  readonly isMoved?: boolean;
}

/** `prepare`'s full result: what the procedure sees, and what later steps need to find their way back. */
export interface PreparedDetail extends Prepared {
  readonly remote: Remote;
  /** Where the branch goes, where that is another repository: a fork. */
  readonly target?: Remote | undefined;
  readonly rules: Rules;
  readonly layer: Layer | null;
  /** Why base's dependencies could not be prepared. */
  readonly setup_error: SetupError | null;
  /** Where the job's session stood; absent for a job without one, and for its first. */
  readonly session?: SessionLaid | undefined;
  /** Where a job in place began; absent for others. */
  readonly in_place?: InPlaceStart | undefined;
}
