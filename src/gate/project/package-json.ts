/** What `package.json` and its lock file say: scripts, workspaces, package manager. */
import { isFields } from '../../job/text/json.ts';
import { firstPath, type RepoFiles } from '../files.ts';

export type PackageManager = 'npm' | 'pnpm' | 'yarn' | 'bun';

/** The parts of a `package.json` that matter here. */
export interface PackageJson {
  readonly scripts: Readonly<Record<string, string>>;
  readonly workspaces: readonly string[];
  readonly packageManager: string | null;
  /** Names of dependencies of all kinds. */
  readonly dependencies: readonly string[];
  /** Everything, for rules that compare settings. */
  readonly raw: Readonly<Record<string, unknown>>;
}

const LOCK_FILES: readonly (readonly [string, PackageManager])[] = [
  ['pnpm-lock.yaml', 'pnpm'],
  ['yarn.lock', 'yarn'],
  ['bun.lock', 'bun'],
  ['bun.lockb', 'bun'],
  ['package-lock.json', 'npm'],
  ['npm-shrinkwrap.json', 'npm'],
];

function stringsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** Reads a `package.json`; `null` when it is no JSON object. */
export function parsePackageJson(text: string): PackageJson | null {
  let raw: unknown;
  try {
    raw = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch {
    return null;
  }
  if (!isFields(raw)) return null;
  const scripts = isFields(raw['scripts']) ? raw['scripts'] : {};
  const workspaces = isFields(raw['workspaces']) ? raw['workspaces']['packages'] : raw['workspaces'];
  const kinds = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'];
  return {
    scripts: Object.fromEntries(
      Object.entries(scripts).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
    ),
    workspaces: stringsIn(workspaces),
    packageManager: typeof raw['packageManager'] === 'string' ? raw['packageManager'] : null,
    dependencies: kinds.flatMap((kind) => (isFields(raw[kind]) ? Object.keys(raw[kind]) : [])),
    raw,
  };
}

/** The package manager of a repository and its lock file: by lock file, else by `packageManager`, else npm. */
export function packageManagerOf(
  files: RepoFiles,
  json: PackageJson | null,
): { readonly name: PackageManager; readonly lockFile: string | null } {
  const named = /^(npm|pnpm|yarn|bun)@/.exec(json?.packageManager ?? '')?.[1] as PackageManager | undefined;
  const present = LOCK_FILES.filter(([path]) => firstPath(files, [path]) !== null);
  const fitting = present.find(([, name]) => name === named) ?? present[0];
  if (fitting !== undefined) return { name: fitting[1], lockFile: fitting[0] };
  return { name: named ?? 'npm', lockFile: null };
}

/** Whether a script only says that there are no tests, as `npm init` writes it. */
export function isPlaceholder(script: string): boolean {
  return /no test specified/i.test(script) || /^\s*(?:echo\b[^&|;]*(?:&&|;)\s*)?exit 1\s*$/.test(script);
}

/** Whether a script never ends or writes into the working copy, so that it is no check. */
export function isNoCheck(script: string): string | null {
  if (/(?:^|\s)(?:--watch(?:All)?(?!=false)|-w(?=\s|$)|nodemon|chokidar|--ui)\b/.test(script))
    return 'it watches and never ends';
  if (/(?:^|\s)--(?:fix|write|update-snapshot|updateSnapshot)(?!=false|-dry)\b/.test(script))
    return 'it changes files';
  return null;
}
