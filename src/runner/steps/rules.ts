/** What judges a job and how: from the caller, from `.agent-runner.yml` of the base commit, or detected there. */
import { DEFAULT_MAX_GATE_RUNS, DEFAULT_POLICY, type JobRequest } from '../../job/request.ts';
import { IN_PLACE_GATE_RUNS } from '../../job/in-place/in-place.ts';
import { parseRepoConfig, REPO_CONFIG_FILE, type RepoConfig } from '../../gate/config.ts';
import { withParts } from '../../gate/detect/chain.ts';
import { detectChecks } from '../../gate/detect/detect.ts';
import type { RepoFiles } from '../../gate/files.ts';
import { detectSetup } from '../../gate/setup/setup.ts';
import type { Rules, SetupPlanned } from '../context.ts';

/** Diff limits where nobody sets others: files and bytes of the patch (gh-aw's defaults). */
const DEFAULT_MAX_FILES = 100;
const DEFAULT_MAX_DIFF_BYTES = 4 * 1024 * 1024;

function plain(
  commands: readonly string[],
  keep: readonly string[],
  detected: SetupPlanned | null,
): SetupPlanned {
  return {
    commands,
    keep,
    homeCaches: detected?.homeCaches ?? [],
    toolVersions: detected?.toolVersions ?? [],
    lockFiles: detected?.lockFiles ?? [],
    withoutScripts: null,
    // What somebody else's command reads and runs is not known.
    runsOwnCode: true,
  };
}

async function resolveSetup(
  request: JobRequest,
  config: RepoConfig | null,
  files: RepoFiles,
): Promise<{ plan: SetupPlanned | null; source: string }> {
  const detected = await detectSetup(files);
  if (request.setup !== null) {
    const plan = request.setup === '' ? null : plain([request.setup], [], detected);
    return { plan, source: 'setup: given by the caller' };
  }
  const setup = config?.setup;
  if (setup === undefined) {
    return {
      plan: detected,
      source: detected === null ? 'setup: nothing to prepare' : `setup: ${detected.why}`,
    };
  }
  if (setup === false) return { plan: null, source: `setup: switched off in ${REPO_CONFIG_FILE}` };
  return { plan: plain(setup.commands, setup.keep, detected), source: `setup: ${REPO_CONFIG_FILE}` };
}

/**
 * The commit whose files may set rules and start something: a job's base, and for a step that of its run, for what a
 * step begins with was written by agents.
 */
export function trustedSha({ step }: Pick<JobRequest, 'step'>, baseSha: string): string {
  return step?.origin_sha ?? baseSha;
}

/**
 * Resolves the rules of a job. Request over repository over defaults; never anything the agent wrote.
 *
 * @param files the base commit's: what can be checked there
 * @param trusted the files of `trustedSha`: what is configured
 */
export async function resolveRules(
  request: JobRequest,
  files: RepoFiles,
  trusted: Pick<RepoFiles, 'read'> = files,
): Promise<Rules> {
  const text = await trusted.read(REPO_CONFIG_FILE);
  const config = text === null ? null : parseRepoConfig(text);
  const gate = config?.gate;
  const setup = await resolveSetup(request, config, files);
  const configured = gate?.checks;
  const detected =
    configured === undefined && request.checks === null ? (await detectChecks(files)).checks : [];
  const timed =
    gate?.timeout_s === undefined
      ? detected
      : detected.map((check) => ({ ...check, timeout_s: gate.timeout_s ?? check.timeout_s }));
  const checks = await withParts(request.checks ?? configured ?? timed, files);
  const from =
    request.checks !== null
      ? 'given by the caller'
      : configured !== undefined
        ? REPO_CONFIG_FILE
        : 'detected';
  return {
    checks,
    policy: {
      // In place a red change stays on its branch, where the person who stands there can look at it.
      on_red: request.in_place ? 'draft' : (request.policy.on_red ?? gate?.on_red ?? DEFAULT_POLICY.on_red),
      on_inconclusive:
        request.policy.on_inconclusive ?? gate?.on_inconclusive ?? DEFAULT_POLICY.on_inconclusive,
      on_none: request.policy.on_none ?? gate?.on_none ?? DEFAULT_POLICY.on_none,
      on_tamper: request.policy.on_tamper ?? gate?.on_tamper ?? DEFAULT_POLICY.on_tamper,
    },
    max_gate_runs:
      request.max_gate_runs ??
      (request.in_place
        ? IN_PLACE_GATE_RUNS[request.in_place.command]
        : (gate?.max_runs ?? DEFAULT_MAX_GATE_RUNS)),
    gate_env: gate?.env ?? {},
    gate_network: gate?.network ?? false,
    services: config?.services ?? [],
    paths: config?.paths ?? [],
    protected_paths: config?.protected_paths ?? [],
    max_files: config?.diff?.max_files ?? DEFAULT_MAX_FILES,
    max_diff_bytes: config?.diff?.max_bytes ?? DEFAULT_MAX_DIFF_BYTES,
    setup: setup.plan,
    sources: [`checks: ${from}`, setup.source],
  };
}
