/** An issue as text: its title, and the name that its branch gets. Everything in it is data. */

/** What an issue file says. */
export interface Issue {
  readonly title: string;
  readonly text: string;
  /** Names branch and commit: letters, digits, `.`, `_` and `-`. */
  readonly stem: string;
}

const MAX_STEM_CHARS = 60;
const MAX_TITLE_CHARS = 200;

/**
 * A name made fit for a branch: other characters become hyphens, ends that git refuses are cut.
 *
 * @returns at most 60 characters; `issue` where nothing is left
 */
export function stemOf(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/\.{2,}/g, '.')
    .slice(0, MAX_STEM_CHARS)
    .replace(/^[-.]+/, '')
    .replace(/(?:\.lock|[-.])+$/, '');
  return plain === '' ? 'issue' : plain;
}

/** The first heading of a Markdown text, else its first line that says something. */
export function titleOfIssue(text: string): string {
  const lines = text.split(/\r?\n/);
  const heading = lines.map((line) => /^ {0,3}#{1,6}[ \t]+(.+?)[ \t#]*$/.exec(line)?.[1]).find(Boolean);
  const first = lines.map((line) => line.trim()).find((line) => /[^\s\p{C}=-]/u.test(line));
  return (heading ?? first ?? '')
    .replace(/[\s\p{C}]+/gu, ' ')
    .trim()
    .slice(0, MAX_TITLE_CHARS);
}

/**
 * Reads an issue.
 *
 * @param fileName name of its file, which names the branch; `null` when it has none: then the title does
 */
export function parseIssue(text: string, fileName: string | null): Issue {
  const title = titleOfIssue(text);
  const name = fileName === null ? title.toLowerCase() : fileName.replace(/\.[A-Za-z0-9]{1,10}$/, '');
  return { title, text, stem: stemOf(name) };
}
