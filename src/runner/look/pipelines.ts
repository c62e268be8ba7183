/** The pipelines that a repository brings along: files of its base commit, read without a job. */
import { randomBytes } from 'node:crypto';
import { JobError } from '../../job/error.ts';
import type { Pipeline, StoredPipeline } from '../../job/pipeline/definition.ts';
import { nearest } from '../../job/text/distance.ts';
import { openCommitFiles } from '../../workspace/files.ts';
import { fetchBase, unpinBase } from '../../workspace/remote/mirror.ts';
import type { RunnerParts } from '../context.ts';
import { reachRemote } from '../forge/reach.ts';
import { repoNamed } from '../request/resolve.ts';
import type { Runner } from '../runner.ts';
import {
  PIPELINE_FOLDER,
  pipelineError,
  readPipeline,
  type LocatedProblem,
  type ReadPipeline,
} from '../pipeline/file/file.ts';

/** Files of one repository that are read. */
const MAX_FILES = 100;
/** Longest look at a remote, in milliseconds. */
const LOOK_TIMEOUT_MS = 60_000;

const FILE = new RegExp(`^${PIPELINE_FOLDER.replace('.', '\\.')}/([^/]+)\\.(?:ya?ml|json)$`);

const UNREADABLE: ReadPipeline = {
  ok: false,
  problems: [{ path: [], message: 'it is no text of at most 1 MiB', hint: null, at: null }],
};

/** A file of a repository, read. */
export interface RepoPipeline {
  /** Its path in the repository. */
  readonly file: string;
  /** The file's name without its ending, by which it is run. */
  readonly name: string;
  /** `null` where something is wrong with it. */
  readonly definition: Pipeline | null;
  readonly problems: readonly LocatedProblem[];
}

/** What a repository has at a commit. */
export interface RepoPipelines {
  /** The repository as jobs name it. */
  readonly repo: string;
  readonly base: string;
  readonly base_sha: string;
  readonly pipelines: readonly RepoPipeline[];
}

/**
 * Reads `.agent-runner/pipelines/*.yml` of a repository; nothing of it is run.
 *
 * @param base branch, tag or commit; `null` is the default branch
 * @param token the asker's own for the forge
 */
export async function readRepoPipelines(
  parts: RunnerParts,
  named: string,
  base: string | null,
  token: string | undefined,
): Promise<RepoPipelines> {
  const look = `look-${randomBytes(6).toString('hex')}`;
  const remote = await parts.forge.resolve(await repoNamed(parts.config, { repo: named, token }));
  const { git, repo } = reachRemote(parts, remote, {
    jobId: look,
    signal: AbortSignal.timeout(LOOK_TIMEOUT_MS),
    token,
    onNotice: () => {},
  });
  const at = await fetchBase(git, repo, remote, base, look);
  try {
    const files = await openCommitFiles(git, { dir: repo.mirror }, at.sha);
    const found = files.paths.flatMap((path) => {
      const [, name] = FILE.exec(path) ?? [];
      return name === undefined ? [] : [{ path, name }];
    });
    const pipelines: RepoPipeline[] = [];
    for (const { path, name } of found.slice(0, MAX_FILES)) {
      const text = await files.read(path);
      const read = text === null ? UNREADABLE : readPipeline(text);
      pipelines.push({
        file: path,
        name,
        definition: read.ok ? read.pipeline : null,
        problems: read.ok ? [] : read.problems,
      });
    }
    return { repo: remote.url, base: at.name, base_sha: at.sha, pipelines };
  } finally {
    await unpinBase(git, repo.mirror, look);
  }
}

/**
 * The pipeline of a name in a repository: that of the file, or the one that calls itself so.
 *
 * @throws JobError `not_found` that names those there are; `invalid_request` with what is wrong with it
 */
export function pipelineIn({ pipelines, repo, base }: RepoPipelines, named: string): Pipeline {
  const found =
    pipelines.find(({ name }) => name === named) ??
    pipelines.find(({ definition }) => definition?.name === named);
  if (found === undefined) {
    const names = pipelines.map(({ name }) => name);
    const meant = nearest(named, names);
    throw new JobError(
      'not_found',
      `pipeline: none called ${JSON.stringify(named.slice(0, 100))} is kept, and none is in ${PIPELINE_FOLDER} of ${repo} at ${base}`,
      {
        hint:
          meant === null
            ? `\`agent-runner pipeline list\` shows those that are kept; in the repository there ${names.length === 0 ? 'are none' : `are ${names.slice(0, 20).join(', ')}`}`
            : `did you mean ${meant}?`,
      },
    );
  }
  if (found.definition !== null) return found.definition;
  throw pipelineError(found.problems, found.file);
}

/**
 * The pipeline of a name: one that is kept, else one of the repository that the run is for.
 *
 * @param repo `null` where none is named: then only what is kept is looked through
 * @throws JobError `not_found`; `invalid_request` with what is wrong with it
 */
export async function pipelineFor(
  { store, pipelines, repoPipelines }: Pick<Runner, 'store' | 'pipelines' | 'repoPipelines'>,
  named: string,
  repo: string | null,
  { base = null, token }: { readonly base?: string | null | undefined; readonly token?: string | undefined },
): Promise<StoredPipeline | Pipeline> {
  if (repo === null) return pipelines.get(named);
  return (await store.getPipeline(named)) ?? pipelineIn(await repoPipelines(repo, base, token), named);
}
