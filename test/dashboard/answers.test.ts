/** The five answers of a job: every way in which one can stand or end is told, and says what to do. */
import { describe, expect, test } from 'vitest';
import { agentMs, doubled, limitThatEnded, metersOf } from '../../dashboard/src/job/answers/budget.ts';
import { chainOf } from '../../dashboard/src/job/answers/chain.tsx';
import { nextOf, placeOf, quoted, withoutPaths, type NextOf } from '../../dashboard/src/job/answers/next.ts';
import { proofOf } from '../../dashboard/src/job/answers/proof.ts';
import { OUTCOME, toldOf } from '../../dashboard/src/parts/state.tsx';
import { ERROR_CODES, errorInfo, type ErrorCode } from '../../src/job/error.ts';
import type { GateReport } from '../../src/job/gate.ts';
import { DEFAULT_BUDGET } from '../../src/job/request.ts';
import type { JobResult } from '../../src/job/result.ts';
import { JOB_STATUSES, OUTCOMES, type Outcome } from '../../src/job/status.ts';
import type { JobView } from '../../src/job/view/view.ts';
import { job as sampleJob } from '../../src/server/jobs/samples.ts';

const LOG = '/var/lib/agent-runner/jobs/job-0123456789ab/logs/gate-1/head-test.log';
const outcomes = Object.keys(OUTCOMES) as readonly Outcome[];

function resultOf(job: JobView, more: Partial<JobResult> = {}): JobResult {
  const none = { total_cost: null, total_tokens_in: null, total_tokens_out: null, turns: 1 };
  const work = { branch: null, wip_ref: null, push_command: null, patch_path: null };
  // The fields that the answers read.
  return { ...none, ...work, repo: job.repo, draft: false, labels: [], ...more } as JobResult;
}

function ended(outcome: Outcome, code: ErrorCode | null = null): JobView {
  const hint = `read what test printed: ${LOG}; then go on by hand`;
  const error = code === null ? null : errorInfo(code, `${code} came`, hint);
  return { ...sampleJob, outcome, status: OUTCOMES[outcome].status, error };
}

const red: GateReport = {
  verdict: 'red',
  commit: 'c',
  tree: 't',
  tamper: [],
  duration_ms: 5,
  checks: [
    {
      name: 'test',
      kind: 'test',
      command: 'npm test',
      base: 'passed',
      head: 'failed',
      verdict: 'failed',
      duration_ms: 5,
      log: LOG,
      reason: 'failed with exit code 1; the base passes',
      new_failures: ['a'],
      excerpt: 'not ok',
    },
  ],
};

function of(job: JobView, more: Partial<NextOf> = {}): NextOf {
  const origin = 'https://runner.example.org';
  return {
    job,
    result: resultOf(job, { wip_ref: `refs/agent-runner/wip/${job.job_id}` }),
    runs: [],
    mayAct: true,
    most: null,
    origin,
    before: null,
    ...more,
  };
}

/** All that is said and done, as one text. */
function textOf(told: ReturnType<typeof nextOf>): string {
  return JSON.stringify(told);
}

describe('what now', () => {
  test.each(outcomes)('%s: something can be done, and nothing names a path of the server', (outcome) => {
    const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).filter((code) => {
      const kind: { readonly outcome?: Outcome } = ERROR_CODES[code];
      return kind.outcome === outcome;
    });
    for (const code of [null, ...codes]) {
      const job = ended(outcome, code);
      for (const wip of [null, `refs/agent-runner/wip/${job.job_id}`]) {
        const told = nextOf(of(job, { result: resultOf(job, { wip_ref: wip }), runs: [red] }));
        expect(told.acts.length).toBeGreaterThan(0);
        expect(new Set(told.acts.map(({ label }) => label)).size).toBe(told.acts.length);
        expect(textOf(told)).not.toContain('/var/lib');
        expect(told.says === null || told.says.trim() !== '').toBe(true);
      }
      expect([OUTCOME[outcome].means.length > 5, toldOf(job).word.length > 2]).toEqual([true, true]);
      expect(proofOf(job, [], null).says).not.toBe('');
    }
  });

  test.each(outcomes)('%s: who only looks is offered nothing that would be refused', (outcome) => {
    const told = nextOf(of(ended(outcome), { mayAct: false, runs: [red] }));
    expect(told.acts.map(({ does }) => does).filter((does) => !/open|show|check/.test(does))).toEqual([]);
  });

  test('a pull request is opened first, by its number; a draft says why it is one', () => {
    const job: JobView = { ...ended('pr_opened'), pr_url: 'https://git.example.org/ann/shop/pull/12' };
    const result = resultOf(job, { draft: true, branch: 'bot/x', labels: ['unverified', 'mine'] });
    const told = nextOf(of(job, { result }));
    expect(told.acts[0]).toEqual({ does: 'open', href: job.pr_url, label: 'Open pull request #12' });
    expect(told.says).toBe('It is a draft, because nothing proves it yet.');
    expect(told.lines).toEqual([]);
    const script = nextOf(of({ ...job, pr_url: 'javascript:alert(1)' }, { result }));
    expect(script.acts.some(({ does }) => does === 'open')).toBe(false);
  });

  test('a red gate leads to what its check printed, and on from there', () => {
    const told = nextOf(of(ended('gate_failed', 'gate_failed'), { runs: [red] }));
    expect(told.acts).toEqual([
      { does: 'check', check: 'test', label: 'Read what test printed' },
      { does: 'follow', label: 'Go on from it' },
    ]);
    const [check] = red.checks;
    const checks = ['a', 'b', 'c', 'd', 'e'].flatMap((name) =>
      check === undefined ? [] : { ...check, name },
    );
    const many = nextOf(of(ended('gate_failed', 'gate_failed'), { runs: [{ ...red, checks }] }));
    expect(many.acts.map(({ does }) => does)).toEqual(['check', 'check', 'check', 'follow']);
  });

  test('what changed nothing, or answered, leaves nothing to take along', () => {
    for (const outcome of ['no_change', 'answered'] as const)
      expect(nextOf(of(ended(outcome))).lines).toEqual([]);
  });

  test('a branch or saved work is taken along by a line that no name can break out of', () => {
    const job = { ...ended('proposed'), repo: "/srv/it's; rm -rf ~" };
    const work = { branch: 'bot/x', wip_ref: 'refs/agent-runner/wip/x' };
    const result = resultOf(job, { ...work, push_command: 'git push origin bot/x' });
    expect(nextOf(of(job, { result })).lines.map(({ text }) => text)).toEqual([
      'git push origin bot/x',
      String.raw`git fetch '/srv/it'\''s; rm -rf ~' bot/x && git switch --detach FETCH_HEAD`,
    ]);
    const [saved] = nextOf(of(ended('cancelled'))).lines;
    expect(saved?.text).toBe(
      `agent-runner diff ${sampleJob.job_id} --url https://runner.example.org | git apply --3way`,
    );
    expect(quoted('')).toBe("''");
  });

  test('where the budget ended it, more can be asked for, as far as the server allows', () => {
    const job: JobView = {
      ...ended('budget_exceeded'),
      error: errorInfo('budget_exceeded', 'max_turns: 3 of 3 turns are spent'),
      budget: { ...DEFAULT_BUDGET, max_turns: 3 },
    };
    expect(nextOf(of(job)).acts[0]).toEqual({ does: 'larger', label: 'Ask again with more' });
    const atMost = nextOf(of(job, { most: { ...DEFAULT_BUDGET, max_turns: 3 } }));
    expect(atMost.acts.some(({ does }) => does === 'larger')).toBe(false);
    expect(atMost.says).toContain('the most that this server allows');
    expect(limitThatEnded('timed_out', 'the agent worked longer than its 3 s')).toBe('timeout_s');
    expect(limitThatEnded('gave_up', 'max_turns: x')).toBeNull();
    expect([doubled(5, null), doubled(5, 8), doubled(5, 5), doubled(null, 5)]).toEqual([10, 8, null, null]);
  });

  test.each(JOB_STATUSES.filter((status) => !/completed|failed|cancelled/.test(status)))(
    'while it is %s one is told to answer or to wait',
    (status) => {
      const told = nextOf(of({ ...sampleJob, status, outcome: null, question: 'Which?' }, { before: 2 }));
      expect(told.acts.map(({ does }) => does)).toEqual(status === 'needs_input' ? ['answer'] : []);
      expect(told.says === null).toBe(status === 'needs_input');
      if (status === 'queued') expect(told.says).toContain('2 jobs are before it');
    },
  );

  test('the place in the queue: higher priorities first, then who came first; unknown beyond what was read', () => {
    const one = (job_id: string, priority: number, created_at: string) => ({ job_id, priority, created_at });
    const mine = one('b', 0, '2026-11-22T10:00:01Z');
    const queued = [
      one('c', 0, '2026-11-22T10:00:02Z'),
      mine,
      one('a', 0, '2026-11-22T10:00:00Z'),
      one('d', 5, '2026-11-22T10:00:03Z'),
    ];
    expect([placeOf(mine, queued, false), placeOf(mine, queued, true)]).toEqual([2, null]);
  });

  test('hints lose their paths, and no more', () => {
    expect(withoutPaths(`read what test printed: ${LOG}; then go on by hand`)).toBe('then go on by hand');
    expect(withoutPaths('the whole log is ~/.agent-runner/logs/x.log')).toBeNull();
    expect(withoutPaths('undo it, or allow it with --allow-test-changes')).toBe(
      'undo it, or allow it with --allow-test-changes',
    );
    expect(withoutPaths(null)).toBeNull();
  });
});

describe('what it has spent of what it may', () => {
  const phases = [
    { key: 'prepare-1', name: 'prepare', number: 1, state: 'done', startedAt: '', ms: 900 },
    { key: 'build-1', name: 'build', number: 1, state: 'done', startedAt: '', ms: 2000 },
    {
      key: 'build-2',
      name: 'build',
      number: 2,
      state: 'running',
      startedAt: '2026-11-22T10:00:00.000Z',
      ms: null,
    },
  ] as const;

  test("an agent's time is that of its own phases, and goes on", () => {
    expect(agentMs(phases, Date.parse('2026-11-22T10:00:03.000Z'))).toBe(5000);
  });

  test('the log tells it until the result does; what nobody knows stays unknown', () => {
    const soFar = { usd: 0.5, tokens: 10, turns: 2 };
    expect(metersOf(DEFAULT_BUDGET, soFar, 5000, undefined).map(({ used }) => used)).toEqual([
      0.5, 5000, 10, 2,
    ]);
    const after = metersOf(
      DEFAULT_BUDGET,
      soFar,
      5000,
      resultOf(sampleJob, { total_tokens_in: 7, turns: 3 }),
    );
    expect(after).toEqual([
      { name: 'money', used: null, most: 5 },
      { name: 'time', used: 5000, most: 3_600_000 },
      { name: 'tokens', used: 7, most: null },
      { name: 'turns', used: 3, most: null },
    ]);
  });
});

test('a chain shows the newest of its jobs and the one that is looked at, in their order', () => {
  const jobs = Array.from({ length: 9 }, (_, at) => ({
    ...sampleJob,
    job_id: `job-${at}`,
    created_at: `2026-11-22T10:00:0${at}Z`,
  }));
  const [first, last] = [jobs[0] ?? sampleJob, jobs[8] ?? sampleJob];
  const ids = (job: JobView): string => {
    const { jobs: shown, left } = chainOf(job, jobs.toReversed(), 9);
    return `${shown.map(({ job_id: id }) => id.slice(4)).join('')} ${left}`;
  };
  expect([ids(last), ids(first)]).toEqual(['345678 3', '012345 3']);
  expect(chainOf(sampleJob, [], 1)).toEqual({ jobs: [sampleJob], left: 0 });
});
