/** How numbers, times and foreign text are said. */

const MS_PER = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** A span of time, as short as it can be said: `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 10 m`. */
export function span(ms: number): string {
  if (ms < MS_PER.second) return `${Math.round(ms)} ms`;
  if (ms < 10 * MS_PER.second) return `${(ms / MS_PER.second).toFixed(1)} s`;
  if (ms < MS_PER.minute) return `${Math.round(ms / MS_PER.second)} s`;
  if (ms < MS_PER.hour) {
    const seconds = Math.round((ms % MS_PER.minute) / MS_PER.second) % 60;
    return `${Math.floor(ms / MS_PER.minute)} m ${String(seconds).padStart(2, '0')} s`;
  }
  const minutes = Math.floor((ms % MS_PER.hour) / MS_PER.minute);
  return `${Math.floor(ms / MS_PER.hour)} h ${String(minutes).padStart(2, '0')} m`;
}

/** How long ago something was: `now`, `40s`, `12m`, `5h`, `3d`. */
export function ago(time: string, nowMs: number): string {
  const ms = Math.max(0, nowMs - Date.parse(time));
  if (ms < 5000) return 'now';
  if (ms < MS_PER.minute) return `${Math.floor(ms / MS_PER.second)}s`;
  if (ms < MS_PER.hour) return `${Math.floor(ms / MS_PER.minute)}m`;
  if (ms < MS_PER.day) return `${Math.floor(ms / MS_PER.hour)}h`;
  return `${Math.floor(ms / MS_PER.day)}d`;
}

const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** A time in full, where the person is. */
export function moment(time: string): string {
  return WHOLE.format(new Date(time));
}

/** A time of day, where the person is. */
export function clock(time: string): string {
  return CLOCK.format(new Date(time));
}

/** Money; `–` where nobody knows, which is not nothing. */
export function money(usd: number | null): string {
  if (usd === null) return '–';
  if (usd === 0) return '$0';
  return usd < 0.01 ? '<$0.01' : `$${usd.toFixed(2)}`;
}

const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** A count, shortened; `–` where nobody counted. */
export function amount(count: number | null): string {
  return count === null ? '–' : COMPACT.format(count);
}

/** A count with its noun. */
export function counted(count: number, one: string, many: string = `${one}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** What a repository is called by people: `owner/name`, or the end of its address. */
export function repoName(repo: string): string {
  const parts = repo
    .replace(/\.git$/, '')
    .split(/[/:\\]/)
    .filter((part) => part !== '');
  return shown(/^(https?|ssh|git@)/.test(repo) ? parts.slice(-2).join('/') : (parts.at(-1) ?? repo));
}

/** The first line of a text that says anything. */
export function firstLine(text: string): string {
  return shown(
    text
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? '',
  );
}

/** Characters that turn the direction of what follows, or that nobody sees. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

/**
 * Foreign text as it is, with what would deceive the eye made visible: characters that turn the direction of text
 * (CVE-2021-42574) or can't be seen, by their number.
 */
export function shown(text: string): string {
  return text.replace(UNSEEN, (character) => {
    const code = character.charCodeAt(0);
    return `⟨${code.toString(16).toUpperCase().padStart(4, '0')}⟩`;
  });
}

/** Where a link may lead that was not written here: never a script. */
export function webAddress(url: string | null): string | null {
  return url !== null && /^https?:\/\//.test(url) ? url : null;
}
