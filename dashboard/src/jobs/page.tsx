/** All jobs, the newest first, as they stand. */
import { useRef, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { useTitle } from '../frame/shell.tsx';
import { Icon } from '../parts/icon.tsx';
import { Empty, Failure, Loading } from '../parts/notes.tsx';
import { Bulk } from './bulk/bar.tsx';
import { useChoice } from './bulk/choice.ts';
import { useFeed, type Feed } from './feed.ts';
import { addressOf, ALL, narrows, type Filter } from './filter.ts';
import { Filters, useFilter } from './filters.tsx';
import { List } from './list.tsx';

/** What would show more, of what is looked for: each by itself. */
function Wider({ filter }: { readonly filter: Filter }): ReactNode {
  const widths: readonly (readonly [keyof Filter, string])[] = [
    ['words', `without “${filter.words}”`],
    ['status', 'in any state'],
    ['repo', 'in all repositories'],
    ['agent', 'by any agent'],
    ['user', 'asked for by anybody'],
    ['days', 'of any time'],
    ['kind', 'jobs and runs'],
  ];
  const set = widths.filter(([field]) => filter[field] !== '');
  if (set.length < 2) return null;
  return (
    <p className="wider">
      Look{' '}
      {set.map(([field, words], at) => (
        <span key={field}>
          {at === 0 ? null : ', '}
          <Link href={`/?${addressOf({ ...filter, [field]: '' })}`}>{words}</Link>
        </span>
      ))}
    </p>
  );
}

function Nothing({ filter, canSubmit }: { readonly filter: Filter; readonly canSubmit: boolean }): ReactNode {
  if (narrows(filter) > 0) {
    return (
      <Empty icon="search" title="No job fits this">
        <p>Words are looked for in tasks, repositories, branches and ids.</p>
        <Wider filter={filter} />
        <Link href={`/?${addressOf(ALL)}`} className="button">
          Show all jobs
        </Link>
      </Empty>
    );
  }
  return (
    <Empty icon="list" title="No jobs yet">
      <p>
        A job takes one task on one repository, and ends in a change that was proven or in the reason why not.
      </p>
      {canSubmit ? (
        <>
          <p>
            The demo needs no key and no network: a small repository, and a scripted agent that breaks a test
            and mends it.
          </p>
          <p className="pair">
            <Link href="/new" className="button primary">
              Ask for the first one, or try the demo
            </Link>
          </p>
          <p>
            From a terminal, in a repository: <code>agent-runner submit &quot;Fix the rounding&quot;</code>
          </p>
        </>
      ) : (
        <p>This key may look, and not ask for jobs.</p>
      )}
    </Empty>
  );
}

function Lost({ feed }: { readonly feed: Feed }): ReactNode {
  return (
    <div role="status" className="lost-line">
      {feed.connection === 'lost' && feed.state === 'ready' ? (
        <p>
          <Icon name="warn" /> The server does not answer: what stands here is from before. The list goes on
          by itself when it is back.
        </p>
      ) : null}
    </div>
  );
}

/** The page. */
export function JobsPage({ who }: { readonly who: WhoView }): ReactNode {
  useTitle('Jobs');
  const [filter, change] = useFilter();
  const feed = useFeed(filter);
  const { choice, chosen, clear } = useChoice(feed.jobs);
  const field = useRef<HTMLInputElement>(null);
  const canSubmit = who.role !== 'read';
  const place = JSON.stringify(filter);
  return (
    <div className="page-list">
      <header className="page-head">
        <h1>Jobs</h1>
        <Filters filter={filter} onChange={change} field={field} />
      </header>
      <Lost feed={feed} />
      {feed.error === null ? null : <Failure error={feed.error} onAgain={feed.again} />}
      {feed.state === 'loading' ? <Loading what="jobs" lines={9} /> : null}
      {feed.state === 'ready' && feed.jobs.length === 0 ? (
        <Nothing filter={filter} canSubmit={canSubmit} />
      ) : null}
      {feed.jobs.length === 0 ? null : (
        <List
          key={place}
          feed={feed}
          place={place}
          choice={canSubmit ? choice : null}
          onEscape={clear}
          onSearch={() => field.current?.focus()}
        />
      )}
      <Bulk jobs={chosen} onClear={clear} />
    </div>
  );
}
