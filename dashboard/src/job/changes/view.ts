/** How a person likes to see changes: remembered by this browser. */
import { useState, useSyncExternalStore } from 'react';

/** How they are shown. */
export interface View {
  readonly isWrapped: boolean;
  /** What was beside what is; only where the window is wide. */
  readonly isSplit: boolean;
  readonly isWide: boolean;
  readonly onWrap: () => void;
  readonly onSplit: () => void;
}

const KEY = 'agent-runner diff';
const WIDE = matchMedia('(min-width: 1100px)');

interface Liked {
  readonly isWrapped: boolean;
  readonly isSplit: boolean;
}

function read(): Liked {
  try {
    const words = (localStorage.getItem(KEY) ?? '').split(' ');
    return { isWrapped: !words.includes('unwrapped'), isSplit: words.includes('split') };
  } catch {
    return { isWrapped: true, isSplit: false };
  }
}

function write({ isWrapped, isSplit }: Liked): void {
  try {
    localStorage.setItem(KEY, `${isWrapped ? 'wrapped' : 'unwrapped'} ${isSplit ? 'split' : 'joined'}`);
  } catch {
    // A browser that keeps nothing forgets it.
  }
}

function onWide(listener: () => void): () => void {
  WIDE.addEventListener('change', listener);
  return () => WIDE.removeEventListener('change', listener);
}

/** How changes are shown here. */
export function useView(): View {
  const [liked, setLiked] = useState(read);
  const isWide = useSyncExternalStore(onWide, () => WIDE.matches);
  const like = (next: Liked): void => {
    setLiked(next);
    write(next);
  };
  return {
    isWrapped: liked.isWrapped,
    isSplit: liked.isSplit && isWide,
    isWide,
    onWrap: () => like({ ...liked, isWrapped: !liked.isWrapped }),
    onSplit: () => like({ ...liked, isSplit: !liked.isSplit }),
  };
}
