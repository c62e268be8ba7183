/** How hard the API was worked, in the measures that GitHub limits. */
import type { Logged } from './serve.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

// What people are told about, and what GitHub therefore allows 80 times a minute and 500 times an hour.
const CREATES = /\/(issues|pulls|comments|replies|reviews|requested_reviewers|forks|dispatches)$/;

export interface Load {
  /** Most content made by one login within any minute; GitHub allows 80. */
  readonly creationsPerMinute: number;
  /** The same within any hour; GitHub allows 500. */
  readonly creationsPerHour: number;
  /** Most points of one login within any minute: 1 for a question, 5 for a change; GitHub allows 900. */
  readonly pointsPerMinute: number;
}

/** Whether the request makes content, which is limited most. */
export function isCreation(request: Pick<Logged, 'method' | 'template'>): boolean {
  return request.method === 'POST' && CREATES.test(request.template ?? '');
}

/** The most that lies within one span of time, whenever it begins. */
function worst(
  entries: readonly { readonly atMs: number; readonly weight: number }[],
  spanMs: number,
): number {
  let [first, sum, most] = [0, 0, 0];
  for (const entry of entries) {
    sum += entry.weight;
    for (; ; first += 1) {
      const oldest = entries[first];
      if (oldest === undefined || oldest.atMs > entry.atMs - spanMs) break;
      sum -= oldest.weight;
    }
    most = Math.max(most, sum);
  }
  return most;
}

/** The load that a log shows; requests of git are not counted by GitHub either. */
export function loadOf(log: readonly Logged[]): Load {
  const load = { creationsPerMinute: 0, creationsPerHour: 0, pointsPerMinute: 0 };
  const byLogin = Map.groupBy(
    log.filter((one) => one.method !== 'GIT'),
    (one) => one.login,
  );
  for (const requests of byLogin.values()) {
    const creations = requests.filter(isCreation).map(({ atMs }) => ({ atMs, weight: 1 }));
    const points = requests.map(({ atMs, method }) => ({
      atMs,
      weight: method === 'GET' || method === 'HEAD' ? 1 : 5,
    }));
    load.creationsPerMinute = Math.max(load.creationsPerMinute, worst(creations, MINUTE_MS));
    load.creationsPerHour = Math.max(load.creationsPerHour, worst(creations, HOUR_MS));
    load.pointsPerMinute = Math.max(load.pointsPerMinute, worst(points, MINUTE_MS));
  }
  return load;
}

/** Seconds to wait until the login may make content again; `0`: at once. The log's last entry is the request itself. */
export function creationWaitSeconds(log: readonly Logged[], request: Logged, perMinute: number): number {
  if (!isCreation(request) || perMinute === Number.POSITIVE_INFINITY) return 0;
  const recent = log.filter(
    (one) =>
      one.login === request.login &&
      isCreation(one) &&
      one.status !== 403 &&
      one.atMs > request.atMs - MINUTE_MS,
  );
  const oldest = recent[0];
  if (recent.length <= perMinute || oldest === undefined) return 0;
  return Math.max(1, Math.ceil((oldest.atMs + MINUTE_MS - request.atMs) / 1000));
}
