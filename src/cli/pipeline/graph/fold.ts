/** Steps that depend on the same, and that the same depend on, as one. Pure. */
import type { StepStatus } from '../../../job/pipeline/run.ts';
import type { GraphOptions, Node } from '../graph.ts';

/** As many steps that are alike become one. */
const FOLDED_FROM = 3;
/** Names of so many are all shown. */
const MAX_NAMED = 3;

/** How many of some steps have each status, in words; `''` where nothing was run. */
function countsOf(steps: readonly Node[]): string {
  const counts = new Map<StepStatus, number>();
  for (const { status } of steps) if (status !== null) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${status}`).join(', ');
}

function shownFor(steps: readonly Node[], { unicode }: GraphOptions): string {
  const names = steps.map(({ shown }) => shown);
  const [first = '', last = ''] = [names[0], names.at(-1)];
  const some = names.length <= MAX_NAMED ? names.join(', ') : `${first} ${unicode ? '…' : '...'} ${last}`;
  const counts = countsOf(steps);
  return `${steps.length} steps: ${some}${counts === '' ? '' : ` (${counts})`}`;
}

/** @returns the steps, those that are alike in the place of the first of them */
export function fold(nodes: readonly Node[], options: GraphOptions): readonly Node[] {
  const after = new Map<string, string[]>();
  for (const { name, dependsOn } of nodes)
    for (const before of dependsOn) after.set(before, [...(after.get(before) ?? []), name]);
  const groups = Map.groupBy(nodes, ({ name, dependsOn }) =>
    JSON.stringify([dependsOn.toSorted(), (after.get(name) ?? []).toSorted()]),
  );
  const stands = new Map<string, readonly [first: Node, group: readonly Node[]]>();
  for (const group of groups.values())
    for (const node of group) {
      const [first = node] = group;
      stands.set(node.name, group.length < FOLDED_FROM ? [node, [node]] : [first, group]);
    }
  return nodes.flatMap((node) => {
    const [first, group] = stands.get(node.name) ?? [node, [node]];
    if (first !== node) return [];
    const dependsOn = [...new Set(node.dependsOn.map((one) => stands.get(one)?.[0].name ?? one))];
    return group.length === 1
      ? [{ ...node, dependsOn }]
      : [{ ...node, dependsOn, mark: null, shown: shownFor(group, options) }];
  });
}
