/** Brings the work of steps together, and has an agent solve what does not fit where the pipeline says so. */
import { errorInfo, type ErrorInfo } from '../../error.ts';
import type { Pipeline } from '../definition.ts';
import type { Assembled, ChildEnd, RunSteps } from '../run.ts';
import type { Start } from './together.ts';

type Conflict = NonNullable<Assembled['conflict']>;

/** Most files and steps that are named, and longest part of a task that is quoted, in characters. */
const MAX_SHOWN = 20;
const MAX_TASK_CHARS = 4000;
const MAX_NAME_CHARS = 200;

function listed(names: readonly string[]): string {
  const few = names.slice(0, MAX_SHOWN).map((name) => name.slice(0, MAX_NAME_CHARS));
  return `${few.join(', ')}${names.length > MAX_SHOWN ? ` and ${names.length - MAX_SHOWN} more` : ''}`;
}

/** The named failure of a conflict. */
function conflictError({ step, with: others, paths }: Conflict, solving: string): ErrorInfo {
  const other = others.length === 0 ? 'what was brought together before it' : `that of ${listed(others)}`;
  return errorInfo(
    'conflict',
    `the work of ${step} does not fit with ${other}: both change ${listed(paths)}${solving}`,
    solving === ''
      ? 'let one of the steps depend on the other, or set resolve: agent'
      : 'let one of the steps depend on the other',
  );
}

/** What an agent is told that solves a conflict. Paths are data: they stand in quotes. */
export function resolveTask(pipeline: Pipeline, conflict: Conflict): string {
  const { step, with: others, paths } = conflict;
  const taskOf = (name: string): readonly string[] => {
    const task = pipeline.steps.find((one) => one.name === name)?.task.trim() ?? '';
    const cut = task.length > MAX_TASK_CHARS ? `${task.slice(0, MAX_TASK_CHARS).toWellFormed()}…` : task;
    return cut === '' ? [] : ['', `## What the step ${name} was to do`, cut];
  };
  const files = paths.slice(0, MAX_SHOWN).map((path) => `- ${JSON.stringify(path.slice(0, MAX_NAME_CHARS))}`);
  return [
    `Steps of a pipeline have changed the same lines. The work of the step ${step} is added to ${
      others.length === 0 ? 'what was there before' : `that of ${listed(others)}`
    }, and these files hold conflict markers (\`<<<<<<<\`, \`=======\`, \`>>>>>>>\`):`,
    ...files,
    ...(paths.length > MAX_SHOWN ? [`- and ${paths.length - MAX_SHOWN} more`] : []),
    '',
    'Solve these conflicts so that what each step was for still holds, and leave no marker. Change nothing else.',
    ...[...others.slice(0, 5), step].flatMap(taskOf),
  ].join('\n');
}

/** What is needed to bring work together. */
export interface Bringing {
  readonly pipeline: Pipeline;
  readonly steps: Pick<RunSteps, 'assemble' | 'child'>;
  /** The step that begins with it; `null` for what the run proposes. */
  readonly for: string | null;
  /** Asked before a conflict is given to an agent. */
  readonly mayResolve: () => Promise<boolean>;
  /** Told of what that has cost. */
  readonly onSpent: (spent: ChildEnd['spent']) => void;
}

/**
 * What came of it. `halted`: there is a conflict, and the run begins nothing any more. `isOver`: the budget of the whole
 * run is spent.
 */
export type Brought =
  | { readonly commit: string }
  | { readonly halted: true }
  | { readonly error: ErrorInfo; readonly isOver: boolean };

async function resolve(
  conflict: Conflict,
  commit: string,
  { pipeline, steps, for: target, mayResolve, onSpent }: Bringing,
): Promise<Brought> {
  if (pipeline.resolve === 'fail') return { error: conflictError(conflict, ''), isOver: false };
  if (!(await mayResolve())) return { halted: true };
  const solved = await steps.child({
    name: target ?? conflict.step,
    kind: 'resolve',
    task: resolveTask(pipeline, conflict),
    base_sha: commit,
    start: conflict.marked,
    conflicts: conflict.paths,
  });
  if (!solved.ok) {
    if (solved.error.code === 'budget_exceeded') return { error: solved.error, isOver: true };
    const why = `; the agent that was to solve it was not begun: ${solved.error.message}`;
    return { error: conflictError(conflict, why), isOver: false };
  }
  onSpent(solved.spent);
  const { outcome, head_sha: head, error } = solved;
  if (isWork(outcome) && head !== null && head !== commit) return { commit: head };
  const why = error === null ? outcome : `${outcome}: ${error.message}`;
  const message = `; the agent that was to solve it ended as ${why} (${solved.job_id})`;
  return { error: conflictError(conflict, message), isOver: false };
}

/** Whether a job ended with work that can be taken. */
function isWork(outcome: ChildEnd['outcome']): boolean {
  return outcome === 'proposed' || outcome === 'pr_opened' || outcome === 'pr_updated';
}

/**
 * Makes one commit of what a step begins with. One source alone is taken as it is, without any git.
 *
 * @throws what `assemble` and `child` throw: cancelled, or infrastructure
 */
export async function bringTogether(start: Start, bringing: Bringing): Promise<Brought> {
  let { onto, changes } = start;
  // Each round takes at least one change away.
  while (changes.length > 0) {
    const result = await bringing.steps.assemble({ for: bringing.for, onto, changes });
    if (!result.ok) return { error: result.error, isOver: false };
    if (result.conflict === null) return { commit: result.commit };
    const solved = await resolve(result.conflict, result.commit, bringing);
    if (!('commit' in solved)) return solved;
    onto = solved.commit;
    changes = changes.slice(Math.max(0, result.conflict.at) + 1);
  }
  return { commit: onto };
}
