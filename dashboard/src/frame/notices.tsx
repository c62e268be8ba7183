/** Short words about what was just done, for eyes and for screen readers; they go by themselves, errors on request. */
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';
import { Icon } from '../parts/icon.tsx';
import { shown } from '../parts/words.ts';

interface Notice {
  readonly number: number;
  readonly text: string;
  readonly isError: boolean;
}

/** Says something. */
export interface Say {
  readonly done: (text: string) => void;
  readonly failed: (error: unknown) => void;
}

const STAYS_MS = 5000;
const MAX_NOTICES = 4;
const Context = createContext<Say>({ done: () => {}, failed: () => {} });
let last = 0;

/** Says something, from anywhere. */
export function useSay(): Say {
  return useContext(Context);
}

/** Holds what was said. */
export function Notices({ children }: { readonly children: ReactNode }): ReactNode {
  const [notices, setNotices] = useState<readonly Notice[]>([]);
  const drop = useCallback((number: number) => {
    setNotices((all) => all.filter((one) => one.number !== number));
  }, []);
  const say = useMemo((): Say => {
    const add = (text: string, isError: boolean): void => {
      const number = ++last;
      setNotices((all) => [...all, { number, text: shown(text), isError }].slice(-MAX_NOTICES));
      if (!isError) setTimeout(() => drop(number), STAYS_MS);
    };
    return {
      done: (text) => add(text, false),
      failed: (error) => add(error instanceof Error ? error.message : String(error), true),
    };
  }, [drop]);
  return (
    <Context value={say}>
      {children}
      <div className="notices" aria-live="polite">
        {notices.map(({ number, text, isError }) => (
          <div
            key={number}
            className={isError ? 'notice bad' : 'notice'}
            role={isError ? 'alert' : undefined}
          >
            <Icon name={isError ? 'warn' : 'tick'} />
            <p>{text}</p>
            <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => drop(number)}>
              <Icon name="cross" />
            </button>
          </div>
        ))}
      </div>
    </Context>
  );
}
