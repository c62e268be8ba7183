/** Who may come in: keys are made here, shown once, and taken back. */
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent, type ReactNode } from 'react';
import type { KeyView, Role } from '../../../src/job/access/access.ts';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { post } from '../api/call.ts';
import { keysQuery, queries } from '../api/queries.ts';
import { useSay } from '../frame/notices.tsx';
import { useTitle } from '../frame/shell.tsx';
import { Sheet } from '../parts/ask.tsx';
import { Line } from '../parts/copy.tsx';
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

function TakeBack({
  asked,
  own,
  onClose,
}: {
  readonly asked: KeyView | null;
  readonly own: string;
  readonly onClose: () => void;
}): ReactNode {
  const say = useSay();
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
        {asked?.key_id === own ? ' It is the one that you are logged in with.' : ''}
      </p>
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
              <th scope="row">{shown(key.name)}</th>
              <td>{key.role}</td>
              <td>
                {key.revoked_at === null ? (
                  <State told={{ icon: 'ok', word: 'valid', tone: 'ok' }} />
                ) : (
                  <State told={{ icon: 'stop', word: 'taken back', tone: 'quiet' }} />
                )}
              </td>
              <td className="quiet">{moment(key.created_at)}</td>
              <td>
                <code>{key.key_id}</code>
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
      <TakeBack asked={asked} own={own} onClose={() => setAsked(null)} />
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
        <p className="quiet">Who may use the API and this dashboard. Only a hash of each is kept.</p>
      </div>
      {made === null ? null : (
        <div className="note ok-box" role="status">
          <p>
            The key of <b>{shown(made.name)}</b>, shown this once:
          </p>
          <Line text={made.key} what="the key" />
        </div>
      )}
      {error === null ? null : <Failure error={error} onAgain={() => void refetch()} />}
      {data === undefined && error === null ? <Loading what="keys" /> : null}
      {data === undefined ? null : <Keys keys={data} own={who.id} />}
      <Make onMade={setMade} />
    </div>
  );
}
