/** What a job's log tells of its phases and of the gate at work, read from its events. */
import type { CheckVerdict, SideState } from '../../../src/job/gate.ts';
import type { JobEvent } from '../../../src/job/job.ts';
import type { SpentSoFar } from './answers/budget.ts';

/** A step of the job, as people see it. */
export interface PhaseTold {
  /** Name and occurrence, like `build-2`. */
  readonly key: string;
  readonly name: string;
  readonly number: number;
  readonly state: 'running' | 'done' | 'failed';
  readonly startedAt: string;
  /** `null` while it runs. */
  readonly ms: number | null;
}

/** A side of a check as it goes on. */
export type LiveSide = SideState | 'running' | 'waiting';

/** A check of the gate that is at work. */
export interface LiveCheck {
  readonly name: string;
  readonly base: LiveSide;
  readonly head: LiveSide;
  readonly restored: LiveSide | null;
  readonly verdict: CheckVerdict | null;
}

/** The run of the gate that is at work; none where it has said its verdict. */
export interface LiveGate {
  readonly run: number;
  readonly checks: readonly LiveCheck[];
}

function words(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** The steps so far, in their order. */
export function phasesOf(events: readonly JobEvent[]): readonly PhaseTold[] {
  const phases = new Map<string, PhaseTold>();
  for (const { type, data, time } of events) {
    if (type !== 'phase') continue;
    const key = words(data['step']);
    const [, name = key, number = '1'] = /^(.+)-(\d+)$/.exec(key) ?? [];
    const before = phases.get(key);
    const startedAt = data['state'] === 'started' || before === undefined ? time : before.startedAt;
    const ms = typeof data['duration_ms'] === 'number' ? data['duration_ms'] : null;
    const state = data['state'] === 'started' ? 'running' : data['state'] === 'failed' ? 'failed' : 'done';
    if (data['state'] === 'replayed' && before !== undefined) continue;
    phases.set(key, {
      key,
      name,
      number: Number(number),
      state,
      startedAt,
      ms: state === 'running' ? null : ms,
    });
  }
  return [...phases.values()];
}

/** The checks that the job will be judged by, in their order. */
function checksOf(events: readonly JobEvent[]): readonly string[] {
  const told = events.findLast((event) => event.type === 'gate' && Array.isArray(event.data['sources']));
  const checks = told?.data['checks'];
  return Array.isArray(checks) ? checks.map((one: { name?: unknown } | null) => words(one?.name)) : [];
}

/** The gate at work, where it is. */
export function liveGateOf(events: readonly JobEvent[]): LiveGate | null {
  const lastPhase = events.findLast((event) => event.type === 'phase');
  if (lastPhase?.data['state'] !== 'started' || !words(lastPhase.data['step']).startsWith('verify'))
    return null;
  const since = events.filter((event) => event.seq > lastPhase.seq && event.type === 'gate');
  if (since.some((event) => typeof event.data['verdict'] === 'string')) return null;
  const checks = new Map<string, LiveCheck>(
    checksOf(events).map((name) => [
      name,
      { name, base: 'waiting', head: 'waiting', restored: null, verdict: null },
    ]),
  );
  let run = 0;
  for (const { data } of since) {
    const name = words(data['check']);
    if (name === '') continue;
    if (typeof data['run'] === 'number') run = data['run'];
    const one = checks.get(name) ?? { name, base: 'waiting', head: 'waiting', restored: null, verdict: null };
    const state = words(data['state']) as LiveSide;
    const side = words(data['side']);
    if (side === 'base' || side === 'head' || side === 'restored')
      checks.set(name, { ...one, [side]: state });
  }
  return {
    run: run === 0 ? Number(/\d+$/.exec(words(lastPhase.data['step']))?.[0] ?? 1) : run,
    checks: [...checks.values()],
  };
}

/** What happens now, in a few words. */
export function nowOf(phases: readonly PhaseTold[]): PhaseTold | null {
  return phases.findLast(({ state }) => state === 'running') ?? null;
}

/** What the job has cost so far, as its agent's turns were told; `null` where nobody counts. */
export function spentOf(events: readonly JobEvent[]): SpentSoFar {
  let [usd, tokens]: [number | null, number | null] = [null, null];
  let turns = 0;
  for (const { type, data } of events) {
    if (type === 'message' && typeof data['turn'] === 'string') turns++;
    if (type !== 'usage') continue;
    if (typeof data['cost_usd'] === 'number') usd = (usd ?? 0) + data['cost_usd'];
    for (const name of ['tokens_in', 'tokens_out'])
      if (typeof data[name] === 'number') tokens = (tokens ?? 0) + data[name];
  }
  return { usd, tokens, turns };
}

/** What the agent does just now, in a line: the call that goes on, or what it said last; `null` between turns. */
export function doingOf(events: readonly JobEvent[]): string | null {
  const last = events.findLast(
    ({ type, data }) =>
      type === 'phase' ||
      type === 'tool_call' ||
      (type === 'message' && typeof data['text'] === 'string' && data['text'].trim() !== ''),
  );
  if (last === undefined || last.type === 'phase') return null;
  const said = words(last.type === 'tool_call' ? last.data['title'] : last.data['text']);
  return said.trim() === '' ? null : said;
}
