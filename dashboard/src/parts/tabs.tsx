/** Parts of a page of which one is shown at a time; which one stands in the address. */
import type { ReactNode } from 'react';
import { useSearchParams } from 'wouter';

/**
 * The part that is shown, and what shows another one.
 *
 * @param tabs those that there are; an address with the line of a log in it is one of the log
 * @param first the usual one, which no address names
 */
export function useTab<T extends string>(tabs: readonly T[], first: T): readonly [T, (tab: T) => void] {
  const [search, setSearch] = useSearchParams();
  const named = search.get('tab') ?? (location.hash.startsWith('#L') ? 'log' : first);
  const show = (next: T): void => {
    const params = new URLSearchParams(search);
    if (next === first) params.delete('tab');
    else params.set('tab', next);
    setSearch(params, { replace: true });
  };
  return [tabs.find((one) => one === named) ?? first, show];
}

/** Where a key leads among the tabs. */
function tabAt<T extends string>(tabs: readonly T[], from: T, key: string): T | undefined {
  const at = tabs.indexOf(from);
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: at + 1,
    ArrowLeft: at - 1 + tabs.length,
    Home: 0,
    End: tabs.length - 1,
  };
  const next = steps[key];
  return next === undefined ? undefined : tabs[next % tabs.length];
}

/** The tabs; what they show is the element with the id `panel`. @param of what they are parts of */
export function Tabs<T extends string>({
  of,
  tabs,
  names,
  tab,
  onTab,
}: {
  readonly of: string;
  readonly tabs: readonly T[];
  readonly names: Readonly<Record<T, string>>;
  readonly tab: T;
  readonly onTab: (tab: T) => void;
}): ReactNode {
  return (
    <div className="tabs" role="tablist" aria-label={`Parts of ${of}`}>
      {tabs.map((one) => (
        <button
          key={one}
          id={`tab-${one}`}
          type="button"
          role="tab"
          aria-selected={tab === one}
          aria-controls="panel"
          tabIndex={tab === one ? 0 : -1}
          onClick={() => onTab(one)}
          onKeyDown={(event) => {
            const next = tabAt(tabs, one, event.key);
            if (next === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
            event.preventDefault();
            onTab(next);
            document.querySelector<HTMLElement>(`#tab-${next}`)?.focus();
          }}
        >
          {names[one]}
        </button>
      ))}
    </div>
  );
}
