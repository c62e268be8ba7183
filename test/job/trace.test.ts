/** Traces are made of the log alone. */
import { describe, expect, it } from 'vitest';
import type { JobEvent, NewEvent } from '../../src/job/job.ts';
import type { JobResult } from '../../src/job/result.ts';
import { createTrace } from '../../src/job/trace/build.ts';
import type { Span, TraceView } from '../../src/job/trace/span.ts';
import { sampleJob } from '../store/sample.ts';

const T = Date.parse('2026-11-21T10:00:00.000Z');
const at = (ms: number): string => new Date(T + ms).toISOString();

type Told = readonly [ms: number, type: NewEvent['type'], phase: NewEvent['phase'], data: NewEvent['data']];

function traceOf(told: readonly Told[], job = ended()): TraceView {
  const trace = createTrace(job);
  for (const [index, [ms, type, phase, data]] of told.entries()) {
    const event: JobEvent = { seq: index + 1, job_id: 'job-1', attempt: 1, time: at(ms), type, phase, data };
    trace.take(event);
  }
  return trace.finish();
}

function ended(change: Parameters<typeof sampleJob>[1] = {}): ReturnType<typeof sampleJob> {
  return sampleJob('job-1', {
    status: 'completed',
    outcome: 'proposed',
    created_at: at(0),
    started_at: at(50),
    finished_at: at(1000),
    ...change,
  });
}

/** Spans by name, as `name < parent: from-to`. */
function drawn({ spans }: TraceView): string[] {
  const names = new Map(spans.map((span) => [span.span_id, span.name]));
  const ms = (nano: string): number => Number(BigInt(nano) / 1_000_000n) - T;
  return spans.map((span: Span) => {
    const within = span.parent_span_id === null ? '' : ` < ${names.get(span.parent_span_id) ?? '?'}`;
    const error = span.status.code === 'error' ? ` ! ${span.status.message ?? ''}` : '';
    return `${span.name}${within}: ${ms(span.start_time_unix_nano)}-${ms(span.end_time_unix_nano)}${error}`;
  });
}

const step = (name: string, state: string, more: object = {}): NewEvent['data'] => ({
  step: name,
  state,
  ...more,
});

describe('a trace', () => {
  it('shows steps, and what was in them', () => {
    const trace = traceOf([
      [60, 'phase', 'prepare', step('prepare-1', 'started', { try: 1 })],
      [70, 'sandbox', 'prepare', { setup: 'started', commands: ['npm ci'] }],
      [90, 'sandbox', 'prepare', { setup: 'done' }],
      [100, 'phase', 'prepare', step('prepare-1', 'done')],
      [100, 'phase', 'build', step('build-1', 'started', { try: 1 })],
      [110, 'message', 'build', { turn: 'task', agent: 'codex', prompt_chars: 9 }],
      [
        200,
        'usage',
        'build',
        {
          call_id: 'c',
          provider: 'p',
          model: 'm',
          duration_ms: 80,
          tokens_in: 5,
          cost_usd: null,
          error: null,
        },
      ],
      [210, 'tool_call', 'build', { id: 't', title: 'read a.txt', kind: 'read', status: 'pending' }],
      [230, 'tool_call', 'build', { id: 't', title: 'read a.txt', kind: 'read', status: 'completed' }],
      [240, 'tool_call', 'build', { id: 'u', title: 'sh', kind: 'execute', status: 'failed' }],
      [300, 'usage', 'build', { tokens_in: 5, tokens_out: 1, cost_usd: 0.5, turns: 1 }],
      [310, 'message', 'build', { text: 'done', changed: true }],
      [320, 'phase', 'build', step('build-1', 'done')],
      [330, 'phase', 'verify', step('verify-1', 'started', { try: 1 })],
      [340, 'gate', 'verify', { run: 1, side: 'head', check: 'test', state: 'running' }],
      [600, 'gate', 'verify', { run: 1, side: 'head', check: 'test', state: 'failed' }],
      [610, 'gate', 'verify', { run: 1, verdict: 'red' }],
      [620, 'phase', 'verify', step('verify-1', 'done')],
      [5000, 'delivery', 'notify', { try: 1 }],
    ]);
    expect(drawn(trace)).toEqual([
      'job job-1: 0-1000',
      'queue < job job-1: 0-50',
      'prepare-1 < job job-1: 60-100',
      'setup < prepare-1: 70-90',
      'build-1 < job job-1: 100-320',
      'invoke_agent codex < build-1: 110-310',
      'chat m < invoke_agent codex: 120-200',
      'execute_tool read a.txt < invoke_agent codex: 210-230',
      'execute_tool sh < invoke_agent codex: 240-240 ! failed',
      'verify-1 < job job-1: 330-620',
      'check test (head) < verify-1: 340-600 ! failed',
    ]);
    const of = (name: string): Span['attributes'] | undefined =>
      trace.spans.find((span) => span.name === name)?.attributes;
    expect(of('chat m')).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'p',
      'gen_ai.request.model': 'm',
      'gen_ai.usage.input_tokens': 5,
    });
    expect(of('invoke_agent codex')).toMatchObject({
      'gen_ai.usage.output_tokens': 1,
      'agent_runner.cost_usd': 0.5,
    });
    expect(of('verify-1')).toMatchObject({
      'agent_runner.gate.verdict': 'red',
      'cicd.pipeline.task.name': 'verify-1',
    });
    expect(of('job job-1')).toMatchObject({
      'cicd.pipeline.result': 'success',
      'agent_runner.outcome': 'proposed',
    });
    expect(trace.spans.every(({ trace_id: id }) => id === trace.trace_id && /^[0-9a-f]{32}$/.test(id))).toBe(
      true,
    );
    expect(new Set(trace.spans.map(({ span_id: id }) => id)).size).toBe(trace.spans.length);
    expect(trace.spans[0]?.span_id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('ends what a death cut off where the step begins anew, and what is open with the last event', () => {
    const again: readonly Told[] = [
      [60, 'phase', 'build', step('build-1', 'started', { try: 1 })],
      [70, 'tool_call', 'build', { id: 't', title: 'sh', status: 'in_progress' }],
      [300, 'phase', 'prepare', step('prepare-1', 'replayed')],
      [310, 'phase', 'build', step('build-1', 'started', { try: 2 })],
      [400, 'log', 'build', { text: 'x' }],
    ];
    const running = ended({ status: 'running', outcome: null, finished_at: null });
    expect(drawn(traceOf(again, running))).toEqual([
      'job job-1: 0-400',
      'queue < job job-1: 0-50',
      'build-1 < job job-1: 60-310 ! cut off',
      'execute_tool sh < build-1: 70-310 ! cut off',
      'build-1 < job job-1: 310-400',
    ]);
  });

  it('says why a job failed, and is the same every time', () => {
    const result = { error: { message: 'it is red' } } as JobResult;
    const failed = ended({ status: 'failed', outcome: 'gate_failed', result });
    const trace = traceOf([[60, 'phase', 'verify', step('verify-1', 'failed', { message: 'no' })]], failed);
    expect(drawn(trace)).toEqual(['job job-1: 0-1000 ! it is red', 'queue < job job-1: 0-50']);
    expect(traceOf([], failed)).toEqual(traceOf([], failed));
  });

  it('keeps the first 10,000 spans, and takes whatever an agent tells', () => {
    const calls = Array.from({ length: 10_005 }, (_, n): Told => [
      60 + n,
      'tool_call',
      'build',
      { id: `t-${n}`, title: 'x'.repeat(1000), status: n % 2 === 0 ? 'completed' : 7 },
    ]);
    const trace = traceOf([
      ...calls,
      [80, 'usage', null, { call_id: 'c', duration_ms: 'long', model: null }],
    ]);
    expect([trace.spans.length, trace.left_out]).toEqual([10_000, 8]);
    expect(trace.spans.at(-1)?.name.length).toBeLessThanOrEqual(200);
  });
});
