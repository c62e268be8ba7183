/**
 * What a person may want to look at in the code itself: answers copied from tests, code that asks whether it is
 * being tested, and handlers that drop every error. Reported, never a reason to stop: each can be meant.
 */
import type { TamperFinding } from '../../job/gate.ts';
import type { RepoFiles } from '../files.ts';
import type { Change } from './change.ts';
import { literalsOf } from './tests/read/literals.ts';
import { mask } from './tests/read/source-mask.ts';
import { readTestSource } from './tests/read/test-source.ts';
import { isTestFile, languageOf, type TestLanguage } from './tests/test-files.ts';

/** A changed source file that is no test. */
interface Source {
  readonly path: string;
  readonly language: TestLanguage;
  /** Lines without comments; those of head that base does not have, by their number. */
  readonly code: string;
  readonly bare: string;
  readonly before: string;
  readonly added: ReadonlyMap<number, string>;
}

const MAX_TEST_FILES = 200;
const MAX_TEST_BYTES = 4 * 1024 * 1024;
const MAX_LINE_CHARS = 2000;
const MAX_SHOWN_CHARS = 120;

function withoutComments(text: string, language: TestLanguage): { code: string; bare: string } {
  return mask(text.replaceAll('\r\n', '\n'), language);
}

async function sourceOf(change: Change, base: RepoFiles, head: RepoFiles): Promise<Source | null> {
  const language = languageOf(change.path);
  if (change.status === 'deleted' || language === null || isTestFile(change.path)) return null;
  const after = await head.read(change.path);
  if (after === null) return null;
  const old = change.status === 'added' ? '' : ((await base.read(change.oldPath ?? change.path)) ?? '');
  const { code, bare } = withoutComments(after, language);
  const before = withoutComments(old, language).code;
  const known = new Set(before.split('\n').map((line) => line.trim()));
  const lines = code.split('\n').map((line, at) => [at + 1, line.slice(0, MAX_LINE_CHARS)] as const);
  const added = new Map(lines.filter(([, line]) => line.trim() !== '' && !known.has(line.trim())));
  return { path: change.path, language, code, bare, before, added };
}

function report(kind: string, { path, added }: Source, line: number, detail: string): TamperFinding {
  const shown = (added.get(line) ?? '').trim().slice(0, MAX_SHOWN_CHARS);
  return {
    kind,
    severity: 'report',
    file: path,
    line,
    detail: shown === '' ? detail : `${detail}: ${shown}`,
  };
}

/** Names by which code can tell that a test runner runs it. */
const TESTED =
  /\b(?:NODE_TEST_CONTEXT|JEST_WORKER_ID|VITEST(?:_WORKER_ID|_POOL_ID|_MODE)?|MOCHA_\w{1,40}|AVA_PATH|PYTEST_\w{1,40}|PHPUNIT_\w{1,40}|RUST_TEST_\w{1,40}|NEXTEST\w{0,40}|XUNIT\w{0,40})\b|\bNODE_ENV['"\]]*\s*[!=]==?\s*['"`]test\b|\bprocess\.env\.CI\b|\b(?:environ|getenv|Getenv|LookupEnv|ENV|env::var|GetEnvironmentVariable|get_env)[^\n]{0,12}['"](?:CI|GITHUB_ACTIONS)['"]|['"](?:pytest|unittest|_pytest)['"]\s+(?:not\s+)?in\s+sys\.modules|\bsys\.modules\b[^\n]{0,20}(?:pytest|unittest)|\binspect\.(?:stack|currentframe)\s*\(|\bsys\._getframe\s*\(|\btesting\.Testing\s*\(|\bflag\.Lookup\s*\(\s*"test\.|\bos\.Args\b[^\n]{0,60}\.test\b|\bgetStackTrace\s*\(|\bStackTrace\s*\(|\bnew Error\(\)\.stack\b|\bdebug_backtrace\s*\(|\bdefined\?\s*\(?\s*(?:RSpec|Minitest|Test::Unit)\b|\bMix\.env\s*(?:\(\s*\))?\s*[!=]=\s*:test\b|\bcaller(?:_locations)?\b[^\n]{0,60}(?:spec|test)\b|\bcfg!\s*\(\s*test\s*\)|\bargv\b[^\n]{0,60}(?:pytest|--test|vitest|jest|mocha)\b/;

function knowsItIsTested(source: Source): readonly TamperFinding[] {
  const hit = [...source.added].find(([, line]) => TESTED.test(line));
  if (hit === undefined) return [];
  return [report('knows_it_is_tested', source, hit[0], 'the code asks whether it is being tested')];
}

/** A string that is a path. */
const PATH_LITERAL = /(["'`])((?:\.{0,2}\/)?[\w.@-]{1,80}(?:\/[\w.@-]{1,80}){1,12})\1/g;

/** Code that names a file of the tests: what they compare with is no business of what they test. */
function readsTests(source: Source, tests: readonly string[]): readonly TamperFinding[] {
  for (const [line, text] of source.added)
    for (const [, , literal = ''] of text.matchAll(PATH_LITERAL)) {
      const plain = literal.replace(/^(?:\.{0,2}\/)*/, '');
      if (plain.includes('/') && tests.some((path) => path === plain || path.endsWith(`/${plain}`)))
        return [report('knows_it_is_tested', source, line, `the code names a file of the tests, ${plain}`)];
    }
  return [];
}

/** Handlers of everything, up to their body. */
const CATCH_ALL: Readonly<Record<TestLanguage, RegExp | null>> = {
  js: /\bcatch\s*(?:\([^()\n]{0,100}\))?\s*\{((?:[^{}]|\{[^{}]{0,200}\}){0,400})\}|\.catch\s*\(\s*(?:\(\s*\w{0,40}\s*\)|\w{1,40})\s*=>\s*([^;\n]{0,200})\)/g,
  python:
    /\bexcept(?:[ \t]+\(?(?:Base)?Exception\b[^:\n]{0,60})?[ \t]*:([^\n]{0,200}(?:\n[ \t]+[^\n]{0,200}){0,2})/g,
  java: /\bcatch\s*\(\s*(?:final\s+)?(?:\w{1,40}\s*:\s*)?(?:Exception|Throwable|RuntimeException)\b[^()\n]{0,60}\)\s*\{([^{}]{0,400})\}/g,
  csharp: /\bcatch\s*(?:\(\s*(?:System\.)?Exception\b[^()\n]{0,60}\)\s*)?\{([^{}]{0,400})\}/g,
  php: /\bcatch\s*\(\s*\\?(?:Throwable|Exception)\b[^()\n]{0,60}\)\s*\{([^{}]{0,400})\}/g,
  ruby: /\brescue[ \t]*(?:StandardError|Exception)?[ \t]*(?:=>[ \t]*\w{1,40})?[ \t]*\n([^\n]{0,200}\n)[ \t]*end\b/g,
  elixir: /\brescue\s+_\w{0,40}\s*->([^\n]{0,200})/g,
  go: /\bdefer\s+func\s*\(\s*\)\s*\{([^{}]{0,40}\brecover\s*\(\s*\)[^{}]{0,100})\}\s*\(\s*\)/g,
  rust: /\blet\s+_\s*=\s*(?:std::)?(?:panic::)?catch_unwind\s*\(([^;]{0,200});/g,
};
/** A handler that passes the error on, or at least tells it. */
const TELLS =
  /\b(?:throw|raise|reraise|rethrow|panic|reject|exit|abort)\b|\b(?:log|logger|console|print\w*|warn|error|err|e|ex|exc|exception|cause|reason)\b/i;

function catchesAll(source: Source): readonly TamperFinding[] {
  const pattern = CATCH_ALL[source.language];
  if (pattern === null) return [];
  const { bare, before, language } = source;
  const drops = (text: string): readonly RegExpMatchArray[] =>
    [...text.matchAll(pattern)].filter(
      (match) => language === 'go' || !TELLS.test(match[1] ?? match[2] ?? ''),
    );
  const found = drops(bare);
  if (found.length <= drops(mask(before, language).bare).length) return [];
  const lines = found.map((match) => {
    const first = match.index ?? 0;
    return { first: lineOf(bare, first), last: lineOf(bare, first + match[0].length) };
  });
  const fresh =
    lines.find(({ first, last }) => {
      for (let line = first; line <= last; line++) if (source.added.has(line)) return true;
      return false;
    }) ?? lines[0];
  if (fresh === undefined) return [];
  return [report('catch_all', source, fresh.first, 'errors are caught and dropped')];
}

function lineOf(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/** What tests assert, as the values of each assertion; read once for all sources of a language. */
async function assertedValues(
  head: RepoFiles,
  language: TestLanguage,
): Promise<readonly (readonly string[])[]> {
  const paths = head.paths.filter((path) => isTestFile(path) && languageOf(path) === language);
  const found: (readonly string[])[] = [];
  let left = MAX_TEST_BYTES;
  for (const path of paths.slice(0, MAX_TEST_FILES)) {
    const text = await head.read(path);
    if (text === null || text.length > left) continue;
    left -= text.length;
    found.push(...readTestSource(text, language, false).assertions.map((one) => one.values));
  }
  return found;
}

/** A value that does not stand in code by chance. */
function isTelling(value: string): boolean {
  return /^-?[\d.]+$/.test(value) ? value.replace(/^-/, '').length > 1 : value.trim().length > 1;
}

/** A line of code that compares, or that looks an answer up. */
const DECIDES = /\bif\b|\bcase\b|\bwhen\b|\bmatch\b|\bunless\b|===?|\?|=>|:\s*\S|\bin\b/;
/** Assertions whose values all stand in new code before it is told; one of few values alone can be chance. */
const MIN_COPIED = 2;
const MANY_VALUES = 3;

function copiesAnswers(source: Source, asserted: readonly (readonly string[])[]): readonly TamperFinding[] {
  const known = new Set(literalsOf(source.before));
  /** Values of new lines, by the first line that has them. */
  const where = new Map<string, number>();
  for (const [line, text] of source.added) {
    // A key without quotes is a value too: `{ 1250: '12.50' }` and `{ tea: 350 }`.
    const keys = [...text.matchAll(/(?<![\w$.])(\w{1,80})\s*:(?!:)/g)].map((match) => match[1] ?? '');
    for (const value of [...literalsOf(text), ...keys]) if (!where.has(value)) where.set(value, line);
  }
  const isFresh = (value: string): boolean => isTelling(value) && !known.has(value);
  const copied = asserted.filter(
    (values) => values.length > 1 && values.every((value) => where.has(value)) && values.some(isFresh),
  );
  const telling = new Set(copied.flat().filter(isFresh));
  const first = [...telling]
    .map((value) => where.get(value) ?? 0)
    .filter((line) => DECIDES.test(source.added.get(line) ?? ''))
    .toSorted((a, b) => a - b)[0];
  // One assertion alone is told where a new line compares with its inputs and gives its answer.
  const isOne = [...source.added.values()].some((text) => {
    const own = new Set(literalsOf(text));
    return (
      /[!=]==?/.test(text) &&
      copied.some(
        (values) =>
          values.length >= MANY_VALUES &&
          values.every((value) => own.has(value)) &&
          new Set(values.filter(isFresh)).size >= MANY_VALUES,
      )
    );
  });
  if ((copied.length < MIN_COPIED && !isOne) || telling.size < MIN_COPIED || first === undefined) return [];
  const detail = `inputs and answers of ${copied.length} assertion${copied.length === 1 ? '' : 's'} stand in the code`;
  return [report('hard_coded', source, first, detail)];
}

/** Findings about source that is no test; all of them only tell. */
export async function findSourceHints(
  changes: readonly Change[],
  base: RepoFiles,
  head: RepoFiles,
): Promise<readonly TamperFinding[]> {
  const read = await Promise.all(changes.map(async (change) => sourceOf(change, base, head)));
  const sources = read.filter((source) => source !== null);
  const asserted = new Map<TestLanguage, readonly (readonly string[])[]>();
  for (const language of new Set(sources.map((source) => source.language)))
    asserted.set(language, await assertedValues(head, language));
  const tests = head.paths.filter(isTestFile);
  return sources.flatMap((source) => [
    ...knowsItIsTested(source),
    ...readsTests(source, tests),
    ...catchesAll(source),
    ...copiesAnswers(source, asserted.get(source.language) ?? []),
  ]);
}
