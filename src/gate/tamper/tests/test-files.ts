/** Which files are tests, by path alone. */
import { baseName } from '../../files.ts';

/** Languages whose tests the tamper guard reads. */
export const TEST_LANGUAGES = [
  'js',
  'python',
  'go',
  'rust',
  'java',
  'csharp',
  'ruby',
  'php',
  'elixir',
] as const;
export type TestLanguage = (typeof TEST_LANGUAGES)[number];

const EXTENSIONS: Readonly<Record<string, TestLanguage>> = {
  js: 'js',
  cjs: 'js',
  mjs: 'js',
  jsx: 'js',
  ts: 'js',
  cts: 'js',
  mts: 'js',
  tsx: 'js',
  vue: 'js',
  svelte: 'js',
  py: 'python',
  go: 'go',
  rs: 'rust',
  java: 'java',
  kt: 'java',
  kts: 'java',
  scala: 'java',
  groovy: 'java',
  cs: 'csharp',
  fs: 'csharp',
  rb: 'ruby',
  php: 'php',
  ex: 'elixir',
  exs: 'elixir',
};

/** The language of a source file; `null` when the guard does not read it. */
export function languageOf(path: string): TestLanguage | null {
  const name = baseName(path);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? null : (EXTENSIONS[name.slice(dot + 1)] ?? null);
}

const TEST_NAMES: Readonly<Record<TestLanguage, RegExp>> = {
  js: /(?:^|[._-])(?:test|tests|spec|cy|e2e)\.[cm]?[jt]sx?$|^test\.[cm]?[jt]sx?$/,
  python: /^(?:test_.*|.*_tests?|tests?|conftest)\.py$/,
  go: /_test\.go$/,
  rust: /^(?:tests?|.*_tests?|test_.*)\.rs$/,
  java: /(?:Test|Tests|TestCase|IT|Spec)\.(?:java|kt|kts|scala|groovy)$|^Test[A-Z]\w*\.(?:java|kt)$/,
  csharp: /(?:Test|Tests|Spec|Specs)\.(?:cs|fs)$/,
  ruby: /^(?:.*_(?:spec|test)|test_.*|spec_helper|test_helper|rails_helper)\.rb$/,
  php: /(?:Test|TestCase|Cest)\.php$|^Pest\.php$/,
  elixir: /_test\.exs$|^test_helper\.exs$/,
};
const TEST_FOLDER =
  /(?:^|\/)(?:tests?|__tests__|specs?|e2e|__mocks__|__snapshots__|testdata|[\w.]+\.Tests?)\//;

/** What a test expects, kept in a file of its own. */
export function isSnapshot(path: string): boolean {
  return /(?:^|\/)__snapshots__\/|\.snap$|\.golden$|(?:^|\/)(?:golden|testdata|snapshots?)\//.test(path);
}

/** Whether a path belongs to the tests: by its name, by its folder, or as a snapshot. */
export function isTestFile(path: string): boolean {
  const language = languageOf(path);
  if (language !== null && TEST_NAMES[language].test(baseName(path))) return true;
  return TEST_FOLDER.test(path) || isSnapshot(path);
}

/** The name of what a test file tests, lower case without separators: `test_user_api.py` is `userapi`. */
export function testedStem(path: string): string {
  const stem = baseName(path).replace(/\.[^.]+$/, '');
  const bare = stem
    .replace(/[._-](?:test|tests|spec|cy|e2e|it)$/i, '')
    .replace(/^(?:test|spec)[._-]/i, '')
    .replace(/(?:Tests?|TestCase|Spec|IT|Cest)$/, '');
  return bare.toLowerCase().replaceAll(/[._-]/g, '');
}
