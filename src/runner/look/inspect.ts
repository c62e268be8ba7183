/** What a repository's own checks and setup look like to us, before any job: for `init` and `doctor`. */
import { randomBytes } from 'node:crypto';
import { parseRepoConfig, repoConfigJsonSchema, REPO_CONFIG_FILE } from '../../gate/config.ts';
import { detectChecks } from '../../gate/detect/detect.ts';
import { detectSetup } from '../../gate/setup/setup.ts';
import type { Check } from '../../job/gate.ts';
import { openCommitFiles } from '../../workspace/files.ts';
import { fetchBase, unpinBase } from '../../workspace/remote/mirror.ts';
import type { RunnerParts } from '../context.ts';

/** What was found, and why. */
export interface Inspection {
  /** Root of the working repository, or its URL. */
  readonly root: string;
  readonly is_checkout: boolean;
  readonly base: string;
  readonly checks: readonly Check[];
  readonly findings: readonly {
    readonly what: string;
    readonly why: string;
    readonly check: string | null;
  }[];
  readonly setup: readonly string[];
  readonly setup_why: string | null;
  /** Whether the base commit already has a `.agent-runner.yml` (and it is valid). */
  readonly configured: boolean;
}

/** The JSON Schema of `.agent-runner.yml`, for editors. */
export function configSchema(): Readonly<Record<string, unknown>> {
  return repoConfigJsonSchema();
}

/** Looks at the committed files of a repository's default branch; nothing of it is run. */
export async function inspectRepository(
  { git, layout, forge }: RunnerParts,
  named: string,
): Promise<Inspection> {
  const remote = await forge.resolve(named);
  const repo = layout.repo(remote.url);
  const look = `look-${randomBytes(6).toString('hex')}`;
  const base = await fetchBase(git, repo, remote, null, look);
  try {
    const files = await openCommitFiles(git, { dir: repo.mirror }, base.sha);
    const text = await files.read(REPO_CONFIG_FILE);
    if (text !== null) parseRepoConfig(text);
    const [detection, setup] = [await detectChecks(files), await detectSetup(files)];
    return {
      root: remote.url,
      is_checkout: remote.kind === 'checkout',
      base: base.name,
      checks: detection.checks,
      findings: detection.findings,
      setup: setup?.commands ?? [],
      setup_why: setup?.why ?? null,
      configured: text !== null,
    };
  } finally {
    await unpinBase(git, repo.mirror, look);
  }
}
