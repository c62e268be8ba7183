/** Light or dark: as the system has it, unless somebody chose. */
import { useState, type ReactNode } from 'react';
import { keep, kept } from '../parts/kept.ts';
import { Icon, type IconName } from '../parts/icon.tsx';

type Theme = 'system' | 'light' | 'dark';

const NEXT: Readonly<Record<Theme, Theme>> = { system: 'light', light: 'dark', dark: 'system' };
const SIGNS: Readonly<Record<Theme, IconName>> = { system: 'screen', light: 'sun', dark: 'moon' };

function chosen(): Theme {
  const theme = kept('theme');
  return theme === 'light' || theme === 'dark' ? theme : 'system';
}

function choose(theme: Theme): void {
  if (theme === 'system') {
    keep('theme', null);
    delete document.documentElement.dataset['theme'];
  } else {
    keep('theme', theme);
    document.documentElement.dataset['theme'] = theme;
  }
}

/** Goes from one theme to the next. */
export function ThemeSwitch(): ReactNode {
  const [theme, setTheme] = useState(chosen);
  const next = (): void => {
    choose(NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  return (
    <button
      type="button"
      className="nav-item"
      onClick={next}
      title={`Theme: ${theme}. Change to ${NEXT[theme]}`}
    >
      <Icon name={SIGNS[theme]} />
      <span>Theme: {theme}</span>
    </button>
  );
}
