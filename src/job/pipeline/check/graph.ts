/** What steps say of each other: names, dependencies, templates and conditions. */
import { OUTCOMES } from '../../status.ts';
import { comparedTexts, readCondition } from '../expression/condition.ts';
import type { StepDefinition } from '../definition.ts';
import { planPipeline, sortSteps, type Plan } from '../plan.ts';
import { DEFAULT_OUTPUTS, referenceText, type Reference } from '../reference.ts';
import { readTemplate } from '../expression/template.ts';
import { nearest } from '../../text/distance.ts';
import { shown, type Path, type Problems } from './problem.ts';

/** Most steps of a cycle that are spelled out. */
const MAX_SHOWN = 20;
/** How a step that others may ask about can have ended. */
const ENDS = ['completed', 'failed', 'cancelled', 'skipped'] as const;

/** The first step of each name; duplicates are noted. */
function numberNames(steps: readonly StepDefinition[], problems: Problems): ReadonlyMap<string, number> {
  const numberOf = new Map<string, number>();
  for (const [at, { name }] of steps.entries()) {
    const first = numberOf.get(name);
    if (first === undefined) numberOf.set(name, at);
    else if (name !== '')
      problems.add(
        ['steps', at, 'name'],
        `${shown(name)} is the name of steps[${first}] already`,
        'give each step a name of its own',
      );
  }
  return numberOf;
}

function unknownStep(
  name: string,
  path: Path,
  numberOf: ReadonlyMap<string, number>,
  problems: Problems,
): void {
  if (problems.isFull()) return;
  const meant = nearest(name, numberOf.keys());
  const names = [...numberOf.keys()].filter((one) => one !== '').slice(0, MAX_SHOWN);
  problems.add(
    path,
    `there is no step ${shown(name)}`,
    meant === null ? `there are ${names.join(', ')}` : `did you mean ${meant}?`,
  );
}

/** The numbers of a step's dependencies, without those that are wrong. */
function dependenciesOf(
  step: StepDefinition,
  at: number,
  numberOf: ReadonlyMap<string, number>,
  problems: Problems,
): readonly number[] {
  const found = new Set<number>();
  for (const [place, name] of step.depends_on.entries()) {
    const path: Path = ['steps', at, 'depends_on', place];
    const other = numberOf.get(name);
    if (name === step.name) problems.add(path, `the step ${shown(name)} depends on itself`, 'leave it out');
    else if (other === undefined) unknownStep(name, path, numberOf, problems);
    else if (found.has(other)) problems.add(path, `${shown(name)} is there already`, 'name it once');
    else found.add(other);
  }
  return [...found].toSorted((a, b) => a - b);
}

function noteCycle(cycle: readonly number[], steps: readonly StepDefinition[], problems: Problems): void {
  const names = cycle.map((at) => steps[at]?.name ?? '');
  const [first = 0] = cycle;
  const next = steps[first]?.depends_on.findIndex((name) => name === (names[1] ?? names[0])) ?? 0;
  const few = names.length > MAX_SHOWN ? [...names.slice(0, MAX_SHOWN), '…'] : names;
  const round = [...few, names[0] ?? ''].join(' → ');
  problems.add(
    ['steps', first, 'depends_on', Math.max(0, next)],
    `the steps wait for each other: ${round}`,
    'take out one of these dependencies',
  );
}

interface Scene {
  readonly steps: readonly StepDefinition[];
  readonly numberOf: ReadonlyMap<string, number>;
  readonly plan: Plan;
  readonly problems: Problems;
}

/** A reference must be to a step that has ended by then, and to an output that there can be. */
function checkReference(reference: Reference, step: number, path: Path, scene: Scene): void {
  const { steps, numberOf, plan, problems } = scene;
  const text = referenceText(reference);
  const place = `at character ${reference.at + 1}: ${text}`;
  const other = numberOf.get(reference.step);
  const [key = ''] = reference.path;
  if (other === undefined) {
    if (problems.isFull()) return;
    const meant = nearest(reference.step, numberOf.keys());
    problems.add(
      path,
      `${place}: there is no step ${shown(reference.step)}`,
      meant === null ? 'name a step that ends before' : `did you mean steps.${meant}?`,
    );
  } else if (!plan.isUpstream(other, step)) {
    const isSelf = other === step;
    problems.add(
      path,
      `${place}: ${isSelf ? "a step can't ask about itself" : `the step ${reference.step} need not have ended by then`}`,
      isSelf ? 'name a step that ends before' : `add ${reference.step} to depends_on`,
    );
  } else if (reference.field === 'output' && !DEFAULT_OUTPUTS.some((known) => known === key)) {
    const promised = steps[other]?.outputs ?? null;
    if (promised === null || Object.hasOwn(promised, key)) return;
    const there = [...Object.keys(promised), ...DEFAULT_OUTPUTS];
    const meant = nearest(key, there);
    problems.add(
      path,
      `${place}: the step ${reference.step} promises no output ${shown(key)}`,
      meant === null ? `it has ${there.slice(0, MAX_SHOWN).join(', ')}` : `did you mean ${meant}?`,
    );
  }
}

function checkTemplate(text: string, step: number, path: Path, scene: Scene): void {
  if (!text.includes('{{')) return;
  const { references, problems } = readTemplate(text);
  for (const problem of problems)
    scene.problems.add(path, `at character ${problem.at + 1}: ${problem.message}`, problem.hint);
  for (const reference of references) checkReference(reference, step, path, scene);
}

function checkCondition(text: string, step: number, path: Path, scene: Scene): void {
  const read = readCondition(text);
  if (!read.ok) {
    scene.problems.add(path, `at character ${read.at + 1}: ${read.message}`, read.hint);
    return;
  }
  for (const reference of read.references) checkReference(reference, step, path, scene);
  for (const { reference, text: value } of comparedTexts(read.condition)) {
    if (reference.field === 'output') continue;
    const allowed: readonly string[] = reference.field === 'status' ? ENDS : Object.keys(OUTCOMES);
    if (allowed.includes(value)) continue;
    const meant = nearest(value, allowed);
    scene.problems.add(
      path,
      `at character ${reference.at + 1}: ${referenceText(reference)} is never ${shown(value)} (it is one of ${allowed.join(', ')})`,
      meant === null ? null : `did you mean ${JSON.stringify(meant)}?`,
    );
  }
}

/** Checks what steps say of each other. Templates and conditions are looked at only where the rest is in order. */
export function checkGraph(steps: readonly StepDefinition[], problems: Problems): void {
  const numberOf = numberNames(steps, problems);
  const before = problems.list.length;
  const dependencies = steps.map((step, at) => dependenciesOf(step, at, numberOf, problems));
  const { cycles } = sortSteps(dependencies);
  for (const cycle of cycles) {
    if (problems.isFull()) break;
    noteCycle(cycle, steps, problems);
  }
  // What is upstream of what is known only where the dependencies are.
  if (cycles.length > 0 || problems.list.length > before || numberOf.size < steps.length) return;
  const scene: Scene = { steps, numberOf, plan: planPipeline({ steps }), problems };
  for (const [at, step] of steps.entries()) {
    checkTemplate(step.task, at, ['steps', at, 'task'], scene);
    if (step.condition !== null) checkCondition(step.condition, at, ['steps', at, 'condition'], scene);
    if (step.approval?.message == null) continue;
    checkTemplate(step.approval.message, at, ['steps', at, 'approval', 'message'], scene);
  }
}
