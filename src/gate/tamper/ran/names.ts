/** Parts of the names under which runners tell of their tests. */
import { NAME_SEPARATOR } from '../../reports/ran.ts';

/** A test's own name without its file, class, suites and parameters: as it is written in the source. */
export function writtenName(name: string): string {
  const last = name.split(/ > | › /).at(-1) ?? name;
  const unittest = /^(\w+) \([\w.<>]+\)/.exec(last)?.[1];
  if (unittest !== undefined) return unittest;
  const go = /^(?:\S+: )?((?:Test|Fuzz|Example)\w*)(?:\/|$)/.exec(last)?.[1];
  if (go !== undefined) return go;
  const plain = last.replace(/\[[^\]]*\]$/, '');
  return /^\S+$/.test(plain) ? (plain.split('::').at(-1) ?? plain) : plain;
}

/** Whether a run has a test of this name, or tests below it that it was split into. */
export function createLookup(names: readonly string[]): (name: string) => boolean {
  const known = new Set(names);
  for (const name of names) {
    for (const separator of ['/', NAME_SEPARATOR, '[']) {
      const at = name.lastIndexOf(separator);
      if (at > 0) known.add(name.slice(0, at).trimEnd());
    }
  }
  return (name) => known.has(name);
}

/** File, class or package of a test. */
export function groupOf(name: string): string {
  const unittest = /^\w+ \(([\w.]+)\.\w+\)$/.exec(name)?.[1];
  const go = /^(\S+): (?:Test|Fuzz|Example)\w*/.exec(name)?.[1];
  const at = Math.max(name.lastIndexOf(NAME_SEPARATOR), name.lastIndexOf('::'));
  return unittest ?? go ?? (at < 0 ? '' : name.slice(0, at));
}

/** Whether `name` stands in a text of tests' names as a word of its own, such as the suite or the case it became. */
export function isNamedIn(names: string, name: string): boolean {
  const plain = RegExp.escape(name);
  return new RegExp(`(?<![\\w$])${plain}(?![\\w$])`).test(names);
}
