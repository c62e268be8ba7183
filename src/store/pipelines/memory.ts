/** Pipelines and decisions of their runs in the store in memory. */
import type { ApprovalDecision } from '../../job/pipeline/run.ts';
import { letWait } from '../memory/queue.ts';
import { entryOf, jobOf, opened, type State } from '../memory/state.ts';
import { isRun } from '../rules/job.ts';
import { checkLimit, checkName, fromJson } from '../rules/value.ts';
import {
  checkDecided,
  decisionJson,
  firstDecision,
  noSuchPipeline,
  pipelineOf,
  pipelineRow,
  placedRow,
  type PipelineMethods,
  type PipelineRow,
} from './row.ts';

/** Methods of the store about pipelines and decisions of their runs. */
export function pipelineMethods(state: State): PipelineMethods {
  // By id, in the order of their making: what is replaced keeps its place.
  const known = new Map<string, PipelineRow>();
  const named = (name: string): PipelineRow | null =>
    [...known.values()].find((row) => row.name === name) ?? null;
  return {
    async putPipeline(pipeline, { replace = false } = {}) {
      const given = pipelineRow(pipeline);
      opened(state);
      const byId = known.get(given.pipeline_id) ?? null;
      const count = known.size;
      const { row } = placedRow(given, { byId, byName: named(given.name) }, { replace, count });
      known.set(row.pipeline_id, row);
      return pipelineOf(row);
    },
    async getPipeline(idOrName) {
      opened(state);
      const row = known.get(idOrName) ?? named(idOrName);
      return row === null ? null : pipelineOf(row);
    },
    async listPipelines({ before, limit }) {
      checkLimit(limit);
      opened(state);
      const rows = [...known.values()].toReversed();
      const at = before === undefined ? -1 : rows.findIndex((row) => row.pipeline_id === before);
      if (before !== undefined && at === -1) throw noSuchPipeline(before);
      return rows.slice(at + 1, at + 1 + limit).map(pipelineOf);
    },
    async deletePipeline(pipelineId) {
      opened(state);
      return known.delete(pipelineId);
    },
    async decideApproval(runJobId, step, decision) {
      const json = decisionJson(decision, checkName(step, 'step'));
      const entry = entryOf(state, runJobId);
      const first = entry.approvals.get(step);
      if (first !== undefined) return firstDecision(step, first.json, decision);
      const job = jobOf(entry);
      checkDecided(job, isRun(job), entry.approvals.size);
      entry.approvals.set(step, { json, isSeen: false });
      if (entry.queued?.state === 'parked') letWait(state, entry);
      return fromJson(json) as ApprovalDecision;
    },
    async getApproval(runJobId, step) {
      const found = entryOf(state, runJobId).approvals.get(step);
      return found === undefined ? null : (fromJson(found.json) as ApprovalDecision);
    },
  };
}
