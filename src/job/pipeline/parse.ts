/** Makes a pipeline from unknown input, or says all that is wrong with it. */
import { JobError } from '../error.ts';
import { parseLabels, parseRef, parseRepo, parseReviewers } from '../request.ts';
import { checkGraph } from './check/graph.ts';
import { createProblems, problemText, shown, type PipelineProblem, type Problems } from './check/problem.ts';
import { readStep } from './check/step.ts';
import {
  fieldOf,
  isAbsent,
  readBudget,
  readFields,
  readFlag,
  readList,
  readName,
  readOneOf,
  readPolicy,
  readText,
} from './check/values.ts';
import {
  MAX_PIPELINE_BYTES,
  MAX_PIPELINE_STEPS,
  PIPELINE_FIELDS,
  RESOLVE,
  type Pipeline,
  type StepDefinition,
} from './definition.ts';

export type { PipelineProblem } from './check/problem.ts';

/** What checking came to. */
export type PipelineCheck =
  | { readonly ok: true; readonly pipeline: Pipeline }
  | { readonly ok: false; readonly problems: readonly PipelineProblem[] };

/** Longest name of a pipeline, in characters. */
const MAX_NAME_CHARS = 100;

function readPipelineName(value: unknown, problems: Problems): string {
  const form = `give 1 to ${MAX_NAME_CHARS} printable characters without "/", no "-" or blank first`;
  if (isAbsent(value)) {
    problems.add(['name'], 'it is missing', form);
    return '';
  }
  const name = readText(value, ['name'], problems);
  if (name === null) return '';
  const isName =
    /^[^\s\p{C}/-][^\p{C}/]*$/u.test(name) && name.trim() === name && name.length <= MAX_NAME_CHARS;
  if (!isName) problems.add(['name'], `${shown(name)} is no name`, form);
  // Pipelines are named by either, and runs as well.
  else if (/^(?:pipe|run|job)-[0-9a-f]{12}$/.test(name))
    problems.add(['name'], `${shown(name)} has the form of an id`, 'take another name');
  return name;
}

/** Where it is and how it is written is for the runner to judge, which knows its forge. */
function readRepo(value: unknown, problems: Problems): string | null {
  if (isAbsent(value)) return null;
  const repo = readText(value, ['repo_url'], problems);
  if (repo === null) return null;
  // A forge in one's own network may go without TLS; of the rest of the address the same rules hold.
  const checked = repo.replace(/^http:/, 'https:');
  return problems.attempt(['repo_url'], () => parseRepo(checked)) === null ? null : repo;
}

function readSteps(value: unknown, problems: Problems): readonly StepDefinition[] {
  const hint = 'give a list of steps, each with name and task';
  if (!Array.isArray(value)) {
    problems.add(['steps'], isAbsent(value) ? 'it is missing' : `${shown(value)} is no list`, hint);
    return [];
  }
  if (value.length === 0) problems.add(['steps'], 'there are none', hint);
  if (value.length > MAX_PIPELINE_STEPS) {
    problems.add(['steps'], `${value.length} steps are too many (at most ${MAX_PIPELINE_STEPS})`);
    return [];
  }
  const steps = value.map((one: unknown, at) => readStep(one, ['steps', at], problems));
  checkGraph(steps, problems);
  return steps;
}

/**
 * Checks a definition as it came from a file, a request or anywhere else, and brings it into its one form. Short forms
 * are taken: `depends_on: lint`, `approval: true`, `approval: ann`, `approval: [ann, bo]`, `outputs: {count: integer}`.
 *
 * @returns the pipeline, which checked again is the same; or up to 50 problems, each with its path
 */
export function checkPipeline(value: unknown): PipelineCheck {
  const problems = createProblems();
  const fields = readFields(value, [], PIPELINE_FIELDS, 'pipeline', problems);
  if (fields === null) return { ok: false, problems: problems.list };
  const get = (name: (typeof PIPELINE_FIELDS)[number]): unknown => fieldOf(fields, name);
  const base = isAbsent(get('base')) ? null : readText(get('base'), ['base'], problems);
  const labels = readList(get('labels'), ['labels'], problems);
  const reviewers = readList(get('reviewers'), ['reviewers'], problems);
  const pipeline: Pipeline = {
    name: readPipelineName(get('name'), problems),
    repo_url: readRepo(get('repo_url'), problems),
    base: base === null ? null : problems.attempt(['base'], () => parseRef(base)),
    agent: readName(get('agent'), ['agent'], problems),
    model: readName(get('model'), ['model'], problems),
    resolve: readOneOf(get('resolve'), ['resolve'], RESOLVE, 'fail', problems),
    policy: readPolicy(get('policy'), ['policy'], problems),
    budget: readBudget(get('budget'), ['budget'], problems),
    draft: readFlag(get('draft'), ['draft'], problems),
    labels: problems.attempt(['labels'], () => parseLabels(labels)) ?? [],
    reviewers: problems.attempt(['reviewers'], () => parseReviewers(reviewers)) ?? [],
    steps: readSteps(get('steps'), problems),
  };
  if (problems.list.length > 0) return { ok: false, problems: problems.list };
  const bytes = new TextEncoder().encode(JSON.stringify(pipeline)).length;
  if (bytes > MAX_PIPELINE_BYTES) {
    problems.add([], `${bytes} bytes are too many (at most ${MAX_PIPELINE_BYTES})`, 'make tasks shorter');
    return { ok: false, problems: problems.list };
  }
  return { ok: true, pipeline };
}

/**
 * The same for callers that want one error.
 *
 * @throws JobError `invalid_request` with the first problem and its path, and how many more there are
 */
export function parsePipeline(value: unknown): Pipeline {
  const checked = checkPipeline(value);
  if (checked.ok) return checked.pipeline;
  const [first, ...rest] = checked.problems;
  if (first === undefined) throw new Error('bug: a pipeline was refused for no reason');
  const more =
    rest.length === 0 ? '' : ` (and ${rest.length} more ${rest.length === 1 ? 'problem' : 'problems'})`;
  const { hint } = first;
  throw new JobError('invalid_request', `${problemText(first)}${more}`, hint === null ? {} : { hint });
}
