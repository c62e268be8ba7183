/** Where the steps of a pipeline are drawn: layers from left to right, by dagre, and who is beside whom. */
import { graphlib, layout as arrange } from '@dagrejs/dagre';

/** What is drawn of a step. */
export interface Node {
  readonly name: string;
  readonly depends_on: readonly string[];
}

/** Sizes in pixels at a zoom of 1. */
export const NODE_WIDTH_PX = 212;
export const NODE_HEIGHT_PX = 70;
const BESIDE_PX = 18;
const BETWEEN_PX = 54;
const MARGIN_PX = 16;

/** A rectangle, in pixels. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface PlacedNode extends Box {
  readonly name: string;
}

interface PlacedEdge extends Box {
  readonly from: string;
  readonly to: string;
  /** As SVG writes paths. */
  readonly path: string;
}

/** A drawing. */
export interface Drawing {
  readonly width: number;
  readonly height: number;
  /** In topological order: each behind all that it depends on. */
  readonly nodes: readonly PlacedNode[];
  readonly edges: readonly PlacedEdge[];
}

/** The steps, each behind all that it depends on; as defined where that is such an order. */
export function orderOf(steps: readonly Node[]): readonly string[] {
  const waitsFor = new Map(steps.map(({ name, depends_on: on }) => [name, on.length]));
  const after = new Map<string, string[]>();
  for (const { name, depends_on: on } of steps)
    for (const other of on) {
      const next = after.get(other);
      if (next === undefined) after.set(other, [name]);
      else next.push(name);
    }
  const order = steps.filter(({ depends_on: on }) => on.length === 0).map(({ name }) => name);
  for (let at = 0; at < order.length; at++) {
    for (const next of after.get(order[at] ?? '') ?? []) {
      const left = (waitsFor.get(next) ?? 0) - 1;
      waitsFor.set(next, left);
      if (left === 0) order.push(next);
    }
  }
  return order;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line through points that leaves each of them, and comes to the next, level. */
function pathOf(points: readonly Point[]): string {
  const at = (x: number, y: number): string => `${Math.round(x)} ${Math.round(y)}`;
  const [first, ...rest] = points;
  if (first === undefined) return '';
  const curves = rest.map(({ x, y }, index) => {
    const from = points[index] ?? first;
    const middle = (from.x + x) / 2;
    return `C${at(middle, from.y)} ${at(middle, y)} ${at(x, y)}`;
  });
  return `M${at(first.x, first.y)}${curves.join('')}`;
}

function boxOf(points: readonly Point[]): Box {
  const [xs, ys] = [points.map(({ x }) => x), points.map(({ y }) => y)];
  return { left: Math.min(...xs), top: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
}

/** Draws them. It takes time with its steps: 60 take 50 ms, 500 a second, so that more are told as a table alone. */
export function draw(steps: readonly Node[]): Drawing {
  const graph = new graphlib.Graph();
  graph.setGraph({
    rankdir: 'LR',
    nodesep: BESIDE_PX,
    ranksep: BETWEEN_PX,
    marginx: MARGIN_PX,
    marginy: MARGIN_PX,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  // By number: a step may be called like a property that every object has.
  const idOf = new Map(steps.map(({ name }, at) => [name, `s${at}`]));
  const nameOf = new Map(steps.map(({ name }, at) => [`s${at}`, name]));
  const id = (name: string): string => idOf.get(name) ?? '';
  for (const { name } of steps) graph.setNode(id(name), { width: NODE_WIDTH_PX, height: NODE_HEIGHT_PX });
  for (const { name, depends_on: on } of steps) for (const other of on) graph.setEdge(id(other), id(name));
  arrange(graph);
  const { width = 0, height = 0 } = graph.graph();
  const nodes = orderOf(steps).map((name): PlacedNode => {
    const { x = 0, y = 0 } = graph.node(id(name));
    const [left, top] = [Math.round(x - NODE_WIDTH_PX / 2), Math.round(y - NODE_HEIGHT_PX / 2)];
    return { name, left, top, right: left + NODE_WIDTH_PX, bottom: top + NODE_HEIGHT_PX };
  });
  const edges = graph.edges().map((edge): PlacedEdge => {
    const [from, to] = [graph.node(edge.v), graph.node(edge.w)];
    // It leaves a step on its right side and comes to the next on its left one, in the middle of both.
    const points: readonly Point[] = [
      { x: (from.x ?? 0) + NODE_WIDTH_PX / 2, y: from.y ?? 0 },
      ...(graph.edge(edge).points ?? []).slice(1, -1),
      { x: (to.x ?? 0) - NODE_WIDTH_PX / 2, y: to.y ?? 0 },
    ];
    return {
      from: nameOf.get(edge.v) ?? '',
      to: nameOf.get(edge.w) ?? '',
      path: pathOf(points),
      ...boxOf(points),
    };
  });
  return { width, height, nodes, edges };
}

/** Whether any part of one lies in the other. */
export function meets(one: Box, other: Box): boolean {
  return (
    one.left <= other.right && one.right >= other.left && one.top <= other.bottom && one.bottom >= other.top
  );
}

function nearest(from: PlacedNode, among: readonly PlacedNode[]): string | null {
  const distance = (one: PlacedNode): number => Math.abs(one.top - from.top);
  const [first, ...rest] = among;
  if (first === undefined) return null;
  return rest.reduce((best, one) => (distance(one) < distance(best) ? one : best), first).name;
}

/**
 * Where an arrow key leads from a step: along an edge to the right or left, to the nearest where there are several; up
 * and down to the step beside it. `null` where nothing is there.
 */
export function beside({ nodes, edges }: Drawing, name: string, key: string): string | null {
  const from = nodes.find((node) => node.name === name);
  if (from === undefined) return null;
  const named = (names: ReadonlySet<string>): readonly PlacedNode[] =>
    nodes.filter((node) => names.has(node.name));
  switch (key) {
    case 'ArrowRight':
      return nearest(from, named(new Set(edges.flatMap((edge) => (edge.from === name ? [edge.to] : [])))));
    case 'ArrowLeft':
      return nearest(from, named(new Set(edges.flatMap((edge) => (edge.to === name ? [edge.from] : [])))));
    case 'ArrowDown':
    case 'ArrowUp': {
      const isDown = key === 'ArrowDown';
      const column = nodes.filter((node) => node.left === from.left && node.name !== name);
      return nearest(
        from,
        column.filter((node) => (isDown ? node.top > from.top : node.top < from.top)),
      );
    }
    case 'Home':
      return nodes[0]?.name ?? null;
    case 'End':
      return nodes.at(-1)?.name ?? null;
    default:
      return null;
  }
}
