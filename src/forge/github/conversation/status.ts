/** The verdict on the head commit, where people look at it: set once, and set again only where it differs. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProposalRequest } from '../../forge.ts';
import { once, sayingOf, statusOf, type Ask } from '../client.ts';
import { isSameName, repoOf, type RepoName, type Route } from '../names.ts';
import { OWN_CHECK } from './happened.ts';

/** GitHub's limit for a status, in characters. */
const MAX_STATUS_CHARS = 140;
/** Right after a push GitHub may not know the commit yet. */
const HEAD_TRIES = 4;
const HEAD_PAUSE_MS = 500;

/** Whether a status can't be set here because of who asks or where, not because of a moment. */
function isElsewhere(error: unknown): boolean {
  return [403, 404, 422].includes(statusOf(error));
}

/** Says the verdict on the head commit, once. That it can't be said is a notice, and no failure of the job. */
export async function setStatus(
  ask: Ask,
  route: Route,
  request: ProposalRequest,
  prUrl: string,
  notices: string[],
  signal: AbortSignal,
): Promise<void> {
  const { headSha: sha, status } = request;
  if (status === null) return;
  const description = Array.from(status.description).slice(0, MAX_STATUS_CHARS).join('');
  const wanted = {
    state: status.state,
    description,
    context: OWN_CHECK,
    target_url: status.url ?? prUrl,
  };
  const inRepo = (repo: RepoName): Promise<unknown> =>
    once(
      async () => {
        const listed = await ask('GET /repos/{owner}/{repo}/commits/{ref}/statuses', {
          ...repoOf(repo),
          ref: sha,
          per_page: 100,
        });
        const last = listed.data.find((one) => one.context === OWN_CHECK);
        return last?.state === wanted.state && last.description === description ? true : null;
      },
      async () => {
        await ask('POST /repos/{owner}/{repo}/statuses/{sha}', { ...repoOf(repo), sha, ...wanted });
        return true;
      },
      { signal },
    );
  /** Where nowhere else is left, a commit that is not known yet is waited for. */
  const patiently = async (repo: RepoName): Promise<void> => {
    for (let tries = 1; ; tries++) {
      try {
        await inRepo(repo);
        return;
      } catch (error) {
        if (statusOf(error) !== 422 || tries >= HEAD_TRIES) throw error;
        await sleep(HEAD_PAUSE_MS * tries, undefined, { signal });
      }
    }
  };
  const { upstream, head } = route;
  const isAcross = !isSameName(`${head.owner}/${head.name}`, `${upstream.owner}/${upstream.name}`);
  try {
    if (!isAcross) return await patiently(upstream);
    // Who may not write to the repository says it on the fork, where it can be read beside the commit.
    await inRepo(upstream).catch((error: unknown) => {
      if (!isElsewhere(error)) throw error;
      return patiently(head);
    });
  } catch (thrown) {
    notices.push(`the status could not be set on ${sha.slice(0, 12)}: ${sayingOf(thrown)}`);
  }
}
