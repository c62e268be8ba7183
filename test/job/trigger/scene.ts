/** A repository as decisions see it, in memory. */
import type { ForgeEvent } from '../../../src/job/trigger/event.ts';
import type { CheckFacts, Facts, OwnPull, PullFacts, Thread } from '../../../src/job/trigger/facts.ts';

export const REPO = 'octo/shop';
export const SELF = 'shop-bot';
export const SHA = 'a'.repeat(40);
export const AT = '2026-11-21T10:00:00Z';

export const OWN: OwnPull = { number: 7, session_id: 'job-1', branch: 'bot/job-1', head_sha: SHA };
export const QUIET: Thread = { pull: null, askedAt: null, live: null, turns: 0, fixes: [] };
export const OPEN: PullFacts = { isOpen: true, headRepo: REPO, headBranch: 'bot/job-1', headSha: SHA };
export const RED: CheckFacts = { isPending: false, failed: 1, run: 'r1' };

/** What a scene says; the rest is quiet. Who is asked what is noted in `asked`. */
export interface Scene {
  readonly writers?: readonly string[];
  readonly threads?: Readonly<Record<number, Thread>>;
  readonly closedIssues?: readonly number[];
  readonly pulls?: Readonly<Record<number, PullFacts>>;
  readonly heads?: Readonly<Record<string, readonly number[]>>;
  readonly checks?: CheckFacts;
  readonly remarks?: boolean;
}

export function factsOf(scene: Scene = {}, asked: string[] = []): Facts {
  const tell = <T>(what: string, value: T): Promise<T> => {
    asked.push(what);
    return Promise.resolve(value);
  };
  return {
    self: () => tell('self', SELF),
    mayWrite: (login) => tell(`mayWrite ${login}`, (scene.writers ?? ['ann']).includes(login)),
    thread: (number) => tell(`thread ${number}`, scene.threads?.[number] ?? QUIET),
    isIssueOpen: (number) => tell(`issue ${number}`, scene.closedIssues?.includes(number) !== true),
    pull: (number) => tell(`pull ${number}`, scene.pulls?.[number] ?? OPEN),
    pullsAt: (sha) => tell(`pullsAt`, scene.heads?.[sha] ?? []),
    checks: () => tell('checks', scene.checks ?? RED),
    hasRemarks: () => tell('remarks', scene.remarks ?? false),
  };
}

type Of<K extends ForgeEvent['kind']> = Extract<ForgeEvent, { kind: K }>;
const PERSON = { repo: REPO, at: AT, number: 3, isPull: false, actor: 'ann', isBot: false } as const;
const SUBJECT = { title: 'Round prices', text: 'They are not.', author: 'eve' };

export function labelled(over: Partial<Of<'label'>> = {}): Of<'label'> {
  return { ...PERSON, kind: 'label', key: 'label:1', label: 'agent', subject: SUBJECT, ...over };
}
export function assigned(over: Partial<Of<'assignment'>> = {}): Of<'assignment'> {
  return { ...PERSON, kind: 'assignment', key: 'assignment:1', assignee: SELF, subject: SUBJECT, ...over };
}
export function commented(text: string, over: Partial<Of<'comment'>> = {}): Of<'comment'> {
  return { ...PERSON, kind: 'comment', key: 'comment:1', id: 1, text, ...over };
}
export function reviewed(over: Partial<Of<'review'>> = {}): Of<'review'> {
  const rest = { kind: 'review', key: 'review:1', id: 1, state: 'changes_requested', text: 'No.' } as const;
  return { ...PERSON, number: 7, isPull: true, ...rest, ...over };
}
export function checked(over: Partial<Of<'checks'>> = {}): Of<'checks'> {
  return { kind: 'checks', key: 'checks:1', repo: REPO, at: AT, sha: SHA, ...over };
}
export function closed(over: Partial<Of<'closed'>> = {}): Of<'closed'> {
  return { kind: 'closed', key: 'closed:1', repo: REPO, at: AT, number: 7, isPull: true, ...over };
}
