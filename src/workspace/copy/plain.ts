/** Working copies with files of their own: a checkout that borrows objects, for machines that can't mount. */
import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { snapshotTree } from '../change.ts';
import { applyLayer } from '../dependencies.ts';
import type { GitTarget } from '../git.ts';
import { removeFolder } from '../keep/folders.ts';
import { checkOut, checkoutFolder } from './checkout.ts';
import type { Checkout, CopyParts, WorkingCopy } from './working-copy.ts';

/** Lays a commit into an empty folder, with a trusted `.git`. */
export async function checkOutWithGit(
  parts: Pick<CopyParts, 'git' | 'paths' | 'repository' | 'writeGit'>,
  tree: string,
  commit: string,
): Promise<void> {
  const index = join(parts.paths.git, `index.${randomBytes(6).toString('hex')}`);
  try {
    await checkOut(parts.git, parts.repository, tree, index, commit);
    await parts.writeGit(tree, index, commit);
  } finally {
    await rm(index, { force: true });
  }
}

function plainCheckout(parts: CopyParts, tree: string, home: string): Checkout {
  return {
    tree,
    home,
    mounts: parts.mounts,
    layers: () => ({}),
    lay: (layer) => applyLayer(layer, tree, home),
  };
}

/** The working copy of a job as a plain folder; `reset` fills it. */
export function openPlainCopy(parts: CopyParts): WorkingCopy {
  const { git, paths, repository, baseSha } = parts;
  const index = join(paths.git, 'index');
  const target: GitTarget = { dir: paths.git, workTree: paths.tree, index };
  return {
    ...plainCheckout(parts, paths.tree, paths.home),
    target,
    where: paths.tree,
    checkOutAt: (tree, commit) => parts.checkOutAt(tree, commit),
    files: (commit) => parts.readFiles(commit, null),
    snapshot: () => snapshotTree(git, target),
    touched() {},
    async reset(treeish) {
      await removeFolder(paths.tree);
      await rm(index, { force: true });
      await checkOut(git, repository, paths.tree, index, treeish);
      if (treeish === baseSha) return parts.writeGit(paths.tree, index, baseSha);
      // The inner index shows base, so that the agent's own diff has all its objects.
      const own = `${index}.inner`;
      await git({ ...target, index: own }, ['read-tree', '--reset', baseSha]);
      await parts.writeGit(paths.tree, own, baseSha);
      await rm(own, { force: true });
    },
    async checkOutClean(name, commit) {
      const root = checkoutFolder(paths, name);
      const [tree, home] = [join(root, 'tree'), join(root, 'home')];
      await mkdir(home, { recursive: true });
      await parts.checkOutAt(tree, await commit);
      return {
        ...plainCheckout(parts, tree, home),
        remove: () => removeFolder(root),
      };
    },
  };
}
