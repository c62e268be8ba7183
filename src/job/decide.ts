/** Every decision of a job, as pure functions of what has happened so far. */
import { errorInfo, outcomeOf, type ErrorInfo } from './error.ts';
import type { CheckVerdict, GateReport, TamperFinding } from './gate.ts';
import { isWithoutBaseline } from './in-place/in-place.ts';
import { decideOwed } from './pipeline/output/owed.ts';
import type { JobRequest } from './request.ts';
import { leftFor, spentBy } from './spent.ts';
import { isSameFailure } from './text/similarity.ts';
import type {
  BuildInput,
  Ending,
  Entry,
  LookInput,
  Prepared,
  ProposeInput,
  StepResult,
  Turn,
  Verified,
} from './step.ts';
import type { Outcome } from './status.ts';

/** What happens next: exactly one step, or the end. */
export type Decision =
  | { readonly next: 'prepare' }
  | { readonly next: 'explore' | 'plan'; readonly input: LookInput }
  | { readonly next: 'build'; readonly input: BuildInput }
  /** Without a question: a message came by itself. */
  | { readonly next: 'message'; readonly question: string }
  | { readonly next: 'verify' }
  | { readonly next: 'rebase' }
  | { readonly next: 'propose'; readonly input: ProposeInput }
  | { readonly next: 'end'; readonly ending: Ending };

/** Equal failures in debug mode, the one that turned it on included, after which a job gives up. */
export const EQUAL_FAILURES_TO_GIVE_UP = 3;
/** Most questions a job may ask, and messages it may be given after a gate run; an agent that only asks is stopped. */
export const MAX_QUESTIONS = 10;
/** Share of the time that is left which exploring may take, and then planning. */
const LOOK_SHARE = 1 / 4;

/** A verdict of red; in place also inconclusive and none, which then come with a failure of their own. */
function isRed(result: StepResult<Verified>): boolean {
  return result.ok && (result.report.verdict === 'red' || result.failure !== '');
}

function redRuns(history: readonly Entry[]): readonly Pick<Verified, 'failure'>[] {
  return history.flatMap((e) =>
    e.step === 'verify' && e.result.ok && isRed(e.result) ? [{ failure: e.result.failure }] : [],
  );
}

/** Whether the agent's last turn left anything that differs from the base. */
function hasChange(history: readonly Entry[]): boolean {
  const built = history.findLast((e) => e.step === 'build');
  return built?.result.ok === true && built.result.changed;
}

/** Index of the first red run that equals an earlier one; from there on the job is in debug mode. */
function debugStart(runs: readonly Pick<Verified, 'failure'>[]): number {
  return runs.findIndex((run, at) =>
    runs.slice(0, at).some((earlier) => isSameFailure(earlier.failure, run.failure)),
  );
}

/** Whether the job has met the same failure twice and now debugs instead of building. */
export function isDebugging(history: readonly Entry[]): boolean {
  return debugStart(redRuns(history)) >= 0;
}

function isStuck(history: readonly Entry[]): boolean {
  const runs = redRuns(history);
  const start = debugStart(runs);
  const last = runs.at(-1);
  if (start < 0 || last === undefined) return false;
  const equal = runs.slice(start).filter((run) => isSameFailure(run.failure, last.failure));
  return equal.length >= EQUAL_FAILURES_TO_GIVE_UP;
}

function end(outcome: Outcome, error: ErrorInfo | null = null): Decision {
  return { next: 'end', ending: { outcome, error } };
}

function endWith(error: ErrorInfo): Decision {
  return end(outcomeOf(error.code), error);
}

/** The next turn of the agent, unless its budget is spent: then the job ends, saved and reported. */
function prompt(history: readonly Entry[], request: JobRequest, turn: Turn): Decision {
  const left = leftFor(history, request);
  if ('error' in left) return endWith(left.error);
  return { next: 'build', input: { turn, timeout_ms: left.leftMs } };
}

/** A turn that only looks: it gets a share of the time, so that one that hangs leaves enough to build. */
function look(history: readonly Entry[], request: JobRequest, next: 'explore' | 'plan'): Decision {
  const left = leftFor(history, request);
  if ('error' in left) return endWith(left.error);
  return { next, input: { timeout_ms: Math.ceil(left.leftMs * LOOK_SHARE) } };
}

/** Why a job goes on although exploring or planning failed: both are a help, and no part of the work. */
function isHelp(last: Entry): boolean {
  if (last.result.ok || (last.step !== 'explore' && last.step !== 'plan')) return false;
  return last.result.error.code === 'agent_failed' || last.result.error.code === 'timed_out';
}

/** The next piece of the plan that was not prompted for yet; `null` after the last, and where there is no plan. */
function nextPart(history: readonly Entry[]): Turn | null {
  const planned = history.findLast((e) => e.step === 'plan');
  if (planned?.result.ok !== true) return null;
  const { subtasks } = planned.result;
  const done = history.filter((e) => e.step === 'build' && e.input.turn.kind === 'subtask').length;
  const part = subtasks[done];
  if (part === undefined) return null;
  return { kind: 'subtask', number: done + 1, of: subtasks.length, ...part };
}

/** The first turn that edits: the plan's first piece, or the whole task. */
function begin(history: readonly Entry[], request: JobRequest): Decision {
  return prompt(history, request, nextPart(history) ?? { kind: 'task' });
}

/** The policy and caps that `prepare` resolved; every path to a later step goes through it. */
function preparedOf(history: readonly Entry[]): Prepared {
  // The last: a base that moved was prepared once more.
  for (const entry of history.toReversed())
    if (entry.step === 'prepare' && entry.result.ok) return entry.result;
  throw new Error('bug: a decision after prepare was asked for before it');
}

/** What the last gate run said; `null` when there was none. */
function lastReport(history: readonly Entry[]): GateReport | null {
  const last = history.findLast((e) => e.step === 'verify');
  return last?.result.ok === true ? last.result.report : null;
}

/** What the tamper guard found in the last gate run. */
function lastFindings(history: readonly Entry[]): readonly TamperFinding[] {
  return lastReport(history)?.tamper ?? [];
}

/** Where to read why a check of the last gate run ended as it did: its log, which every gate run keeps. */
function whereToRead(history: readonly Entry[], verdict: CheckVerdict): string {
  const check = lastReport(history)?.checks.find((one) => one.verdict === verdict);
  if (check === undefined) return 'read the reason in the gate table';
  return check.log === null
    ? `${check.name}: ${check.reason}`
    : `read what ${check.name} printed: ${check.log}`;
}

function blockingFindings(history: readonly Entry[]): readonly TamperFinding[] {
  if (preparedOf(history).policy.on_tamper !== 'block') return [];
  return lastFindings(history).filter((finding) => finding.severity === 'block');
}

function draftFindings(history: readonly Entry[]): readonly TamperFinding[] {
  const { policy } = preparedOf(history);
  if (policy.on_tamper === 'allow') return [];
  return lastFindings(history).filter(
    (finding) =>
      finding.severity === 'draft' || (finding.severity === 'block' && policy.on_tamper === 'draft'),
  );
}

/** Why a change does not go onto a branch, and what to do. */
const UNMENDED = [
  'no check failed on the branch before and passes now: nothing shows that the change mends what failed there',
  'name the check that failed by --check, or leave --push out: then it is proposed as a draft',
] as const;

/** Labels of proposals that the runner sets, and takes back where they hold no more. */
export const OWN_LABELS = ['gate-red', 'judge-changed', 'unverified'] as const;

function propose(history: readonly Entry[], request: JobRequest, labels: readonly string[]): Decision {
  const found = draftFindings(history);
  const all = found.length > 0 ? [...labels, 'judge-changed'] : labels;
  // What is not fit for more than a draft does not go onto the branch of somebody else.
  if (request.onto !== undefined && found.length > 0) return endTampered(request, found);
  if (request.onto !== undefined && all.length > 0) return endWith(errorInfo('inconclusive', ...UNMENDED));
  return {
    next: 'propose',
    input: { draft: request.draft || all.length > 0, labels: all, spent: spentBy(history) },
  };
}

/** How often a change is carried over to a base that moved; then it is proposed on the last one it was judged on. */
export const MAX_REBASES = 2;

/** Whether the change was carried over to a base that moved, and is to be judged there. */
function isRebased(entry: Entry): boolean {
  return entry.step === 'rebase' && entry.result.ok && entry.result.fits;
}

/** Looks at the base before a change goes to a forge, once after each time that it was judged. */
function lookFirst(history: readonly Entry[], request: JobRequest, decision: Decision): Decision {
  if (decision.next !== 'propose' || preparedOf(history).upstream_repo == null) return decision;
  // The jobs of a session are judged against the base of the whole session.
  if (request.session_id != null || history.filter(isRebased).length >= MAX_REBASES) return decision;
  return { next: 'rebase' };
}

function afterRebase(history: readonly Entry[], request: JobRequest): Decision {
  const last = history.at(-1);
  if (last !== undefined && isRebased(last)) return { next: 'prepare' };
  return afterVerify(history.slice(0, history.findLastIndex((e) => e.step === 'verify') + 1), request);
}

/** Gate runs of the agent's turns: a change that is judged again because its base moved is not a try of its own. */
function gateRuns(history: readonly Entry[]): number {
  return history.filter((e) => e.step === 'verify').length - history.filter(isRebased).length;
}

/** How often a person was heard. */
function asked(history: readonly Entry[]): number {
  return history.filter((e) => e.step === 'message').length;
}

function afterBuild(history: readonly Entry[], request: JobRequest): Decision {
  const last = history.at(-1);
  if (last?.step !== 'build' || !last.result.ok)
    throw new Error('bug: afterBuild needs a build that ended well');
  const { question, changed } = last.result;
  if (question !== null) {
    if (asked(history) < MAX_QUESTIONS) return { next: 'message', question };
    return endWith(errorInfo('agent_failed', `the agent asked more than ${MAX_QUESTIONS} questions`));
  }
  const part = request.mode === 'ask' ? null : nextPart(history);
  if (part !== null) return prompt(history, request, part);
  const owed = decideOwed(history);
  if (owed !== null) return 'turn' in owed ? prompt(history, request, owed.turn) : endWith(owed.error);
  if (request.mode === 'ask') return end('answered');
  // What was red before the agent came stays red when it changes nothing: the gate says so, or that it was a flake.
  if (isWithoutBaseline(request.in_place)) return { next: 'verify' };
  return changed ? { next: 'verify' } : end('no_change');
}

/** What a person does where nothing judges a change. */
const NAME_CHECKS = 'name the checks in .agent-runner.yml, or give --check name=command';

/** How a change that stayed red ends: `gave_up` wins over `gate_failed`. */
function redEnding(history: readonly Entry[], request: JobRequest): Ending {
  const runs = redRuns(history).length;
  if (isStuck(history)) {
    const message = `the same failure came back ${EQUAL_FAILURES_TO_GIVE_UP} times in debug mode, after ${runs} gate runs`;
    return {
      outcome: 'gave_up',
      error: errorInfo('gave_up', message, `${whereToRead(history, 'failed')}; then go on by hand`),
    };
  }
  if (isWithoutBaseline(request.in_place) && hasBuilt(history)) {
    const message = `still red after ${runs} gate runs and ${runs - 1} ${runs === 2 ? 'fix' : 'fixes'}: that is the cap`;
    const hint = 'read what still fails and go on by hand, or raise --max-attempts';
    return { outcome: 'gave_up', error: errorInfo('gave_up', message, hint) };
  }
  if (!canTurnGreen(history)) {
    const message = 'no checks were found, and without any nothing is green here';
    return { outcome: 'gate_failed', error: errorInfo('gate_failed', message, NAME_CHECKS) };
  }
  const message = `the gate is still red after ${runs} gate ${runs === 1 ? 'run' : 'runs'}`;
  return {
    outcome: 'gate_failed',
    error: errorInfo('gate_failed', message, whereToRead(history, 'failed')),
  };
}

/** Whether the agent has had a turn. */
function hasBuilt(history: readonly Entry[]): boolean {
  return history.some((e) => e.step === 'build');
}

/** Without any check there is nothing that an agent's work could turn green: the checks are the base's. */
function canTurnGreen(history: readonly Entry[]): boolean {
  const last = history.findLast((e) => e.step === 'verify');
  return last?.result.ok !== true || last.result.report.verdict !== 'none';
}

function afterRed(history: readonly Entry[], request: JobRequest): Decision {
  const { policy, max_gate_runs: maxGateRuns } = preparedOf(history);
  const runs = gateRuns(history);
  if (isStuck(history) || runs >= maxGateRuns || !canTurnGreen(history)) {
    const nothing = isWithoutBaseline(request.in_place) && !hasChange(history);
    if (policy.on_red === 'block' || nothing || request.onto !== undefined)
      return { next: 'end', ending: redEnding(history, request) };
    // A draft of a change that guts its own tests would go round the tamper policy: that one wins.
    const blocking = blockingFindings(history);
    return blocking.length > 0 ? endTampered(request, blocking) : propose(history, request, ['gate-red']);
  }
  const failures = redRuns(history).map((run) => run.failure);
  return prompt(history, request, {
    kind: 'fix',
    debug: isDebugging(history),
    gate_run: runs,
    error_history: failures.slice(0, -1).slice(-EQUAL_FAILURES_TO_GIVE_UP),
  });
}

/** A change that weakens its judge: the agent gets one turn to take it back before the policy decides. */
function afterTamper(
  history: readonly Entry[],
  request: JobRequest,
  findings: readonly TamperFinding[],
): Decision {
  const runs = gateRuns(history);
  const told = history.some((e) => e.step === 'build' && e.input.turn.kind === 'tamper');
  if (!told && runs < preparedOf(history).max_gate_runs)
    return prompt(history, request, { kind: 'tamper', findings });
  return endTampered(request, findings);
}

function endTampered(request: JobRequest, findings: readonly TamperFinding[]): Decision {
  const first = findings[0];
  const where = first === undefined ? '' : `: ${first.file}: ${first.detail}`;
  // What blocks although tests may change is no test: the same flag again would change nothing.
  const hint = request.allow_test_changes
    ? 'undo it, or allow it with on_tamper: allow; --allow-test-changes covers tests alone, and these findings are about what runs them'
    : 'undo it, or allow it with --allow-test-changes (tests alone) or on_tamper: allow';
  return endWith(errorInfo('tampered', `the change weakens its own judge${where}`, hint));
}

/**
 * Whether a job that mends failed checks of a commit that somebody else made shows of none that it failed there and
 * passes now: what fails before and after is green for the gate.
 */
function mendsNothing(history: readonly Entry[], { turn, session_id: session }: JobRequest): boolean {
  if (turn?.sha == null || session !== undefined) return false;
  return lastReport(history)?.checks.some(({ verdict }) => verdict === 'fixed') !== true;
}

function afterVerify(history: readonly Entry[], request: JobRequest): Decision {
  const last = history.at(-1);
  if (last?.step !== 'verify' || !last.result.ok) throw new Error('bug: afterVerify needs a gate report');
  const { policy } = preparedOf(history);
  const { verdict } = last.result.report;
  const blocking = blockingFindings(history);
  if (isRed(last.result)) return afterRed(history, request);
  if (blocking.length > 0) return afterTamper(history, request, blocking);
  if (isWithoutBaseline(request.in_place) && !hasChange(history)) return end('no_change');
  // What a person added while the agent worked is done before the change is proposed.
  if (last.result.message_waits === true && asked(history) < MAX_QUESTIONS)
    return { next: 'message', question: '' };
  if (mendsNothing(history, request)) return propose(history, request, ['unverified']);
  if (verdict === 'green') return propose(history, request, []);
  const rule = verdict === 'none' ? policy.on_none : policy.on_inconclusive;
  if (rule === 'open') return propose(history, request, []);
  if (rule === 'draft') return propose(history, request, ['unverified']);
  return endWith(
    verdict === 'none'
      ? errorInfo('nothing_verified', 'no checks were found, so nothing is verified', NAME_CHECKS)
      : errorInfo(
          'inconclusive',
          'the gate is inconclusive: a tool is missing, or a check did not end',
          whereToRead(history, 'inconclusive'),
        ),
  );
}

function afterPropose(history: readonly Entry[], request: JobRequest): Decision {
  const last = history.at(-1);
  if (last?.step !== 'propose' || !last.result.ok) throw new Error('bug: afterPropose needs a proposal');
  const verdict = history.findLast((e) => e.step === 'verify');
  if (verdict !== undefined && isRed(verdict.result))
    return { next: 'end', ending: redEnding(history, request) };
  return end(last.result.outcome);
}

/**
 * Decides the next step of a job from its history alone: no clock, no randomness, no I/O, so that every
 * engine and every replay decides alike.
 */
export function decideNext(history: readonly Entry[], request: JobRequest): Decision {
  const last = history.at(-1);
  if (last === undefined) return { next: 'prepare' };
  if (!last.result.ok) return isHelp(last) ? begin(history, request) : endWith(last.result.error);
  switch (last.step) {
    case 'prepare':
      if (history.some(isRebased)) return { next: 'verify' };
      // Healing begins with the gate: where that is green no agent is called.
      if (isWithoutBaseline(request.in_place)) return { next: 'verify' };
      if (preparedOf(history).phases?.run === true) return look(history, request, 'explore');
      return begin(history, request);
    case 'explore':
      return look(history, request, 'plan');
    case 'plan':
      return begin(history, request);
    case 'build':
      return afterBuild(history, request);
    case 'message':
      return prompt(history, request, {
        kind: 'answer',
        question: last.question,
        answer: last.result.answer,
      });
    case 'verify':
      return lookFirst(history, request, afterVerify(history, request));
    case 'rebase':
      return afterRebase(history, request);
    case 'propose':
      return afterPropose(history, request);
  }
}
