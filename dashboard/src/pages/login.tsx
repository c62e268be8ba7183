/** Logging in by a key. */
import type { ReactNode } from 'react';
import { useLocation, useSearch } from 'wouter';
import { queries } from '../api/queries.ts';
import { KeyForm } from '../frame/key-form.tsx';
import { useTitle } from '../frame/shell.tsx';

/** Where to go on: only to a page of this server. */
function nextOf(search: string): string {
  const next = new URLSearchParams(search).get('next') ?? '/';
  return /^\/(?![/\\])/.test(next) ? next : '/';
}

/** The page that asks for a key. */
export function LoginPage(): ReactNode {
  useTitle('Log in');
  const [, go] = useLocation();
  const next = nextOf(useSearch());
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
        </KeyForm>
      </div>
    </main>
  );
}
