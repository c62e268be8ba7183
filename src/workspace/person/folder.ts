/** Writing a change back into a folder without git: only over files that are still as the job found them. */
import {
  chmod,
  copyFile,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { splitNul, type Git, type GitTarget } from '../git.ts';

/** One file on one side: its mode in git and its content, or `null` where there is none. */
interface Side {
  readonly mode: string;
  readonly content: Buffer;
}

interface FileChange {
  readonly path: string;
  readonly before: Side | null;
  readonly after: Side | null;
}

const ABSENT = '000000';
const LINK = '120000';

async function blob(git: Git, target: GitTarget, mode: string, id: string): Promise<Side | null> {
  if (mode === ABSENT) return null;
  return { mode, content: (await git(target, ['cat-file', 'blob', id])).stdout };
}

async function listFiles(git: Git, target: GitTarget, base: string, head: string): Promise<FileChange[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--full-index', base, head];
  const fields = splitNul((await git(target, args)).stdout);
  const changes: FileChange[] = [];
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const [oldMode = '', newMode = '', oldId = '', newId = ''] = (fields[at] ?? '').slice(1).split(' ');
    changes.push({
      path: fields[at + 1] ?? '',
      before: await blob(git, target, oldMode, oldId),
      after: await blob(git, target, newMode, newId),
    });
  }
  return changes;
}

/** What lies at a path now. A folder above it that is a link would lead out of the folder. */
async function present(folder: string, path: string): Promise<Side | null | 'foreign'> {
  const parts = path.split('/');
  for (let count = 1; count < parts.length; count++) {
    const above = await lstat(join(folder, ...parts.slice(0, count))).catch(() => null);
    if (above === null) return null;
    if (!above.isDirectory()) return 'foreign';
  }
  const at = join(folder, path);
  const info = await lstat(at).catch(() => null);
  if (info === null) return null;
  if (info.isSymbolicLink()) return { mode: LINK, content: Buffer.from(await readlink(at)) };
  return info.isFile() ? { mode: '100644', content: await readFile(at) } : 'foreign';
}

function isSame(a: Side | null, b: Side | null): boolean {
  if (a === null || b === null) return a === b;
  return (a.mode === LINK) === (b.mode === LINK) && a.content.equals(b.content);
}

async function put(folder: string, path: string, side: Side): Promise<void> {
  const at = join(folder, path);
  await mkdir(dirname(at), { recursive: true });
  const building = `${at}.agent-runner-new`;
  await rm(building, { force: true });
  if (side.mode === LINK) await symlink(side.content.toString('utf8'), building);
  else {
    await writeFile(building, side.content);
    await chmod(building, side.mode === '100755' ? 0o755 : 0o644);
  }
  await rename(building, at);
}

async function keep(folder: string, path: string, originals: string, before: Side): Promise<void> {
  const to = join(originals, path);
  if ((await lstat(to).catch(() => null)) !== null) return;
  await mkdir(dirname(to), { recursive: true });
  if (before.mode === LINK) await writeFile(to, before.content);
  else await copyFile(join(folder, path), to);
}

/**
 * Writes what differs between two commits into a folder, after saving the originals. Done twice, it has the
 * effect of once; a file that somebody changed meanwhile stops everything before the first write.
 *
 * @returns how many files differ
 * @throws JobError `conflict` that names the file
 */
export async function writeBack(
  git: Git,
  target: GitTarget,
  what: { readonly base: string; readonly head: string; readonly folder: string; readonly originals: string },
): Promise<number> {
  const changes = await listFiles(git, target, what.base, what.head);
  const open: FileChange[] = [];
  for (const change of changes) {
    const now = await present(what.folder, change.path);
    if (now !== 'foreign' && isSame(now, change.after)) continue;
    // A link that makes room for a folder of the change goes first, as one of the deleted.
    const makesRoom =
      change.before === null &&
      changes.some((one) => one.after === null && change.path.startsWith(`${one.path}/`));
    if (!makesRoom && (now === 'foreign' || !isSame(now, change.before))) {
      throw new JobError(
        'conflict',
        `folder: ${change.path} was changed while the job ran, so nothing was written`,
        {
          hint: 'the change is kept as a patch; apply it by hand with: patch -p1',
        },
      );
    }
    open.push(change);
  }
  for (const { path, before } of open)
    if (before !== null) await keep(what.folder, path, what.originals, before);
  for (const { path, after } of open) if (after === null) await rm(join(what.folder, path), { force: true });
  for (const { path, after } of open) if (after !== null) await put(what.folder, path, after);
  return changes.length;
}
