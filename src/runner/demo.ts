/** The demo: its scenarios and its own repository, small, real, and made anew in an empty folder. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BROKEN_DEMO_FILES, DEMO_FILES, DEMO_TASK } from '../agent/demo-project.ts';
import type { Config } from '../config.ts';
import { SIMULATED_STORIES } from '../agent/simulated.ts';
import { commitTree } from '../workspace/change.ts';
import { createGit } from '../workspace/git.ts';

/** The task that belongs to the demo's repository. */
export const demoTask: string = DEMO_TASK;

/** What each scenario shows, by its name. */
export const demoScenarios: Readonly<Record<string, string>> = SIMULATED_STORIES;

/** Makes the demo's repository in `folder`, with one commit on `main`; a `broken` one has a red test. */
export async function createDemoRepository(
  config: Config,
  folder: string,
  state: 'sound' | 'broken' = 'sound',
): Promise<void> {
  const files = state === 'sound' ? DEMO_FILES : BROKEN_DEMO_FILES;
  const git = createGit({ path: config.host.path, home: config.host.home, network: {} });
  await mkdir(folder, { recursive: true });
  await git(null, ['init', '--quiet', '--initial-branch=main', '--template=', '--', folder]);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  const target = { dir: join(folder, '.git'), workTree: folder };
  await git(target, ['add', '--all']);
  const tree = (await git(target, ['write-tree'])).text;
  const info = { message: 'A small project\n', author: config.author, date: new Date().toISOString() };
  await commitTree(git, target, tree, null, 'refs/heads/main', info);
}
