/** What a gate run says: plain data, shared by gate, store, prompt, forge and the doors. */

/** What a check is for; decides the order in which checks are shown and run. */
export const CHECK_KINDS = ['format', 'lint', 'types', 'build', 'test', 'other'] as const;
export type CheckKind = (typeof CHECK_KINDS)[number];

/** One of the repository's own commands. */
export interface Check {
  readonly name: string;
  readonly kind: CheckKind;
  /** A shell command, run by `sh -c` in the root of a clean checkout. */
  readonly command: string;
  readonly timeout_s: number;
  /** Report files that the command writes: a path or glob inside the checkout. */
  readonly report?: string;
  /** Commands that `command` runs one after the other, each only if the one before passed. */
  readonly parts?: readonly string[];
}

/** How many tests a check ran on one side. `skipped` counts todo and expected failures too. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/** How a check ended on one side. `inconclusive`: missing tool, timeout, or a killed process. */
export type SideState = 'passed' | 'failed' | 'inconclusive';

/** What head's result means, seen beside base's. */
export type CheckVerdict = 'passed' | 'failed' | 'pre_existing' | 'fixed' | 'flaky' | 'inconclusive';

/** One check on both sides. */
export interface CheckReport {
  readonly name: string;
  readonly kind: CheckKind;
  readonly command: string;
  /** `not_run` where there is no baseline: every red check is red then. */
  readonly base: SideState | 'not_run';
  readonly head: SideState;
  readonly verdict: CheckVerdict;
  /** Wall time of the check on head, in milliseconds. */
  readonly duration_ms: number;
  /** Where the full output on head is kept, or `null` when nothing ran. */
  readonly log: string | null;
  /** Why the verdict is what it is, in one sentence. */
  readonly reason: string;
  /** Tests that ran on the base; `null` when neither a report nor the output tells, absent in older reports. */
  readonly base_tests?: TestCounts | null;
  readonly head_tests?: TestCounts | null;
  /** Failing tests or error lines that base does not have; empty unless `failed`. */
  readonly new_failures: readonly string[];
  /** Head and tail of what the check printed on head, for people and for the agent. */
  readonly excerpt: string;
}

/** `green`: nothing new, nothing inconclusive. `none`: no checks were found. */
export type GateVerdict = 'green' | 'red' | 'inconclusive' | 'none';

/** What the tamper guard thinks of a finding: `block` and `draft` decide, `report` only tells. */
export type TamperSeverity = 'block' | 'draft' | 'report';

/** A place where the change weakens its own judge. */
export interface TamperFinding {
  readonly kind: string;
  readonly severity: TamperSeverity;
  readonly file: string;
  readonly line: number | null;
  readonly detail: string;
  /** Tests of base that no longer say on head what they said; what base's run of them shows decides. */
  readonly tests?: readonly string[];
}

/** One run of the gate on one commit. */
export interface GateReport {
  readonly verdict: GateVerdict;
  readonly commit: string;
  readonly tree: string;
  readonly checks: readonly CheckReport[];
  readonly tamper: readonly TamperFinding[];
  readonly duration_ms: number;
}
