/** Logging in by a key, wherever one is asked for it. */
import { useState, type FormEvent, type ReactNode } from 'react';
import { logIn } from '../api/call.ts';
import { Line } from '../parts/copy.tsx';
import { Failure } from '../parts/notes.tsx';

/** The key in what was pasted, which may be the whole link. */
function keyOf(pasted: string): string {
  return /[?&]token=([^&\s]+)/.exec(pasted)?.[1] ?? pasted.trim();
}

/** The field for a key. The server keeps a signed cookie of it; the page never holds it again. */
export function KeyForm({
  onIn,
  children,
}: {
  readonly onIn: () => void;
  readonly children?: ReactNode;
}): ReactNode {
  const [token, setToken] = useState('');
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    setBusy(true);
    try {
      await logIn(keyOf(token));
      onIn();
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  };
  return (
    <form className="login-form" onSubmit={(event) => void submit(event)}>
      {children}
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
      <button type="submit" className="button primary wide" disabled={isBusy}>
        Log in
      </button>
      <p className="hint">
        The first start of the server printed a link that logs you in. On the server’s machine this makes
        another key, which is shown once:
      </p>
      <Line text="agent-runner keys create --name me --role admin" what="the command" />
    </form>
  );
}
