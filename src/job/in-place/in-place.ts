/** Jobs for the checkout a person stands in: `issue-to-pr` implements an issue, `self-heal` mends red checks. */

/** The commands that work in the current repository. */
export const IN_PLACE_COMMANDS = ['issue-to-pr', 'self-heal'] as const;
export type InPlaceCommand = (typeof IN_PLACE_COMMANDS)[number];

/** What such a job is told besides its task. */
export interface InPlace {
  readonly command: InPlaceCommand;
  /** Branch of the person's repository that takes the result; gone on with where it is there. */
  readonly branch: string;
  /** Title of the commit. */
  readonly title: string;
  /** Whether a change that was judged green is pushed to `origin`. */
  readonly push: boolean;
  /** Folder without git whose files are written back once they are green; `null` for a repository. */
  readonly folder: string | null;
}

/** Where such a job began, for its delivery and for whoever takes it over. */
export interface InPlaceStart {
  /** The result's commit goes on top of this one. */
  readonly parent: string;
  /** Where the branch was; `null` where there was none. */
  readonly tip: string | null;
  /** The branch that was checked out; `null` for a detached HEAD, or without git. */
  readonly on: string | null;
}

/** Gate runs unless more are asked for: an issue is implemented once, healing gets two fixes. */
export const IN_PLACE_GATE_RUNS: Readonly<Record<InPlaceCommand, number>> = {
  'issue-to-pr': 1,
  'self-heal': 3,
};

/** Whether every red check counts and none is forgiven for having been red before. */
export function isWithoutBaseline(inPlace: InPlace | undefined): boolean {
  return inPlace?.command === 'self-heal';
}
