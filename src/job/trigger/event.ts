/**
 * What happens on a forge that a job may come of, in words that no forge owns. Every text in it was written by
 * somebody outside: it is data.
 */

/** What all events have. */
interface Happened {
  /**
   * Names what happened, the same whoever tells of it: a webhook, a second delivery of it, or a look at the
   * repository. `comment:owner/name:991`, `review:owner/name:77`, `label:owner/name#12:agent:<event's time>`.
   */
  readonly key: string;
  /** `owner/name`, in lower case where the forge does not tell cases apart. */
  readonly repo: string;
  /** RFC 3339. */
  readonly at: string;
}

/** What a person did. */
interface Done extends Happened {
  /** Issue or pull request. */
  readonly number: number;
  readonly isPull: boolean;
  readonly actor: string;
  /** An App, a bot account, or a program that says so. */
  readonly isBot: boolean;
}

/** An issue or a pull request as its text stood when it happened: it may be edited between that and a job. */
export interface Subject {
  readonly title: string;
  readonly text: string;
  readonly author: string;
}

/** A label was put on. */
export interface Labelled extends Done {
  readonly kind: 'label';
  readonly label: string;
  readonly subject: Subject;
}

/** Somebody was made responsible. */
export interface Assigned extends Done {
  readonly kind: 'assignment';
  readonly assignee: string;
  readonly subject: Subject;
}

/** A comment was written below an issue or a pull request; one that was edited is none. */
export interface Commented extends Done {
  readonly kind: 'comment';
  readonly id: number;
  readonly text: string;
  /** What it stands below, where that was told with it; a look at comments tells of nothing else. */
  readonly subject?: Subject;
}

/** A review of a pull request was submitted; its remarks on lines are read when they are needed. */
export interface Reviewed extends Done {
  readonly kind: 'review';
  readonly id: number;
  readonly state: 'approved' | 'changes_requested' | 'commented' | 'dismissed';
  readonly text: string;
}

/** A check or a workflow of a commit has ended: how all of them stand is read when it is needed. */
export interface Checked extends Happened {
  readonly kind: 'checks';
  readonly sha: string;
}

/** A pull request or an issue was closed, whatever the reason. */
export interface Closed extends Happened {
  readonly kind: 'closed';
  readonly number: number;
  readonly isPull: boolean;
}

export type ForgeEvent = Labelled | Assigned | Commented | Reviewed | Checked | Closed;

/** Every kind of event. */
export const EVENT_KINDS = [
  'label',
  'assignment',
  'comment',
  'review',
  'checks',
  'closed',
] as const satisfies readonly ForgeEvent['kind'][];

/** Most of one text that is kept of an event, in characters. */
export const MAX_EVENT_TEXT_CHARS = 65_536;
