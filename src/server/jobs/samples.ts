/** Examples of the documentation; a test holds each against its schema. */
import type { AcceptedView, JobView } from '../../job/view/view.ts';

const T0 = '2026-11-21T10:00:00.000Z';
const T1 = '2026-11-21T10:02:00.000Z';
const SHA = '3f786850e387550fdab836ed7e6dc881de23001b';
const ID = 'job-0123456789ab';

/** Requests. */
export const submit: Readonly<Record<string, unknown>> = {
  short: { repo: 'https://git.example.org/shop.git', task: 'Fix the rounding in src/price.js' },
  whole: {
    repo: 'https://git.example.org/shop.git',
    task: 'Fix the rounding in src/price.js',
    base: 'main',
    agent: 'codex',
    priority: 5,
    user_id: 'ada',
    budget: { max_cost_usd: 1.5 },
  },
};

/** A job that was accepted. */
export const accepted: AcceptedView = {
  job_id: ID,
  status: 'queued',
  upstream_repo: null,
  fork_repo: null,
  branch: `bot/${ID}`,
};

/** A job that has ended. */
export const job: JobView = {
  job_id: ID,
  status: 'completed',
  outcome: 'proposed',
  repo: 'https://git.example.org/shop.git',
  task: 'Fix the rounding in src/price.js',
  mode: 'change',
  executor: 'local',
  base: null,
  agent: 'codex',
  model: null,
  sandbox: 'auto',
  draft: false,
  priority: 0,
  session_id: null,
  retry_of: null,
  budget: { max_cost_usd: 5, max_tokens: null, max_turns: null, timeout_s: 3600 },
  run_id: null,
  step: null,
  about: null,
  user_id: 'ada',
  branch: `bot/${ID}`,
  upstream_repo: null,
  fork_repo: null,
  pr_url: null,
  gate_verdict: 'green',
  total_cost: 0.21,
  attempt: 1,
  question: null,
  created_at: T0,
  updated_at: T1,
  started_at: T0,
  finished_at: T1,
  error: null,
};

/** Its result. */
export const result: unknown = {
  job_id: ID,
  status: 'completed',
  outcome: 'proposed',
  repo: job.repo,
  task: job.task,
  base: 'main',
  base_sha: SHA,
  branch: job.branch,
  head_sha: SHA,
  draft: false,
  labels: [],
  pr_url: null,
  patch_path: `/var/lib/agent-runner/jobs/${ID}/proposal.patch`,
  push_command: null,
  wip_ref: `refs/agent-runner/wip/${ID}`,
  gate: {
    verdict: 'green',
    runs: [
      {
        verdict: 'green',
        checks: [
          {
            name: 'test',
            kind: 'test',
            command: 'npm test',
            base: 'passed',
            head: 'passed',
            verdict: 'passed',
            duration_ms: 812,
          },
        ],
      },
    ],
  },
  tamper: [],
  iterations: 1,
  turns: 1,
  subtasks: [],
  attempts: 1,
  tests_passed: true,
  debug_mode: false,
  resumed_from_checkpoint: false,
  exploration_report_generated: false,
  agent: 'codex',
  model: null,
  total_cost: null,
  total_tokens_in: null,
  total_tokens_out: null,
  phases: [{ name: 'prepare', started_at: T0, duration_ms: 340 }],
  notices: [],
  summary: 'Prices are rounded once, at the end.',
  question: null,
  upstream_repo: null,
  fork_repo: null,
  session_id: null,
  user_id: 'ada',
  created_at: T0,
  started_at: T0,
  finished_at: T1,
  error: null,
};

/** The first event of a log. */
export const event: unknown = {
  seq: 1,
  job_id: ID,
  type: 'status',
  phase: null,
  attempt: 1,
  time: T0,
  data: { status: 'running' },
};

/** The same as a server-sent event. */
export const stream: string = `retry: 1000\n\nid: 1\nevent: status\ndata: ${JSON.stringify(event)}\n\n`;
/** Jobs that changed, as server-sent events. */
export const changeStream: string = `retry: 1000\n\nid: 6\nevent: ready\ndata: {"change":6}\n\nid: 7\nevent: job\ndata: ${JSON.stringify(job)}\n\n`;
/** A log as text. */
export const log: string = `${T0} status running\nreading src/price.js\n`;
/** A change. */
export const diff = `diff --git a/src/price.js b/src/price.js
--- a/src/price.js
+++ b/src/price.js
@@ -1 +1 @@
-export const price = (n) => n.toFixed(1);
+export const price = (n) => n.toFixed(2);
`;
