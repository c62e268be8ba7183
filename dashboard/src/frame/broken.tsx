/** What is shown instead of a page that broke: a mistake of ours, or a part of it that a newer server has no more. */
import { Component, type ReactNode } from 'react';
import { Empty } from '../parts/notes.tsx';
import { shown } from '../parts/words.ts';

interface Props {
  readonly children: ReactNode;
}

/** Keeps the rest of the dashboard standing where a page breaks. Give it a `key` that changes with the page. */
export class Standing extends Component<Props, { readonly error: unknown }> {
  override state: { readonly error: unknown } = { error: null };

  static getDerivedStateFromError(error: unknown): { readonly error: unknown } {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === null) return this.props.children;
    const message = error instanceof Error ? error.message : 'it threw something that is no error';
    // As browsers say that a part of the programme is not there.
    const isOld = /dynamically imported module|module script|preload/i.test(message);
    return (
      <Empty icon="warn" title={isOld ? 'The dashboard was renewed' : 'This page broke'}>
        <p>{isOld ? 'The server has another version of it since this page was opened.' : shown(message)}</p>
        <button type="button" className="button primary" onClick={() => location.reload()}>
          Load it again
        </button>
      </Empty>
    );
  }
}
