/** Makes the trace of a job from its log, read event by event. Pure: the clock is the log's. */
import type { Job, JobEvent } from '../job.ts';
import { idOf, nanoOf, type Attribute, type Span, type TraceView } from './span.ts';

/** Most spans of a job; of a loop of tool calls the first ones say enough. */
const MAX_SPANS = 10_000;
/** Longest name and longest value of an attribute, in characters: some come from agents. */
const MAX_CHARS = 200;

type Attributes = Record<string, Attribute>;

interface Open {
  readonly id: string;
  readonly parent: string | null;
  readonly name: string;
  readonly kind: Span['kind'];
  readonly startMs: number;
  endMs: number | null;
  error: string | null;
  readonly attributes: Attributes;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, MAX_CHARS).toWellFormed() : '';
}

function given(fields: Readonly<Record<string, unknown>>): Attributes {
  const kept = Object.entries(fields).flatMap(([name, value]): [string, Attribute][] => {
    if (typeof value === 'string') return value === '' ? [] : [[name, text(value)]];
    return typeof value === 'number' || typeof value === 'boolean' ? [[name, value]] : [];
  });
  return Object.fromEntries(kept);
}

/** How `cicd.pipeline.result` calls an end. */
function resultOf({ status, outcome }: Job): string {
  if (status === 'completed') return 'success';
  if (status === 'cancelled') return 'cancellation';
  if (outcome === 'timed_out') return 'timeout';
  return outcome === 'infra_failed' ? 'error' : 'failure';
}

function rootAttributes(job: Job): Attributes {
  const { request, result } = job;
  const isUrl = /^(https|ssh):\/\//.test(request.repo);
  return given({
    'cicd.pipeline.name': 'agent-runner',
    'cicd.pipeline.run.id': job.job_id,
    'cicd.pipeline.result': job.outcome === null ? null : resultOf(job),
    'vcs.repository.url.full': isUrl ? request.repo : null,
    'vcs.ref.base.name': result?.base ?? request.base,
    'vcs.ref.base.revision': result?.base_sha,
    'vcs.ref.head.name': job.branch,
    'vcs.ref.head.revision': result?.head_sha,
    'vcs.change.url': result?.pr_url,
    'gen_ai.agent.name': request.agent,
    'gen_ai.request.model': request.model,
    'gen_ai.usage.input_tokens': result?.total_tokens_in,
    'gen_ai.usage.output_tokens': result?.total_tokens_out,
    'agent_runner.cost_usd': result?.total_cost,
    'agent_runner.status': job.status,
    'agent_runner.outcome': job.outcome,
    'agent_runner.attempts': job.attempt,
  });
}

/** The spans of a job so far. */
function createSpans(job: Job) {
  const spans: Open[] = [];
  let leftOut = 0;
  return {
    all: spans,
    leftOut: () => leftOut,
    begin(
      name: string,
      startMs: number,
      parent: Open | null,
      attributes: Attributes,
      kind: Span['kind'] = 'internal',
    ): Open {
      const open: Open = {
        id: idOf(`${job.job_id} ${spans.length + leftOut}`, 2),
        parent: parent?.id ?? null,
        name: text(name),
        kind,
        startMs,
        endMs: null,
        error: null,
        attributes,
      };
      if (spans.length < MAX_SPANS) spans.push(open);
      else leftOut++;
      return open;
    },
    end(open: Open | null | undefined, endMs: number, error: string | null = null): void {
      if (open == null || open.endMs !== null) return;
      open.endMs = Math.max(open.startMs, endMs);
      open.error = error;
    },
  };
}
type Spans = ReturnType<typeof createSpans>;

/** What is open while a log is read. */
interface Place {
  readonly root: Open;
  step: Open | null;
  turn: Open | null;
  setup: Open | null;
  readonly tools: Map<string, Open>;
  readonly checks: Map<string, Open>;
}

/** Ends whatever is open in a step. */
function endInside(spans: Spans, place: Place, ms: number, error: string | null): void {
  for (const open of [...place.tools.values(), ...place.checks.values(), place.setup, place.turn])
    spans.end(open, ms, error);
  place.tools.clear();
  place.checks.clear();
  [place.setup, place.turn] = [null, null];
}

function takePhase(spans: Spans, place: Place, { data, phase, attempt }: JobEvent, ms: number): void {
  const { step, state, try: tries } = data;
  if (state === 'started') {
    // A step that began anew was cut off: by a death, or for another attempt.
    endInside(spans, place, ms, 'cut off');
    spans.end(place.step, ms, 'cut off');
    place.step = spans.begin(
      text(step),
      ms,
      place.root,
      given({
        'cicd.pipeline.task.name': step,
        'agent_runner.phase': phase,
        'agent_runner.attempt': attempt,
        'agent_runner.try': tries,
      }),
    );
    return;
  }
  if (state === 'replayed') return;
  endInside(spans, place, ms, null);
  spans.end(place.step, ms, state === 'done' ? null : text(data['message']) || text(state));
  place.step = null;
}

function takeMessage(spans: Spans, place: Place, { data }: JobEvent, ms: number): void {
  const { turn, agent, changed } = data;
  if (typeof turn === 'string') {
    spans.end(place.turn, ms);
    const attributes = given({
      'gen_ai.operation.name': 'invoke_agent',
      'gen_ai.agent.name': agent,
      'agent_runner.turn': turn,
      'agent_runner.prompt_chars': data['prompt_chars'],
    });
    place.turn = spans.begin(`invoke_agent ${text(agent)}`, ms, place.step ?? place.root, attributes);
  } else if (typeof changed === 'boolean') {
    for (const open of place.tools.values()) spans.end(open, ms);
    place.tools.clear();
    spans.end(place.turn, ms);
  }
}

function takeToolCall(spans: Spans, place: Place, { data, seq }: JobEvent, ms: number): void {
  const { id, title, kind, status } = data;
  const key = text(id) || String(seq);
  const attributes = given({
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': title,
    'gen_ai.tool.call.id': id,
    'agent_runner.tool.kind': kind,
  });
  const within = place.turn ?? place.step ?? place.root;
  const open = place.tools.get(key) ?? spans.begin(`execute_tool ${text(title)}`, ms, within, attributes);
  place.tools.set(key, open);
  if (status === 'completed' || status === 'failed')
    spans.end(open, ms, status === 'failed' ? 'failed' : null);
}

/** A call to a model is told of at its end; what an agent says of its whole turn is no call. */
function takeUsage(spans: Spans, place: Place, { data }: JobEvent, ms: number): void {
  if (typeof data['call_id'] !== 'string') {
    Object.assign(
      place.turn?.attributes ?? {},
      given({
        'gen_ai.usage.input_tokens': data['tokens_in'],
        'gen_ai.usage.output_tokens': data['tokens_out'],
        'agent_runner.cost_usd': data['cost_usd'],
      }),
    );
    return;
  }
  const { model, provider, duration_ms: took, error } = data;
  const attributes = given({
    'gen_ai.operation.name': 'chat',
    'gen_ai.provider.name': provider,
    'gen_ai.request.model': model,
    'gen_ai.usage.input_tokens': data['tokens_in'],
    'gen_ai.usage.output_tokens': data['tokens_out'],
    'http.response.status_code': data['status'],
    'agent_runner.cost_usd': data['cost_usd'],
    'agent_runner.first_byte_ms': data['first_byte_ms'],
  });
  const startMs = ms - (typeof took === 'number' && took >= 0 ? took : 0);
  const within = place.turn ?? place.step ?? place.root;
  const open = spans.begin(`chat ${text(model)}`, startMs, within, attributes, 'client');
  spans.end(open, ms, typeof error === 'string' ? text(error) : null);
}

function takeGate(spans: Spans, place: Place, { data }: JobEvent, ms: number): void {
  const { run, side, check, state, verdict } = data;
  if (typeof verdict === 'string' && place.step !== null)
    place.step.attributes['agent_runner.gate.verdict'] = text(verdict);
  if (typeof check !== 'string') return;
  const key = `${String(run)} ${String(side)} ${check}`;
  if (state === 'running') {
    const attributes = given({
      'agent_runner.check': check,
      'agent_runner.side': side,
      'agent_runner.gate.run': run,
    });
    place.checks.set(
      key,
      spans.begin(`check ${check} (${text(side)})`, ms, place.step ?? place.root, attributes),
    );
    return;
  }
  const open = place.checks.get(key);
  if (open === undefined) return;
  open.attributes['agent_runner.state'] = text(state);
  spans.end(open, ms, state === 'passed' ? null : text(state));
  place.checks.delete(key);
}

function takeSandbox(spans: Spans, place: Place, { data }: JobEvent, ms: number): void {
  const { setup, message } = data;
  if (setup === 'started') place.setup = spans.begin('setup', ms, place.step ?? place.root, {});
  else if (typeof setup === 'string') {
    spans.end(place.setup, ms, setup === 'failed' ? text(message) : null);
    place.setup = null;
  }
}

const TAKES: Partial<Record<JobEvent['type'], typeof takePhase>> = {
  phase: takePhase,
  message: takeMessage,
  tool_call: takeToolCall,
  usage: takeUsage,
  gate: takeGate,
  sandbox: takeSandbox,
};

/** Reads a log into a trace. */
export interface TraceBuilder {
  /** Takes the next event, in the order of the log. */
  take(event: JobEvent): void;
  /** The trace; what is open ends with the last event. */
  finish(): TraceView;
}

/** Begins the trace of a job. @param job as it stands when its log is read */
export function createTrace(job: Job): TraceBuilder {
  const traceId = idOf(job.job_id, 4);
  const spans = createSpans(job);
  const createdMs = Date.parse(job.created_at);
  const root = spans.begin(`job ${job.job_id}`, createdMs, null, rootAttributes(job));
  const startedMs = job.started_at === null ? null : Date.parse(job.started_at);
  if (startedMs !== null) spans.end(spans.begin('queue', createdMs, root, {}), startedMs);
  const place: Place = { root, step: null, turn: null, setup: null, tools: new Map(), checks: new Map() };
  let lastMs = startedMs ?? createdMs;
  return {
    take(event) {
      const ms = Date.parse(event.time);
      if (!Number.isFinite(ms)) return;
      // Tries of a callback come after the end, and are no part of the job.
      if (event.type !== 'delivery') lastMs = Math.max(lastMs, ms);
      TAKES[event.type]?.(spans, place, event, ms);
    },
    finish() {
      endInside(spans, place, lastMs, null);
      const endMs = job.finished_at === null ? lastMs : Math.max(lastMs, Date.parse(job.finished_at));
      const failed = job.status === 'failed' || job.status === 'cancelled';
      spans.end(place.step, lastMs, job.outcome === null ? null : 'cut off');
      spans.end(root, endMs, failed ? text(job.result?.error?.message) || (job.outcome ?? job.status) : null);
      const isSuccess = job.status === 'completed';
      return {
        job_id: job.job_id,
        trace_id: traceId,
        spans: spans.all.map((one) => ({
          trace_id: traceId,
          span_id: one.id,
          parent_span_id: one.parent,
          name: one.name,
          kind: one.kind,
          start_time_unix_nano: nanoOf(one.startMs),
          end_time_unix_nano: nanoOf(one.endMs ?? lastMs),
          status: {
            code: one.error !== null ? 'error' : one === root && isSuccess ? 'ok' : 'unset',
            message: one.error,
          },
          attributes: one.attributes,
        })),
        left_out: spans.leftOut(),
      };
    },
  };
}
