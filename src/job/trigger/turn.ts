/** A turn of a pull request: what was said of it since, as the job that answers it remembers it. Pure. */
import { JobError } from '../error.ts';

/** What may ask for a turn: a comment, a review, or checks that failed. */
export const TURN_KINDS = ['comment', 'review', 'checks'] as const;
export type TurnKind = (typeof TURN_KINDS)[number];

/** Why a job goes on with a pull request. Its words are in the task; here is what is shown of it. */
export interface TurnNote {
  readonly kinds: readonly TurnKind[];
  /** Logins of the people who asked; none where only checks did. */
  readonly by: readonly string[];
  /** One line that says what was asked for: the title of the commit. */
  readonly title: string;
  /** The commit whose checks failed; `null` where none did. */
  readonly sha: string | null;
}

/** Most people that are named of one turn. */
export const MAX_TURN_PEOPLE = 20;
/** Longest title of a turn, in characters. */
export const MAX_TURN_TITLE_CHARS = 200;
/** The name of an account on a forge, that of a program among them. */
export const LOGIN = /^[A-Za-z0-9](?:[\w.-]{0,98}[\w])?(?:\[bot\])?$/;

const PULL = /^[\w.-]{1,100}\/[\w.-]{1,100}#[1-9]\d{0,8}$/;

/**
 * Checks the name of a pull request.
 *
 * @returns the same text, `owner/name#12`
 * @throws JobError `invalid_request`
 */
export function parsePull(name: string): string {
  if (PULL.test(name)) return name;
  throw new JobError(
    'invalid_request',
    `pull: ${JSON.stringify(name.slice(0, 200))} is no pull request (allowed: owner/name#12)`,
  );
}

/**
 * The name of a pull request by its address.
 *
 * @returns `owner/name#12`; `null` for what is no address of one
 */
export function pullOfUrl(url: string): string | null {
  const [, repo = '', number = ''] =
    /^https?:\/\/[^?#\s]*?([\w.-]+\/[\w.-]+)\/pull\/(\d{1,9})\/?(?:[/?#]\S*)?$/.exec(url) ?? [];
  const name = `${repo}#${number}`;
  return PULL.test(name) ? name : null;
}
