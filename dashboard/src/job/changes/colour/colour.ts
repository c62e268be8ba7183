/**
 * Colours of lines of code, by highlight.js, whose grammars are tried ones. Its own output is HTML; here its words are
 * collected as plain runs instead, so that nothing of a change is ever taken for a tag.
 */
import type { HLJSApi } from 'highlight.js';

/** A colour's name; `''` is that of plain text. */
export type Scope = '' | 'k' | 's' | 'n' | 'c' | 't' | 'b' | 'a' | 'm';
/** How many characters of a line have which colour, one after the other. */
export type Run = readonly [chars: number, scope: Scope];

/** What a name of the grammars is shown as; what is not here is plain. The part before the dot counts where the whole does not. */
const SCOPES: Readonly<Record<string, Scope>> = {
  addition: 's',
  attr: 'a',
  attribute: 'a',
  built_in: 'b',
  bullet: 'k',
  'char.escape': 'n',
  code: 's',
  comment: 'c',
  deletion: 'k',
  doctag: 'm',
  keyword: 'k',
  literal: 'n',
  link: 's',
  meta: 'm',
  name: 'k',
  number: 'n',
  property: 'a',
  quote: 'c',
  regexp: 's',
  section: 't',
  'selector-attr': 'a',
  'selector-class': 't',
  'selector-id': 't',
  'selector-pseudo': 'b',
  'selector-tag': 'k',
  string: 's',
  symbol: 'n',
  tag: '',
  'template-tag': 'm',
  'template-variable': 'a',
  title: 't',
  type: 'b',
  'variable.constant': 'n',
  'variable.language': 'k',
};

function scopeOf(name: string): Scope | null {
  for (const one of [name, name.split('.')[0] ?? ''])
    if (Object.hasOwn(SCOPES, one)) return SCOPES[one] ?? '';
  return null;
}

/** Takes what highlight.js finds; a class, because that is what it makes one of for each text. */
class Collector {
  readonly found: (readonly [text: string, scope: Scope])[] = [];
  readonly #open: Scope[] = [''];

  addText(text: string): void {
    if (text !== '') this.found.push([text, this.#open.at(-1) ?? '']);
  }
  openNode(name: string): void {
    this.#open.push(scopeOf(name) ?? this.#open.at(-1) ?? '');
  }
  closeNode(): void {
    if (this.#open.length > 1) this.#open.pop();
  }
  startScope(name: string): void {
    this.openNode(name);
  }
  endScope(): void {
    this.closeNode();
  }
  __addSublanguage(other: unknown): void {
    if (other instanceof Collector) this.found.push(...other.found);
  }
  finalize(): void {}
  toHTML(): string {
    return '';
  }
}

/** Makes a highlighter collect runs. */
export function prepared(hljs: HLJSApi): HLJSApi {
  const own = hljs.newInstance();
  own.configure({ __emitter: Collector });
  return own;
}

/**
 * The colours of a text, line by line.
 *
 * @param hljs as `prepared` gives it, with the language registered
 * @returns for each line its runs, which together are as long as it is; `null` where the highlighter found something else
 *   than the text, or failed
 */
export function coloursOf(
  hljs: HLJSApi,
  language: string,
  lines: readonly string[],
): readonly (readonly Run[])[] | null {
  let found: Collector['found'];
  try {
    const { _emitter: emitter } = hljs.highlight(lines.join('\n'), { language, ignoreIllegals: true });
    if (!(emitter instanceof Collector)) return null;
    found = emitter.found;
  } catch {
    return null;
  }
  const runs: Run[][] = [[]];
  for (const [text, scope] of found) {
    for (const [at, part] of text.split('\n').entries()) {
      if (at > 0) runs.push([]);
      if (part !== '') runs.at(-1)?.push([part.length, scope]);
    }
  }
  const fits = runs.every((line, at) => line.reduce((sum, [chars]) => sum + chars, 0) === lines[at]?.length);
  return fits && runs.length === lines.length ? runs : null;
}
