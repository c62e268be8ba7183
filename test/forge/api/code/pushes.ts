/** What follows when a branch moves: heads of pull requests move along, and the hooks hear of it. */
import { folderOf, now, type Core } from '../../state/core.ts';
import type { Pull, Repository } from '../../state/model.ts';
import type { RefUpdate } from '../../git/backend.ts';
import { git } from '../../git/git.ts';
import { changedFiles, commit, countCommits, log, mergeBase } from '../../git/history.ts';
import { readRef, writeRef } from '../../git/refs.ts';
import { fullPull } from '../../json/pulls.ts';
import { repoHtml } from '../../json/repositories.ts';
import type { Json } from '../../http/route.ts';

const ZERO = '0'.repeat(40);

/** Open pull requests, anywhere in the network, whose head is this branch. */
function pullsFrom(core: Core, head: Repository, branch: string): readonly (readonly [Repository, Pull])[] {
  return core.state.repositories.flatMap((base) =>
    base.pulls
      .filter((one) => one.state === 'open' && one.headRepositoryId === head.id && one.headRef === branch)
      .map((one) => [base, one] as const),
  );
}

/** Sends one event about a pull request. */
export function emitPull(
  core: Core,
  base: Repository,
  pull: Pull,
  action: string,
  login: string,
  more: Json = {},
): void {
  core.emit(base, 'pull_request', {
    action,
    number: pull.number,
    pull_request: fullPull(core, base, pull),
    sender: login,
    ...more,
  });
}

/** After a pull request's head or base has changed: the base's own ref of the head, and the figures. */
export async function headMoved(core: Core, base: Repository, pull: Pull): Promise<void> {
  const folder = folderOf(core, base);
  await writeRef(folder, `refs/pull/${pull.number}/head`, pull.headSha);
  const common = (await mergeBase(folder, pull.baseSha, pull.headSha)) ?? pull.baseSha;
  const files = await changedFiles(folder, common, pull.headSha);
  const sum = (of: 'additions' | 'deletions'): number => files.reduce((total, file) => total + file[of], 0);
  pull.figures = {
    commits: await countCommits(folder, pull.baseSha, pull.headSha),
    additions: sum('additions'),
    deletions: sum('deletions'),
    changedFiles: files.length,
  };
}

async function pushPayload(
  core: Core,
  repository: Repository,
  update: RefUpdate,
  login: string,
): Promise<Json> {
  const folder = folderOf(core, repository);
  const { ref, before, after } = update;
  const [created, deleted] = [before === ZERO, after === ZERO];
  const range = created ? [after] : [`${before}..${after}`];
  const commits = deleted ? [] : (await log(folder, range, { max: created ? 1 : 20 })).toReversed();
  const shown = commits.map((one) => ({
    id: one.sha,
    tree_id: one.tree,
    distinct: true,
    message: one.message,
    timestamp: one.committer.date,
    url: repoHtml(core, repository, `/commit/${one.sha}`),
    author: { name: one.author.name, email: one.author.email },
    committer: { name: one.committer.name, email: one.committer.email },
    added: [],
    removed: [],
    modified: [],
  }));
  const forced =
    !created && !deleted && (await commit(folder, before)) !== null
      ? (await git(folder, ['rev-list', '--count', before, `^${after}`])).trim() !== '0'
      : false;
  return {
    ref,
    before,
    after,
    created,
    deleted,
    forced,
    base_ref: null,
    compare: repoHtml(core, repository, `/compare/${before.slice(0, 12)}...${after.slice(0, 12)}`),
    commits: shown,
    head_commit: shown.at(-1) ?? null,
    pusher: { name: login, email: `${login}@users.noreply.forge.test` },
    sender: login,
  };
}

/** Records that a ref moved, by a push or through the API. */
export async function branchMoved(
  core: Core,
  repository: Repository,
  update: RefUpdate,
  login: string,
): Promise<void> {
  const at = now(core);
  repository.pushedAt = at;
  repository.updatedAt = at;
  if (repository.hooks.length > 0)
    core.emit(repository, 'push', await pushPayload(core, repository, update, login));
  const branch = update.ref.replace(/^refs\/heads\//, '');
  if (branch === update.ref) return;
  for (const [base, pull] of pullsFrom(core, repository, branch)) {
    if (update.after === ZERO) {
      pull.state = 'closed';
      pull.closedAt = at;
      emitPull(core, base, pull, 'closed', login);
      continue;
    }
    const before = pull.headSha;
    pull.headSha = update.after;
    pull.baseSha = (await readRef(folderOf(core, base), `refs/heads/${pull.baseRef}`)) ?? pull.baseSha;
    pull.updatedAt = at;
    await headMoved(core, base, pull);
    emitPull(core, base, pull, 'synchronize', login, { before, after: update.after });
  }
}
