/** A job that no agent of ours could leave: every text of it, wherever it stands, would break or deceive a page that trusts it. */
import type { EventType, NewEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { sampleJob, sampleRequest } from '../store/sample.ts';
import type { Scene } from './scene.ts';

const NOW = '2026-11-21T10:00:00.000Z';
let number = 0;

/** A text that says where it stands: HTML that would name the window, turned and hidden text, a terminal's title, half a character. */
export function evil(where: string): string {
  return `${where} <img src=x onerror="document.title='owned ${++number}'"><script>document.title='owned'</script>"'\`\${7*7}{{7*7}} \u202edesrever\u2066 \u200bzero \u001b]0;owned\u0007\u001b[31mred \u{e0041} \ud800 \u0000 %s %00 ‮🏳️‍🌈 مرحبا`;
}

/** A name as the store takes one: without what is no Unicode. */
function name(where: string): string {
  return evil(where).toWellFormed().replaceAll('\0', '');
}

function eventsOf(): readonly NewEvent[] {
  const event = (type: EventType, data: NewEvent['data']): NewEvent => ({
    type,
    phase: 'build',
    attempt: 1,
    time: NOW,
    data,
  });
  return [
    event('status', { status: 'running' }),
    event('phase', { step: evil('step'), state: 'started' }),
    event('phase', { step: 'build-1', state: 'failed', duration_ms: -5, message: evil('phase') }),
    event('sandbox', { adapter: evil('sandbox'), isolation: evil('isolation') }),
    event('message', { role: 'assistant', text: evil('words') }),
    event('message', { role: 'thought', text: `${evil('thought')}\n${'x'.repeat(1_000_000)}` }),
    event('message', { turn: evil('turn'), agent: evil('turn agent') }),
    event('message', { notice: evil('notice') }),
    event('message', { branch: evil('branch') }),
    event('message', { text: 5, role: null, turn: [], reason: evil('reason') }),
    event('tool_call', {
      id: 'unseen notices',
      title: evil('tool'),
      kind: evil('kind'),
      status: 'x notice unseen',
      input: { path: evil('input'), deep: [[[[[null]]]]] },
      output: evil('output'),
    }),
    event('tool_call', { id: { toString: 1 }, title: null, status: null }),
    event('plan', { entries: [null, { content: evil('plan'), status: evil('plan status') }, 5] }),
    event('plan', { subtasks: [{ name: evil('subtask') }] }),
    event('gate', { checks: [null, { name: evil('check') }, 3], sources: [null, evil('source')] }),
    event('gate', { run: '__proto__', side: 'head', check: evil('check'), state: 'unheard of' }),
    event('gate', { run: 1, verdict: 'mauve', checks: null }),
    event('usage', { cost_usd: -1, tokens_in: Number.MAX_SAFE_INTEGER, tokens_out: null }),
    event('log', { stream: 'stdout', text: `${evil('log')}\n${'y'.repeat(1_000_000)}` }),
    event('log', {
      stream: evil('stream'),
      text: `${'\u001b[31;42mz'.repeat(20_000)}\r${evil('after a return')}`,
    }),
    event('log', { text: Array.from({ length: 100_000 }, (_, at) => `line ${at}`).join('\n') }),
    event('delivery', { status: evil('delivery'), error: evil('delivery error') }),
    event('error', { message: evil('error'), code: evil('code') }),
  ];
}

function resultOf(jobId: string, task: string): JobResult {
  const check = (
    name: string,
    verdict: 'failed' | 'inconclusive',
  ): JobResult['gate']['runs'][number]['checks'][number] => ({
    name,
    kind: 'test',
    command: evil('command'),
    base: 'passed',
    head: 'failed',
    verdict,
    duration_ms: -1,
    log: evil('check log'),
    reason: evil('check reason'),
    base_tests: null,
    head_tests: { passed: 1, failed: 1e15, skipped: 0 },
    new_failures: [evil('failure'), 'twice', 'twice'],
    excerpt: `${evil('excerpt')}\n${'w'.repeat(100_000)}`,
  });
  const tamper = [
    {
      kind: evil('kind'),
      severity: 'block' as const,
      file: `${evil('file')}\n\t"`,
      line: -1,
      detail: evil('finding'),
    },
  ];
  return {
    job_id: jobId,
    status: 'failed',
    outcome: 'gate_failed',
    repo: name('repo'),
    task,
    base: evil('base'),
    base_sha: evil('base sha'),
    branch: evil('result branch'),
    head_sha: evil('head'),
    draft: true,
    labels: [evil('label')],
    pr_url: 'javascript:document.title=1',
    patch_path: evil('patch'),
    push_command: evil('push'),
    wip_ref: evil('wip'),
    gate: {
      verdict: 'red',
      runs: [
        {
          verdict: 'red',
          commit: evil('commit'),
          tree: 't',
          checks: [check(evil('check'), 'failed'), check('twice', 'inconclusive'), check('twice', 'failed')],
          tamper,
          duration_ms: 1,
        },
      ],
    },
    tamper,
    iterations: 1,
    turns: 1,
    subtasks: [],
    attempts: 2,
    tests_passed: false,
    debug_mode: false,
    resumed_from_checkpoint: true,
    exploration_report_generated: false,
    agent: evil('agent'),
    model: evil('model'),
    estimate: null,
    total_cost: -1,
    total_tokens_in: 1,
    total_tokens_out: null,
    phases: [],
    notices: [evil('notice'), 'twice', 'twice'],
    summary: evil('summary'),
    question: evil('question'),
    upstream_repo: null,
    fork_repo: evil('fork'),
    session_id: null,
    user_id: evil('user'),
    created_at: NOW,
    started_at: NOW,
    finished_at: '1969-01-01T00:00:00.000Z',
    error: { code: 'infra_failed', blame: 'operator', message: evil('error'), hint: evil('hint') },
  };
}

/** Puts it into the store, past everything that would have refused it. @returns its id */
export async function storeHostile({ runner: { store } }: Scene): Promise<string> {
  const jobId = 'job-0000000e0e11';
  const task = `${name('task')} ${'t'.repeat(100_000)}\n${name('rest')}`;
  const request = sampleRequest({
    task,
    repo: `https://user:secret@evil.example/${name('repo')}`,
    base: name('base'),
    agent: name('agent'),
    model: name('model'),
    user_id: name('user'),
    callback_url: `javascript:alert(1)`,
  });
  const job = sampleJob(jobId, {
    request,
    status: 'failed',
    outcome: 'gate_failed',
    branch: name('branch'),
    question: name('question'),
    created_at: NOW,
    started_at: NOW,
    finished_at: NOW,
    result: resultOf(jobId, task),
  });
  await store.importJob(job, eventsOf(), []);
  return jobId;
}
