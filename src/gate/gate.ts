/** The gate: all checks on base and head, and what they say together. */
import { Cancelled } from '../job/error.ts';
import {
  CHECK_KINDS,
  type Check,
  type CheckReport,
  type GateReport,
  type TamperFinding,
} from '../job/gate.ts';
import { createBaselineSource, type BaselineCache, type BaselineOptions } from './baseline.ts';
import { excerpt } from './failures/excerpt.ts';
import type { RanTests } from './reports/ran.ts';
import { runSide, type GateSide, type SideOptions, type SideRun } from './side.ts';
import { judge, overall, type SideResult } from './verdict.ts';

export type { BaselineCache } from './baseline.ts';
export type { RanTests } from './reports/ran.ts';
export type { GateSide } from './side.ts';

/** What one run of the gate works with. */
export interface GateInput {
  /** All of them run, in the order of their kinds; names are unique. */
  readonly checks: readonly Check[];
  /** `null`: there is no baseline, and every red check is red. */
  readonly base: GateSide | null;
  readonly head: GateSide;
  /** Everything of machine, dependencies, environment and network that a result depends on. */
  readonly fingerprint: string;
  /** Folder for the full outputs: `<side>-<check>.log`, and `<side>-<check>.again.log` of a rerun. */
  readonly logDir: string;
  readonly signal: AbortSignal;
  /** What the tamper guard found; it goes into the report as it is. */
  readonly tamper: readonly TamperFinding[];
  readonly onCheck?: SideOptions['onCheck'];
  /** Told which tests each check ran on both sides; must not throw. */
  readonly onRan?: (
    check: Check,
    ran: { readonly base: RanTests | null; readonly head: RanTests | null },
  ) => void;
}

/** What a baseline in the background works with. */
export type BaselineInput = Pick<GateInput, 'checks' | 'fingerprint' | 'logDir' | 'signal' | 'onCheck'> & {
  readonly base: GateSide;
};

/** The gate over one store of baselines. Whoever asks through the same object shares what is being computed. */
export interface Baselines {
  /**
   * Judges head beside base: base first, from the store where it can, then head.
   *
   * @throws Cancelled when the signal is aborted; what a side's `open` throws passes through
   */
  runGate(input: GateInput): Promise<GateReport>;
  /** Computes and stores the baselines that are missing, for a later `runGate`. */
  runBaseline(input: BaselineInput): Promise<void>;
}

/** Longest excerpt of one check, in characters: 2,000 tokens of about four (SPEC §3). */
const MAX_EXCERPT_CHARS = 8000;
/** Excerpts of all checks together, in characters; a report has to fit into a step's result of 64 KiB. */
const MAX_EXCERPTS_CHARS = 24_000;
const PASSED_EXCERPT_CHARS = 400;
/** Most new failures that one check names, and all together. */
const MAX_NEW_FAILURES = 100;
const MAX_ALL_NEW_FAILURES = 200;

function ordered(checks: readonly Check[]): readonly Check[] {
  return checks.toSorted((a, b) => CHECK_KINDS.indexOf(a.kind) - CHECK_KINDS.indexOf(b.kind));
}

function reportOn(
  check: Check,
  base: SideResult | null,
  head: SideRun,
  maxExcerptChars: number,
  maxFailures: number,
): CheckReport {
  const { verdict, reason, newFailures } = judge(base, head.result);
  const left = newFailures.length - maxFailures;
  return {
    name: check.name,
    kind: check.kind,
    command: check.command,
    base: base?.state ?? 'not_run',
    head: head.result.state,
    verdict,
    duration_ms: Math.round(head.durationMs),
    log: head.log,
    reason,
    base_tests: base?.ran?.counts ?? null,
    head_tests: head.result.ran?.counts ?? null,
    new_failures: left > 0 ? [...newFailures.slice(0, maxFailures), `… and ${left} more`] : newFailures,
    excerpt: excerpt(head.output, head.result.state === 'passed' ? PASSED_EXCERPT_CHARS : maxExcerptChars),
  };
}

async function runHead(
  input: GateInput,
  checks: readonly Check[],
  base: ReadonlyMap<Check, SideResult> | null,
): Promise<ReadonlyMap<Check, SideRun>> {
  const runs = new Map<Check, SideRun>();
  const plain = new Set(checks.filter((check) => base?.get(check)?.plain === true));
  await runSide(
    input.head,
    checks,
    checks,
    { ...input, name: 'head', plain },
    (check, run) => void runs.set(check, run),
  );
  return runs;
}

type BaselineOf = (options: BaselineOptions) => Promise<ReadonlyMap<Check, SideResult>>;

interface Judged {
  readonly check: Check;
  readonly base: SideResult | null;
  readonly head: SideRun;
}

async function judgeChecks(
  input: GateInput,
  checks: readonly Check[],
  baseline: BaselineOf,
): Promise<readonly Judged[]> {
  const base = input.base === null ? null : await baseline({ ...input, checks, base: input.base });
  const runs = await runHead(input, checks, base);
  return checks.flatMap((check) => {
    const head = runs.get(check);
    return head === undefined ? [] : [{ check, base: base?.get(check) ?? null, head }];
  });
}

/**
 * The parts of a check that is red on both sides with nothing new: what comes after the red part has run on
 * neither, so each part is judged as a check of its own.
 */
function hiddenParts(judged: readonly Judged[]): readonly Check[] {
  return judged.flatMap(({ check, base, head }) => {
    const { parts = [], name, kind, timeout_s } = check;
    if (parts.length === 0 || judge(base, head.result).verdict !== 'pre_existing') return [];
    return parts.map((command, at) => ({
      name: `${name} (${at + 1} of ${parts.length})`,
      kind,
      command,
      timeout_s,
    }));
  });
}

async function runGate(input: GateInput, baseline: BaselineOf): Promise<GateReport> {
  const started = performance.now();
  if (input.signal.aborted) throw new Cancelled();
  const checks = ordered(input.checks);
  const whole = await judgeChecks(input, checks, baseline);
  const hidden = hiddenParts(whole);
  const judged = hidden.length === 0 ? whole : [...whole, ...(await judgeChecks(input, hidden, baseline))];
  const unwell = judged.filter(({ head }) => head.result.state !== 'passed').length;
  const excerptChars = Math.min(MAX_EXCERPT_CHARS, Math.floor(MAX_EXCERPTS_CHARS / Math.max(1, unwell)));
  const failures = Math.min(MAX_NEW_FAILURES, Math.ceil(MAX_ALL_NEW_FAILURES / Math.max(1, unwell)));
  const reports = judged.map(({ check, base, head }) => {
    input.onRan?.(check, { base: base?.ran ?? null, head: head.result.ran });
    return reportOn(check, base, head, excerptChars, failures);
  });
  return {
    verdict: overall(reports),
    commit: input.head.commit,
    tree: input.head.tree,
    checks: reports,
    tamper: input.tamper,
    duration_ms: Math.round(performance.now() - started),
  };
}

/** The gate over one store of baselines. Keep one object for as long as the store is open. */
export function createBaselines(cache: BaselineCache): Baselines {
  const source = createBaselineSource(cache);
  return {
    runGate: async (input) => runGate(input, async (options) => source.results(options)),
    async runBaseline(input) {
      await source.results({ ...input, checks: ordered(input.checks) });
    },
  };
}
