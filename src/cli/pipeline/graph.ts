/** A pipeline's steps and what they depend on, drawn for a terminal. Pure. */
import type { StepStatus } from '../../job/pipeline/run.ts';
import { cleanLine, paint, type Colour } from '../text.ts';
import { fold } from './graph/fold.ts';
import { drawLayers } from './graph/layers.ts';
import { drawRails, listed } from './graph/rails.ts';

/** What is drawn of a step. */
export interface GraphStep {
  readonly name: string;
  readonly depends_on: readonly string[];
  /** `null` where nothing was run. */
  readonly status: StepStatus | null;
}

/** The terminal that is drawn for. */
export interface GraphOptions {
  /** Its width in characters. */
  readonly columns: number;
  readonly colour: boolean;
  /** Whether it shows box-drawing characters. */
  readonly unicode: boolean;
}

/** A step as both ways of drawing take it: names are known and unique, and there are no cycles. */
export interface Node {
  readonly name: string;
  /** The name as it is shown. */
  readonly shown: string;
  /** One character for its status, coloured; `null` where nothing was run. */
  readonly mark: string | null;
  readonly dependsOn: readonly string[];
  readonly status: StepStatus | null;
}

/** Longest name that is drawn whole, in characters. */
const MAX_NAME_CHARS = 40;
/** Narrowest terminal that is drawn for. */
const MIN_COLUMNS = 20;

const MARKS: Readonly<Record<StepStatus, readonly [unicode: string, ascii: string, colour: Colour]>> = {
  queued: ['○', 'o', 'dim'],
  forking: ['○', 'o', 'dim'],
  triggered: ['○', 'o', 'dim'],
  running: ['●', '*', 'cyan'],
  retrying: ['●', '*', 'yellow'],
  needs_input: ['?', '?', 'yellow'],
  completed: ['✓', 'v', 'green'],
  failed: ['✗', 'x', 'red'],
  cancelled: ['✗', 'x', 'yellow'],
  skipped: ['⊘', '-', 'dim'],
};

/** The mark of a status, one character. */
export function markOf(
  status: StepStatus,
  { colour, unicode }: Pick<GraphOptions, 'colour' | 'unicode'>,
): string {
  const [mark, plain, tint] = MARKS[status];
  return paint(unicode ? mark : plain, tint, colour);
}

/** A name that fits: one harmless line, cut where it is long. */
function shortName(name: string, options: GraphOptions): string {
  const most = Math.min(MAX_NAME_CHARS, Math.max(8, options.columns - 12));
  const characters = Array.from(cleanLine(name));
  const cut = options.unicode ? '…' : '~';
  return characters.length <= most ? characters.join('') : characters.slice(0, most - 1).join('') + cut;
}

function nodesOf(steps: readonly GraphStep[], options: GraphOptions): readonly Node[] {
  const known = new Set(steps.map(({ name }) => name));
  return steps.map(({ name, depends_on: dependsOn, status }) => ({
    name,
    shown: shortName(name, options),
    mark: status === null ? null : markOf(status, options),
    dependsOn: [...new Set(dependsOn)].filter((one) => known.has(one)),
    status,
  }));
}

/** How many steps are before each at least: 0 for those that depend on nothing. Steps of a cycle are left out. */
function layersOf(nodes: readonly Node[]): ReadonlyMap<string, number> {
  const layers = new Map<string, number>();
  const waits = new Map(nodes.map(({ name, dependsOn }) => [name, dependsOn.length]));
  const after = new Map<string, string[]>();
  for (const { name, dependsOn } of nodes)
    for (const before of dependsOn) after.set(before, [...(after.get(before) ?? []), name]);
  const ready = nodes.filter(({ dependsOn }) => dependsOn.length === 0).map(({ name }) => name);
  for (const name of ready) layers.set(name, 0);
  for (let name = ready.shift(); name !== undefined; name = ready.shift()) {
    for (const next of after.get(name) ?? []) {
      layers.set(next, Math.max(layers.get(next) ?? 0, (layers.get(name) ?? 0) + 1));
      const left = (waits.get(next) ?? 0) - 1;
      waits.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return new Map([...layers].filter(([name]) => waits.get(name) === 0));
}

/**
 * Draws a pipeline: from left to right where that is clear and fits, else a line a step with rails for what it depends on.
 * Steps that are alike are drawn as one where there are too many of them for the terminal or the eye.
 *
 * @param steps unknown names in `depends_on` are left out, and so are the steps of a cycle and what comes after it
 * @returns lines, each ended; `''` for no steps
 */
export function drawGraph(steps: readonly GraphStep[], given: GraphOptions): string {
  const options = { ...given, columns: Math.max(MIN_COLUMNS, given.columns) };
  const all = nodesOf(steps, options);
  const layers = layersOf(all);
  const nodes = all.filter(({ name }) => layers.has(name));
  if (nodes.length === 0) return '';
  const alike = fold(nodes, options);
  const lines =
    drawLayers(nodes, layers, options) ??
    drawRails(nodes, layers, options) ??
    drawLayers(alike, layers, options) ??
    drawRails(alike, layers, options) ??
    listed(alike, options);
  const text = lines.map((line) => `${line.trimEnd()}\n`).join('');
  return options.unicode ? text : asciiOf(text);
}

const ASCII: Readonly<Record<string, string>> = {
  '─': '-',
  '│': '|',
  '▶': '>',
  '○': 'o',
};

/** The same without box-drawing characters: every corner and junction is a `+`. */
function asciiOf(text: string): string {
  return text.replace(/[\u2500-\u257f▶○]/g, (one) => ASCII[one] ?? '+');
}
