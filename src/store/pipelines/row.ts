/** A pipeline and a person's decision as every store keeps them; pure, so that all decide alike. */
import { JobError } from '../../job/error.ts';
import type { Job } from '../../job/job.ts';
import { MAX_PIPELINE_BYTES, MAX_PIPELINE_STEPS, type Pipeline } from '../../job/pipeline/definition.ts';
import type { StoredPipeline } from '../../job/pipeline/definition.ts';
import type { ApprovalDecision } from '../../job/pipeline/run.ts';
import { checkName, fromJson, notFound, toJson } from '../rules/value.ts';
import type { Store } from '../store.ts';

/** The methods of a store about pipelines and decisions of their runs. */
export type PipelineMethods = Pick<
  Store,
  'putPipeline' | 'getPipeline' | 'listPipelines' | 'deletePipeline' | 'decideApproval' | 'getApproval'
>;

/** Pipelines that one home keeps. */
const MAX_PIPELINES = 10_000;
/** Largest decision as JSON, in bytes: a comment is a remark and no document. */
const MAX_DECISION_BYTES = 64 * 1024;

/** A pipeline with its definition as JSON text. */
export interface PipelineRow {
  readonly pipeline_id: string;
  readonly name: string;
  readonly definition: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly created_by: string | null;
}

/** The row of a pipeline. @throws JobError `bug` */
export function pipelineRow({ definition, ...rest }: StoredPipeline): PipelineRow {
  const { pipeline_id: id, created_at, updated_at, created_by } = rest;
  if (created_by?.isWellFormed() === false) throw new JobError('bug', 'created_by: it is no valid Unicode');
  return {
    pipeline_id: checkName(id, 'pipeline_id'),
    name: checkName(definition.name, 'name'),
    definition: toJson(definition, `pipeline ${id}`, MAX_PIPELINE_BYTES),
    created_at,
    updated_at,
    created_by,
  };
}

/** The pipeline that callers see. */
export function pipelineOf(row: PipelineRow): StoredPipeline {
  const { pipeline_id, created_at, updated_at, created_by } = row;
  return {
    pipeline_id,
    definition: fromJson(row.definition) as Pipeline,
    created_at,
    updated_at,
    created_by,
  };
}

/**
 * The row that is to be stored, in the place of one that is there or as a new one.
 *
 * @param known the one of the same id, and the one of the same name
 * @param count how many pipelines there are
 * @throws JobError `conflict` where one of the two is taken, `invalid_request` where there are too many
 */
export function placedRow(
  row: PipelineRow,
  known: { readonly byId: PipelineRow | null; readonly byName: PipelineRow | null },
  of: { readonly replace: boolean; readonly count: number },
): { readonly row: PipelineRow; readonly isNew: boolean } {
  const { byId, byName } = known;
  const old = byId ?? byName;
  if (old === null) {
    if (of.count < MAX_PIPELINES) return { row, isNew: true };
    throw new JobError('invalid_request', `pipelines: there are ${of.count} (at most ${MAX_PIPELINES})`, {
      hint: 'delete those that nobody runs any more',
    });
  }
  const isOthers = byName !== null && byName.pipeline_id !== old.pipeline_id;
  if (!of.replace || isOthers) {
    const taken =
      byName === null ? `id ${row.pipeline_id}` : `name ${JSON.stringify(row.name.slice(0, 200))}`;
    const whose = (byName ?? old).pipeline_id;
    throw new JobError('conflict', `pipeline: the ${taken} is taken by ${whose}`, {
      hint: 'take another name, or replace the pipeline that has it: `--replace`, over HTTP `?replace=true`',
    });
  }
  const { pipeline_id, created_at, created_by } = old;
  return { row: { ...row, pipeline_id, created_at, created_by }, isNew: false };
}

/** The error of a pipeline that is not there. */
export function noSuchPipeline(id: string): JobError {
  return notFound('pipeline', id);
}

/** The JSON text of a decision. @throws JobError `bug` */
export function decisionJson({ approved, by, comment, time }: ApprovalDecision, step: string): string {
  return toJson({ approved, by, comment, time }, `decision of step ${step}`, MAX_DECISION_BYTES);
}

/**
 * The decision that holds, where one is there already.
 *
 * @throws JobError `conflict` where it says something else
 */
export function firstDecision(step: string, stored: string, given: ApprovalDecision): ApprovalDecision {
  const first = fromJson(stored) as ApprovalDecision;
  if (first.approved === given.approved) return first;
  const said = first.approved ? 'approved' : 'rejected';
  const by = JSON.stringify(first.by.slice(0, 200));
  throw new JobError('conflict', `step ${step}: it was ${said} already, by ${by} at ${first.time}`, {
    hint: 'the first word counts; cancel the run to stop what was approved, or retry it to be asked again',
  });
}

/**
 * Refuses a decision that nothing would come of.
 *
 * @param count how many steps of the run were decided
 * @throws JobError `invalid_request` for a job that is no run, `conflict` for a run that has ended
 */
export function checkDecided(job: Pick<Job, 'job_id' | 'outcome'>, isOfRun: boolean, count: number): void {
  if (!isOfRun) {
    throw new JobError(
      'invalid_request',
      `job ${job.job_id}: it is no run of a pipeline, so nothing is approved`,
    );
  }
  if (job.outcome !== null) {
    throw new JobError('conflict', `run ${job.job_id}: it has ended as ${job.outcome}`, {
      hint: 'retry it to be asked again',
    });
  }
  if (count < MAX_PIPELINE_STEPS) return;
  throw new JobError(
    'invalid_request',
    `run ${job.job_id}: ${count} steps were decided (at most ${MAX_PIPELINE_STEPS})`,
  );
}
