/** What of the list is looked at. It stands in the address, so that it can be kept and sent. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useMemo, useRef, useState, type ReactNode, type RefObject } from 'react';
import { useSearchParams } from 'wouter';
import { usageQuery } from '../api/queries.ts';
import { Icon } from '../parts/icon.tsx';
import { STATUS } from '../parts/state.tsx';
import { repoName, shown } from '../parts/words.ts';
import { addressOf, filterOf, narrows, type Filter } from './filter.ts';

/** How long is waited for the next letter, in milliseconds. */
const PAUSE_MS = 100;
const CHOICES = ['running', 'needs_input', 'queued', 'completed', 'failed', 'cancelled'] as const;

/** The filter of the address, and how to change it. */
export function useFilter(): readonly [Filter, (change: Partial<Filter>) => void] {
  const [search, setSearch] = useSearchParams();
  const text = search.toString();
  // The same object while the address is the same: lists are known by it.
  const filter = useMemo(() => filterOf(new URLSearchParams(text)), [text]);
  const change = (wanted: Partial<Filter>): void =>
    setSearch(addressOf({ ...filter, ...wanted }), { replace: true });
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
        placeholder="Search jobs"
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

interface PickProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, label: string])[];
  readonly onPick: (value: string) => void;
}

/** One of several; what is chosen and no longer known stands there still. */
function Pick({ label, value, options, onPick }: PickProps): ReactNode {
  const isKnown = options.some(([one]) => one === value);
  return (
    <label className={value === '' ? 'select' : 'select set'}>
      <span className="unseen">{label}</span>
      <select value={value} onChange={(event) => onPick(event.target.value)}>
        {[...options, ...(isKnown ? [] : [[value, shown(value)] as const])].map(([one, word]) => (
          <option key={one} value={one}>
            {word}
          </option>
        ))}
      </select>
      <Icon name="down" />
    </label>
  );
}

const KINDS: PickProps['options'] = [
  ['', 'Jobs and runs'],
  ['job', 'Jobs'],
  ['run', 'Runs of pipelines'],
  ['step', 'Steps of runs'],
  ['all', 'Jobs, runs and steps'],
];
const TIMES: PickProps['options'] = [
  ['', 'Any time'],
  ['1', 'Today'],
  ['7', 'The last 7 days'],
  ['30', 'The last 30 days'],
];

function Asker({
  user,
  onUser,
}: {
  readonly user: string;
  readonly onUser: (user: string) => void;
}): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  return (
    <form
      className={user === '' ? 'search asker' : 'search asker set'}
      onSubmit={(event) => {
        event.preventDefault();
        field.current?.blur();
      }}
    >
      <label className="unseen" htmlFor="asker">
        Asked for by
      </label>
      <input
        ref={field}
        key={user}
        id="asker"
        name="user"
        type="search"
        defaultValue={user}
        maxLength={200}
        placeholder="Asked for by"
        onBlur={(event) => {
          const typed = event.currentTarget.value.trim();
          if (typed !== user) onUser(typed);
        }}
      />
    </form>
  );
}

/** Filters that are wanted less often. */
function More({ filter, onChange }: Changing): ReactNode {
  const { data } = useQuery(usageQuery('agent', 'all'));
  const agents = (data?.rows ?? []).flatMap(({ key }) => (key === null ? [] : [[key, shown(key)] as const]));
  return (
    <>
      <Pick
        label="Agent"
        value={filter.agent}
        options={[['', 'All agents'], ...agents]}
        onPick={(agent) => onChange({ agent })}
      />
      <Pick label="Kind" value={filter.kind} options={KINDS} onPick={(kind) => onChange({ kind })} />
      <Pick label="Time" value={filter.days} options={TIMES} onPick={(days) => onChange({ days })} />
      <Asker user={filter.user} onUser={(user) => onChange({ user })} />
    </>
  );
}

interface Changing {
  readonly filter: Filter;
  readonly onChange: (change: Partial<Filter>) => void;
}

/** The filters. */
export function Filters({
  filter,
  onChange,
  field,
}: Changing & { readonly field: RefObject<HTMLInputElement | null> }): ReactNode {
  const { data } = useQuery(usageQuery('repo', 'all'));
  const repos = (data?.rows ?? []).flatMap(({ key }) =>
    key === null ? [] : [[key, repoName(key)] as const],
  );
  const more = narrows({ ...filter, words: '', repo: '', status: '' });
  const [isOpen, setOpen] = useState(more > 0);
  const id = useId();
  return (
    <search className="filters">
      <Search words={filter.words} onWords={(words) => onChange({ words })} field={field} />
      <Pick
        label="Repository"
        value={filter.repo}
        options={[['', 'All repositories'], ...repos]}
        onPick={(repo) => onChange({ repo })}
      />
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
      <button
        type="button"
        className="button plain small"
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => setOpen(!isOpen)}
      >
        Filters{more === 0 ? '' : ` (${more})`}
      </button>
      <div id={id} className="more-filters" hidden={!isOpen}>
        {isOpen ? <More filter={filter} onChange={onChange} /> : null}
      </div>
    </search>
  );
}
