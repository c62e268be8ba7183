/** What the agent of a pipeline's step is told of the rest, and of what its step owes. */
import type { Owed } from '../job/pipeline/output/given.ts';
import type { StepRequest } from '../job/pipeline/run.ts';
import type { Outcome } from '../job/status.ts';
import { cutToTokens } from './budget.ts';
import { fence, markUntrusted, oneLine, stripInvisible } from './untrusted.ts';

/** A step that ended before. */
export interface StepBefore {
  readonly name: string;
  readonly outcome: Outcome | null;
  /** What its agent said it did. */
  readonly summary: string;
}

/** Where a step stands in its pipeline. */
export interface StepPlace {
  readonly step: StepRequest;
  /** How many steps there are; `null` where nobody knows. */
  readonly of: number | null;
  /** Those that it builds on, the nearest last. */
  readonly before: readonly StepBefore[];
}

/** Steps before that are told of, the nearest; the rest is counted. */
const MAX_BEFORE = 20;
const MAX_SUMMARY_CHARS = 400;
const BEFORE_TOKENS = 2000;
const MAX_OUTPUTS = 100;
const MAX_FILES = 50;

function beforePart({ before }: StepPlace): readonly string[] {
  if (before.length === 0) return [];
  const rows = before
    .slice(-MAX_BEFORE)
    .map(({ name, outcome, summary }) =>
      [`- ${oneLine(name, 100)}: ${outcome ?? 'not run'}`, oneLine(summary, MAX_SUMMARY_CHARS)]
        .filter((part) => part !== '')
        .join(', '),
    );
  const left = before.length - rows.length;
  const more = left === 0 ? [] : [`- and ${left} more`];
  return [
    'Steps before it, whose changes are in the workspace already:',
    markUntrusted('what the steps before said', cutToTokens([...rows, ...more].join('\n'), BEFORE_TOKENS)),
  ];
}

function outputsPart({ outputs }: StepRequest): readonly string[] {
  const promised = Object.entries(outputs ?? {});
  if (promised.length === 0) return [];
  const rows = promised.slice(0, MAX_OUTPUTS).map(([name, { type, description, optional }]) => {
    const what = description === null ? '' : `: ${oneLine(stripInvisible(description), 500)}`;
    return `- ${oneLine(name, 100)} (${type}${optional ? ', optional' : ''})${what}`;
  });
  return ['', '## Outputs that this step promises', HOW_TO_GIVE, ...rows];
}

const HOW_TO_GIVE =
  'Later steps work with them. Give them as one JSON object with these keys: write it to `$AGENT_RUNNER_OUT/output.json`, or end your summary with it as a fenced block that begins with three backticks and `json`.';

function conflictPart({ conflicts }: StepRequest): readonly string[] {
  const rows = conflicts.slice(0, MAX_FILES).map((path) => oneLine(path, 300));
  const more = conflicts.length > MAX_FILES ? [`and ${conflicts.length - MAX_FILES} more`] : [];
  return [
    '',
    '## Conflict',
    'Two steps changed the same places. The files below hold conflict markers (`<<<<<<< steps/…`, `=======`, `>>>>>>> step/…`), or one step deleted or replaced what the other changed. Make of each what serves both steps, and leave no marker:',
    fence('files in conflict', [...rows, ...more].join('\n')),
  ];
}

/** Where the step stands in its pipeline: a part of the prompt; empty for a job that is no step. */
export function stepPart(place: StepPlace | null | undefined): string {
  if (place == null) return '';
  const { step } = place;
  const of = place.of === null ? '' : ` (${place.of} ${place.of === 1 ? 'step' : 'steps'})`;
  if (step.kind === 'resolve')
    return [
      '## Pipeline',
      `You bring the work of steps of pipeline ${JSON.stringify(oneLine(step.pipeline, 100))} together${of}. The runner opens one pull request after the last step; neither push nor open one.`,
      ...conflictPart(step),
    ].join('\n');
  return [
    '## Pipeline',
    `You do step ${JSON.stringify(oneLine(step.name, 100))} of pipeline ${JSON.stringify(oneLine(step.pipeline, 100))}${of}: this step and nothing of the others. The runner opens one pull request after the last step; neither push nor open one.`,
    ...beforePart(place),
    ...outputsPart(step),
  ].join('\n');
}

/** The turn that asks for what is missing of a step. */
export function owedPart(owed: readonly Owed[]): string {
  const conflicts = owed.filter(({ kind }) => kind === 'conflict');
  const outputs = owed.filter(({ kind }) => kind === 'output');
  const list = (some: readonly Owed[]): string =>
    fence(
      'missing',
      some
        .slice(0, MAX_OUTPUTS)
        .map(({ name, why }) => `${oneLine(name, 300)}: ${oneLine(why, 300)}`)
        .join('\n'),
    );
  return [
    '## This turn: what is missing',
    ...(conflicts.length === 0 ? [] : ['These files are not settled yet:', list(conflicts)]),
    ...(outputs.length === 0
      ? []
      : ['These outputs were promised, and are missing or of another type:', list(outputs), HOW_TO_GIVE]),
    'What you changed so far is in the workspace. Do only what is missing; without it the step fails.',
  ].join('\n');
}
