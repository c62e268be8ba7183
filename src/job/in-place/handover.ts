/** What the person gets who takes over: what was asked, what was tried, what still fails, where it is. Pure. */
import type { CheckReport } from '../gate.ts';
import type { JobResult } from '../result.ts';
import { shellWord } from '../text/shell.ts';
import type { InPlaceStart } from './in-place.ts';

/** One try: what the agent said of it, and what the gate said then. */
export interface Round {
  /** The agent's closing message; `null` for the gate run before any agent was called. */
  readonly said: string | null;
  /** The verdict, or why there is none. */
  readonly verdict: string;
  readonly failing: readonly Failing[];
}

/** A check that does not pass. */
export interface Failing {
  readonly check: string;
  readonly command: string;
  readonly reason: string;
  readonly failures: readonly string[];
  readonly log: string | null;
}

/** Everything a person needs to go on; commands are complete and can be pasted. */
export interface Handover {
  readonly asked: string;
  readonly rounds: readonly Round[];
  readonly failing: readonly Failing[];
  /** The branch that holds the work; `null` when no branch does. */
  readonly branch: string | null;
  /** The ref of the saved work, in the runner's own repository. */
  readonly saved: string | null;
  readonly look: readonly string[];
  readonly go_on: readonly string[];
  readonly discard: readonly string[];
}

/** What is known of a job that works for a checkout, besides its result. */
export interface HandoverInput {
  readonly asked: string;
  readonly rounds: readonly Round[];
  readonly result: JobResult;
  readonly start: InPlaceStart | null;
  /** Root of the person's repository or folder. */
  readonly place: string;
  readonly isFolder: boolean;
  /** The branch that is checked out now. */
  readonly current: string | null;
  /** The branch of the person's that holds the result; `null` when none does. */
  readonly delivered: string | null;
}

const MAX_FAILURES = 10;

/** What of a gate report does not pass. */
export function failingOf(checks: readonly CheckReport[]): readonly Failing[] {
  return checks
    .filter((check) => check.verdict === 'failed' || check.verdict === 'inconclusive')
    .map(({ name, command, reason, new_failures: failures, log }) => {
      const left = failures.length - MAX_FAILURES;
      const shown = left > 0 ? [...failures.slice(0, MAX_FAILURES), `… and ${left} more`] : failures;
      return { check: name, command, reason, failures: shown, log };
    });
}

function discardBranch(
  delivered: string,
  start: InPlaceStart,
  current: string | null,
  git: string,
): readonly string[] {
  const branch = shellWord(delivered);
  const isHere = current === delivered;
  if (start.tip !== null)
    return isHere ? [`${git} reset --keep ${start.tip}`] : [`${git} branch -f ${branch} ${start.tip}`];
  if (!isHere) return [`${git} branch -D ${branch}`];
  const back = start.on === null || start.on === delivered ? `--detach ${start.parent}` : shellWord(start.on);
  return [`${git} switch ${back}`, `${git} branch -D ${branch}`];
}

type Commands = Pick<Handover, 'look' | 'go_on' | 'discard'>;

function commandsOf(input: HandoverInput): Commands {
  const { result, start, place, delivered, current } = input;
  const git = `git -C ${shellWord(place)}`;
  if (delivered !== null && start !== null) {
    const look = [`${git} diff ${start.parent.slice(0, 12)} ${shellWord(delivered)}`];
    const goOn = current === delivered ? [] : [`${git} switch ${shellWord(delivered)}`];
    return { look, go_on: goOn, discard: discardBranch(delivered, start, current, git) };
  }
  if (input.isFolder && result.patch_path !== null) {
    const patch = shellWord(result.patch_path);
    if (result.tests_passed)
      return {
        look: [`less ${patch}`],
        go_on: [],
        discard: [`patch -R -p1 -d ${shellWord(place)} -i ${patch}`],
      };
    return { look: [`less ${patch}`], go_on: [`patch -p1 -d ${shellWord(place)} -i ${patch}`], discard: [] };
  }
  if (result.wip_ref === null)
    return { look: [`agent-runner logs ${result.job_id}`], go_on: [], discard: [] };
  const look = [`agent-runner diff ${result.job_id}`];
  if (input.isFolder)
    return {
      look,
      go_on: [`agent-runner diff ${result.job_id} | patch -p1 -d ${shellWord(place)}`],
      discard: [],
    };
  return { look, go_on: [`agent-runner recover ${result.job_id}`], discard: [] };
}

/** Puts together what a person needs who takes a job over. */
export function makeHandover(input: HandoverInput): Handover {
  const last = input.result.gate.runs.at(-1);
  const isOpen = input.result.gate.verdict !== 'green';
  return {
    asked: input.asked,
    rounds: input.rounds,
    failing: last === undefined || !isOpen ? [] : failingOf(last.checks),
    branch: input.delivered,
    saved: input.result.wip_ref,
    ...commandsOf(input),
  };
}
