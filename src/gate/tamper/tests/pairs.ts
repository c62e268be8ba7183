/** Files of tests on both sides of a change. */
import type { Change } from '../change.ts';
import type { RepoFiles } from '../../files.ts';
import { isTestFile, languageOf, type TestLanguage } from './test-files.ts';
import { readTestSource, type TestSource } from './read/test-source.ts';

const EMPTY: TestSource = { tests: [], assertions: [], markers: [], parametrised: 0, tables: [], live: '' };

/** One changed file that held or holds tests. */
export interface Pair {
  /** The path that a finding names: head's, or base's when head has none. */
  readonly path: string;
  readonly basePath: string | null;
  readonly base: TestSource;
  readonly head: TestSource;
  /** Head has no readable test file in its place. */
  readonly gone: 'deleted' | 'emptied' | null;
  readonly baseText: string;
}

async function sourceOf(
  files: RepoFiles,
  path: string | null,
): Promise<{ text: string; source: TestSource } | null> {
  const language = path === null ? null : languageOf(path);
  const text = path === null || language === null ? null : await files.read(path);
  if (path === null || language === null || text === null) return null;
  const isTest = isTestFile(path);
  if (!isTest && !holdsInlineTests(text, language)) return null;
  return { text, source: readTestSource(text, language, !isTest) };
}

/** Rust keeps unit tests beside the code, and vitest can. */
function holdsInlineTests(text: string, language: TestLanguage): boolean {
  return language === 'rust'
    ? /#\[(?:\w+::)*test\b|#\[cfg\(test\)\]/.test(text)
    : language === 'js' && text.includes('import.meta.vitest');
}

/** A changed path as a pair of test files; `null` when it holds tests on neither side. */
export async function pairOf(change: Change, base: RepoFiles, head: RepoFiles): Promise<Pair | null> {
  const basePath = change.status === 'added' ? null : (change.oldPath ?? change.path);
  const headPath = change.status === 'deleted' ? null : change.path;
  const before = await sourceOf(base, basePath);
  const after = await sourceOf(head, headPath);
  if (before === null && after === null) return null;
  const isBlank = after !== null && after.text.trim() === '';
  const gone =
    before === null || (after !== null && !isBlank)
      ? null
      : headPath === null || after === null
        ? 'deleted'
        : 'emptied';
  const stillThere = gone === 'deleted' && headPath !== null && basePath === headPath;
  return {
    path: headPath ?? change.path,
    basePath,
    base: before?.source ?? EMPTY,
    head: after?.source ?? EMPTY,
    gone: stillThere ? 'emptied' : gone,
    baseText: before?.text ?? '',
  };
}
