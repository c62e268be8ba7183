/** The order of a pipeline's steps, and which of them can begin: linear in steps and edges over a whole run. */
import type { Pipeline } from './definition.ts';

/** The steps of a pipeline by their numbers, which are their places in the definition. */
export interface Plan {
  readonly names: readonly string[];
  readonly numberOf: ReadonlyMap<string, number>;
  readonly dependencies: readonly (readonly number[])[];
  readonly dependents: readonly (readonly number[])[];
  /** All steps, each behind its dependencies; as defined where that is such an order already. */
  readonly order: readonly number[];
  /** The place of each step in `order`. */
  readonly place: readonly number[];
  /** Steps that can run at the same time: each is in the first layer behind its dependencies. */
  readonly layers: readonly (readonly number[])[];
  /** Whether `step` can begin only once `other` has ended. */
  isUpstream(other: number, step: number): boolean;
  /** All that is upstream of a step, as a set of places in `order`. */
  upstream(step: number): Uint32Array;
}

/** What the planning needs of a step. */
type Node = Pick<Pipeline['steps'][number], 'name' | 'depends_on'>;

interface Sorted {
  readonly order: readonly number[];
  /** Steps that wait for each other, each for the next and the last for the first. */
  readonly cycles: readonly (readonly number[])[];
}

/** Depth first, in the order of definition, with a stack of its own: a chain may be 10,000 steps long. */
export function sortSteps(dependencies: readonly (readonly number[])[]): Sorted {
  const order: number[] = [];
  const cycles: number[][] = [];
  /** 0: not seen, 1: on the path, 2: done. */
  const seen = new Uint8Array(dependencies.length);
  for (let first = 0; first < dependencies.length; first++) {
    if (seen[first] !== 0) continue;
    const path = [first];
    const edge = [0];
    seen[first] = 1;
    while (path.length > 0) {
      const top = path.length - 1;
      const step = path[top] ?? 0;
      const next = dependencies[step]?.[edge[top] ?? 0];
      if (next === undefined) {
        seen[step] = 2;
        order.push(step);
        path.pop();
        edge.pop();
        continue;
      }
      edge[top] = (edge[top] ?? 0) + 1;
      if (seen[next] === 1) cycles.push(path.slice(path.indexOf(next)));
      if (seen[next] !== 0) continue;
      seen[next] = 1;
      path.push(next);
      edge.push(0);
    }
  }
  return { order, cycles };
}

function layersOf(order: readonly number[], dependencies: readonly (readonly number[])[]): number[][] {
  const depth = Array.from({ length: order.length }, () => 0);
  const layers: number[][] = [];
  for (const step of order) {
    const at = (dependencies[step] ?? []).reduce((most, other) => Math.max(most, (depth[other] ?? 0) + 1), 0);
    depth[step] = at;
    (layers[at] ??= []).push(step);
  }
  return layers.map((layer) => layer.toSorted((a, b) => a - b));
}

/** For each step one bit for each other: 10,000 steps are 12.5 MB, and an edge is 313 operations. */
function upstreamSets(
  order: readonly number[],
  place: readonly number[],
  dependencies: readonly (readonly number[])[],
): (step: number) => Uint32Array {
  const words = Math.ceil(order.length / 32);
  const all = new Uint32Array(words * order.length);
  const setOf = (step: number): Uint32Array => all.subarray(step * words, (step + 1) * words);
  for (const step of order) {
    const own = setOf(step);
    for (const other of dependencies[step] ?? []) {
      const theirs = setOf(other);
      for (let at = 0; at < words; at++) own[at] = (own[at] ?? 0) | (theirs[at] ?? 0);
      addTo(own, place[other] ?? 0);
    }
  }
  return setOf;
}

/** Whether a place is in a set. */
export function isIn(set: Uint32Array, place: number): boolean {
  return (((set[place >>> 5] ?? 0) >>> (place & 31)) & 1) === 1;
}

/** Puts a place into a set. */
export function addTo(set: Uint32Array, place: number): void {
  set[place >>> 5] = (set[place >>> 5] ?? 0) | (1 << (place & 31));
}

/**
 * Plans a pipeline that was checked.
 *
 * @throws Error for a cycle or an unknown dependency, which `checkPipeline` refuses
 */
export function planPipeline(pipeline: { readonly steps: readonly Node[] }): Plan {
  const names = pipeline.steps.map(({ name }) => name);
  const numberOf = new Map(names.map((name, at) => [name, at]));
  const dependencies = pipeline.steps.map(({ depends_on: on }) =>
    on
      .map((name) => {
        const found = numberOf.get(name);
        if (found === undefined)
          throw new Error(`bug: the pipeline was not checked: there is no step ${name}`);
        return found;
      })
      .toSorted((a, b) => a - b),
  );
  const { order, cycles } = sortSteps(dependencies);
  if (cycles.length > 0) throw new Error('bug: the pipeline was not checked: it has a cycle');
  const dependents: number[][] = names.map(() => []);
  for (const step of order) for (const other of dependencies[step] ?? []) dependents[other]?.push(step);
  const place: number[] = names.map(() => 0);
  for (const [at, step] of order.entries()) place[step] = at;
  let sets: ((step: number) => Uint32Array) | null = null;
  const upstream = (step: number): Uint32Array => {
    sets ??= upstreamSets(order, place, dependencies);
    return sets(step);
  };
  return {
    names,
    numberOf,
    dependencies,
    dependents,
    order,
    place,
    layers: layersOf(order, dependencies),
    upstream,
    isUpstream: (other, step) =>
      dependencies[step]?.includes(other) === true || isIn(upstream(step), place[other] ?? 0),
  };
}

/** A step whose dependencies have all ended. */
export interface Ready {
  readonly step: number;
  /** Dependencies that did not end well, in the order of definition. */
  readonly unfit: readonly number[];
}

/** Follows a run: it is told once of each end, and says what that lets go on. */
export interface Tracker {
  /** The steps without dependencies, in topological order. */
  begin(): readonly Ready[];
  /**
   * A step has ended.
   *
   * @param isFine whether steps behind it may go on as if nothing were wrong
   * @returns the steps that waited for nothing else, in topological order
   */
  ended(step: number, isFine: boolean): readonly Ready[];
}

/** Makes the tracker of one run. Each edge is looked at once, so a run costs as much as its steps and edges. */
export function createTracker(plan: Plan): Tracker {
  const waitsFor = plan.dependencies.map((on) => on.length);
  const unfit: number[][] = plan.names.map(() => []);
  const hasEnded = new Uint8Array(plan.names.length);
  return {
    begin: () =>
      plan.order.filter((step) => waitsFor[step] === 0).map((step) => ({ step, unfit: unfit[step] ?? [] })),
    ended(step, isFine) {
      if (hasEnded[step] === 1) throw new Error(`bug: the step ${plan.names[step] ?? step} ended twice`);
      hasEnded[step] = 1;
      const ready: Ready[] = [];
      for (const dependent of plan.dependents[step] ?? []) {
        if (!isFine) unfit[dependent]?.push(step);
        waitsFor[dependent] = (waitsFor[dependent] ?? 0) - 1;
        if (waitsFor[dependent] !== 0) continue;
        ready.push({ step: dependent, unfit: (unfit[dependent] ?? []).toSorted((a, b) => a - b) });
      }
      return ready;
    },
  };
}
