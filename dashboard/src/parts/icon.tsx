/** The signs: one stroke weight, one size of a grid, drawn with the colour of the text around them. */
import type { ReactNode } from 'react';

const PATHS = {
  clock: <path d="M8 4.5V8l2.4 1.6M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />,
  run: <path d="M14 8a6 6 0 1 1-3.2-5.3" />,
  again: <path d="M13.5 3v3.2h-3.2M13.2 6.2A5.6 5.6 0 1 0 13.6 9" />,
  ask: <path d="M6 6.2A2 2 0 1 1 8 8.4v.8M8 11.5h.01M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />,
  ok: <path d="m5.2 8.2 2 2 3.6-4M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />,
  tick: <path d="m3.5 8.5 3 3 6-7" />,
  bad: <path d="m6 6 4 4m0-4-4 4m4-8 4 4v4l-4 4H6l-4-4V6l4-4Z" />,
  cross: <path d="m4 4 8 8m0-8-8 8" />,
  warn: <path d="M8 6v3M8 11.2h.01M8 2.2 14.4 13.5H1.6L8 2.2Z" />,
  shield: <path d="M8 5.2v3M8 10.4h.01M8 1.8l5 1.8v4.1c0 3.1-2.1 5.4-5 6.5-2.9-1.1-5-3.4-5-6.5V3.6l5-1.8Z" />,
  stop: <path d="M5.7 5.7h4.6v4.6H5.7zM14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />,
  none: <path d="M5.5 8h5M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />,
  say: <path d="M2.5 3.5h11v7.5H7.5L4.5 13.5V11h-2v-7.5Z" />,
  pull: (
    <path d="M4 5.5v5M4 5.5a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Zm0 8a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Zm8 0a1.5 1.5 0 1 0 0-3 1.5 1.5 0 0 0 0 3Zm0-3V6a2 2 0 0 0-2-2H7.5M9 2.5 7.5 4 9 5.5" />
  ),
  coin: (
    <path d="M8 4.5v7M9.8 6a1.8 1.3 0 0 0-1.8-.8c-1 0-1.8.5-1.8 1.3C6.2 8.4 9.8 7.6 9.8 9.5c0 .8-.8 1.3-1.8 1.3A1.8 1.3 0 0 1 6.2 10M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0Z" />
  ),
  list: <path d="M5.5 4h8M5.5 8h8M5.5 12h8M2.5 4h.01M2.5 8h.01M2.5 12h.01" />,
  add: <path d="M8 3v10M3 8h10" />,
  key: <path d="M9.2 6.8 14 2M12 4l1.5 1.5M10.3 10a3.3 3.3 0 1 1-6.6 0 3.3 3.3 0 0 1 6.6 0Z" />,
  pulse: <path d="M1.5 8h3l2-4.5 3 9 2-4.5h3" />,
  sun: (
    <path d="M8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4l1 1M11.6 11.6l1 1M12.6 3.4l-1 1M4.4 11.6l-1 1M10.7 8a2.7 2.7 0 1 1-5.4 0 2.7 2.7 0 0 1 5.4 0Z" />
  ),
  moon: <path d="M13.5 9.6A5.7 5.7 0 0 1 6.4 2.5a5.7 5.7 0 1 0 7.1 7.1Z" />,
  screen: <path d="M2 3h12v8H2zM5.5 13.5h5" />,
  whole: <path d="M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10" />,
  search: <path d="m10.5 10.5 3 3M12 7A5 5 0 1 1 2 7a5 5 0 0 1 10 0Z" />,
  out: <path d="M6.5 3.5h-4v9h10v-4M9 2.5h4.5V7M13 3 7.5 8.5" />,
  copy: <path d="M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3" />,
  down: <path d="m4 6 4 4 4-4" />,
  right: <path d="m6 4 4 4-4 4" />,
  left: <path d="m10 4-4 4 4 4" />,
  file: <path d="M9 2H4v12h8V5L9 2Zm0 0v3h3" />,
  tool: <path d="m9.5 6.5-6 6 1 1 6-6M9 4.5a3 3 0 0 1 4-2.2L11.2 4.1l.7.7L13.7 3A3 3 0 0 1 9.8 7" />,
  board: <path d="M4.5 6 7 8.5 4.5 11M8.5 11h3M2 2.5h12v11H2z" />,
  leave: <path d="M6.5 2.5h-4v11h4M10.5 5l3 3-3 3M6 8h7.5" />,
  menu: <path d="M2.5 4.5h11M2.5 8h11M2.5 11.5h11" />,
  flow: <path d="M2 2.5h4.5v4H2zM9.5 2.5H14v4H9.5zM9.5 9.5H14v4H9.5zM6.5 4.5h3M8 4.5v7h1.5" />,
  less: <path d="M3 8h10" />,
  skip: <path d="M2.5 4.5 6 8l-3.5 3.5M7 4.5 10.5 8 7 11.5M13.5 4v8" />,
  flag: <path d="M3.5 14V2.5h8.5L10 5.5l2 3H3.5" />,
} as const satisfies Record<string, ReactNode>;
/** The name of a sign. */
export type IconName = keyof typeof PATHS;

/** A sign, which says nothing by itself: a word always stands beside it, or in the label of what it is on. */
export function Icon({
  name,
  turns = false,
}: {
  readonly name: IconName;
  readonly turns?: boolean;
}): ReactNode {
  return (
    <svg className={turns ? 'icon turns' : 'icon'} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      {PATHS[name]}
    </svg>
  );
}
