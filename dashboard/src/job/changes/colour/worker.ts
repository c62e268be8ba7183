/**
 * Colours code beside the page: a text that keeps a grammar busy holds up nothing that is seen, and the page ends this worker
 * when it is not answered in time.
 */
import hljs from 'highlight.js/lib/core';
import type { LanguageFn } from 'highlight.js';
import { coloursOf, prepared, type Run } from './colour.ts';
import type { Language } from './language.ts';

/** What the page asks for. */
export interface Asked {
  readonly id: number;
  readonly language: Language;
  readonly lines: readonly string[];
}

/** What it is told: that its grammar is there, and the colours begin; then the colours, `null` where there are none. */
export interface Coloured {
  readonly id: number;
  readonly runs: readonly (readonly Run[])[] | 'begun' | null;
}

type Load = () => Promise<{ readonly default: LanguageFn }>;

/** Where each grammar is; each comes with the first file in its language. */
const GRAMMARS: Readonly<Record<Language, Load>> = {
  bash: () => import('highlight.js/lib/languages/bash'),
  c: () => import('highlight.js/lib/languages/c'),
  cpp: () => import('highlight.js/lib/languages/cpp'),
  csharp: () => import('highlight.js/lib/languages/csharp'),
  css: () => import('highlight.js/lib/languages/css'),
  dart: () => import('highlight.js/lib/languages/dart'),
  diff: () => import('highlight.js/lib/languages/diff'),
  dockerfile: () => import('highlight.js/lib/languages/dockerfile'),
  elixir: () => import('highlight.js/lib/languages/elixir'),
  go: () => import('highlight.js/lib/languages/go'),
  graphql: () => import('highlight.js/lib/languages/graphql'),
  groovy: () => import('highlight.js/lib/languages/groovy'),
  haskell: () => import('highlight.js/lib/languages/haskell'),
  ini: () => import('highlight.js/lib/languages/ini'),
  java: () => import('highlight.js/lib/languages/java'),
  javascript: () => import('highlight.js/lib/languages/javascript'),
  json: () => import('highlight.js/lib/languages/json'),
  kotlin: () => import('highlight.js/lib/languages/kotlin'),
  less: () => import('highlight.js/lib/languages/less'),
  lua: () => import('highlight.js/lib/languages/lua'),
  makefile: () => import('highlight.js/lib/languages/makefile'),
  markdown: () => import('highlight.js/lib/languages/markdown'),
  nix: () => import('highlight.js/lib/languages/nix'),
  perl: () => import('highlight.js/lib/languages/perl'),
  php: () => import('highlight.js/lib/languages/php'),
  powershell: () => import('highlight.js/lib/languages/powershell'),
  protobuf: () => import('highlight.js/lib/languages/protobuf'),
  python: () => import('highlight.js/lib/languages/python'),
  r: () => import('highlight.js/lib/languages/r'),
  ruby: () => import('highlight.js/lib/languages/ruby'),
  rust: () => import('highlight.js/lib/languages/rust'),
  scala: () => import('highlight.js/lib/languages/scala'),
  scss: () => import('highlight.js/lib/languages/scss'),
  sql: () => import('highlight.js/lib/languages/sql'),
  swift: () => import('highlight.js/lib/languages/swift'),
  typescript: () => import('highlight.js/lib/languages/typescript'),
  xml: () => import('highlight.js/lib/languages/xml'),
  yaml: () => import('highlight.js/lib/languages/yaml'),
};

const own = prepared(hljs);

async function answer({ id, language, lines }: Asked): Promise<void> {
  const grammar = await GRAMMARS[language]().catch(() => null);
  if (grammar !== null && own.getLanguage(language) === undefined)
    own.registerLanguage(language, grammar.default);
  postMessage({ id, runs: 'begun' } satisfies Coloured);
  const told: Coloured = { id, runs: grammar === null ? null : coloursOf(own, language, lines) };
  postMessage(told);
}

addEventListener('message', (event: MessageEvent<Asked>) => void answer(event.data));
