/** What the dashboard is told besides of jobs: who looks, what works here, what it can begin with. Types alone. */
import type { Role } from '../../job/access/access.ts';
import type { GateReport } from '../../job/gate.ts';
import type { Budget, SandboxChoiceName } from '../../job/request.ts';
import type { BudgetState } from '../../job/view/budget.ts';

/** Who looks, and at what. */
export interface WhoView {
  /** Id of the key; `local` where nobody is asked for one. */
  readonly id: string;
  /** What the key's holder is called. */
  readonly name: string;
  readonly role: Role;
  readonly auth: boolean;
  readonly version: string;
  /** The most that a request may ask to spend. */
  readonly most: Budget;
}

/** One thing that was looked at. */
export interface FindingView {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
  readonly fix: string | null;
}

/** An agent and whether it can start here. */
export interface AgentView {
  readonly name: string;
  readonly ready: boolean;
  readonly detail: string;
  readonly fix: string | null;
}

/** Who may edit here. */
export interface AgentsView {
  /** Who edits unless a request says otherwise; `null`: nobody is configured, and nobody is ready. */
  readonly default: string | null;
  readonly agents: readonly AgentView[];
}

/** A repository that is there to be tried, with the task that belongs to it. */
export interface DemoView {
  readonly repo: string;
  readonly task: string;
  readonly agent: string;
}

/** What the gate has said of a job so far, with what failed. */
export interface GateRunsView {
  readonly runs: readonly GateReport[];
}

/** What a request may ask for here. */
export interface LimitsView {
  /** Who is asked unless a request says otherwise. */
  readonly model: string | null;
  readonly sandbox: SandboxChoiceName;
  readonly sandboxes: readonly SandboxChoiceName[];
  /** Whether `owner/name` is one of a forge. */
  readonly has_forge: boolean;
  readonly callbacks: boolean;
  /** Budgets that several jobs share. */
  readonly budgets: readonly BudgetState[];
}
