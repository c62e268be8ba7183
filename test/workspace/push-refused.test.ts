/** Pushes that a server refuses for a reason: whoever reads the error knows what to do. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pushBranch } from '../../src/workspace/remote/publish.ts';
import { setScene, sh, type Scene } from './scene.ts';

let scene: Scene;
let bare: string;
beforeEach(() => {
  scene = setScene();
  bare = join(scene.root, 'bare.git');
  sh(scene.root, 'clone', '--quiet', '--bare', scene.repo, bare);
});
afterEach(() => scene.remove());

/** What comes of a push to a server that says this and refuses. */
async function refused(words: string): Promise<unknown> {
  const hook = join(bare, 'hooks', 'pre-receive');
  writeFileSync(hook, `#!/bin/sh\ncat >&2 <<'WORDS'\n${words}\nWORDS\nexit 1\n`);
  chmodSync(hook, 0o755);
  const commit = sh(scene.repo, 'rev-parse', 'HEAD');
  const source = { url: bare, kind: 'bare' as const };
  return pushBranch(scene.git, join(scene.repo, '.git'), source, 'bot/job-1', commit, []).catch(
    (error: unknown) => error,
  );
}

describe('a push that is refused', () => {
  it.each([
    [
      'refusing to allow a Personal Access Token to create or update workflow `a.yml` without `workflow` scope',
      /scope `workflow`/,
    ],
    [
      'refusing to allow a GitHub App to create or update workflow `a.yml` without `workflows` permission',
      /Workflows \(write\)/,
    ],
    [
      'error: GH013: Repository rule violations found for refs/heads/x. Push cannot contain secrets',
      /takes for a secret/,
    ],
    ['error: GH006: Protected branch update failed', /branch_template/],
    ['Permission to ann/tool.git denied to bot.', /right to write/],
  ])('with %j says what to do', async (words, hint) => {
    expect(await refused(words)).toMatchObject({
      code: 'infra_failed',
      message: expect.stringContaining(words.slice(0, 30)),
      hint: expect.stringMatching(hint),
    });
  });
});
