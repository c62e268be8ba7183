/**
 * Words that a job is found by. Made here and not by a database, so that every store finds alike: letters, digits and
 * marks in one form and lower case. Pure.
 */

/** Scripts that put no spaces between words: each of their characters counts as one. */
const SINGLE = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}';
const WORD = new RegExp(`[${SINGLE}]|(?:(?![${SINGLE}])[\\p{L}\\p{N}\\p{M}])+`, 'gu');
/** The same where there is nothing but ASCII, in a third of the time: every submitted job is read by it. */
const ASCII_WORD = /[a-z0-9]+/g;
// oxlint-disable-next-line no-control-regex -- all of ASCII is meant
const ASCII = /^[\u0000-\u007f]*$/;
/** Longest part of a word that counts, in characters: longer than any commit's name. */
const MAX_WORD_CHARS = 64;
/** Most different words of one text; what follows is not found. */
const MAX_WORDS = 500;
/** The part of a text that is read, in characters. */
const MAX_TEXT_CHARS = 4000;

/** Longest text that may be searched for, in characters, and most words in it. */
export const MAX_SEARCH_CHARS = 200;
export const MAX_SEARCH_WORDS = 16;
/** The shortest beginning of words that may be searched for, in characters: shorter ones are in every job. */
export const MIN_BEGINNING_CHARS = 3;

/** A word that is searched for: a whole one, or what words begin with. */
export interface SearchWord {
  readonly word: string;
  readonly isBeginning: boolean;
}

function inOneForm(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

/** The different words of a text, in their order. */
function wordsOf(text: string): readonly string[] {
  const words = new Set<string>();
  const part = text.slice(0, MAX_TEXT_CHARS);
  const found = ASCII.test(part) ? part.toLowerCase().matchAll(ASCII_WORD) : inOneForm(part).matchAll(WORD);
  for (const [word] of found) {
    if (words.size === MAX_WORDS) break;
    words.add(word.slice(0, MAX_WORD_CHARS).toWellFormed());
  }
  return [...words];
}

/** What a job is found by: its id, repository, branch, pull request, and the beginning of its task. */
export function wordsOfJob(job: {
  readonly job_id: string;
  readonly branch: string;
  readonly request: { readonly repo: string; readonly task: string };
  readonly result: { readonly pr_url: string | null } | null;
}): readonly string[] {
  const { job_id: id, branch, request, result } = job;
  const names = [id, request.repo, branch, result?.pr_url ?? ''];
  return [...new Set([...names, request.task].flatMap(wordsOf))];
}

/**
 * The words of a search: whole ones, and before a `*` what words begin with.
 *
 * @returns `null` for a text that holds no word, too many, or too short a beginning
 */
export function searchWords(text: string): readonly SearchWord[] | null {
  if (text.length > MAX_SEARCH_CHARS) return null;
  const form = inOneForm(text);
  const words = Array.from(form.matchAll(WORD), ({ 0: found, index }) => ({
    word: found.slice(0, MAX_WORD_CHARS).toWellFormed(),
    isBeginning: form[index + found.length] === '*',
  }));
  const isShort = words.some(({ word, isBeginning }) => isBeginning && word.length < MIN_BEGINNING_CHARS);
  return words.length === 0 || words.length > MAX_SEARCH_WORDS || isShort ? null : words;
}

/** Whether each searched word is one of a job's, or the beginning of one. */
export function isFound(words: readonly string[], searched: readonly SearchWord[]): boolean {
  return searched.every(({ word, isBeginning }) =>
    isBeginning ? words.some((one) => one.startsWith(word)) : words.includes(word),
  );
}
