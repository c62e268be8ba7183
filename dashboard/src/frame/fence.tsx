/** What is around a part of a page, so that one part that can't be shown takes nothing else with it. */
import { Component, type ReactNode } from 'react';
import { Icon } from '../parts/icon.tsx';
import { shown } from '../parts/words.ts';

interface Held {
  readonly message: string | null;
}

/** The fence. Give it a `key` of what it holds: something else is tried anew. */
export class Fence extends Component<{ readonly children: ReactNode }, Held> {
  override state: Held = { message: null };

  /** React's way to say what was thrown inside. */
  static getDerivedStateFromError(error: unknown): Held {
    return { message: error instanceof Error ? error.message : 'nothing is known of it' };
  }

  override render(): ReactNode {
    const { message } = this.state;
    if (message === null) return this.props.children;
    // As browsers say that a part of the programme is not there.
    const isOld = /dynamically imported module|module script|preload/i.test(message);
    return (
      <div className="failure" role="alert">
        <Icon name="warn" />
        <div>
          <p>{isOld ? 'The dashboard was renewed' : `This could not be shown: ${shown(message)}`}</p>
          <p className="hint">
            {isOld
              ? 'The server has another version of it since this page was opened.'
              : 'It is a fault of the dashboard; the command line and the API tell the same.'}
          </p>
          <button type="button" className="button small" onClick={() => location.reload()}>
            Load the page anew
          </button>
        </div>
      </div>
    );
  }
}
