/** New bare repositories: empty ones, copies, ones with a first commit, and forks that share their network's objects. */
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './git.ts';
import { listRefs } from './refs.ts';

/** Where a new repository's content comes from: a repository's path, files of a first commit, or nothing. */
export type Origin = { readonly path: string } | { readonly files: Readonly<Record<string, string>> } | null;

// Pull requests' refs may be fetched, never pushed. Nothing is collected behind a test's back, since forks share
// objects that only one of them may reach.
const CONFIG = [
  ['http.receivepack', 'true'],
  ['receive.hideRefs', 'refs/pull'],
  ['receive.autogc', 'false'],
  ['gc.auto', '0'],
  ['uploadpack.allowFilter', 'true'],
  ['uploadpack.allowAnySHA1InWant', 'true'],
  ['core.logAllRefUpdates', 'false'],
] as const;

async function configure(folder: string, defaultBranch: string): Promise<void> {
  const lines = CONFIG.map(([key, value]) => {
    const [section, name] = key.split('.');
    return `[${section}]\n\t${name} = ${value}\n`;
  });
  const file = join(folder, 'config');
  await writeFile(file, (await readFile(file, 'utf8')) + lines.join(''));
  await writeFile(join(folder, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`);
}

/** One commit with these files on a branch of a bare repository, without a working tree. */
async function firstCommit(
  folder: string,
  branch: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  const env = { GIT_INDEX_FILE: join(folder, 'first.index') };
  for (const [path, text] of Object.entries(files)) {
    const blob = (await git(folder, ['hash-object', '-w', '--stdin'], { input: text })).trim();
    await git(folder, ['update-index', '--add', '--cacheinfo', `100644,${blob},${path}`], { env });
  }
  const tree = (await git(folder, ['write-tree'], { env })).trim();
  const sha = (await git(folder, ['commit-tree', '-m', 'First commit', tree])).trim();
  await git(folder, ['update-ref', `refs/heads/${branch}`, sha]);
  await rm(env.GIT_INDEX_FILE, { force: true });
}

/**
 * Makes the bare repository `folder`.
 *
 * @returns the name of its default branch: that of the repository copied, else `branch`
 */
export async function createBare(folder: string, origin: Origin, branch: string): Promise<string> {
  if (origin !== null && 'path' in origin) {
    await git('/', ['clone', '-q', '--bare', '--no-tags', '--', origin.path, folder]);
    const head = await readFile(join(folder, 'HEAD'), 'utf8');
    const name = head.trim().replace('ref: refs/heads/', '');
    await configure(folder, name);
    return name;
  }
  await git('/', ['init', '-q', '--bare', '--template=', '--', folder]);
  await configure(folder, branch);
  if (origin !== null) await firstCommit(folder, branch, origin.files);
  return branch;
}

/** Makes `folder` a fork of `parent`: the same objects, and its refs at this moment. */
export async function createFork(
  folder: string,
  parent: string,
  options: { readonly defaultBranch: string; readonly defaultBranchOnly: boolean },
): Promise<void> {
  await mkdir(join(folder, 'refs'), { recursive: true });
  await cp(join(parent, 'config'), join(folder, 'config'));
  await cp(join(parent, 'HEAD'), join(folder, 'HEAD'));
  await symlink(join(parent, 'objects'), join(folder, 'objects'));
  const only = `refs/heads/${options.defaultBranch}`;
  const refs = options.defaultBranchOnly
    ? (await listRefs(parent, only)).filter((ref) => ref.name === only)
    : [...(await listRefs(parent, 'refs/heads/')), ...(await listRefs(parent, 'refs/tags/'))];
  const packed = refs.map((ref) => `${ref.sha} ${ref.name}\n`).join('');
  await writeFile(join(folder, 'packed-refs'), `# pack-refs with: sorted\n${packed}`);
}
