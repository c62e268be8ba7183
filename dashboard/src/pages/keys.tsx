/** Who may come in: keys are made here, shown once, and taken back. */
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { KeyView, Role } from '../../../src/job/access/access.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { post } from '../api/call.ts';
import { keysQuery, queries } from '../api/queries.ts';
import { useSay } from '../frame/notices.tsx';
import { useTitle } from '../frame/shell.tsx';
import { Sheet } from '../parts/ask.tsx';
import { Line } from '../parts/copy.tsx';
import { Icon } from '../parts/icon.tsx';
import { Failure, Loading } from '../parts/notes.tsx';
import { State } from '../parts/state.tsx';
import { moment, shown } from '../parts/words.ts';

const ROLES: Readonly<Record<Role, string>> = {
  read: 'looks',
  submit: 'looks, asks for jobs and acts on them',
  admin: 'does everything, and makes keys',
};

interface MadeKey extends KeyView {
  readonly key: string;
}

function Make({ onMade }: { readonly onMade: (key: MadeKey) => void }): ReactNode {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('submit');
  const [error, setError] = useState<unknown>(null);
  const make = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(null);
    try {
      onMade(await post<MadeKey>('/api/keys', { name: name.trim(), role }));
      setName('');
      await queries.invalidateQueries(keysQuery);
    } catch (refusal) {
      setError(refusal);
    }
  };
  return (
    <form className="card make-key" onSubmit={(event) => void make(event)}>
      <label className="field">
        <span>For whom or what</span>
        <input required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
      </label>
      <fieldset className="field">
        <legend>What it may do</legend>
        {(Object.keys(ROLES) as Role[]).map((one) => (
          <label key={one} className="radio">
            <input type="radio" name="role" checked={role === one} onChange={() => setRole(one)} />
            <b>{one}</b> <span className="quiet">{ROLES[one]}</span>
          </label>
        ))}
      </fieldset>
      {error === null ? null : <Failure error={error} />}
      <button type="submit" className="button primary">
        Make a key
      </button>
    </form>
  );
}

/** What follows for who takes it back, where something does. */
function warningOf(asked: KeyView, keys: readonly KeyView[], own: string): string | null {
  const others = keys.filter(
    (key) => key.role === 'admin' && key.revoked_at === null && key.key_id !== asked.key_id,
  );
  if (asked.role === 'admin' && others.length === 0)
    return 'It is the last one of an administrator: nobody can make keys here afterwards, but by agent-runner keys create on the server’s machine.';
  return asked.key_id === own
    ? 'It is the one that you are logged in with: you are logged out at once.'
    : null;
}

function TakeBack({
  asked,
  keys,
  own,
  onClose,
}: {
  readonly asked: KeyView | null;
  readonly keys: readonly KeyView[];
  readonly own: string;
  readonly onClose: () => void;
}): ReactNode {
  const say = useSay();
  const warning = asked === null ? null : warningOf(asked, keys, own);
  const revoke = async (key: KeyView): Promise<void> => {
    onClose();
    try {
      await post(`/api/keys/${key.key_id}/revoke`);
      say.done(`The key of ${key.name} opens nothing any more`);
      await queries.invalidateQueries(keysQuery);
    } catch (refusal) {
      say.failed(refusal);
    }
  };
  return (
    <Sheet open={asked !== null} onClose={onClose} title="Take this key back?">
      <p>
        Whoever uses the key of <b>{shown(asked?.name ?? '')}</b> is let in no more, for good.
      </p>
      {warning === null ? null : (
        <p className="note warn-box" role="alert">
          <span>
            <Icon name="warn" /> {warning}
          </span>
        </p>
      )}
      <footer>
        <button type="button" className="button plain" onClick={onClose}>
          No
        </button>
        <button
          type="button"
          className="button danger"
          onClick={() => void (asked === null ? undefined : revoke(asked))}
        >
          Take it back
        </button>
      </footer>
    </Sheet>
  );
}

function Keys({ keys, own }: { readonly keys: readonly KeyView[]; readonly own: string }): ReactNode {
  const [asked, setAsked] = useState<KeyView | null>(null);
  return (
    <div className="table-scroll card" tabIndex={0} role="region" aria-label="Keys">
      <table className="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col">State</th>
            <th scope="col">Made</th>
            <th scope="col">Key</th>
            <th scope="col">
              <span className="unseen">Take back</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.key_id}>
              <th scope="row">
                {shown(key.name)}
                {key.key_id === own ? <span className="chip">you</span> : null}
              </th>
              <td>{key.role}</td>
              <td>
                {key.revoked_at === null ? (
                  <State told={{ icon: 'ok', word: 'valid', tone: 'ok' }} />
                ) : (
                  <State told={{ icon: 'stop', word: 'taken back', tone: 'quiet' }} />
                )}
              </td>
              <td className="quiet nowrap">
                {moment(key.created_at)}
                {key.revoked_at === null ? '' : `, until ${moment(key.revoked_at)}`}
              </td>
              <td>
                <Link href={`/audit?actor=${key.key_id}`} title="What it did">
                  <code>{key.key_id}</code>
                </Link>
              </td>
              <td className="end">
                {key.revoked_at === null ? (
                  <button
                    type="button"
                    className="button small"
                    aria-label={`Take back the key of ${shown(key.name)}`}
                    onClick={() => setAsked(key)}
                  >
                    Take back
                  </button>
                ) : null}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <TakeBack asked={asked} keys={keys} own={own} onClose={() => setAsked(null)} />
    </div>
  );
}

/** The page. */
export function KeysPage({ who }: { readonly who: WhoView }): ReactNode {
  useTitle('Keys');
  const { data, error, refetch } = useQuery(keysQuery);
  const [made, setMade] = useState<MadeKey | null>(null);
  return (
    <div className="page stack">
      <div>
        <h1>Keys</h1>
        <p className="quiet">
          Who may use the API and this dashboard. Only a hash of each is kept; a key holds until it is taken
          back. What each did is in the <Link href="/audit">audit</Link>.
        </p>
      </div>
      {made === null ? null : (
        <div className="note ok-box" role="status">
          <p>
            The key of <b>{shown(made.name)}</b>, shown this once:
          </p>
          <Line text={made.key} what="the key" />
          <p>
            For a browser, as a link:{' '}
            <Line text={`${location.origin}/login?token=${made.key}`} what="the link" />
          </p>
          <button type="button" className="button small" onClick={() => setMade(null)}>
            I have it
          </button>
        </div>
      )}
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="keys" /> : null}
      {data === undefined ? null : <Keys keys={data} own={who.id} />}
      <Make onMade={setMade} />
    </div>
  );
}
