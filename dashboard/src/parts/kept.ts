/** What a browser keeps of choices; one that keeps nothing forgets them with the page. */

/** What was kept under a name; `null` where nothing was. */
export function kept(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    // A browser that is told to keep nothing throws where others answer.
    return null;
  }
}

/** Keeps a choice; `null` forgets it. */
export function keep(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, value);
  } catch {
    // It holds for this page.
  }
}
