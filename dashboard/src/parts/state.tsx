/** Where a job stands: a sign, a word and a colour, of which the first two are enough. */
import type { ReactNode } from 'react';
import type { CheckVerdict, GateReport, GateVerdict, SideState } from '../../../src/job/gate.ts';
import type { JobStatus, Outcome } from '../../../src/job/status.ts';
import { Icon, type IconName } from './icon.tsx';

/** What a colour means, everywhere. */
export type Tone = 'ok' | 'bad' | 'warn' | 'live' | 'quiet';

/** How something is told. */
export interface Told {
  readonly icon: IconName;
  readonly word: string;
  readonly tone: Tone;
}

/** How a job that has not ended is told, and one that ended without an outcome. */
export const STATUS: Readonly<Record<JobStatus, Told>> = {
  queued: { icon: 'clock', word: 'Queued', tone: 'quiet' },
  forking: { icon: 'run', word: 'Forking', tone: 'live' },
  triggered: { icon: 'run', word: 'Triggered', tone: 'live' },
  running: { icon: 'run', word: 'Running', tone: 'live' },
  retrying: { icon: 'again', word: 'Retrying', tone: 'warn' },
  needs_input: { icon: 'ask', word: 'Asks you', tone: 'warn' },
  completed: { icon: 'ok', word: 'Completed', tone: 'ok' },
  failed: { icon: 'bad', word: 'Failed', tone: 'bad' },
  cancelled: { icon: 'stop', word: 'Cancelled', tone: 'quiet' },
};

/** How an ended job is told, and what that means in a sentence. */
export const OUTCOME: Readonly<Record<Outcome, Told & { readonly means: string }>> = {
  pr_opened: { icon: 'pull', word: 'PR opened', tone: 'ok', means: 'A pull request was opened' },
  pr_updated: { icon: 'pull', word: 'PR updated', tone: 'ok', means: 'Its pull request was updated' },
  proposed: {
    icon: 'ok',
    word: 'Proposed',
    tone: 'ok',
    means: 'The change is there as a branch and a patch',
  },
  no_change: { icon: 'none', word: 'No change', tone: 'quiet', means: 'The agent left nothing changed' },
  answered: { icon: 'say', word: 'Answered', tone: 'ok', means: 'The question was answered' },
  gate_failed: { icon: 'bad', word: 'Gate red', tone: 'bad', means: 'The change breaks a check' },
  gave_up: { icon: 'bad', word: 'Gave up', tone: 'bad', means: 'The same failure came again and again' },
  tampered: { icon: 'shield', word: 'Tampered', tone: 'bad', means: 'The change weakens its own judge' },
  agent_failed: { icon: 'bad', word: 'Agent failed', tone: 'bad', means: 'The agent did not come to an end' },
  budget_exceeded: { icon: 'coin', word: 'Over budget', tone: 'warn', means: 'What it may spend was spent' },
  timed_out: { icon: 'clock', word: 'Timed out', tone: 'warn', means: 'Its time was up' },
  setup_failed: {
    icon: 'bad',
    word: 'Setup failed',
    tone: 'bad',
    means: 'The repository could not be set up',
  },
  refused: { icon: 'stop', word: 'Refused', tone: 'bad', means: 'A rule forbids this change' },
  infra_failed: { icon: 'warn', word: 'Machine failed', tone: 'bad', means: 'Something around it failed' },
  cancelled: {
    icon: 'stop',
    word: 'Cancelled',
    tone: 'quiet',
    means: 'Somebody stopped it; its work is saved',
  },
};

/** How a verdict of the gate is told. */
export const VERDICT: Readonly<Record<GateVerdict, Told>> = {
  green: { icon: 'ok', word: 'Green', tone: 'ok' },
  red: { icon: 'bad', word: 'Red', tone: 'bad' },
  inconclusive: { icon: 'ask', word: 'Inconclusive', tone: 'warn' },
  none: { icon: 'none', word: 'No checks', tone: 'quiet' },
};

/** How a verdict is told that a change got by weakening what judged it. */
export const UNTRUSTED: Told = { icon: 'shield', word: 'Untrusted', tone: 'bad' };

/** How a run of the gate is told: a green one counts for nothing where the change bent its judge. */
export function toldOfRun({ verdict, tamper }: GateReport): Told {
  return tamper.some(({ severity }) => severity === 'block') ? UNTRUSTED : VERDICT[verdict];
}

/** How a check's verdict is told. */
export const CHECK: Readonly<Record<CheckVerdict, Told>> = {
  passed: { icon: 'ok', word: 'passed', tone: 'ok' },
  failed: { icon: 'bad', word: 'broken by this', tone: 'bad' },
  pre_existing: { icon: 'none', word: 'red before too', tone: 'warn' },
  fixed: { icon: 'ok', word: 'fixed by this', tone: 'ok' },
  flaky: { icon: 'again', word: 'flaky', tone: 'warn' },
  inconclusive: { icon: 'ask', word: 'inconclusive', tone: 'warn' },
};

/** How a check is told on one side. */
export const SIDE: Readonly<Record<SideState | 'not_run' | 'running' | 'waiting', Told>> = {
  passed: { icon: 'tick', word: 'passed', tone: 'ok' },
  failed: { icon: 'cross', word: 'failed', tone: 'bad' },
  inconclusive: { icon: 'ask', word: 'unclear', tone: 'warn' },
  not_run: { icon: 'none', word: 'not run', tone: 'quiet' },
  running: { icon: 'run', word: 'running', tone: 'live' },
  waiting: { icon: 'clock', word: 'waiting', tone: 'quiet' },
};

/** How a job is told as it stands. A run of a pipeline may ask something while other steps of it go on. */
export function toldOf(job: {
  readonly status: JobStatus;
  readonly outcome: Outcome | null;
  readonly question?: string | null;
}): Told {
  if (job.status === 'running' && typeof job.question === 'string') return STATUS.needs_input;
  return job.outcome === null ? STATUS[job.status] : OUTCOME[job.outcome];
}

const TURNING: readonly IconName[] = ['run'];

/** A state, as it is told. @param boxed with a ground of its own */
export function State({ told, boxed = false }: { readonly told: Told; readonly boxed?: boolean }): ReactNode {
  return (
    <span className={`state ${told.tone}${boxed ? ' boxed' : ''}`}>
      <Icon name={told.icon} turns={TURNING.includes(told.icon) && told.tone === 'live'} />
      <span>{told.word}</span>
    </span>
  );
}
