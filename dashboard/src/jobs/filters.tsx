/** What of the list is looked at. It stands in the address, so that it can be kept and sent. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useSearchParams } from 'wouter';
import { usageQuery } from '../api/queries.ts';
import { Icon } from '../parts/icon.tsx';
import { STATUS } from '../parts/state.tsx';
import { repoName } from '../parts/words.ts';
import type { Filter } from './feed.ts';

/** How long is waited for the next letter, in milliseconds. */
const PAUSE_MS = 200;
const CHOICES = ['running', 'needs_input', 'queued', 'completed', 'failed', 'cancelled'] as const;

/** The filter of the address, and how to change it. */
export function useFilter(): readonly [Filter, (change: Partial<Filter>) => void] {
  const [search, setSearch] = useSearchParams();
  const filter: Filter = {
    status: search.get('status') ?? '',
    repo: search.get('repo') ?? '',
    words: search.get('q') ?? '',
  };
  const change = (wanted: Partial<Filter>): void => {
    const { status, repo, words } = { ...filter, ...wanted };
    const next = new URLSearchParams();
    if (status !== '') next.set('status', status);
    if (repo !== '') next.set('repo', repo);
    if (words !== '') next.set('q', words);
    setSearch(next, { replace: true });
  };
  return [filter, change];
}

function Search({
  words,
  onWords,
  field,
}: {
  readonly words: string;
  readonly onWords: (words: string) => void;
  readonly field: RefObject<HTMLInputElement | null>;
}): ReactNode {
  const [typed, setTyped] = useState(words);
  const told = useRef(words);
  useEffect(() => {
    if (words !== told.current) setTyped(words);
    told.current = words;
  }, [words]);
  useEffect(() => {
    if (typed === told.current) return undefined;
    const timer = setTimeout(() => {
      told.current = typed;
      onWords(typed);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed, onWords]);
  return (
    <label className="search">
      <Icon name="search" />
      <span className="unseen">Search jobs by words</span>
      <input
        ref={field}
        type="search"
        placeholder="Search tasks, repositories, branches"
        value={typed}
        maxLength={200}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

/** The filters. */
export function Filters({
  filter,
  onChange,
  field,
}: {
  readonly filter: Filter;
  readonly onChange: (change: Partial<Filter>) => void;
  readonly field: RefObject<HTMLInputElement | null>;
}): ReactNode {
  const { data } = useQuery(usageQuery('repo', 'all'));
  const known = (data?.rows ?? []).flatMap(({ key }) => key ?? []);
  const repos = filter.repo === '' || known.includes(filter.repo) ? known : [filter.repo, ...known];
  return (
    <search className="filters">
      <Search words={filter.words} onWords={(words) => onChange({ words })} field={field} />
      <label className="select">
        <span className="unseen">Repository</span>
        <select value={filter.repo} onChange={(event) => onChange({ repo: event.target.value })}>
          <option value="">All repositories</option>
          {repos.map((repo) => (
            <option key={repo} value={repo}>
              {repoName(repo)}
            </option>
          ))}
        </select>
        <Icon name="down" />
      </label>
      <div className="choices" role="group" aria-label="Status">
        {['', ...CHOICES].map((status) => (
          <button
            key={status}
            type="button"
            aria-pressed={filter.status === status}
            onClick={() => onChange({ status })}
          >
            {status === '' ? 'All' : STATUS[status as (typeof CHOICES)[number]].word}
          </button>
        ))}
      </div>
    </search>
  );
}
