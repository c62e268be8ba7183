/** How numbers, times and foreign text are said. */

const MS_PER = { second: 1000, minute: 60_000, hour: 3_600_000, day: 86_400_000 } as const;

/** A span of time, as short as it can be said: `840 ms`, `12.4 s`, `3 m 05 s`, `2 h 10 m`. */
export function span(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
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
  if (Number.isNaN(ms)) return '–';
  if (ms < 5000) return 'now';
  if (ms < MS_PER.minute) return `${Math.floor(ms / MS_PER.second)}s`;
  if (ms < MS_PER.hour) return `${Math.floor(ms / MS_PER.minute)}m`;
  if (ms < MS_PER.day) return `${Math.floor(ms / MS_PER.hour)}h`;
  return `${Math.floor(ms / MS_PER.day)}d`;
}

const WHOLE = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
/** Half of the day stays with its hour. */
const BEFORE_HALF = /[ \u202f](?=[AP]M$)/;
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

function said(format: Intl.DateTimeFormat, time: string): string {
  const date = new Date(time);
  // A store holds what was written to it, and a time that is none is no reason to show nothing else.
  return Number.isNaN(date.getTime()) ? shown(time) : format.format(date).replace(BEFORE_HALF, '\u00a0');
}

/** A time in full, where the person is. */
export function moment(time: string): string {
  return said(WHOLE, time);
}

/** A time of day, where the person is. */
export function clock(time: string): string {
  return said(CLOCK, time);
}

/** Money; `–` where nobody knows, which is not nothing. */
export function money(usd: number | null): string {
  if (usd === null) return '–';
  if (usd === 0) return '$0';
  return usd < 0.01 ? '<$0.01' : `$${usd.toFixed(2)}`;
}

/** Money that is a limit: whole dollars are whole dollars. */
export function roundMoney(usd: number): string {
  return money(usd).replace(/\.00$/, '');
}

/** A span that is a limit: whole hours are whole hours. */
export function roundSpan(ms: number): string {
  return span(ms).replace(/( 00 [ms])+$/, '');
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

/** Longest line that stands where there is room for one, in characters. */
const MAX_LINE_CHARS = 300;

/** The first line of a text that says anything; a very long one is cut. */
export function firstLine(text: string): string {
  const line = /\S.*/.exec(text)?.[0].trim() ?? '';
  return shown(line.length > MAX_LINE_CHARS ? `${line.slice(0, MAX_LINE_CHARS)}…`.toWellFormed() : line);
}

/**
 * Characters that turn the direction of what follows, or that nobody sees: controls, formats (bidi controls, zero-width
 * ones, soft hyphens, tags that hide ASCII), separators of lines that are none, fillers that look like a space, and
 * halves of a surrogate pair. Tabs and ends of lines are what they are.
 */
const UNSEEN =
  /(?![\t\n\u0600-\u0605\u06dd])[\p{Cc}\p{Cf}\p{Cs}\u034f\u115f\u1160\u2028\u2029\u2800\u3164\uffa0]/gu;
/** Where joiners are part of the writing: families of emoji, and scripts whose letters take another shape by them. */
const JOINS =
  /[\p{Extended_Pictographic}\ufe0f\p{Emoji_Modifier}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Mongolian}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Gurmukhi}\p{Script=Gujarati}\p{Script=Oriya}\p{Script=Tamil}\p{Script=Telugu}\p{Script=Kannada}\p{Script=Malayalam}\p{Script=Sinhala}\p{Script=Khmer}]$/u;

function byNumber(character: string): string {
  return `⟨${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}⟩`;
}

/**
 * Foreign text as it is, with what would deceive the eye made visible: characters that turn the direction of text
 * (CVE-2021-42574) or can't be seen, by their number.
 */
export function shown(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(UNSEEN, (character, at: number) => {
    const isJoiner = character === '\u200c' || character === '\u200d';
    return isJoiner && JOINS.test(text.slice(Math.max(0, at - 2), at)) ? character : byNumber(character);
  });
}

/** A name as it is, in one line: a file may be called by a tab, or by the end of a line. */
export function shownName(name: string): string {
  return shown(name).replace(/[\t\n]/g, byNumber);
}

/** Where a link may lead that was not written here: never a script, and to nobody who looks like somebody else. */
export function webAddress(url: string | null): string | null {
  const parsed = url === null ? null : URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol)) return null;
  return parsed.username === '' && parsed.password === '' ? parsed.href : null;
}
