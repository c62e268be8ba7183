/** What a verdict permits: the very decision that a job takes after its last gate run. */
import { decideNext } from '../../job/decide.ts';
import { errorInfo, type ErrorInfo } from '../../job/error.ts';
import type { JobRequest } from '../../job/request.ts';
import type { Entry, ProposeInput } from '../../job/step.ts';
import type { Verdict } from './artifact.ts';

/** A change that may be proposed, and how; or why not. */
export type Permission =
  | { readonly permits: true; readonly input: ProposeInput }
  | { readonly permits: false; readonly error: ErrorInfo };

/**
 * Decides as a job would whose only gate run said this.
 *
 * @param request of which only what decides counts
 */
export function permissionOf(
  request: JobRequest,
  {
    report,
    policy,
    base,
    base_sha,
    head_sha,
  }: Pick<Verdict, 'report' | 'policy' | 'base' | 'base_sha' | 'head_sha'>,
): Permission {
  const now = new Date(0).toISOString();
  const step = { ok: true, started_at: now, ended_at: now, usage: null } as const;
  const failure = report.checks
    .filter(({ verdict }) => verdict === 'failed')
    .map(({ name, reason }) => `${name}: ${reason}`)
    .join('\n');
  const history: readonly Entry[] = [
    {
      step: 'prepare',
      result: { ...step, base, base_sha, branch: '', policy, max_gate_runs: 1, notices: [] },
    },
    {
      step: 'build',
      input: { turn: { kind: 'task' }, timeout_ms: 1 },
      result: { ...step, tree: report.tree, changed: true, summary: '', question: null, session_id: null },
    },
    {
      step: 'verify',
      result: { ...step, report, head_sha, failure: report.verdict === 'red' ? failure : '' },
    },
  ];
  const decision = decideNext(history, { ...request, mode: 'change' });
  if (decision.next === 'propose') return { permits: true, input: decision.input };
  const error = decision.next === 'end' ? decision.ending.error : null;
  return { permits: false, error: error ?? errorInfo('gate_failed', 'the verdict permits no proposal') };
}
