/** Logging in by a key. */
import type { ReactNode } from 'react';
import { useLocation, useSearch } from 'wouter';
import { queries } from '../api/queries.ts';
import { KeyForm } from '../frame/key-form.tsx';
import { useTitle } from '../frame/shell.tsx';

/** Where to go on: only to a page of this server, as a browser reads the address. @param origin of this server */
export function nextOf(search: string, origin: string): string {
  const next = URL.parse(new URLSearchParams(search).get('next') ?? '/', origin);
  if (next === null || next.origin !== origin || !/^\/(?!\/)/.test(next.pathname)) return '/';
  // Where one is already would ask for the key again.
  return next.pathname === '/login' ? '/' : `${next.pathname}${next.search}`;
}

/** The page that asks for a key. */
export function LoginPage(): ReactNode {
  useTitle('Log in');
  const [, go] = useLocation();
  const search = useSearch();
  const next = nextOf(search, location.origin);
  const isRefused = new URLSearchParams(search).get('refused') === 'key';
  return (
    <main className="login">
      <div className="card">
        <KeyForm
          onIn={() => {
            queries.clear();
            go(next, { replace: true });
          }}
        >
          <h1>
            <img src="/mark.svg" alt="" width="28" height="28" /> agent-runner
          </h1>
          {isRefused ? (
            <p className="note warn-box" role="alert">
              The link holds no key, or one that was revoked.
            </p>
          ) : null}
        </KeyForm>
      </div>
    </main>
  );
}
