/** Step `verify`: the runner judges the change on a clean checkout of its commit, beside the base. */
import { matchesGlob } from 'node:path';
import { JobError } from '../../job/error.ts';
import { isWithoutBaseline } from '../../job/in-place/in-place.ts';
import type { CheckVerdict, GateReport, TamperFinding } from '../../job/gate.ts';
import type { Verified } from '../../job/step.ts';
import type { GateInput, GateSide, RanTests } from '../../gate/gate.ts';
import { addedLines } from '../../gate/secrets/added-lines.ts';
import { describeSecrets, scanForSecrets } from '../../gate/secrets/secrets.ts';
import { allowTestChanges, changesToRestore, settleFindings } from '../../gate/tamper/restore.ts';
import { withServices } from '../../sandbox/services.ts';
import { findTampering } from '../../gate/tamper/tamper.ts';
import { commitTree, restorePaths, treeOf } from '../../workspace/change.ts';
import { listChanges, showAllText, showDiff, type ChangedPath } from '../../workspace/diff.ts';
import { setRef } from '../../workspace/remote/refs.ts';
import { assembledOf } from '../pipeline/assemble.ts';
import { changeCommit } from './commit.ts';
import { WORK_REF, type JobContext, type PreparedDetail } from '../context.ts';
import type { StepValue } from '../engine/engine.ts';
import {
  layCheckout,
  openCheckout,
  prepareDependencies,
  setupFailed,
  type Bench,
  type Dependencies,
  type LaidCheckout,
} from '../place.ts';
import { baseDependencies } from './prepare.ts';
import { notRunFindings, type GateRun } from './tests-ran.ts';

/** Longest failure text that goes to the agent and into the history, in characters. */
const MAX_FAILURE_CHARS = 12_000;
/** What a report may hold, so that a step's result stays below its 64 KiB. */
const MAX_EXCERPTS_CHARS = 24_000;
const MAX_FAILURES_NAMED = 40;
const MAX_FINDINGS = 50;

/** Makes the commit under judgement of the working copy's tree; what a run brought together is one already. */
async function commitOf(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  tree: string,
  assembled: string | null,
): Promise<string> {
  if (assembled !== null) {
    await setRef(context.git, context.paths.git, WORK_REF, assembled);
    return assembled;
  }
  const { target } = bench.copy;
  // What a session has published stays under what its next job adds.
  const parent = detail.session?.tip ?? detail.base_sha;
  return commitTree(context.git, target, tree, parent, WORK_REF, changeCommit(context));
}

/** Refuses a change that is too large to review or holds a secret, before time is spent on judging it. */
async function checkDiff(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  changes: readonly ChangedPath[],
  tree: string,
): Promise<void> {
  const { max_files: maxFiles, max_diff_bytes: maxBytes } = detail.rules;
  const hint = 'ask for a smaller change, or raise `diff:` in .agent-runner.yml';
  if (changes.length > maxFiles) {
    throw new JobError('diff_too_large', `the change touches ${changes.length} files (at most ${maxFiles})`, {
      hint,
    });
  }
  const diff = await showDiff(context.git, bench.copy.target, detail.base_sha, tree);
  const text = await showAllText(context.git, bench.copy.target, detail.base_sha, tree);
  if (context.mask(text) !== text) {
    const message = 'the change holds the value of a variable of agent_env, in plain or encoded form';
    throw new JobError('secret_in_diff', message, {
      hint: 'renew that secret if the work was shown to anybody; nothing was pushed',
    });
  }
  const bytes = Buffer.byteLength(diff);
  if (bytes > maxBytes) {
    throw new JobError('diff_too_large', `the change's diff has ${bytes} bytes (at most ${maxBytes})`, {
      hint,
    });
  }
  const secrets = await scanForSecrets(addedLines(text), { signal: context.signal });
  if (secrets.length > 0) {
    throw new JobError('secret_in_diff', describeSecrets(secrets), {
      hint: 'take the secret out, and renew it if it is real; nothing was pushed',
    });
  }
}

/** Whether a path is meant by a rule: the path itself, a folder above it, or a glob. */
function isMeant(path: string, rule: string): boolean {
  const plain = rule.replace(/\/+$/, '');
  return path === plain || path.startsWith(`${plain}/`) || matchesGlob(path, rule);
}

/** Refuses a change that touches what the base's configuration puts out of a job's reach. */
function checkPaths(detail: PreparedDetail, changes: readonly ChangedPath[]): void {
  const { paths, protected_paths: guarded } = detail.rules;
  const touched = changes.flatMap((change) =>
    change.oldPath === null ? [change.path] : [change.path, change.oldPath],
  );
  const hint = 'change the task, or the paths in .agent-runner.yml of the base';
  const hit = touched.find((path) => guarded.some((rule) => isMeant(path, rule)));
  if (hit !== undefined)
    throw new JobError('protected_path', `the change touches ${hit}, which protected_paths guards`, { hint });
  const outside =
    paths.length === 0 ? undefined : touched.find((path) => !paths.some((rule) => isMeant(path, rule)));
  if (outside === undefined) return;
  throw new JobError(
    'protected_path',
    `the change touches ${outside}, which is outside of paths (${paths.join(', ')})`,
    { hint },
  );
}

/**
 * Head's dependencies: base's, unless head changed a lock file. A setup that failed on base is run again for a
 * head that changed one, or where it runs the repository's own code, which any change can mend; not for want of
 * a tool or a server.
 */
async function headDependencies(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  changes: readonly ChangedPath[],
  head: { readonly commit: string; readonly tree: string },
): Promise<Dependencies> {
  const plan = detail.rules.setup;
  if (plan === null) return { kind: 'none' };
  const touched = changes.some(
    (change) => plan.lockFiles.includes(change.path) || plan.lockFiles.includes(change.oldPath ?? ''),
  );
  const error = detail.setup_error;
  if (!touched && error === null) return baseDependencies(context, detail);
  if (!touched && error !== null && (error.cause !== null || !plan.runsOwnCode))
    throw setupFailed(error, 'the change touches nothing that could mend it, so it was not run again; ');
  const commands = touched ? (plan.withoutScripts ?? plan.commands) : plan.commands;
  if (!context.adapter.canMount) return { kind: 'in-place', plan, commands };
  const files = await bench.copy.files(head.tree);
  const result = await prepareDependencies(context, bench, plan, commands, head.commit, files);
  if (!result.ok) throw setupFailed(result.error);
  return { kind: 'layer', layer: result.layer };
}

function placeName(side: 'base' | 'head', count: number, commit: string): string {
  return `${side}-${count}-${commit.slice(0, 8)}`;
}

function side(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  name: 'base' | 'head',
  commit: string,
  tree: string,
  dependencies: Dependencies,
  laid?: LaidCheckout,
): GateSide {
  let opened = 0;
  const { gate_env: env, gate_network: network, services } = detail.rules;
  return {
    commit,
    tree,
    setupError: name === 'base' ? (detail.setup_error?.message ?? null) : null,
    async open() {
      const place = laid?.take() ?? bench.copy.checkOutClean(placeName(name, ++opened, commit), commit);
      const options = { env, network };
      const checkout = await openCheckout(context, bench, await place, dependencies, options);
      return { ...checkout, sandbox: withServices(checkout.sandbox, services) };
    },
  };
}

/** The base's side of the gate: the same for the baseline in the background and for every run. */
export async function baseSide(context: JobContext, detail: PreparedDetail, bench: Bench): Promise<GateSide> {
  const tree = await treeOf(context.git, bench.copy.target, detail.base_sha);
  return side(context, detail, bench, 'base', detail.base_sha, tree, baseDependencies(context, detail));
}

/** What of this machine and of the dependencies a baseline depends on. */
export function gateFingerprint(detail: PreparedDetail, bench: Bench): string {
  const { gate_env: env, gate_network: network, services } = detail.rules;
  return JSON.stringify([
    bench.sandboxes.fingerprint,
    detail.layer?.fingerprint ?? '',
    env,
    network,
    services,
    detail.setup_error !== null,
  ]);
}

async function guard(
  detail: PreparedDetail,
  bench: Bench,
  changes: readonly ChangedPath[],
  tree: string,
): Promise<readonly TamperFinding[]> {
  const [base, head] = await Promise.all([bench.copy.files(detail.base_sha), bench.copy.files(tree)]);
  const findings = await findTampering({ changes, base, head, checks: detail.rules.checks });
  return findings.slice(0, MAX_FINDINGS);
}

/** The new failures of a red report as one text, for the agent and for comparing with earlier ones. */
function failureText(report: GateReport, counts: readonly CheckVerdict[]): string {
  const parts = report.checks
    .filter((check) => counts.includes(check.verdict))
    .map((check) => {
      const named = check.new_failures.slice(0, MAX_FAILURES_NAMED).map((name) => `- ${name}`);
      return [`Check "${check.name}" (${check.command}): ${check.reason}`, ...named, '', check.excerpt].join(
        '\n',
      );
    });
  return parts.join('\n\n').slice(0, MAX_FAILURE_CHARS);
}

/** What counts as red, in words; empty where nothing does. In place nothing unverified passes. */
function failureOf(report: GateReport, isInPlace: boolean): string {
  if (!isInPlace) return report.verdict === 'red' ? failureText(report, ['failed']) : '';
  if (report.verdict === 'green') return '';
  if (report.verdict === 'none') return 'no checks were found; name them in .agent-runner.yml';
  return failureText(report, ['failed', 'inconclusive']);
}

function bounded(report: GateReport): GateReport {
  const share = Math.floor(MAX_EXCERPTS_CHARS / Math.max(1, report.checks.length));
  return {
    ...report,
    checks: report.checks.map((check) => ({
      ...check,
      excerpt: check.verdict === 'passed' ? '' : check.excerpt.slice(-share),
      new_failures: check.new_failures.slice(0, MAX_FAILURES_NAMED),
    })),
  };
}

/** One gate run on a commit of this change. */
interface Judging {
  readonly context: JobContext;
  readonly detail: PreparedDetail;
  readonly bench: Bench;
  readonly run: number;
  readonly dependencies: Dependencies;
  readonly laid: LaidCheckout;
}

async function judgeCommit(
  judging: Judging,
  head: { commit: string; tree: string },
  as: 'head' | 'restored',
): Promise<GateRun> {
  const { context, detail, bench, run, dependencies } = judging;
  const laid = as === 'head' ? judging.laid : undefined;
  const ran = new Map<string, { base: RanTests | null; head: RanTests | null }>();
  const input: GateInput = {
    checks: detail.rules.checks,
    base: isWithoutBaseline(context.job.request.in_place) ? null : await baseSide(context, detail, bench),
    head: side(context, detail, bench, 'head', head.commit, head.tree, dependencies, laid),
    fingerprint: gateFingerprint(detail, bench),
    logDir: `${context.paths.logs}/gate-${run}${as === 'restored' ? '-restored' : ''}`,
    signal: context.signal,
    tamper: [],
    onRan: (check, tests) => void ran.set(check.name, tests),
    onCheck: (of, name, state, durationMs) => {
      const shown = of === 'head' ? as : of;
      context.journal.emit('gate', 'verify', {
        run,
        side: shown,
        check: name,
        state,
        duration_ms: durationMs,
      });
    },
  };
  return { report: await context.baselines.runGate(input), ran };
}

/** Judges head's code under base's tests and judge files, where the change touched any. */
async function judgeRestored(
  judging: Judging,
  changes: readonly ChangedPath[],
  findings: readonly TamperFinding[],
  commit: string,
): Promise<(GateRun & { paths: readonly string[] }) | null> {
  const { context, detail, bench } = judging;
  const paths = changesToRestore(changes, findings).flatMap((change) =>
    change.oldPath === null ? [change.path] : [change.path, change.oldPath],
  );
  if (paths.length === 0) return null;
  const { target } = bench.copy;
  const tree = await restorePaths(context.git, target, commit, detail.base_sha, paths);
  const info = { ...changeCommit(context), message: 'Head under the tests of base\n' };
  const restored = await commitTree(
    context.git,
    target,
    tree,
    detail.base_sha,
    'refs/agent-runner/restored',
    info,
  );
  return { ...(await judgeCommit(judging, { commit: restored, tree }, 'restored')), paths };
}

/** What the runs themselves show of tests that are no longer run. */
async function whatDidNotRun(
  { context, detail, bench }: Judging,
  judged: GateRun,
  restored: GateRun | null,
  changes: readonly ChangedPath[],
  findings: readonly TamperFinding[],
  tree: string,
): Promise<readonly TamperFinding[]> {
  const [base, head] = await Promise.all([bench.copy.files(detail.base_sha), bench.copy.files(tree)]);
  const allowed = context.job.request.allow_test_changes;
  return notRunFindings(judged, restored, changes, { base, head }, findings, allowed);
}

async function judgeChange(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  run: number,
  head: { readonly commit: Promise<string>; readonly tree: string; readonly laid: LaidCheckout },
): Promise<StepValue<Verified>> {
  const { tree, laid } = head;
  // Of the tree, not the commit, which is made meanwhile.
  const changes = await listChanges(context.git, bench.copy.target, detail.base_sha, tree);
  checkPaths(detail, changes);
  await checkDiff(context, detail, bench, changes, tree);
  const findings = await guard(detail, bench, changes, tree);
  const commit = await head.commit;
  const dependencies = await headDependencies(context, detail, bench, changes, { commit, tree });
  const judging: Judging = { context, detail, bench, run, dependencies, laid };
  const judged = await judgeCommit(judging, { commit, tree }, 'head');
  // A red change goes back to the agent anyway; what base's tests say of it can wait until it is not.
  const isRed = judged.report.verdict === 'red';
  const restored = isRed ? null : await judgeRestored(judging, changes, findings, commit);
  const notRun = isRed ? [] : await whatDidNotRun(judging, judged, restored, changes, findings, tree);
  const settled = [...notRun, ...settleFindings(findings, restored, judged.report)];
  const told = context.job.request.allow_test_changes ? allowTestChanges(settled) : settled;
  const report = bounded({ ...judged.report, tamper: told.slice(0, MAX_FINDINGS) });
  context.journal.emit('gate', 'verify', { run, verdict: report.verdict, commit, ...summary(report) });
  const failure = failureOf(report, context.job.request.in_place !== undefined);
  return { report, head_sha: commit, failure };
}

/**
 * Commits the working copy's state and runs the gate on it.
 *
 * @param onCommit called with the commit when it is there, before or while it is judged; must not throw
 */
export async function verify(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  run: number,
  onCommit: (commit: string) => void = () => {},
): Promise<StepValue<Verified>> {
  const assembled = await assembledOf(context, bench);
  const tree = assembled?.tree ?? (await bench.copy.snapshot());
  const commit = commitOf(context, detail, bench, tree, assembled?.commit ?? null);
  const laid = layCheckout(detail.rules.checks.length > 0, bench, placeName('head', 0, tree), commit, tree);
  // Not before, so that what has to wait for the checkout waits for that alone.
  laid.settled.then(async () => onCommit(await commit)).catch(() => {});
  try {
    return await judgeChange(context, detail, bench, run, { commit, tree, laid });
  } finally {
    await laid.drop();
  }
}

function summary(report: GateReport): Record<string, unknown> {
  return {
    checks: report.checks.map(({ name, base, head, verdict, reason }) => ({
      name,
      base,
      head,
      verdict,
      reason,
    })),
    tamper: report.tamper.map(({ kind, severity, file, line, detail }) => ({
      kind,
      severity,
      file,
      line,
      detail,
    })),
  };
}
