/** The tracked files of one commit, as the gate room sees them. The runner hands in an implementation. */

/** The tracked files of one commit. */
export interface RepoFiles {
  /** Every tracked path, relative to the root and separated by `/`. */
  readonly paths: readonly string[];
  /** The text of a file; `null` when it is absent, binary, a symlink or larger than 1 MiB. */
  read(path: string): Promise<string | null>;
}

/** The last segment of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The directory of a path without a closing slash; `''` for the root. */
export function directoryOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at < 0 ? '' : path.slice(0, at);
}

/** How many directories lie above a path: 0 in the root. */
export function depthOf(path: string): number {
  let depth = 0;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) depth++;
  return depth;
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** The tracked paths as a set, made once a listing: rules ask it dozens of times, and a repository may have 100,000. */
export function trackedIn(files: RepoFiles): ReadonlySet<string> {
  const known = sets.get(files.paths) ?? new Set(files.paths);
  sets.set(files.paths, known);
  return known;
}

/** The first of `candidates` that is tracked, or `null`. */
export function firstPath(files: RepoFiles, candidates: readonly string[]): string | null {
  const tracked = trackedIn(files);
  return candidates.find((path) => tracked.has(path)) ?? null;
}

/** The files below one directory, as if it were the root. */
export function filesUnder(files: RepoFiles, directory: string): RepoFiles {
  const prefix = `${directory}/`;
  return {
    paths: files.paths.filter((path) => path.startsWith(prefix)).map((path) => path.slice(prefix.length)),
    read: async (path) => files.read(prefix + path),
  };
}

/** Most CI files that are read when a rule asks what the repository's own CI does. */
const MAX_CI_FILES = 20;

/** The text of the repository's CI configuration, joined; `''` when there is none. */
export async function ciText(files: RepoFiles): Promise<string> {
  const ci = files.paths.filter(
    (path) =>
      /^\.github\/workflows\/[^/]+\.ya?ml$/.test(path) ||
      ['.gitlab-ci.yml', '.travis.yml', '.circleci/config.yml', 'azure-pipelines.yml'].includes(path),
  );
  const texts = await Promise.all(ci.slice(0, MAX_CI_FILES).map(async (path) => files.read(path)));
  return texts.map((text) => text ?? '').join('\n');
}
