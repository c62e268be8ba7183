/** Putting a branch on a remote. The base branch is never named here, and nothing is ever merged. */
import { JobError } from '../../job/error.ts';
import { parseRef } from '../../job/request.ts';
import type { Git } from '../git.ts';
import type { Source } from './listing.ts';

/** The commit a branch of the remote points at, or `null` when there is no such branch. */
export async function readRemoteBranch(git: Git, source: Source, branch: string): Promise<string | null> {
  const args = ['ls-remote', '--', source.url, `refs/heads/${parseRef(branch, 'branch')}`];
  const line =
    (await git(null, args, { config: source.kind === 'url' ? 'user' : 'none' })).text.split('\n')[0] ?? '';
  return /^[0-9a-f]{40}\t/.test(line) ? line.slice(0, 40) : null;
}

/** What servers say when they will not take a push, and what a person does then. The first that fits counts. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [
    /without [`'"]?workflows?[`'"]? (?:scope|permission)/i,
    'the change or a newer base touches .github/workflows: give the token the scope `workflow`, or the App the permission Workflows (write)',
  ],
  [
    /push protection|GH013|secret/i,
    "the server refuses what it takes for a secret or what a repository's rules forbid: read its words above",
  ],
  [
    /403|permission[^\n]*denied|denied to|not allowed to push|access denied|write access/i,
    'whoever pushes here may only read: give them the right to write, or let agent-runner fork (docs/github.md)',
  ],
  [
    /protected branch|pre-receive hook declined|rule violations|hook declined/i,
    'a rule of the repository refuses this branch: choose another branch_template, or have the rule admit it',
  ],
  [
    /401|authentication failed|could not read username|invalid username or password/i,
    'the remote does not know who pushes: set BOT_TOKEN for GitHub, or give git a credential for this host',
  ],
];

/** A refusal that trying again does not change, with what to do; anything else as it came. */
function explained(error: unknown): unknown {
  if (!(error instanceof JobError)) return error;
  const hint = REFUSALS.find(([words]) => words.test(error.message))?.[1];
  return hint === undefined ? error : new JobError(error.code, error.message, { hint, cause: error });
}

/**
 * Pushes a commit to the job's own branch. Done twice, it has the effect of once. A branch that somebody
 * else made or moved is never overwritten.
 *
 * @param ours commits that this job pushed to the branch before; only those may be replaced
 * @throws JobError `conflict` when the branch holds somebody else's commit; `infra_failed` with a hint where a
 * server refuses for a reason that it names
 */
export async function pushBranch(
  git: Git,
  from: string,
  source: Source,
  branch: string,
  commit: string,
  ours: readonly string[],
): Promise<void> {
  const ref = `refs/heads/${parseRef(branch, 'branch')}`;
  // A person's own repository gets a ref and nothing else: its hooks are not run for a branch it did not ask for,
  // nor the command that its configuration may name to list the refs of repositories it borrows from.
  const quiet = '-c core.hooksPath=/dev/null -c core.alternateRefsCommand=true';
  const quietly = source.kind === 'checkout' ? [`--receive-pack=git ${quiet} receive-pack`] : [];
  const push = async (expected: string): Promise<void> => {
    const lease = `--force-with-lease=${ref}:${expected}`;
    const args = ['push', '--quiet', '--no-verify', lease, ...quietly, '--', source.url, `${commit}:${ref}`];
    await git({ dir: from }, args, { config: source.kind === 'url' ? 'user' : 'none' });
  };
  try {
    // Nearly always there is no such branch yet, and a lease on nothing makes that certain.
    return await push('');
  } catch (error) {
    const there = await readRemoteBranch(git, source, branch);
    if (there === commit) return;
    if (there === null) throw explained(error);
    if (ours.includes(there)) return push(there);
    throw new JobError(
      'conflict',
      `branch: ${branch} exists on ${source.url} at ${there.slice(0, 12)}, which is not this job's work`,
      {
        hint: 'delete or rename that branch, or choose another branch_template',
      },
    );
  }
}

/**
 * The remote of a person's own repository that a branch of it is published to: `origin`, else the only one.
 * `null` where there is none, where there is a choice, and for what is no working repository.
 */
export async function publishingRemote(git: Git, source: Source): Promise<string | null> {
  if (source.kind !== 'checkout') return null;
  const { text, code } = await git(null, ['-C', source.url, 'remote'], { okCodes: [0, 1, 128] });
  const names = code === 0 ? text.split('\n').filter((name) => name !== '') : [];
  return names.includes('origin') ? 'origin' : names.length === 1 ? (names[0] ?? null) : null;
}
