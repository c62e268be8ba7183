/** `pipeline create|list|show|delete|runs|schema`: what is kept, and what was run. */
import type { PipelineClient } from '../../client/pipelines/pipelines.ts';
import { JobError } from '../../job/error.ts';
import type { Pipeline, StoredPipeline } from '../../job/pipeline/definition.ts';
import { jobOfRun } from '../../job/pipeline/run.ts';
import { problemLine } from '../../runner/pipeline/file/file.ts';
import { shellWord } from '../../job/text/shell.ts';
import { pipelineIn, type RepoPipelines } from '../../runner/look/pipelines.ts';
import { asCalled, printJson, type Io } from '../command.ts';
import { withJobs, type ReachOptions } from '../reach.ts';
import { cleanLine, cleanText, table } from '../text.ts';
import { findPipeline, readPipelineFile } from './named.ts';
import { graphOf, printRun } from './view.ts';

/** Options of these commands. */
export interface KeepOptions extends ReachOptions {
  readonly replace?: boolean;
  readonly graph?: boolean;
  readonly repo?: string;
  readonly base?: string;
  readonly limit?: string;
}

const MAX_LIMIT = 1000;

function limitOf(text = '20'): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new JobError('usage', `limit: ${JSON.stringify(text)} is not a whole number from 1 to ${MAX_LIMIT}`);
}

function time(text: string): string {
  return text.slice(0, 19).replace('T', ' ');
}

/** `pipeline create <file>` */
export function create(io: Io, file: string, options: KeepOptions): Promise<number> {
  return withJobs(io, options, async ({ client, config }) => {
    const definition = await readPipelineFile(file, config.host.cwd);
    const kept = await client.pipelines.create(definition, { replace: options.replace === true });
    if (options.json === true) printJson(io, kept);
    else {
      io.out(`${kept.pipeline_id}\n`);
      io.err(
        asCalled(
          io,
          `${cleanLine(definition.name)} is kept; run it by: agent-runner pipeline run ${shellWord(cleanLine(definition.name))}\n`,
        ),
      );
    }
    return 0;
  });
}

/** The pipelines of a repository, and what is wrong with them. */
function printRepo(io: Io, { base, base_sha: sha, repo, pipelines }: RepoPipelines, asJson: boolean): number {
  const broken = pipelines.some(({ definition }) => definition === null);
  if (asJson) printJson(io, { repo, base, base_sha: sha, pipelines });
  else {
    io.err(`${cleanLine(repo)} at ${cleanLine(base)} (${sha.slice(0, 12)})\n`);
    if (pipelines.length === 0) io.err('it has no pipelines: they are files .agent-runner/pipelines/*.yml\n');
    else {
      const rows = pipelines.map(({ name, file, definition }) => [
        cleanLine(name),
        definition === null ? 'not valid' : String(definition.steps.length),
        cleanLine(file),
      ]);
      io.out(table(['pipeline', 'steps', 'file'], rows, io.colour));
    }
    for (const { file, problems } of pipelines)
      for (const problem of problems) io.err(`${cleanLine(problemLine(problem, file))}\n`);
  }
  return broken ? 1 : 0;
}

/** The pipelines of a repository. @throws JobError `usage` where a server has the jobs: it reads none for others */
async function filesOf(client: PipelineClient, repo: string, base: string | null): Promise<RepoPipelines> {
  if (client.inRepository !== undefined) return client.inRepository(repo, base);
  throw new JobError('usage', 'repo: the pipelines of a repository are read on this machine', {
    hint: 'leave --url out, or name a home by --home',
  });
}

/** `pipeline list`, and with `--repo` the files of a repository. */
export function list(io: Io, options: KeepOptions): Promise<number> {
  const limit = limitOf(options.limit);
  const { repo, base = null } = options;
  return withJobs(io, options, async ({ client }) => {
    if (repo !== undefined)
      return printRepo(io, await filesOf(client.pipelines, repo, base), options.json === true);
    const pipelines = await client.pipelines.list({ limit });
    if (options.json === true) printJson(io, { pipelines });
    else if (pipelines.length === 0)
      io.err(asCalled(io, 'no pipelines are kept; `agent-runner pipeline create <file>` keeps one\n'));
    else {
      const rows = pipelines.map(({ pipeline_id, definition, updated_at, created_by }) => [
        cleanLine(definition.name),
        pipeline_id,
        String(definition.steps.length),
        time(updated_at),
        cleanLine(created_by ?? ''),
        cleanLine(definition.repo_url ?? ''),
      ]);
      io.out(table(['pipeline', 'id', 'steps', 'changed (UTC)', 'by', 'repository'], rows, io.colour));
    }
    return 0;
  });
}

function stepText(step: Pipeline['steps'][number]): string {
  const { name, depends_on, condition, approval, on_failure, agent, task } = step;
  const notes = [
    depends_on.length === 0 ? '' : `after ${depends_on.map(cleanLine).join(', ')}`,
    condition === null ? '' : `where ${cleanLine(condition)}`,
    approval === null
      ? ''
      : `asks ${approval.approvers.length === 0 ? 'anybody' : approval.approvers.map(cleanLine).join(', ')}`,
    on_failure === 'continue' ? 'the rest goes on where it fails' : '',
    agent === null ? '' : `agent ${cleanLine(agent)}`,
  ].filter((one) => one !== '');
  const words = cleanText(task.trim())
    .split('\n')
    .map((line) => `  ${line}\n`);
  return `\n${cleanLine(name)}${notes.length === 0 ? '' : `: ${notes.join('; ')}`}\n${words.join('')}`;
}

function printPipeline(
  io: Io,
  definition: Pipeline,
  stored: StoredPipeline | null,
  options: KeepOptions,
): number {
  if (options.json === true) printJson(io, stored ?? definition);
  else if (options.graph === true) io.out(graphOf(definition.steps, io));
  else {
    const { name, repo_url, base, steps } = definition;
    const rows = [
      ['pipeline', `${cleanLine(name)}${stored === null ? '' : ` (${stored.pipeline_id})`}`],
      ['repository', cleanLine(repo_url ?? 'named by each run')],
      ['base', cleanLine(base ?? '')],
    ] as const;
    for (const [key, value] of rows) if (value !== '') io.out(`${key.padEnd(12)} ${value}\n`);
    io.out(`\n${graphOf(steps, io)}${steps.map(stepText).join('')}`);
  }
  return 0;
}

/** Shows a run. */
async function showRun(
  io: Io,
  client: PipelineClient,
  runId: string,
  options: KeepOptions,
  isLocal: boolean,
): Promise<number> {
  const view = await client.view(runId);
  if (options.graph === true && options.json !== true) io.out(graphOf(view.steps, io));
  else printRun(view, io, { asJson: options.json === true, isLocal });
  return 0;
}

/** `pipeline show <id|name|file|run>` */
export function show(io: Io, named: string, options: KeepOptions): Promise<number> {
  return withJobs(io, options, async ({ client, config }) => {
    if (jobOfRun(named) !== null) return showRun(io, client.pipelines, named, options, client.url === null);
    const found = await findPipeline(client.pipelines, named, config.host.cwd);
    if (found !== null) return printPipeline(io, found.definition, found.stored, options);
    if (client.pipelines.inRepository === undefined) await client.pipelines.get(named);
    const files = await filesOf(client.pipelines, options.repo ?? '.', options.base ?? null);
    return printPipeline(io, pipelineIn(files, named), null, options);
  });
}

/** `pipeline delete <id|name>` */
export function remove(io: Io, named: string, options: KeepOptions): Promise<number> {
  return withJobs(io, options, async ({ client }) => {
    const gone = await client.pipelines.remove(named);
    if (options.json === true) printJson(io, gone);
    else io.out(`${gone.pipeline_id} (${cleanLine(gone.definition.name)}) is deleted; its runs stay\n`);
    return 0;
  });
}

/** `pipeline runs [pipeline]` */
export function runs(io: Io, pipeline: string | undefined, options: KeepOptions): Promise<number> {
  const limit = limitOf(options.limit);
  return withJobs(io, options, async ({ client }) => {
    const found = await client.pipelines.runs({ limit, ...(pipeline === undefined ? {} : { pipeline }) });
    if (options.json === true) printJson(io, { runs: found });
    else if (found.length === 0) io.err('no runs yet\n');
    else {
      const rows = found.map((run) => [
        run.run_id,
        run.status === 'completed' ? (run.outcome ?? run.status) : run.status,
        time(run.created_at),
        `${run.steps.filter(({ status }) => status === 'completed').length}/${run.steps.length}`,
        cleanLine(run.pipeline),
        cleanLine(run.pr_url ?? run.repo),
      ]);
      io.out(
        table(
          ['run', 'status', 'created (UTC)', 'steps', 'pipeline', 'pull request, or repository'],
          rows,
          io.colour,
        ),
      );
    }
    return 0;
  });
}

/** `pipeline schema` */
export async function schema(io: Io): Promise<number> {
  const { pipelineJsonSchema } = await import('../../runner/pipeline/file/schema.ts');
  printJson(io, pipelineJsonSchema());
  return 0;
}
