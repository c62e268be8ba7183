/** Checks of a Node repository: the scripts of `package.json`, run by the package manager of its lock file. */
import type { CheckKind } from '../../job/gate.ts';
import { collect, type Collector, type Detection } from './detection.ts';
import type { RepoFiles } from '../files.ts';
import {
  isNoCheck,
  isPlaceholder,
  packageManagerOf,
  parsePackageJson,
  type PackageJson,
  type PackageManager,
} from '../project/package-json.ts';
import { shellWord } from '../../job/text/shell.ts';

/** Names that people give to the script of a kind, the plainest check first. */
const SCRIPT_NAMES: readonly (readonly [CheckKind, readonly string[]])[] = [
  [
    'format',
    [
      'format:check',
      'check:format',
      'format-check',
      'check-format',
      'fmt:check',
      'check:fmt',
      'prettier:check',
      'check:prettier',
      'format:ci',
      'lint:format',
      'lint:prettier',
      'format',
      'fmt',
      'prettier',
    ],
  ],
  ['lint', ['lint:check', 'check:lint', 'lint:ci', 'lint', 'eslint', 'lint:js', 'lint:ts']],
  [
    'types',
    [
      'typecheck',
      'type-check',
      'check:types',
      'check-types',
      'check:type',
      'check:tsc',
      'check:typescript',
      'test:types',
      'test:type',
      'types:check',
      'types',
      'lint:types',
      'tsc',
      'check:ts',
      'ts:check',
    ],
  ],
  ['build', ['build', 'compile']],
  ['test', ['test', 'test:ci', 'test:run', 'test:unit', 'unit', 'tests']],
];
// A script called just `format` writes, unless it is told to check only.
const CHECKS_FORMAT = /--check\b|--list-different\b|\s-[lc]\b|--dry-run\b|\bbiome (?:ci|check)\b/;
const WRITES_BY_NAME = new Set(['format', 'fmt', 'prettier', 'types', 'tsc']);
// An audit asks the registry, and the gate has no network: it says nothing about the change.
const AUDITS = /\b(?:npm|pnpm|yarn|bun)\b[^&|;]*\baudit\b|\b(?:audit-ci|better-npm-audit|aud|snyk)\b/;
const MAX_TEST_FILES_READ = 20;
const MAX_WORKSPACES = 200;

/** The command that runs a script of the root. */
export function scriptCommand(manager: PackageManager, script: string): string {
  return manager === 'npm' ? `npm run --silent ${shellWord(script)}` : `${manager} run ${shellWord(script)}`;
}

/**
 * A script of the root, without those of its `pre` and `post` scripts that audit dependencies: npm would run them
 * with it, and offline they fail whatever the tests say.
 */
function offlineCommand(manager: PackageManager, json: PackageJson, script: string, out: Collector): string {
  const hooks = [`pre${script}`, `post${script}`].filter((name) => json.scripts[name] !== undefined);
  const audits = hooks.filter((name) => AUDITS.test(json.scripts[name] ?? ''));
  if (manager !== 'npm' || audits.length === 0) return scriptCommand(manager, script);
  for (const name of audits)
    out.skip(`package.json scripts.${name}`, 'it asks the registry, which is offline');
  const kept = (name: string): readonly string[] =>
    hooks.includes(name) && !audits.includes(name) ? [scriptCommand(manager, name)] : [];
  // --ignore-scripts keeps npm from running the hooks; the script itself runs.
  const itself = `npm run --silent --ignore-scripts ${shellWord(script)}`;
  return [...kept(`pre${script}`), itself, ...kept(`post${script}`)].join(' && ');
}

function workspaceCommand(manager: PackageManager, script: string, berry: boolean): string {
  switch (manager) {
    case 'npm':
      return `npm run --silent ${script} --workspaces --if-present`;
    case 'pnpm':
      return `pnpm -r --if-present run ${script}`;
    case 'yarn':
      return berry ? `yarn workspaces foreach -A run ${script}` : `yarn workspaces run ${script}`;
    case 'bun':
      return `bun run --filter '*' ${script}`;
  }
}

/** Why a script of this name and text is no check, or `null` when it is one. */
function refusal(kind: CheckKind, name: string, script: string): string | null {
  if (kind === 'test' && isPlaceholder(script)) return 'the placeholder that npm init writes';
  const reason = isNoCheck(script);
  if (reason !== null) return reason;
  if (kind === 'format' && WRITES_BY_NAME.has(name) && !CHECKS_FORMAT.test(script))
    return 'it formats instead of checking';
  if (kind === 'types' && WRITES_BY_NAME.has(name) && !/--noEmit\b|--build\b|-b\b|vue-tsc|check/.test(script))
    return 'it writes files instead of checking';
  return script.trim() === '' ? 'it is empty' : null;
}

function addScripts(json: PackageJson, manager: PackageManager, out: Collector): ReadonlySet<CheckKind> {
  const found = new Set<CheckKind>();
  for (const [kind, names] of SCRIPT_NAMES) {
    for (const name of names) {
      const script = json.scripts[name];
      if (script === undefined) continue;
      const no = refusal(kind, name, script);
      if (no !== null) {
        out.skip(`package.json scripts.${name}`, no);
        continue;
      }
      out.add({
        name,
        kind,
        command: offlineCommand(manager, json, name, out),
        what: `package.json scripts.${name}`,
        why: `its ${kind} script`,
      });
      found.add(kind);
      break;
    }
  }
  const check = json.scripts['check'];
  if (
    check !== undefined &&
    !found.has('lint') &&
    !found.has('types') &&
    !found.has('format') &&
    isNoCheck(check) === null
  ) {
    out.add({
      name: 'check',
      kind: 'other',
      command: scriptCommand(manager, 'check'),
      what: 'package.json scripts.check',
      why: 'its check script',
    });
  }
  return found;
}

function isWorkspaceRoot(files: RepoFiles, json: PackageJson): boolean {
  return json.workspaces.length > 0 || files.paths.includes('pnpm-workspace.yaml');
}

/** In a monorepo whose root has no script of a kind, the packages' own scripts of that name. */
async function addWorkspaces(
  files: RepoFiles,
  json: PackageJson,
  manager: PackageManager,
  found: ReadonlySet<CheckKind>,
  out: Collector,
): Promise<void> {
  if (!isWorkspaceRoot(files, json)) return;
  const paths = files.paths.filter(
    (path) => path.endsWith('/package.json') && !path.includes('node_modules/'),
  );
  const texts = await Promise.all(paths.slice(0, MAX_WORKSPACES).map(async (path) => files.read(path)));
  const packages = texts
    .map((text) => (text === null ? null : parsePackageJson(text)))
    .filter((one) => one !== null);
  const berry = files.paths.includes('.yarnrc.yml');
  for (const [kind, name] of [
    ['lint', 'lint'],
    ['types', 'typecheck'],
    ['build', 'build'],
    ['test', 'test'],
  ] as const) {
    if (found.has(kind)) continue;
    const scripts = packages.map((one) => one.scripts[name]).filter((script) => script !== undefined);
    if (scripts.length === 0) continue;
    const no = scripts.map((script) => refusal(kind, name, script)).find((reason) => reason !== null);
    if (no !== undefined) {
      out.skip(`scripts.${name} of the workspace's packages`, no);
      continue;
    }
    const why = `${scripts.length} packages of the workspace have it`;
    out.add({
      name,
      kind,
      command: workspaceCommand(manager, name, berry),
      what: `scripts.${name} of the workspace's packages`,
      why,
    });
  }
}

/** Tests for Node's own runner, where no script runs them. */
async function addNodeTests(files: RepoFiles, out: Collector): Promise<void> {
  const tests = files.paths.filter(
    (path) =>
      /(?:\.|-|_)test\.[cm]?js$|(?:^|\/)test\/[^/]+\.[cm]?js$/.test(path) && !path.includes('node_modules/'),
  );
  for (const path of tests.slice(0, MAX_TEST_FILES_READ)) {
    if (!/['"]node:test['"]/.test((await files.read(path)) ?? '')) continue;
    out.add({
      name: 'test',
      kind: 'test',
      command: 'node --test',
      what: path,
      why: 'it uses node:test, and no script runs it',
    });
    return;
  }
}

/** Checks from `package.json`; nothing when there is neither one nor a test for `node --test`. */
export async function detectNode(files: RepoFiles): Promise<Detection> {
  const out = collect();
  const text = await files.read('package.json');
  if (text === null) {
    await addNodeTests(files, out);
    return out.done();
  }
  const json = parsePackageJson(text);
  if (json === null) {
    out.skip('package.json', 'it is not valid JSON');
    return out.done();
  }
  const { name: manager } = packageManagerOf(files, json);
  const found = addScripts(json, manager, out);
  await addWorkspaces(files, json, manager, found, out);
  if (!out.done().checks.some((check) => check.kind === 'test')) await addNodeTests(files, out);
  return out.done();
}
