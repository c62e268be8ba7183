/** What a pipeline is: steps that depend on each other, each a task for an agent, and one pull request at the end. */
import type { Budget, Policy } from '../request.ts';

/** Most steps of a pipeline, and largest definition as JSON, in bytes: half of what a store takes of a whole job. */
export const MAX_PIPELINE_STEPS = 10_000;
export const MAX_PIPELINE_BYTES: number = 8 * 1024 * 1024;

/** What follows where a step fails: nothing that has not begun is begun any more, or the rest goes on. */
export const ON_FAILURE = ['stop', 'continue'] as const;
export type OnFailure = (typeof ON_FAILURE)[number];

/** Who solves it where the work of two steps touches the same lines: nobody, or an agent. */
export const RESOLVE = ['fail', 'agent'] as const;
export type Resolve = (typeof RESOLVE)[number];

/** Types of outputs, as JSON Schema names them. */
export const OUTPUT_TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'object'] as const;
export type OutputType = (typeof OUTPUT_TYPES)[number];

/** An output that a step promises; agents are told of it, and a step that does not keep it fails. */
export interface OutputPromise {
  readonly type: OutputType;
  readonly description: string | null;
  /** Whether the step may end without it. */
  readonly optional: boolean;
}

/** A person says yes before the step begins. */
export interface Approval {
  /** Who may: names of users or of API keys; empty is everybody who may start jobs. */
  readonly approvers: readonly string[];
  /** What they are asked; a template. `null`: a sentence of the runner's. */
  readonly message: string | null;
}

/** One node: a task for an agent, as a job of its own. */
export interface StepDefinition {
  readonly name: string;
  /** May name outputs of steps that end before: `{{steps.<name>.output.<key>}}`. */
  readonly task: string;
  readonly mode: 'change' | 'ask';
  readonly depends_on: readonly string[];
  readonly on_failure: OnFailure;
  /** The step is left out where this is not true; see `expression/condition.ts`. */
  readonly condition: string | null;
  readonly approval: Approval | null;
  /** `null` is the pipeline's. */
  readonly agent: string | null;
  readonly model: string | null;
  /** `null`: any further output is taken from the agent's closing JSON, and missed only where it is used. */
  readonly outputs: Readonly<Record<string, OutputPromise>> | null;
  readonly policy: Partial<Policy>;
  readonly budget: Partial<Budget>;
}

/** A pipeline as it is stored; `parsePipeline` makes one from unknown input. */
export interface Pipeline {
  readonly name: string;
  /** A repository as jobs name it; `null`: each run names its own. */
  readonly repo_url: string | null;
  readonly base: string | null;
  readonly agent: string | null;
  readonly model: string | null;
  readonly resolve: Resolve;
  readonly policy: Partial<Policy>;
  /** Of a whole run, all its steps together. */
  readonly budget: Partial<Budget>;
  readonly draft: boolean;
  readonly labels: readonly string[];
  readonly reviewers: readonly string[];
  readonly steps: readonly StepDefinition[];
}

/** Fields of a definition; the parser knows these and no others. */
export const PIPELINE_FIELDS = [
  'name',
  'repo_url',
  'base',
  'agent',
  'model',
  'resolve',
  'policy',
  'budget',
  'draft',
  'labels',
  'reviewers',
  'steps',
] as const satisfies readonly (keyof Pipeline)[];
export const STEP_FIELDS = [
  'name',
  'task',
  'mode',
  'depends_on',
  'on_failure',
  'condition',
  'approval',
  'agent',
  'model',
  'outputs',
  'policy',
  'budget',
] as const satisfies readonly (keyof StepDefinition)[];
export const APPROVAL_FIELDS = ['approvers', 'message'] as const satisfies readonly (keyof Approval)[];
export const OUTPUT_FIELDS = [
  'type',
  'description',
  'optional',
] as const satisfies readonly (keyof OutputPromise)[];
/** What each policy may say, and between which bounds each part of a budget lies; `whole`: no fractions. */
export const POLICY_VALUES: { readonly [K in keyof Policy]: readonly Policy[K][] } = {
  on_red: ['block', 'draft'],
  on_inconclusive: ['block', 'draft', 'open'],
  on_none: ['block', 'draft', 'open'],
  on_tamper: ['block', 'draft', 'allow'],
};
export const BUDGET_LIMITS: Readonly<
  Record<
    keyof Budget,
    { readonly least: number; readonly most: number; readonly whole: boolean; readonly nullable: boolean }
  >
> = {
  max_cost_usd: { least: 0, most: 1_000_000, whole: false, nullable: true },
  max_tokens: { least: 1, most: 1e12, whole: true, nullable: true },
  max_turns: { least: 1, most: 500, whole: true, nullable: true },
  timeout_s: { least: 1, most: 1_209_600, whole: true, nullable: false },
};

/** A pipeline that is kept in the home, to be run by its id or name. */
export interface StoredPipeline {
  /** `pipe-` and twelve hexadecimal digits. */
  readonly pipeline_id: string;
  readonly definition: Pipeline;
  /** RFC 3339 UTC. */
  readonly created_at: string;
  readonly updated_at: string;
  readonly created_by: string | null;
}
