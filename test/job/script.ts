/** A scripted engine for the tests of `src/job`: steps answer what a script says and note that they ran. */
import { Cancelled, ERROR_CODES, errorInfo, JobError, type ErrorCode } from '../../src/job/error.ts';
import type { CheckReport, GateVerdict, TamperFinding } from '../../src/job/gate.ts';
import { PROCEDURE_VERSION, type Job } from '../../src/job/job.ts';
import { parsePlan } from '../../src/job/phases/plan.ts';
import { runJob } from '../../src/job/procedure.ts';
import { DEFAULT_BUDGET, DEFAULT_POLICY, type JobRequest, type Policy } from '../../src/job/request.ts';
import type { JobResult } from '../../src/job/result.ts';
import type { BuildInput, ProposeInput, StepResult, StepTimes, Steps, Usage } from '../../src/job/step.ts';

/** What can go wrong in any step. */
export type Trouble =
  | {
      readonly do: 'fail';
      readonly code: ErrorCode;
      readonly usage?: Usage | null;
      readonly seconds?: number;
    }
  | { readonly do: 'cancel' }
  | { readonly do: 'throw'; readonly code?: ErrorCode };

export type BuildAct =
  | Trouble
  | {
      readonly do: 'build';
      readonly changed?: boolean;
      readonly question?: string | null;
      readonly usage?: Usage | null;
      readonly seconds?: number;
    };
export type VerifyAct =
  | Trouble
  | {
      readonly do: 'verify';
      readonly verdict: GateVerdict;
      readonly failure?: string;
      readonly tamper?: readonly TamperFinding[];
      readonly checks?: readonly CheckReport[];
      readonly messageWaits?: boolean;
    };
export type ProposeAct =
  | Trouble
  | { readonly do: 'propose'; readonly outcome: 'pr_opened' | 'pr_updated' | 'proposed' };
export type PrepareAct = Trouble | { readonly do: 'prepare' };
export type ExploreAct =
  | Trouble
  | {
      readonly do: 'explore';
      readonly report?: string;
      readonly usage?: Usage | null;
      readonly seconds?: number;
    };
export type PlanAct =
  | Trouble
  | {
      readonly do: 'plan';
      readonly answer: string;
      readonly usage?: Usage | null;
      readonly seconds?: number;
    };
export type MessageAct = Trouble | { readonly do: 'answer'; readonly answer: string };
export type RebaseAct =
  | Trouble
  | { readonly do: 'rebase'; readonly onto?: string | undefined; readonly fits?: boolean };
export type SaveAct =
  | { readonly do: 'save'; readonly ref: string | null }
  | { readonly do: 'fail'; readonly code: ErrorCode };

/** What each step answers, the n-th time it runs; the last act is repeated. */
export interface Script {
  readonly prepare?: PrepareAct;
  /** `{}` explores and plans with the acts' defaults. */
  readonly phases?: { readonly explore?: ExploreAct; readonly plan?: PlanAct };
  readonly builds?: readonly BuildAct[];
  readonly messages?: readonly MessageAct[];
  readonly verifies?: readonly VerifyAct[];
  /** On a forge, which `upstream` says. */
  readonly rebases?: readonly RebaseAct[];
  readonly upstream?: string | undefined;
  readonly propose?: ProposeAct;
  readonly save?: SaveAct;
  readonly policy?: Partial<Policy>;
  readonly maxGateRuns?: number;
  readonly request?: Partial<JobRequest>;
}

/** A step that ran, in order, with its input and, unless it threw, its result. */
export interface Ran {
  readonly step:
    | 'prepare'
    | 'explore'
    | 'plan'
    | 'build'
    | 'message'
    | 'verify'
    | 'rebase'
    | 'propose'
    | 'save'
    | 'notify';
  readonly input: unknown;
  readonly result?: unknown;
}

export interface Played {
  readonly result: JobResult;
  readonly ran: readonly Ran[];
  readonly builds: readonly BuildInput[];
  readonly proposals: readonly ProposeInput[];
  count(step: Ran['step']): number;
}

/** Failures no two of which are similar: their words have nothing in common. */
export const UNLIKE_FAILURES = [
  'assertion broke inside parser: expected token comma',
  'timeout while connecting towards database server',
  'module resolution: missing package lodash anywhere',
  'segmentation violation during native teardown hook',
  'snapshot mismatch for rendered header component',
  'permission denied opening socket descriptor',
  'integer overflow detected by sanitizer runtime',
] as const;

export const BLOCKING: TamperFinding = {
  kind: 'test_deleted',
  severity: 'block',
  file: 'test/sum.test.js',
  line: null,
  detail: 'the file was deleted',
};
export const DRAFTING: TamperFinding = {
  ...BLOCKING,
  kind: 'expectation_changed',
  severity: 'draft',
  line: 3,
};
export const REPORTING: TamperFinding = { ...BLOCKING, kind: 'catch_all', severity: 'report', line: 9 };

/** A plan of two pieces, as an agent answers it. */
export const TWO_PARTS: string = JSON.stringify({
  reasoning: 'first the code, then its callers',
  subtasks: [
    { name: 'code', task: 'mend the sum', files: ['src/sum.js'] },
    { name: 'callers', task: 'call it rightly', files: [] },
  ],
});

export const REQUEST: JobRequest = {
  repo: '/srv/repo',
  task: 'mend the sum',
  mode: 'change',
  base: null,
  agent: 'simulated:good',
  model: null,
  sandbox: 'auto',
  allow_host: false,
  network: false,
  budget: { ...DEFAULT_BUDGET, max_cost_usd: null },
  policy: {},
  max_gate_runs: null,
  checks: null,
  setup: null,
  allow_test_changes: false,
  draft: false,
  user_id: null,
};

export function job(request: Partial<JobRequest> = {}): Job {
  return {
    job_id: 'job-0123456789ab',
    request: { ...REQUEST, ...request },
    status: 'running',
    outcome: null,
    procedure_version: PROCEDURE_VERSION,
    attempt: 1,
    branch: 'bot/job-0123456789ab',
    created_at: '2026-01-01T00:00:00.000Z',
    updated_at: '2026-01-01T00:00:00.000Z',
    started_at: '2026-01-01T00:00:01.000Z',
    finished_at: null,
    question: null,
    result: null,
  };
}

/** Every code that there is, for generators. */
export const ALL_CODES = Object.keys(ERROR_CODES) as readonly ErrorCode[];

function nth<T>(acts: readonly T[], at: number): T | undefined {
  return acts[Math.min(at, acts.length - 1)];
}

/** Steps that follow `script`; `ran` collects what they did. `stored` results are given back first, as a replay does. */
export function scriptedSteps(script: Script, ran: Ran[], stored: readonly Ran[] = []): Steps {
  let clockMs = Date.parse('2026-01-01T00:00:02.000Z');
  const done: Record<string, number> = {};
  const replayed = [...stored];

  function times(seconds: number, usage: Usage | null = null): StepTimes {
    const started_at = new Date(clockMs).toISOString();
    clockMs += Math.round(seconds * 1000);
    return { started_at, ended_at: new Date(clockMs).toISOString(), usage };
  }

  async function step<A extends { readonly do: string }, T>(
    name: Ran['step'],
    input: unknown,
    act: (at: number) => A | undefined,
    ok: (act: Exclude<A, Trouble>) => StepResult<T>,
  ): Promise<StepResult<T>> {
    const at = done[name] ?? 0;
    done[name] = at + 1;
    const before = replayed.shift();
    if (before !== undefined) {
      if (before.step !== name) throw new Error(`replay went another way: ${name} instead of ${before.step}`);
      const known = structuredClone(before.result) as StepResult<T>;
      clockMs = Date.parse(known.ended_at);
      ran.push({ step: name, input, result: known });
      return known;
    }
    const chosen = act(at) as Trouble | Exclude<A, Trouble> | undefined;
    if (chosen === undefined) throw new Error(`the script has no act for ${name}`);
    let result: StepResult<T>;
    if (chosen.do === 'cancel' || chosen.do === 'throw' || chosen.do === 'fail') {
      const trouble = chosen as Trouble;
      if (trouble.do !== 'fail') {
        ran.push({ step: name, input });
        if (trouble.do === 'cancel') throw new Cancelled();
        throw trouble.code === undefined
          ? new Error('the disk is full')
          : new JobError(trouble.code, 'thrown');
      }
      result = {
        ...times(trouble.seconds ?? 1, trouble.usage ?? null),
        ok: false,
        error: errorInfo(trouble.code, `${name} failed`),
      };
    } else {
      result = ok(chosen as Exclude<A, Trouble>);
    }
    ran.push({ step: name, input, result });
    return result;
  }

  return {
    prepare: () =>
      step(
        'prepare',
        null,
        () => script.prepare ?? ({ do: 'prepare' } satisfies PrepareAct as PrepareAct),
        () => ({
          ...times(1),
          ok: true,
          base: 'main',
          base_sha: 'b'.repeat(40),
          branch: 'bot/job-0123456789ab',
          policy: { ...DEFAULT_POLICY, ...script.policy },
          max_gate_runs: script.maxGateRuns ?? 5,
          ...(script.phases === undefined ? {} : { phases: { run: true, reason: 'asked for' } }),
          ...(script.upstream === undefined ? {} : { upstream_repo: script.upstream }),
          notices: ['no isolation'],
        }),
      ),
    explore: (input) =>
      step(
        'explore',
        input,
        (): ExploreAct => script.phases?.explore ?? { do: 'explore' },
        (act) => ({
          ...times(act.seconds ?? 1, act.usage ?? null),
          ok: true,
          report: act.report ?? 'seen',
        }),
      ),
    plan: (input) =>
      step(
        'plan',
        input,
        (): PlanAct => script.phases?.plan ?? { do: 'plan', answer: TWO_PARTS },
        (act) => ({ ...times(act.seconds ?? 1, act.usage ?? null), ok: true, ...parsePlan(act.answer) }),
      ),
    build: (input) =>
      step(
        'build',
        input,
        (at): BuildAct | undefined => nth<BuildAct>(script.builds ?? [{ do: 'build' }], at),
        (act) => ({
          ...times(act.seconds ?? 1, act.usage ?? null),
          ok: true,
          tree: 't'.repeat(40),
          changed: act.changed ?? true,
          summary: 'done',
          question: act.question ?? null,
          session_id: null,
        }),
      ),
    message: (input) =>
      step(
        'message',
        input,
        (at): MessageAct | undefined =>
          nth<MessageAct>(script.messages ?? [{ do: 'answer', answer: 'yes' }], at),
        (act) => ({ ...times(60), ok: true, answer: act.answer }),
      ),
    verify: () =>
      step(
        'verify',
        null,
        (at): VerifyAct | undefined =>
          nth<VerifyAct>(script.verifies ?? [{ do: 'verify', verdict: 'green' }], at),
        (act) => ({
          ...times(5),
          ok: true,
          report: {
            verdict: act.verdict,
            commit: 'c'.repeat(40),
            tree: 't'.repeat(40),
            checks: act.checks ?? [],
            tamper: act.tamper ?? [],
            duration_ms: 5000,
          },
          head_sha: 'c'.repeat(40),
          failure: act.verdict === 'red' ? (act.failure ?? 'the sum is wrong') : '',
          ...(act.messageWaits === true ? { message_waits: true } : {}),
        }),
      ),
    rebase: () =>
      step(
        'rebase',
        null,
        (at): RebaseAct => script.rebases?.[at] ?? { do: 'rebase' },
        (act) => ({
          ...times(1),
          ok: true,
          moved: act.onto !== undefined,
          onto: act.onto ?? null,
          fits: act.onto !== undefined && act.fits === true,
        }),
      ),
    propose: (input) =>
      step(
        'propose',
        input,
        (): ProposeAct => script.propose ?? { do: 'propose', outcome: 'proposed' },
        (act) => ({
          ...times(1),
          ok: true,
          outcome: act.outcome,
          head_sha: 'c'.repeat(40),
          pr_url: act.outcome === 'proposed' ? null : 'https://forge.test/pull/1',
          patch_path: act.outcome === 'proposed' ? '/srv/patch' : null,
          push_command: null,
        }),
      ),
    save: async (input) => {
      const act = script.save ?? { do: 'save', ref: 'refs/agent-runner/wip/job-0123456789ab' };
      ran.push({ step: 'save', input });
      return act.do === 'save'
        ? { ...times(1), ok: true, wip_ref: act.ref }
        : { ...times(1), ok: false, error: errorInfo(act.code, 'save failed') };
    },
    notify: async (result) => {
      ran.push({ step: 'notify', input: result });
    },
  };
}

/** Plays a script to its end. */
export async function play(script: Script, stored: readonly Ran[] = []): Promise<Played> {
  const ran: Ran[] = [];
  const result = await runJob(job(script.request), scriptedSteps(script, ran, stored));
  return {
    result,
    ran,
    builds: ran.filter((r) => r.step === 'build').map((r) => r.input as BuildInput),
    proposals: ran.filter((r) => r.step === 'propose').map((r) => r.input as ProposeInput),
    count: (step) => ran.filter((r) => r.step === step).length,
  };
}
