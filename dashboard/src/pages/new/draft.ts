/** What is being written: kept by the tab, so that a reload, a login that ended or a wrong turn loses none of it. */
import { useCallback, useEffect, useState } from 'react';
import { onceKey } from '../../api/call.ts';
import { isEmpty, NOTHING, readWish, type Wish } from './wish.ts';

const KEPT = 'new-job';
const ONCE = 'new-job-once';

/** A draft. */
export interface Draft {
  readonly wish: Wish;
  /** Sent twice under it, it is one job. It outlives a reload, too: an answer may have been lost on its way. */
  readonly once: string;
  readonly isKept: boolean;
  readonly change: (part: Partial<Wish>) => void;
  readonly replace: (wish: Wish) => void;
  readonly forget: () => void;
}

interface Held {
  readonly wish: Wish;
  readonly once: string;
}

function drop(): void {
  sessionStorage.removeItem(KEPT);
  sessionStorage.removeItem(ONCE);
}

function keep({ wish, once }: Held): void {
  if (isEmpty(wish)) return drop();
  sessionStorage.setItem(KEPT, JSON.stringify(wish));
  sessionStorage.setItem(ONCE, once);
}

function begin(search: URLSearchParams): Held {
  const [repo, task] = [search.get('repo'), search.get('task')];
  // What the address says wins over what was kept.
  if (repo !== null || task !== null || search.has('from'))
    return { wish: { ...NOTHING, repo: repo ?? '', task: task ?? '' }, once: onceKey() };
  const kept = readWish(sessionStorage.getItem(KEPT));
  return { wish: kept ?? NOTHING, once: (kept === null ? null : sessionStorage.getItem(ONCE)) ?? onceKey() };
}

/** Holds one. @param search what the address asks for */
export function useDraft(search: URLSearchParams): Draft {
  const [held, setHeld] = useState(() => begin(search));
  useEffect(() => keep(held), [held]);
  const change = useCallback((part: Partial<Wish>): void => {
    // Another wish is another job.
    setHeld((before) => ({ wish: { ...before.wish, ...part }, once: onceKey() }));
  }, []);
  const forget = useCallback((): void => {
    // At once: whoever leaves the page next leaves no time for an effect.
    drop();
    setHeld({ wish: NOTHING, once: onceKey() });
  }, []);
  return { ...held, isKept: !isEmpty(held.wish), change, replace: change, forget };
}
