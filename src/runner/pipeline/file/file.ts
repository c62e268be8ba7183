/** Pipelines as files: YAML or JSON, with the place of everything that is wrong in them. */
import { readYaml, type Position, type YamlText } from '../../../gate/project/yaml.ts';
import { JobError } from '../../../job/error.ts';
import { MAX_PIPELINE_BYTES, type Pipeline } from '../../../job/pipeline/definition.ts';
import { pathText } from '../../../job/pipeline/check/problem.ts';
import { checkPipeline, type PipelineProblem } from '../../../job/pipeline/parse.ts';

/** Where a repository keeps its pipelines. */
export const PIPELINE_FOLDER = '.agent-runner/pipelines';

/** Longest file that is read as YAML, in characters: what is longer is JSON, which is read a hundred times as fast. */
const MAX_YAML_CHARS = 1024 * 1024;
const MAX_ALIASES = 100;
/** Most problems that one error names. */
const MAX_NAMED = 20;

/** What is wrong with a pipeline, and where in its text; `null` where that is not known. */
export interface LocatedProblem extends PipelineProblem {
  readonly at: Position | null;
}

/** A pipeline that was read, or everything that is wrong with it. */
export type ReadPipeline =
  | { readonly ok: true; readonly pipeline: Pipeline }
  | { readonly ok: false; readonly problems: readonly LocatedProblem[] };

function one(message: string, hint: string, at: Position | null = null): ReadPipeline {
  return { ok: false, problems: [{ path: [], message, hint, at }] };
}

/** In the order in which a person meets them. */
function byPlace({ at: a }: LocatedProblem, { at: b }: LocatedProblem): number {
  return a === null || b === null ? 0 : a.line - b.line || a.column - b.column;
}

/** JSON by itself, `undefined` where it is none: YAML takes a second for a megabyte of it. */
function jsonOf(text: string): unknown {
  if (!/^\s*\{/.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/**
 * Reads a pipeline's text.
 *
 * @returns the pipeline, or what is wrong with it: each with its path, and with line and column up to a mebibyte of text
 */
export function readPipeline(text: string): ReadPipeline {
  if (text.length > MAX_PIPELINE_BYTES)
    return one(
      `${text.length} characters are too many (at most ${MAX_PIPELINE_BYTES})`,
      'make tasks shorter',
    );
  const isShort = text.length <= MAX_YAML_CHARS;
  const asJson = jsonOf(text);
  if (asJson === undefined && !isShort)
    return one(
      `${text.length} characters are too many (at most ${MAX_YAML_CHARS})`,
      'write it as JSON, which may be longer',
    );
  let yaml: YamlText | null = asJson === undefined ? readYaml(text, MAX_ALIASES) : null;
  if (yaml?.kind === 'bad') return one(yaml.message, 'it must be YAML or JSON', yaml.at);
  if (yaml?.kind === 'aliases') return one(yaml.message, `at most ${MAX_ALIASES} aliases are allowed`);
  if (yaml !== null && yaml.value === null && !/\S/.test(text.replace(/^\s*#.*$/gm, '')))
    return one('the file is empty', 'it begins with a name and steps, as the examples of docs/pipelines.md');
  const checked = checkPipeline(yaml === null ? asJson : yaml.value);
  if (checked.ok) return { ok: true, pipeline: checked.pipeline };
  if (yaml === null && isShort) yaml = readYaml(text, MAX_ALIASES);
  const where = yaml?.kind === 'value' ? yaml.where : null;
  const problems = checked.problems.map((problem) => ({ ...problem, at: where?.(problem.path) ?? null }));
  return { ok: false, problems: problems.toSorted(byPlace) };
}

/** A problem in a line, with its file, line and column where there are any. */
export function problemLine({ path, message, hint, at }: LocatedProblem, file: string | null): string {
  const place = file === null ? '' : `${file}:${at === null ? '' : `${at.line}:${at.column}:`} `;
  const field = path.length === 0 ? '' : `${pathText(path)}: `;
  return `${place}${field}${message}${hint === null ? '' : `; ${hint}`}`;
}

/** All problems of a pipeline as one error, each in a line. @param file as the person knows it; `null` for none */
export function pipelineError(problems: readonly LocatedProblem[], file: string | null): JobError {
  const shown = problems.slice(0, MAX_NAMED).map((problem) => problemLine(problem, file));
  const left = problems.length - shown.length;
  const more = left > 0 ? [`and ${left} more`] : [];
  return new JobError('invalid_request', [...shown, ...more].join('\n'), {
    hint: 'docs/pipelines.md tells the fields and their values, and `agent-runner pipeline schema` prints them',
  });
}

/** The pipeline of a text. @throws JobError `invalid_request` that names file, line, column and field */
export function parsePipelineText(text: string, file: string | null): Pipeline {
  const read = readPipeline(text);
  if (read.ok) return read.pipeline;
  throw pipelineError(read.problems, file);
}
