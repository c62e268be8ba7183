/** New bare repositories: empty ones, copies, ones with a first commit, and forks that share their network's objects. */
import { cp, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { git } from './git.ts';
import { listRefs } from './refs.ts';

/** Where a new repository's content comes from: a repository's path, files of a first commit, or nothing. */
export type Origin = { readonly path: string } | { readonly files: Readonly<Record<string, string>> } | null;

// Pull requests' refs may be fetched, never pushed. Nothing is collected behind a test's back, since forks share
// objects that only one of them may reach.
const CONFIG = `[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = true
\tlogAllRefUpdates = false
[http]
\treceivepack = true
[receive]
\thideRefs = refs/pull
\tautogc = false
[gc]
\tauto = 0
[uploadpack]
\tallowFilter = true
\tallowAnySHA1InWant = true
`;

async function configure(folder: string, defaultBranch: string): Promise<void> {
  await writeFile(join(folder, 'config'), CONFIG);
  await writeFile(join(folder, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`);
}

/** Input of `git fast-import`: one commit with these files. */
function firstCommit(branch: string, files: Readonly<Record<string, string>>): string {
  const data = (text: string): string => `data ${Buffer.byteLength(text)}\n${text}\n`;
  const paths = Object.entries(files).map(
    ([path, text]) => `M 100644 inline ${JSON.stringify(path)}\n${data(text)}`,
  );
  const seconds = Math.floor(Date.now() / 1000);
  return `commit refs/heads/${branch}\ncommitter Test forge <noreply@forge.test> ${seconds} +0000\n${data('First commit')}${paths.join('')}`;
}

/**
 * Makes the bare repository `folder`.
 *
 * @returns the name of its default branch: that of the repository copied, else `branch`
 */
export async function createBare(folder: string, origin: Origin, branch: string): Promise<string> {
  // Left by a forge that was killed before it knew of it.
  await rm(folder, { recursive: true, force: true });
  if (origin !== null && 'path' in origin) {
    await git('/', ['clone', '-q', '--bare', '--', origin.path, folder]);
    const head = await readFile(join(folder, 'HEAD'), 'utf8');
    // A detached head names no branch.
    const name = /^ref: refs\/heads\/(.+)$/m.exec(head)?.[1] ?? branch;
    await configure(folder, name);
    return name;
  }
  await mkdir(join(folder, 'objects'), { recursive: true });
  await mkdir(join(folder, 'refs', 'heads'), { recursive: true });
  await configure(folder, branch);
  if (origin !== null) {
    const input = firstCommit(branch, origin.files);
    await git(folder, ['-c', 'fastimport.unpackLimit=1000', 'fast-import', '--quiet', '--date-format=raw'], {
      input,
    });
  }
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
