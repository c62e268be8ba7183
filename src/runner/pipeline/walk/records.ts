/** What the stored steps of a run's job say: which jobs it started, what it asked, what is left to do. */
import type { Job } from '../../../job/job.ts';
import type { ApprovalDecision, Begun, ChildEnd, ChildInput } from '../../../job/pipeline/run.ts';
import type { JobStatus } from '../../../job/status.ts';
import type { StepResult } from '../../../job/step.ts';
import type { StepRecord, Store } from '../../../store/store.ts';
import { eachJob } from '../../keep/jobs.ts';

/** What a run does for a step of its pipeline, as the names of its own steps begin. */
const KINDS = ['child', 'resolve', 'assemble', 'approve'] as const;
type Kind = (typeof KINDS)[number];

/** Jobs of one run that are looked through: as many as its steps, and as many for conflicts. */
const MAX_CHILDREN = 20_000;

/** The name under which the engine keeps what a run does for a step; an occurrence comes behind it. */
export function keyOf(kind: Kind, step: string): string {
  return `${kind}:${step}`;
}

/** The kind and the step of a record; `null` for what every job does. */
function readKey(key: string): { readonly kind: Kind; readonly step: string } | null {
  const [, kind, step] = /^([a-z]+):(.*)-\d+$/s.exec(key) ?? [];
  const known = KINDS.find((one) => one === kind);
  return known === undefined || step === undefined ? null : { kind: known, step };
}

/** What is stored of a job that was started for a step. */
export interface ChildRecord {
  readonly step: string;
  readonly kind: 'step' | 'resolve';
  /** `null` where a process died before it chose one. */
  readonly jobId: string | null;
  readonly end: StepResult<ChildEnd> | null;
}

/** What is stored of a question to a person. */
interface AskRecord {
  readonly step: string;
  readonly approvers: readonly string[];
  readonly message: string;
  readonly end: StepResult<ApprovalDecision> | null;
}

/** What the records of a run say. */
export interface RunRecords {
  /** Every step that something was begun for, were it but to bring together what it begins with. */
  readonly begun: readonly Begun[];
  readonly children: readonly ChildRecord[];
  readonly asked: readonly AskRecord[];
}

function textOf(note: StepRecord['note'], name: string): string | null {
  const value = note[name];
  return typeof value === 'string' ? value : null;
}

function textsOf(note: StepRecord['note'], name: string): readonly string[] {
  const value = note[name];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** Reads the records of a run. Only the engine writes results, so they are taken for what it wrote. */
export function readRecords(records: readonly StepRecord[]): RunRecords {
  const begun = new Map<string, Begun>();
  const children: ChildRecord[] = [];
  const asked: AskRecord[] = [];
  for (const { key, note, result } of records) {
    const read = readKey(key);
    // What is brought together at the end is no step's.
    if (read === null || read.step === '') continue;
    const { kind, step } = read;
    const isJob = kind === 'child' || kind === 'resolve';
    const { job = false, results = 0 } = begun.get(step) ?? {};
    begun.set(step, {
      name: step,
      job: job || isJob,
      results: results + (result === null ? 0 : 1),
    });
    if (isJob) {
      const end = result as StepResult<ChildEnd> | null;
      children.push({
        step,
        kind: kind === 'child' ? 'step' : 'resolve',
        jobId: textOf(note, 'job_id') ?? (end?.ok === true ? end.job_id : null),
        end,
      });
    }
    if (kind === 'approve') {
      const message = textOf(note, 'message') ?? '';
      const approvers = textsOf(note, 'approvers');
      const end = result as StepResult<ApprovalDecision> | null;
      // Begun by a process that died before it asked: nobody can answer yet.
      if (message !== '' || end !== null) asked.push({ step, approvers, message, end });
    }
  }
  return { begun: [...begun.values()], children, asked };
}

/** The jobs of a run's steps, newest first. @param status only those of this one */
export function childrenOf(store: Store, runJobId: string, status?: JobStatus): AsyncGenerator<Job> {
  return eachJob(store, {
    stepsOf: runJobId,
    limit: MAX_CHILDREN,
    ...(status === undefined ? {} : { status }),
  });
}

/** Whether a job is the one that was asked for: the same step, for the same reason, from the same commit. */
export function isFor({ request: { step } }: Job, input: ChildInput): boolean {
  if (step === undefined || step.name !== input.name || step.kind !== input.kind) return false;
  return input.kind === 'step' || step.start === input.start;
}
