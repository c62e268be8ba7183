/** Figures for Prometheus. Labels are statuses, outcomes, phases and names of agents: few, and never what a person wrote. */
import type { QueueCounts, Tally } from '../../store/store.ts';
import type { Parts } from '../parts.ts';

/** What is counted of requests since the start. */
export interface Counters {
  request(operation: string, status: number): void;
  /** Requests by operation and status. */
  read(): readonly { readonly operation: string; readonly status: number; readonly count: number }[];
}

/** Makes counters that begin at nothing. */
export function createCounters(): Counters {
  const counts = new Map<string, { operation: string; status: number; count: number }>();
  return {
    request(operation, status) {
      const name = `${operation} ${status}`;
      const known = counts.get(name);
      if (known === undefined) counts.set(name, { operation, status, count: 1 });
      else known.count++;
    },
    read: () => [...counts.values()],
  };
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

/** A family of figures in the text format of Prometheus. A summary gives its samples with their whole names. */
function family(
  name: string,
  kind: 'counter' | 'gauge' | 'summary',
  help: string,
  lines: readonly string[],
): string {
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${kind}`, ...lines, ''].join('\n');
}

function linesOf(name: string, samples: readonly Sample[]): readonly string[] {
  return samples.map(({ labels, value }) => {
    const named = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`);
    return `${name}${named.length === 0 ? '' : `{${named.join(',')}}`} ${value}`;
  });
}

function ofSeries(tallies: readonly Tally[], series: string, label: string): readonly Sample[] {
  return tallies
    .filter((tally) => tally.series === series)
    .map(({ of, agent, value }) => ({ labels: { [label]: of, agent }, value }));
}

function jobFamilies(tallies: readonly Tally[]): readonly string[] {
  const summary = (name: string, help: string, series: string, label: string): string =>
    family(name, 'summary', help, [
      ...linesOf(`${name}_sum`, ofSeries(tallies, `${series}_seconds`, label)),
      ...linesOf(`${name}_count`, ofSeries(tallies, `${series}_count`, label)),
    ]);
  const simple = (
    name: string,
    kind: 'counter' | 'gauge',
    help: string,
    series: string,
    label: string,
  ): string => family(name, kind, help, linesOf(name, ofSeries(tallies, series, label)));
  return [
    simple('agent_runner_jobs', 'gauge', 'Jobs there are, by status and agent.', 'jobs', 'status'),
    simple(
      'agent_runner_jobs_ended_total',
      'counter',
      'Jobs that ended, by outcome and agent.',
      'ended',
      'outcome',
    ),
    summary(
      'agent_runner_job_duration_seconds',
      'From start to end, by outcome and agent.',
      'job',
      'outcome',
    ),
    summary('agent_runner_phase_duration_seconds', 'Time in a phase, by phase and agent.', 'phase', 'phase'),
    simple(
      'agent_runner_gate_runs_total',
      'counter',
      'Runs of the gate, by verdict and agent.',
      'gate',
      'verdict',
    ),
    simple(
      'agent_runner_tokens_total',
      'counter',
      'Tokens that models took and gave, by direction and agent.',
      'tokens',
      'direction',
    ),
    simple('agent_runner_cost_dollars_total', 'counter', 'What models cost, by agent.', 'cost', 'currency'),
  ];
}

/** Figures of callbacks. */
function deliveryFamilies(tallies: readonly Tally[]): readonly string[] {
  const of = (series: string, label: string): readonly Sample[] =>
    ofSeries(tallies, series, label).map(({ labels: { agent: _agent, ...labels }, value }) => ({
      labels,
      value,
    }));
  const tries = 'agent_runner_delivery_try_duration_seconds';
  return [
    family(
      'agent_runner_deliveries_total',
      'counter',
      'Callbacks that were stored with the end of a job.',
      linesOf('agent_runner_deliveries_total', of('deliveries', 'state')),
    ),
    family(
      'agent_runner_deliveries_ended_total',
      'counter',
      'Callbacks that arrived or were given up, by status.',
      linesOf('agent_runner_deliveries_ended_total', of('deliveries_ended', 'status')),
    ),
    family(tries, 'summary', 'Tries at callbacks, by whether they arrived.', [
      ...linesOf(`${tries}_sum`, of('delivery_seconds', 'result')),
      ...linesOf(`${tries}_count`, of('delivery_count', 'result')),
    ]),
  ];
}

/** Figures of what happened on the forge: a tally of them has the decision in the place of the agent. */
function triggerFamily(tallies: readonly Tally[]): string {
  const name = 'agent_runner_triggers_total';
  const samples = ofSeries(tallies, 'triggers', 'kind').map(({ labels: { agent = '', ...kind }, value }) => ({
    labels: { ...kind, decision: agent },
    value,
  }));
  return family(
    name,
    'counter',
    'Events of the forge that were decided on, by kind and decision.',
    linesOf(name, samples),
  );
}

/** All figures, as `/metrics` shows them. */
export async function renderMetrics(parts: Parts, counters: Counters): Promise<string> {
  const { store } = parts.runner;
  const [tallies, queue, isPaused] = [
    await store.readTallies(),
    await store.countQueue(),
    await store.isPaused(),
  ];
  const depth = (Object.keys(queue) as (keyof QueueCounts)[]).map((state) => ({
    labels: { state },
    value: queue[state],
  }));
  const requests = counters.read().map(({ operation, status, count }) => ({
    labels: { operation, status: String(status) },
    value: count,
  }));
  const one = (name: string, help: string, value: number, labels: Sample['labels'] = {}): string =>
    family(name, 'gauge', help, linesOf(name, [{ labels, value }]));
  return [
    one('agent_runner_build_info', 'The version that runs.', 1, {
      version: parts.version,
      node: process.versions.node,
    }),
    one('agent_runner_paused', 'Whether claiming is paused.', isPaused ? 1 : 0),
    one(
      'agent_runner_worker',
      'Whether the worker of this process is at work.',
      parts.worker() === 'working' ? 1 : 0,
    ),
    one('agent_runner_live_streams', 'Followers of logs that are connected.', parts.streams.count()),
    one('process_resident_memory_bytes', 'Memory of this process.', process.memoryUsage.rss()),
    family(
      'agent_runner_queue_jobs',
      'gauge',
      'Jobs that have not ended, by where they stand in the queue.',
      linesOf('agent_runner_queue_jobs', depth),
    ),
    family(
      'agent_runner_http_requests_total',
      'counter',
      'Requests since the start, by operation and status.',
      linesOf('agent_runner_http_requests_total', requests),
    ),
    ...jobFamilies(tallies),
    ...deliveryFamilies(tallies),
    triggerFamily(tallies),
  ].join('');
}
