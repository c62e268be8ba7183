/** What people and checks say in a repository of GitHub. */
import { JobError } from '../../../job/error.ts';
import type { ForgeEvent } from '../../../job/trigger/event.ts';
import type { Conversation } from '../../forge.ts';
import { again, asJobError, isLimit, statusOf, type Ask } from '../client.ts';
import { writersAmong } from '../issues.ts';
import { repoOf, type RepoName } from '../names.ts';
import { readChecksOf } from './checks.ts';
import { isLogin } from './happened.ts';
import type { Memory } from './memory.ts';
import { pullOf, pullsOfCommit, readReviewOf } from './reviews.ts';
import { happenedSince } from './since.ts';

/** Who talks, and where. */
export interface Talk {
  readonly asking: () => Promise<Ask>;
  readonly repo: RepoName;
  /** Login under which we write. */
  readonly login: (ask: Ask) => Promise<string>;
  /** Tells those who ask apart: an answer that one got is shown to no other. */
  readonly reader: string;
  readonly memory: Memory;
  readonly signal: AbortSignal;
}

/** Says 👀 where an event can be answered so. A review can't: its pull request is told. */
async function acknowledgeTo(ask: Ask, repo: RepoName, event: ForgeEvent): Promise<void> {
  if (event.kind === 'checks' || event.kind === 'closed') return;
  const eyes = { ...repoOf(repo), content: 'eyes' } as const;
  if (event.kind === 'comment') {
    const route = 'POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions';
    await ask(route, { ...eyes, comment_id: event.id });
    return;
  }
  const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/reactions';
  await ask(route, { ...eyes, issue_number: event.number });
}

/** The conversation of one repository. */
export function createConversation(talk: Talk): Conversation {
  const { asking, repo, signal } = talk;
  const fullName = `${repo.owner}/${repo.name}`;
  /** Does `work`; a refusal becomes what a job ends with, and what is not there is named. */
  const named = async <T>(doing: string, work: (ask: Ask) => Promise<T>): Promise<T> => {
    try {
      return await work(await asking());
    } catch (error) {
      if ([404, 410].includes(statusOf(error))) {
        throw new JobError(
          'not_found',
          `GitHub: could not ${doing}: it is not there, or this token may not see it`,
          {
            hint: 'check the name and the number, and what the token may read',
          },
        );
      }
      throw asJobError(error, doing, 'repo_unusable');
    }
  };
  return {
    mayWrite: (login) =>
      named(`ask what ${JSON.stringify(login.slice(0, 100))} may do in ${fullName}`, async (ask) =>
        isLogin(login) ? (await writersAmong(ask, repo, [login])).has(login) : false,
      ),
    self: () => named('ask who we are', (ask) => talk.login(ask)),
    acknowledge: (event) =>
      named(`answer to ${event.key}`, async (ask) => {
        // A reaction is there once, however often it is asked for.
        const done = again(() => acknowledgeTo(ask, repo, event), signal);
        await done.catch((error: unknown) => {
          // What was taken away needs no answer.
          if (![404, 410].includes(statusOf(error))) throw error;
        });
      }),
    readPull: (number) =>
      named(`read ${fullName}#${number}`, async (ask) => {
        const route = 'GET /repos/{owner}/{repo}/pulls/{pull_number}';
        return pullOf((await ask(route, { ...repoOf(repo), pull_number: number })).data);
      }),
    readReview: (number, reviewId) =>
      named(`read review ${reviewId} of ${fullName}#${number}`, (ask) =>
        readReviewOf(ask, repo, number, reviewId),
      ),
    readChecks: (sha) =>
      named(`read the checks of ${fullName} at ${sha}`, (ask) => readChecksOf(ask, repo, sha, signal)),
    pullsOf: (sha) =>
      named(`find the pull requests of ${sha} in ${fullName}`, (ask) => pullsOfCommit(ask, repo, sha)),
    since: (at) =>
      named(`look what happened in ${fullName}`, async (ask) => {
        const recall: Memory['recall'] = (key, question, reduce) =>
          talk.memory.recall(`${talk.reader} ${fullName} ${key}`, question, reduce);
        // A workflow's own token is nobody's, and opens no pull request that is followed up.
        const login = await talk.login(ask).catch((error: unknown) => {
          if (statusOf(error) === 403 && !isLimit(error)) return '';
          throw error;
        });
        return happenedSince({ ask, repo, login, recall }, at);
      }),
  };
}
