/** Jobs that were stored by another procedure. */
import { PROCEDURE_VERSION } from '../../job/job.ts';
import type { StepResult } from '../../job/step.ts';
import type { Store } from '../../store/store.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { JobSteps } from '../steps/steps.ts';
import type { Journal } from './journal.ts';
import type { HeldLease } from './lease.ts';

/**
 * Such a job starts again from its last saved tree; nothing is replayed over other code. The steps of a run are jobs of their
 * own and stay: it finds them by what they are for, and what people approved where it is kept.
 */
export async function restartIfOther(
  store: Store,
  { context, lease, journal }: Readonly<{ context: JobContext; lease: HeldLease; journal: Journal }>,
  jobSteps: JobSteps,
): Promise<void> {
  const steps = await store.readSteps(context.job.job_id);
  const other = steps.find((step) => step.procedure_version !== PROCEDURE_VERSION);
  if (other === undefined) return;
  journal.emit('message', null, {
    text: `stored under procedure ${other.procedure_version}, this is ${PROCEDURE_VERSION}: the job starts again from its last saved tree`,
  });
  const prepared = steps.find((step) => step.key === 'prepare-1')?.result as
    | StepResult<PreparedDetail>
    | null
    | undefined;
  if (prepared?.ok === true) await jobSteps.rescue(prepared);
  await store.clearSteps(lease.current());
}
