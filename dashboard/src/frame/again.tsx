/** A login that ended in the middle of work: it is asked for over the page, which stays as it is. */
import { useState, type ReactNode } from 'react';
import type { WhoView } from '../../../src/server/dashboard/view.ts';
import { forgetWriting, get } from '../api/call.ts';
import { queries } from '../api/queries.ts';
import { useLoggedOut } from '../api/session.ts';
import { KeyForm } from './key-form.tsx';
import { Sheet } from '../parts/ask.tsx';

/** Asks for the login. @param who whose page it is */
export function LoginAgain({ who }: { readonly who: WhoView }): ReactNode {
  const isOut = useLoggedOut();
  const [isHidden, setHidden] = useState(false);
  const goOn = async (): Promise<void> => {
    setHidden(false);
    const now = await get<WhoView>('/api/who');
    const isSame = now.id === who.id || (now.name === who.name && now.role === who.role);
    // Somebody else is not shown what was here.
    if (isSame) await queries.invalidateQueries();
    else {
      forgetWriting();
      location.assign('/');
    }
  };
  if (isOut && isHidden) {
    return (
      <p className="note warn-box login-again" role="alert">
        Your login has ended.
        <button type="button" className="button small" onClick={() => setHidden(false)}>
          Log in
        </button>
      </p>
    );
  }
  return (
    <Sheet open={isOut} onClose={() => setHidden(true)} title="Your login has ended">
      <p>Log in again to go on: what you wrote is still here.</p>
      <KeyForm onIn={() => void goOn()} />
    </Sheet>
  );
}
