/** YAML with the place of everything in it, for errors that name line and column. */
import { createRequire } from 'node:module';
import type * as YamlModule from 'yaml';

// Most runs read no YAML: `require` loads the library when it is needed.
const load = createRequire(import.meta.url);

/** A place in a text; both count from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** What a text holds, or why it holds nothing. */
export type YamlText =
  | {
      readonly kind: 'value';
      readonly value: unknown;
      /** Where a field stands; the nearest parent that exists when the field itself is missing. */
      readonly where: (path: readonly PropertyKey[]) => Position;
    }
  | { readonly kind: 'bad'; readonly message: string; readonly at: Position }
  | { readonly kind: 'aliases'; readonly message: string };

/** Errors of the library that speak to programmers, by its codes, in words for who wrote the text. */
const SAID: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is there already; each may stand once',
  MULTIPLE_DOCS: 'a second document begins (---); a file has one',
  TAB_AS_INDENT: 'a tab indents this line; indent by spaces',
};

/**
 * Reads one YAML document (JSON is one, too). Keys are unique, and nothing of a text is run.
 *
 * @param maxAliases how many aliases are followed: a few lines of them can stand for gigabytes
 */
export function readYaml(text: string, maxAliases: number): YamlText {
  const yaml = load('yaml') as typeof YamlModule;
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: counter,
    uniqueKeys: true,
    strict: true,
    prettyErrors: false,
  });
  const positionAt = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line, column: col };
  };
  const error = document.errors[0];
  if (error !== undefined)
    return { kind: 'bad', message: SAID[error.code] ?? error.message, at: positionAt(error.pos[0]) };
  const where = (path: readonly PropertyKey[]): Position => {
    for (let length = path.length; length >= 0; length--) {
      const node: unknown = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      const range = (node as { range?: readonly number[] | null } | null | undefined)?.range;
      if (Array.isArray(range) && typeof range[0] === 'number') return positionAt(range[0]);
    }
    return { line: 1, column: 1 };
  };
  try {
    return { kind: 'value', value: document.toJS({ maxAliasCount: maxAliases }) as unknown, where };
  } catch (cause) {
    const message = cause instanceof Error ? cause.message : String(cause);
    return {
      kind: 'aliases',
      message: message.startsWith('Excessive alias count')
        ? 'it refers to itself (*name) too often'
        : message,
    };
  }
}
