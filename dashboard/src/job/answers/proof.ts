/** Whether a job's change is proven, in words. */
import type { GateReport } from '../../../../src/job/gate.ts';
import type { Outcome } from '../../../../src/job/status.ts';
import type { JobView } from '../../../../src/job/view/view.ts';
import { hasEnded } from '../../api/queries.ts';
import { toldOfRun, type Told } from '../../parts/state.tsx';
import { counted } from '../../parts/words.ts';
import type { LiveGate } from '../told.ts';

/** What is said of it. */
export interface Proof {
  readonly told: Told;
  readonly says: string;
  /** Findings of the tamper guard that count. */
  readonly findings: number;
}

/** What a run of the gate proves, in a sentence. */
function saysOf(run: GateReport): string {
  const broken = run.checks.filter(({ verdict }) => verdict === 'failed').length;
  const before = run.checks.filter(({ verdict }) => verdict === 'pre_existing').length;
  const fixed = run.checks.filter(({ verdict }) => verdict === 'fixed').length;
  if (run.tamper.some(({ severity }) => severity === 'block')) return 'The change bends what judges it';
  if (run.verdict === 'none') return 'No checks were found: nothing is proven';
  if (broken > 0) return `${broken} of ${counted(run.checks.length, 'check')} broken by the change`;
  if (run.verdict === 'inconclusive') return 'A check could not be judged';
  if (before > 0) return `Nothing new fails; ${counted(before, 'check')} red before too`;
  return fixed > 0
    ? `All pass; ${counted(fixed, 'check')} red on base, mended by the change`
    : `${counted(run.checks.length, 'check')} pass, on base and on head`;
}

/** Why nothing was judged, by how the job ended. */
const UNJUDGED: Partial<Record<Outcome, string>> = {
  no_change: 'There is no change to prove',
  answered: 'An answer changes nothing, and nothing judges it',
  setup_failed: 'What the checks need could not be set up',
  refused: 'It was refused before anything was judged',
};

function unjudged(job: JobView): string {
  if (!hasEnded(job)) return 'The gate has not run yet';
  return (job.outcome === null ? undefined : UNJUDGED[job.outcome]) ?? 'It ended before anything was judged';
}

/** The proof. */
export function proofOf(job: JobView, runs: readonly GateReport[], live: LiveGate | null): Proof {
  const last = runs.at(-1);
  if (live !== null) {
    const done = live.checks.filter(({ head }) => head !== 'waiting' && head !== 'running').length;
    const says = `${done} of ${counted(live.checks.length, 'check')} on head`;
    return { told: { icon: 'run', word: 'Judging', tone: 'live' }, says, findings: 0 };
  }
  if (last === undefined)
    return {
      told: { icon: 'none', word: 'Not judged', tone: 'quiet' },
      says: unjudged(job),
      findings: 0,
    };
  return {
    told: toldOfRun(last),
    says: saysOf(last),
    findings: last.tamper.filter(({ severity }) => severity !== 'report').length,
  };
}
