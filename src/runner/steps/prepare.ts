/** Step `prepare`: from a repository's name to a working copy with its dependencies, and the rules that judge it. */
import { writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePhases, type PhaseChoice } from '../../job/phases/choose.ts';
import { JobError } from '../../job/error.ts';
import type { Check } from '../../job/gate.ts';
import type { StepRequest } from '../../job/pipeline/run.ts';
import type { JobRequest } from '../../job/request.ts';
import type { Remote, Target } from '../../forge/forge.ts';
import { commitTree } from '../../workspace/change.ts';
import { fetchCommit, rebaseTree } from '../../workspace/commits.ts';
import { listChanges } from '../../workspace/diff.ts';
import type { CommitFiles } from '../../workspace/files.ts';
import { dirtyPaths } from '../../workspace/copy/dirty.ts';
import { restoreBase } from '../../workspace/remote/mirror.ts';
import { readRemoteBranch } from '../../workspace/remote/publish.ts';
import { readSaved, wipRef } from '../../workspace/remote/saved.ts';
import { markUsed } from '../../workspace/keep/folders.ts';
import { ownName } from '../../workspace/keep/owner.ts';
import type { JobContext, PreparedDetail, Rules, SetupError } from '../context.ts';
import { keepHome, takeHome } from '../session/home.ts';
import { layCommit, laySession } from '../session/lay.ts';
import { readSessionStart, type SessionStart } from '../session/start.ts';
import type { StepValue } from '../engine/engine.ts';
import { isHeldAlive } from '../engine/lease.ts';
import {
  createBench,
  installDependencies,
  prepareDependencies,
  setUpInPlace,
  type Bench,
  type Dependencies,
} from '../place.ts';
import { fetchInPlace, type InPlaceBase } from '../in-place/begin.ts';
import { checkPull } from '../forge/turn/pull.ts';
import { tellEstimate } from '../models/estimate.ts';
import { tellServers } from '../phases/servers.ts';
import { layStart, openBase } from '../pipeline/step/base.ts';
import { changeCommit } from './commit.ts';
import { resolveRules, trustedSha } from './rules.ts';

/** Uncommitted paths named in the notice; the rest is counted. */
const MAX_DIRTY_NAMED = 5;

/** The first uncommitted paths by name, the rest as a number. */
export function namePaths(paths: readonly string[]): string {
  const named = paths.slice(0, MAX_DIRTY_NAMED).join(', ');
  return paths.length > MAX_DIRTY_NAMED ? `${named} and ${paths.length - MAX_DIRTY_NAMED} more` : named;
}

function dirtyNotice(paths: readonly string[]): string[] {
  if (paths.length === 0) return [];
  return [`uncommitted changes stay out of this job and are left as they are: ${namePaths(paths)}`];
}

/** Told before the agent begins: base can't be judged, and to mend that may be the task. */
function setupNotice({ message, log }: SetupError): string {
  const why = message.split('\n')[0] ?? '';
  return `base's dependencies could not be prepared: ${why}; the whole log is ${log}. The agent works without them and base can't be judged; the change is judged if its own setup succeeds`;
}

/** What a person has not committed stays out, where it is theirs and they did not name another base. */
async function uncommitted(
  { git, job }: JobContext,
  bench: Bench,
  { remote, base_sha: sha }: Pick<PreparedDetail, 'remote' | 'base_sha'>,
): Promise<string[]> {
  const { base, in_place: inPlace, step } = job.request;
  // A run says it once for all its steps.
  if (remote.kind !== 'checkout' || base !== null || step !== undefined) return [];
  if (inPlace?.command === 'self-heal') return [];
  return dirtyNotice(await dirtyPaths(git, bench.copy.target, remote.url, sha));
}

function networkNotices(context: JobContext): string[] {
  const notices = context.sandboxNotice === null ? [] : [context.sandboxNotice];
  if (context.job.request.network) notices.push('the network is open to the agent (--network)');
  return notices;
}

/** How the agent's copy and base's checkouts get their dependencies, after what `prepare` found. */
export function baseDependencies(
  context: JobContext,
  detail: Pick<PreparedDetail, 'rules' | 'layer' | 'setup_error'>,
): Dependencies {
  const plan = detail.rules.setup;
  if (plan === null || detail.setup_error !== null) return { kind: 'none' };
  if (detail.layer !== null) return { kind: 'layer', layer: detail.layer };
  return context.adapter.canMount ? { kind: 'none' } : { kind: 'in-place', plan, commands: plan.commands };
}

function checkList(checks: readonly Check[]): readonly Record<string, string>[] {
  return checks.map((check) => ({ name: check.name, command: check.command }));
}

type SetUp = Pick<PreparedDetail, 'layer' | 'setup_error'> & { readonly notice: readonly string[] };

/**
 * Setup has the network, so what agents of earlier steps wrote runs there no more than a change does that is judged: a
 * step whose run left the lock files alone gets what the run's own base gets, and one whose lock files they wrote gets
 * the packages without install scripts.
 *
 * @returns the plan, and the commit that it is for
 */
async function restrainSetup(
  { git, job }: JobContext,
  bench: Bench,
  base: string,
  rules: Rules,
): Promise<{ readonly rules: Rules; readonly setUpAt: string }> {
  const trusted = trustedSha(job.request, base);
  const { setup: plan } = rules;
  if (trusted === base || plan === null) return { rules, setUpAt: base };
  const changes = await listChanges(git, bench.copy.target, trusted, base);
  if (!changes.some(({ path }) => plan.lockFiles.includes(path))) return { rules, setUpAt: trusted };
  const setup = { ...plan, commands: plan.withoutScripts ?? plan.commands };
  return { rules: { ...rules, setup }, setUpAt: base };
}

async function setUp(
  context: JobContext,
  bench: Bench,
  detail: Omit<PreparedDetail, 'layer' | 'setup_error' | 'notices'>,
  at: string,
): Promise<SetUp> {
  const plan = detail.rules.setup;
  if (plan === null) return { layer: null, setup_error: null, notice: [] };
  if (context.adapter.canMount) {
    const files = await bench.copy.files(at);
    const result = await prepareDependencies(context, bench, plan, plan.commands, at, files);
    if (!result.ok) {
      return { layer: null, setup_error: result.error, notice: [setupNotice(result.error)] };
    }
    await installDependencies(context, bench, bench.copy, { kind: 'layer', layer: result.layer });
    return { layer: result.layer, setup_error: null, notice: [] };
  }
  const error = await setUpInPlace(context, bench, bench.copy, plan, plan.commands);
  return { layer: null, setup_error: error, notice: error === null ? [] : [setupNotice(error)] };
}

/** In the job's own repository: the saved work on the base that moved. */
const CARRIED_REF = 'refs/agent-runner/carried';

/** Lays saved work, over a base that moved by carrying over what it changed. */
async function layCarried(
  context: JobContext,
  bench: Bench,
  saved: string,
  { carried, onto }: { readonly carried: string; readonly onto: string | null },
): Promise<void> {
  if (onto === null) return layCommit(context, bench, saved, carried);
  const { git } = context;
  const { target } = bench.copy;
  await fetchCommit(git, target, { url: saved, kind: 'bare' }, carried);
  const tree = await rebaseTree(git, target, onto, carried);
  if (tree === null) throw new JobError('bug', `the work no longer fits ${onto.slice(0, 12)}`);
  const commit = await commitTree(git, target, tree, onto, CARRIED_REF, changeCommit(context));
  await bench.copy.reset(commit);
}

/** Longest wait for the process that ended the job before to put away what it keeps, and the pause between two looks. */
const MAX_KEEP_MS = 5000;
const KEEP_PAUSE_MS = 50;

/** Keeps what the job before left: this one may be begun before that was done, and its process may have died first. */
async function keepBefore(
  { layout, store, signal }: JobContext,
  before: string,
  kept: string,
): Promise<void> {
  for (let waitedMs = 0; waitedMs < MAX_KEEP_MS; waitedMs += KEEP_PAUSE_MS) {
    if (signal.aborted || !(await isHeldAlive(store, before, new Date()))) break;
    await sleep(KEEP_PAUSE_MS);
  }
  await keepHome(layout.job(before), kept).catch(() => {});
}

/** Gives the agent the HOME of the session: its conversation. */
async function takeConversation(
  context: JobContext,
  bench: Bench,
  session: SessionStart | null,
): Promise<void> {
  const { job, layout, paths } = context;
  const sessionId = job.request.session_id ?? null;
  if (sessionId === null) return;
  if (session !== null) await keepBefore(context, session.job_id, layout.session(sessionId));
  await takeHome(layout.session(sessionId), paths, bench.copy.layers().homeLayers?.upper ?? paths.home);
}

function startOf({ parent, tip, on }: InPlaceBase): PreparedDetail['in_place'] {
  return { parent, tip, on };
}

/**
 * Refuses a branch of an earlier job that somebody else has pushed to since: before an agent is paid, and not when its
 * work is to be pushed there.
 */
async function checkFollowed(context: JobContext, remote: Remote, target: Remote): Promise<void> {
  const { branch, job_id: jobId, request } = context.job;
  // Where a session stands is looked at by what its own jobs left.
  if (request.follows === undefined || request.session_id !== undefined) return;
  const { git, repo } = context.reach(remote);
  const there = await readRemoteBranch(git, target, branch);
  if (there === null || request.follows.heads.includes(there)) return;
  // A job that starts again may have pushed there itself.
  if ((await readSaved(context.git, repo.saved, wipRef(jobId))) !== null) return;
  throw new JobError(
    'conflict',
    `branch: ${branch} of ${request.follows.job_id} is at ${there.slice(0, 12)} on ${target.display}, which is not its work`,
    { hint: 'what somebody pushed there stays; ask once more, and the change goes to a branch of its own' },
  );
}

/** Where the branch will go; `null` for what is not proposed, and where there is no forge to ask. */
async function placeBranch(context: JobContext, remote: Remote): Promise<Target | null> {
  const { fork = 'auto', mode } = context.job.request;
  if (mode !== 'change') return null;
  await checkPull(context, remote);
  const target = (await context.reach(remote).access.open?.(fork)) ?? null;
  await checkFollowed(context, remote, target?.remote ?? remote);
  return target;
}

/** Whether the job is explored and planned first, and why. */
function tellPhases({ job, agent, journal }: JobContext, files: number): PhaseChoice | null {
  // A run has no agent of its own.
  if (job.request.pipeline !== undefined) return null;
  const phases = choosePhases({ ...job.request, agent: agent.name }, files);
  const how = phases.run ? 'explore and plan run' : 'the task is built at once';
  journal.emit('message', 'prepare', { phases: phases.run, reason: `${how}: ${phases.reason}` });
  return phases;
}

function submoduleNotices({ submodules }: CommitFiles): readonly string[] {
  if (submodules.length === 0) return [];
  return [`submodules are not checked out: ${submodules.slice(0, 5).join(', ')}`];
}

/**
 * Where a job begins that was told so: a step, and a run that tries another one again, for what it takes over was made
 * there; unless the base moved since, and saved work is carried over to that.
 */
function beginsAt(
  { step, pipeline }: JobRequest,
  onto: unknown,
): Pick<StepRequest, 'base' | 'base_sha'> | null {
  return step ?? (onto === null ? (pipeline?.start ?? null) : null);
}

interface PrepareOptions {
  /** Called before what lies in the job's folder is removed; rejects where the job is no longer ours. */
  readonly check?: () => Promise<void>;
  /** Whether a proposal will follow, for which a fork may be needed; a branch that is only judged needs none. */
  readonly isProposing?: boolean;
  /** Where the base moved and saved work is carried over to it: the commit, and the base's name. */
  readonly onto?: { readonly sha: string; readonly base: string } | null;
}

/**
 * Fetches the base, opens the working copy, resolves the rules and prepares the dependencies.
 *
 */
export async function prepare(
  context: JobContext,
  { check = async () => {}, isProposing = true, onto = null }: PrepareOptions = {},
): Promise<StepValue<PreparedDetail> & { readonly bench: Bench }> {
  const { job, store } = context;
  const estimate = await tellEstimate(context);
  const remote = await context.forge.resolve(job.request.repo);
  const { git, repo } = context.reach(remote);
  // Beside the fetch: whoever may neither push nor fork is told before an agent is paid.
  const { in_place: wanted, step } = job.request;
  // A step of a pipeline goes nowhere by itself: its run does.
  const isPlaced = isProposing && step === undefined;
  const placing = isPlaced ? placeBranch(context, remote) : Promise.resolve(null);
  placing.catch(() => {});
  const inPlace = wanted === undefined ? null : await fetchInPlace(context, remote, wanted);
  const session = await readSessionStart(store, job);
  const wantedBase = session?.base_sha ?? onto?.sha ?? job.request.base;
  const where = { wanted: wantedBase, at: beginsAt(job.request, onto), jobId: job.job_id };
  const fetching = inPlace === null ? openBase(git, repo, remote, where) : Promise.resolve(inPlace.base);
  fetching.catch(() => {});
  // What the forge says of a repository that is not there is clearer than what git says.
  const target = await placing;
  const base = await fetching;
  if (inPlace === null) await restoreBase(git, repo, remote, base.sha, job.job_id);
  await check();
  const bench = await createBench(context, remote.url, base.sha);
  await writeFile(context.paths.owner, await ownName());
  const files = await bench.copy.files(base.sha);
  const trusted = trustedSha(job.request, base.sha);
  const resolved = await resolveRules(job.request, files, await bench.copy.files(trusted));
  const { rules, setUpAt } = await restrainSetup(context, bench, base.sha, resolved);
  context.journal.emit('gate', 'prepare', { checks: checkList(rules.checks), sources: rules.sources });

  const phases = tellPhases(context, files.paths.length);
  if (inPlace !== null && inPlace.start !== base.sha)
    await layCommit(context, bench, remote.url, inPlace.start);
  await layStart(context, bench, repo.saved, step);
  // A job that starts again under another procedure goes on from the tree it had saved.
  const carried = await readSaved(git, repo.saved, wipRef(job.job_id));
  const at = isPlaced ? { git, remote: target?.remote ?? remote } : null;
  const begun = await laySession(context, bench, { saved: repo.saved, session, at });
  if (carried !== null) await layCarried(context, bench, repo.saved, { carried, onto: onto?.sha ?? null });
  const partial = {
    base: session?.base ?? onto?.base ?? base.name,
    base_sha: base.sha,
    branch: job.branch,
    policy: rules.policy,
    max_gate_runs: rules.max_gate_runs,
    ...(phases === null ? {} : { phases }),
    estimate,
    remote,
    target: target?.fork == null ? undefined : target.remote,
    // Nobody looks at the remote for a step again: whether the base moved is its run's to ask.
    upstream_repo: step === undefined ? (remote.name ?? null) : null,
    fork_repo: target?.fork ?? null,
    rules,
    in_place: inPlace === null ? undefined : startOf(inPlace),
    session: begun.session,
  };
  await tellServers(context, bench, partial);
  const { notice, ...set } = await setUp(context, bench, partial, setUpAt);
  await takeConversation(context, bench, session);
  const notices = [
    ...networkNotices(context),
    // Who names a tag or a commit knows that it is no branch.
    ...(base.isBranch || wantedBase !== null ? [] : [`the base is ${base.name}, not a branch`]),
    ...(inPlace?.notices ?? []),
    ...(await uncommitted(context, bench, partial)),
    ...submoduleNotices(files),
    ...begun.notices,
    ...(carried === null || onto !== null ? [] : ['this job started again from the work it had saved']),
    ...notice,
  ];
  for (const one of notices) context.journal.emit('message', 'prepare', { notice: one });
  if (set.layer !== null) await markUsed(set.layer.dir);
  return { ...partial, notices, ...set, bench };
}
