/** What is around every page: where one is, where one can go, who one is, and whether the server answers. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useRef, useState, type ReactNode, type RefObject } from 'react';
import { Link, useLocation } from 'wouter';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { logOut } from '../api/call.ts';
import { queries, readyQuery } from '../api/queries.ts';
import { Icon, type IconName } from '../parts/icon.tsx';
import { shown } from '../parts/words.ts';
import { LoginAgain } from './again.tsx';
import { useSay } from './notices.tsx';
import { Shortcuts } from './shortcuts.tsx';
import { ThemeSwitch } from './theme.tsx';

interface Place {
  readonly path: string;
  readonly name: string;
  readonly icon: IconName;
  readonly isAdmin?: true;
  /** Paths that belong to it. */
  readonly holds?: RegExp;
}

/** Where one can go: a page is a row here, a route in `app.tsx` and a key in `shortcuts.tsx`. */
const PLACES: readonly Place[] = [
  { path: '/', name: 'Jobs', icon: 'list', holds: /^\/($|job\/)/ },
  { path: '/pipeline', name: 'Pipelines', icon: 'flow', holds: /^\/(pipeline|run|new\/pipeline)(\/|$)/ },
  { path: '/cost', name: 'Cost', icon: 'coin' },
  { path: '/keys', name: 'Keys', icon: 'key', isAdmin: true },
  { path: '/audit', name: 'Audit', icon: 'flag', isAdmin: true },
  { path: '/doctor', name: 'Doctor', icon: 'pulse', isAdmin: true },
];

function ServerState(): ReactNode {
  const { data, isError } = useQuery(readyQuery);
  const wasLost = useRef(false);
  useEffect(() => {
    // What was asked meanwhile was not answered.
    if (wasLost.current && !isError) void queries.invalidateQueries();
    wasLost.current = isError;
  }, [isError]);
  const lacks = Object.entries(data?.checks ?? {}).filter(([, state]) => !['ok', 'working'].includes(state));
  const [first] = lacks;
  if (isError) return <Standing tone="bad" text="The server does not answer" />;
  if (first !== undefined) {
    const [name, state] = first;
    return (
      <Standing tone="warn" text={name === 'worker' ? 'No worker runs jobs here' : `${name}: ${state}`} />
    );
  }
  return data === undefined ? null : <Standing tone="ok" text="Ready" />;
}

function Standing({
  tone,
  text,
}: {
  readonly tone: 'ok' | 'warn' | 'bad';
  readonly text: string;
}): ReactNode {
  return (
    <p className={`standing ${tone}`} role="status">
      <Icon name={tone === 'ok' ? 'tick' : 'warn'} />
      <span>{text}</span>
    </p>
  );
}

function Person({ who }: { readonly who: WhoView }): ReactNode {
  const say = useSay();
  const leave = async (): Promise<void> => {
    try {
      await logOut();
      queries.clear();
      location.assign('/login');
    } catch (refusal) {
      say.failed(refusal);
    }
  };
  return (
    <div className="person">
      <span title={`${who.role}, agent-runner ${who.version}`}>
        {shown(who.name)} <small>{who.role}</small>
      </span>
      {who.auth ? (
        <button
          type="button"
          className="icon-button"
          aria-label="Log out"
          title="Log out"
          onClick={() => void leave()}
        >
          <Icon name="leave" />
        </button>
      ) : null}
    </div>
  );
}

function Nav({ path, isAdmin }: { readonly path: string; readonly isAdmin: boolean }): ReactNode {
  return (
    <nav aria-label="Places">
      {PLACES.filter((place) => place.isAdmin !== true || isAdmin).map((place) => {
        const isHere = place.holds === undefined ? path === place.path : place.holds.test(path);
        return (
          <Link
            key={place.path}
            href={place.path}
            className="nav-item"
            {...(isHere ? { 'aria-current': 'page' as const } : {})}
          >
            <Icon name={place.icon} />
            <span>{place.name}</span>
          </Link>
        );
      })}
    </nav>
  );
}

/** Where the focus was on what is gone with the page before, it is on the page that took its place. */
function useFocusOnPage(path: string): RefObject<HTMLElement | null> {
  const main = useRef<HTMLElement>(null);
  const before = useRef(path);
  useEffect(() => {
    if (before.current === path) return;
    before.current = path;
    const { activeElement: at } = document;
    if (at === null || at === document.body || !at.checkVisibility())
      main.current?.focus({ preventScroll: true });
  }, [path]);
  return main;
}

/** The frame. */
export function Shell({ who, children }: { readonly who: WhoView; readonly children: ReactNode }): ReactNode {
  const [path] = useLocation();
  const main = useFocusOnPage(path);
  // It is open for one place: where one goes, it is closed.
  const [openAt, setOpenAt] = useState<string | null>(null);
  const isOpen = openAt === path;
  const [hasHelp, setHelp] = useState(false);
  const canSubmit = who.role !== 'read';
  return (
    <div className={isOpen ? 'shell open' : 'shell'}>
      <a className="skip" href="#main">
        Skip to the page
      </a>
      <header className="bar">
        <Link href="/" className="brand">
          <img src="/mark.svg" alt="" width="22" height="22" />
          agent-runner
        </Link>
        <button
          type="button"
          className="icon-button menu"
          aria-expanded={isOpen}
          aria-controls="side"
          aria-label="Menu"
          onClick={() => setOpenAt(isOpen ? null : path)}
        >
          <Icon name={isOpen ? 'cross' : 'menu'} />
        </button>
      </header>
      <div className="side" id="side">
        {canSubmit ? (
          <Link href="/new" className="button primary wide">
            <Icon name="add" />
            New job
          </Link>
        ) : null}
        <Nav path={path} isAdmin={who.role === 'admin'} />
        <div className="foot">
          <ServerState />
          <button type="button" className="nav-item" onClick={() => setHelp(true)}>
            <Icon name="board" />
            <span>Keyboard</span>
            <kbd>?</kbd>
          </button>
          <ThemeSwitch />
          <a className="nav-item" href="/docs">
            <Icon name="file" />
            <span>API</span>
          </a>
          <Person who={who} />
        </div>
      </div>
      <main id="main" ref={main} tabIndex={-1}>
        {children}
      </main>
      <LoginAgain who={who} />
      <Shortcuts open={hasHelp} onOpen={setHelp} />
    </div>
  );
}

/** Names the page in the window's title. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · agent-runner`;
  }, [title]);
}
