/** Logging in by a key. */
import { useState, type FormEvent, type ReactNode } from 'react';
import { useLocation, useSearch } from 'wouter';
import { logIn } from '../api/call.ts';
import { queries } from '../api/queries.ts';
import { useTitle } from '../frame/shell.tsx';
import { Failure } from '../parts/notes.tsx';

/** Where to go on: only to a page of this server, as a browser reads the address. @param origin of this server */
export function nextOf(search: string, origin: string): string {
  const next = URL.parse(new URLSearchParams(search).get('next') ?? '/', origin);
  if (next === null || next.origin !== origin || !/^\/(?!\/)/.test(next.pathname)) return '/';
  // Where one is already would ask for the key again.
  return next.pathname === '/login' ? '/' : `${next.pathname}${next.search}`;
}

/** Asks for a key. The server keeps a signed cookie of it; the page never holds it again. */
export function LoginPage(): ReactNode {
  useTitle('Log in');
  const [, go] = useLocation();
  const next = nextOf(useSearch(), location.origin);
  const [token, setToken] = useState('');
  const [error, setError] = useState<unknown>(null);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    try {
      await logIn(token.trim());
      queries.clear();
      go(next, { replace: true });
    } catch (refusal) {
      setError(refusal);
    }
  };
  return (
    <main className="login">
      <form className="card" onSubmit={(event) => void submit(event)}>
        <h1>
          <img src="/mark.svg" alt="" width="28" height="28" /> agent-runner
        </h1>
        <label className="field">
          <span>Key</span>
          <input
            type="password"
            autoComplete="current-password"
            required
            autoFocus
            value={token}
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        {error === null ? null : <Failure error={error} />}
        <button type="submit" className="button primary wide">
          Log in
        </button>
        <p className="hint">
          The first start of the server printed a link that logs you in. Another key is made by{' '}
          <code>agent-runner keys create</code>.
        </p>
      </form>
    </main>
  );
}
