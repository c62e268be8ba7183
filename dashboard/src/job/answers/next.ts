/**
 * What now: for every way in which a job can stand or end, what a person can do about it here. Nothing of it names a path of
 * the server's disk, which who looks at a page can't open.
 */
import type { ErrorCode } from '../../../../src/job/error.ts';
import type { GateReport } from '../../../../src/job/gate.ts';
import type { Budget } from '../../../../src/job/request.ts';
import type { JobResult } from '../../../../src/job/result.ts';
import type { Outcome } from '../../../../src/job/status.ts';
import type { JobView } from '../../../../src/job/view/view.ts';
import { hasEnded } from '../../api/queries.ts';
import { webAddress } from '../../parts/words.ts';
import { doubled, limitThatEnded } from './budget.ts';

/** Something that a button or a link does. The first of several is what most people want. */
export type NextAct =
  | { readonly does: 'open'; readonly label: string; readonly href: string }
  | { readonly does: 'show'; readonly label: string; readonly tab: 'gate' | 'activity' | 'log' | 'changes' }
  /** Goes to what a check of the last run printed. */
  | { readonly does: 'check'; readonly label: string; readonly check: string }
  | { readonly does: 'follow' | 'retry' | 'larger' | 'answer'; readonly label: string }
  | { readonly does: 'visit'; readonly label: string; readonly href: string };

/** A command for a terminal, or something else to be taken along. */
export interface NextLine {
  readonly says: string;
  readonly text: string;
  readonly what: string;
}

/** What now. */
export interface Next {
  /** In a sentence; `null` where the buttons say it. */
  readonly says: string | null;
  readonly acts: readonly NextAct[];
  readonly lines: readonly NextLine[];
}

/** What it depends on. */
export interface NextOf {
  readonly job: JobView;
  readonly result: JobResult | undefined;
  readonly runs: readonly GateReport[];
  /** Whether who looks may ask for jobs. */
  readonly mayAct: boolean;
  /** The most that the server lets anybody ask to spend. */
  readonly most: Budget | null;
  /** Where this page comes from, for commands that ask the server. */
  readonly origin: string;
  /** How many jobs are before it in the queue; `null`: nobody knows. */
  readonly before: number | null;
}

/** A word for a POSIX shell, quoted where it must be: it may come from anywhere. */
export function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}

// A path of a machine: from its root on, or of a home.
const PATH = /(^|[\s:('"`])~?\/[^\s/]+\/\S*/;

/** A hint without those parts that name a path of the server; `null` where nothing is left. */
export function withoutPaths(hint: string | null): string | null {
  const parts = hint?.split('; ').filter((part) => !PATH.test(part)) ?? [];
  return parts.length === 0 ? null : parts.join('; ');
}

const LABELS: Readonly<Record<string, string>> = {
  unverified: 'nothing proves it yet',
  'gate-red': 'a check is red',
  'judge-changed': 'it changes what judges it',
};

function pullActs({ pr_url: url }: JobView): readonly NextAct[] {
  const href = webAddress(url);
  if (href === null) return [];
  const number = /\/(?:pull|pulls|merge_requests)\/(\d+)/.exec(href)?.[1];
  return [{ does: 'open', href, label: `Open pull request${number === undefined ? '' : ` #${number}`}` }];
}

/** Links to what the checks printed that were the reason. */
function checkActs(runs: readonly GateReport[]): readonly NextAct[] {
  const checks = runs.at(-1)?.checks ?? [];
  return checks
    .filter(({ verdict }) => verdict === 'failed' || verdict === 'inconclusive')
    .slice(0, 3)
    .map(({ name }) => ({ does: 'check', check: name, label: `Read what ${name} printed` }));
}

/** How the work is got into a clone. */
function linesOf({ job, result, origin }: NextOf): readonly NextLine[] {
  if (result === undefined || job.outcome === 'no_change' || job.outcome === 'answered') return [];
  if (webAddress(job.pr_url) !== null) return [];
  const lines: NextLine[] = [];
  const { push_command: push, branch, wip_ref: saved, repo } = result;
  if (push !== null) lines.push({ says: 'Publish it', text: push, what: 'the command that publishes it' });
  if (branch !== null) {
    const text = `git fetch ${quoted(repo)} ${quoted(branch)} && git switch --detach FETCH_HEAD`;
    lines.push({ says: 'Look at it in a clone', text, what: 'the command that fetches it' });
  }
  if (branch === null && saved !== null) {
    const text = `agent-runner diff ${job.job_id} --url ${quoted(origin)} | git apply --3way`;
    lines.push({ says: 'Take its saved work into a clone', text, what: 'the command that applies it' });
  }
  return lines;
}

const READ: NextAct = { does: 'show', tab: 'changes', label: 'Read the change' };
const LOG: NextAct = { does: 'show', tab: 'log', label: 'Read the log' };
const ACTIVITY: NextAct = { does: 'show', tab: 'activity', label: 'See what it did' };
const GATE: NextAct = { does: 'show', tab: 'gate', label: 'See the findings' };
const RETRY: NextAct = { does: 'retry', label: 'Ask once more' };

function follow(label: string): NextAct {
  return { does: 'follow', label };
}

/** With more to spend, where the server allows more. */
function largerActs({ job, most }: NextOf): readonly NextAct[] {
  const limit = limitThatEnded(job.outcome, job.error?.message ?? null);
  if (limit === null) return [];
  return doubled(job.budget[limit], most?.[limit] ?? null) === null
    ? []
    : [{ does: 'larger', label: 'Ask again with more' }];
}

type Acts = (of: NextOf, hasWork: boolean) => readonly NextAct[];

/** What is to be done about a change that was refused, by the code of the refusal. */
const REFUSED: Partial<Record<ErrorCode, Acts>> = {
  inconclusive: ({ runs }) => [...checkActs(runs), follow('Go on from it')],
  nothing_verified: () => [READ, follow('Have checks added')],
  secret_in_diff: () => [READ, follow('Have it taken out')],
  protected_path: () => [READ, follow('Have it taken out')],
  diff_too_large: () => [READ, follow('Have it made smaller')],
  conflict: () => [RETRY],
};
const refused: Acts = (of, hasWork) => {
  const code = of.job.error?.code;
  const acts = code === undefined ? undefined : REFUSED[code];
  return acts?.(of, hasWork) ?? [{ does: 'visit', href: '/new', label: 'Ask anew' }];
};
const proposed: Acts = ({ job }) => [...pullActs(job), READ, follow('Ask for a change to it')];
const red: Acts = ({ job, runs }, hasWork) => [
  ...pullActs(job),
  ...checkActs(runs),
  ...(hasWork ? [follow('Go on from it')] : []),
];
const spent: Acts = (of, hasWork) => [
  ...largerActs(of),
  ...(hasWork ? [follow('Go on from what it has')] : [RETRY]),
  ...(hasWork ? [READ] : [ACTIVITY]),
];

/** What can be done, by outcome: every one has something. */
const ACTS: Readonly<Record<Outcome, Acts>> = {
  pr_opened: proposed,
  pr_updated: proposed,
  proposed,
  no_change: () => [ACTIVITY, follow('Say it more precisely')],
  answered: () => [follow('Ask further'), ACTIVITY],
  gate_failed: red,
  gave_up: red,
  tampered: () => [GATE, follow('Have it undone'), READ],
  agent_failed: (_, hasWork) => [RETRY, LOG, ...(hasWork ? [follow('Go on from what it has')] : [])],
  budget_exceeded: spent,
  timed_out: spent,
  setup_failed: () => [LOG, RETRY],
  refused,
  infra_failed: (_, hasWork) => [RETRY, LOG, ...(hasWork ? [follow('Go on from what it has')] : [])],
  cancelled: (_, hasWork) => [...(hasWork ? [follow('Go on from what it has'), READ] : []), RETRY],
};

/** In a sentence, what the buttons do not say. */
function saysOf({ job, result, runs, most }: NextOf): string | null {
  const { outcome, error } = job;
  const why = (result?.labels ?? []).flatMap((label) => LABELS[label] ?? []);
  if (result?.draft === true && result.branch !== null)
    return why.length === 0
      ? 'It is a draft, as it was asked for.'
      : `It is a draft, because ${why.join(', and ')}.`;
  const limit = limitThatEnded(outcome, error?.message ?? null);
  if (
    limit !== null &&
    job.budget[limit] !== null &&
    doubled(job.budget[limit], most?.[limit] ?? null) === null
  )
    return 'It had the most that this server allows. A smaller task may fit.';
  if (limit !== null) return 'More may do, or a smaller task.';
  if (outcome === 'gave_up') return 'The agent won’t find it alone: say what it misses, or mend it by hand.';
  if (outcome === 'gate_failed' && runs.at(-1)?.verdict === 'red')
    return 'Say what it misses, or go on by hand.';
  if (outcome === 'no_change') return 'Read why in what the agent says below.';
  if (outcome === 'answered') return 'The answer stands below.';
  if (outcome === 'setup_failed') return 'Mend the setup it names, or the machine; then ask once more.';
  return withoutPaths(error?.hint ?? null);
}

function waiting({ job, mayAct, before }: NextOf): Next {
  const nothing = { acts: [], lines: [] };
  if (job.status === 'needs_input')
    return {
      says: mayAct ? null : 'Somebody who may act on jobs has to answer it.',
      acts: mayAct ? [{ does: 'answer', label: 'To its question' }] : [],
      lines: [],
    };
  if (job.status === 'queued') {
    const place =
      before === null
        ? ''
        : before === 0
          ? ' It is next.'
          : ` ${before === 1 ? 'One job is' : `${before} jobs are`} before it.`;
    return { says: `Nothing: it begins by itself.${place}`, ...nothing };
  }
  if (job.executor !== 'local')
    return { says: 'Nothing: a workflow does it, and tells its end.', ...nothing };
  const heard = mayAct ? ' A message reaches the agent when it asks next.' : '';
  return { says: `Nothing: it ends by itself.${heard}`, ...nothing };
}

const ACTING: ReadonlySet<NextAct['does']> = new Set(['follow', 'retry', 'larger', 'answer']);

/** What now. */
export function nextOf(of: NextOf): Next {
  const { job, result, runs, mayAct } = of;
  if (!hasEnded(job)) return waiting(of);
  const hasWork = result !== undefined && (result.wip_ref !== null || result.branch !== null);
  const acts = job.outcome === null ? [RETRY] : ACTS[job.outcome](of, hasWork);
  const isShown = (act: NextAct): boolean => {
    if (ACTING.has(act.does)) return mayAct;
    if (act.does === 'visit') return mayAct;
    return act !== READ || hasWork || runs.length > 0;
  };
  return { says: saysOf(of), acts: acts.filter(isShown), lines: linesOf(of) };
}

/**
 * How many jobs are before one in the queue: of a higher priority, or as high and accepted earlier.
 *
 * @param queued those that wait
 * @param isCut whether there are more than these: then nobody knows
 */
export function placeOf(
  job: Pick<JobView, 'job_id' | 'priority' | 'created_at'>,
  queued: readonly Pick<JobView, 'job_id' | 'priority' | 'created_at'>[],
  isCut: boolean,
): number | null {
  if (isCut) return null;
  return queued.filter(
    (one) =>
      one.job_id !== job.job_id &&
      (one.priority > job.priority || (one.priority === job.priority && one.created_at < job.created_at)),
  ).length;
}
