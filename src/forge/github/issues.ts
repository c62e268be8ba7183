/**
 * Issues: read as what people wrote, and told by one comment of ours, edited in place. Who may write to the
 * repository is heard first; their word is data as everybody's is.
 */
import type { Issue, IssueComment, Issues } from '../forge.ts';
import { allPages, asJobError, isLimit, once, statusOf, type Ask } from './client.ts';
import { isSameName, repoOf, type RepoName } from './names.ts';
import { JobError } from '../../job/error.ts';

/** Comments that are looked through, newest last, in pages of a hundred. */
const MAX_PAGES = 30;
/** Writers who are asked about; more than ever speak in one issue. */
const MAX_ASKED = 20;
/** GitHub's limit for the text of an issue and of a comment, in characters; a server of one's own may have another. */
const MAX_TEXT_CHARS = 65_536;
/** Stands first in our comment, where nobody sees it. Others can write it too, so the author counts as well. */
const MARKER = '<!-- agent-runner: how the work on this issue goes -->';
/** What GitHub says of people who may have the right to write; whether they have it is asked. */
const CLOSE = new Set(['OWNER', 'MEMBER', 'COLLABORATOR']);
const WRITERS = new Set(['admin', 'maintain', 'write']);

/** What counts of a comment. */
interface Said {
  readonly id: number | bigint;
  readonly body?: string | undefined;
  readonly user: { readonly login: string } | null;
  readonly author_association?: string | undefined;
  readonly created_at: string;
  readonly updated_at: string;
}

function issueAt(repo: RepoName, number: number) {
  return { ...repoOf(repo), issue_number: number };
}

/** All comments, as far as the bound goes. */
async function listComments(ask: Ask, repo: RepoName, number: number): Promise<readonly Said[]> {
  const route = 'GET /repos/{owner}/{repo}/issues/{issue_number}/comments';
  return allPages(MAX_PAGES, async (at) => (await ask(route, { ...issueAt(repo, number), ...at })).data);
}

function isOwn(comment: Said, login: string): boolean {
  return comment.body?.startsWith(MARKER) === true && isSameName(comment.user?.login ?? '', login);
}

/** Those of these people who may write. Where we may not ask, what GitHub says of them beside it counts. */
export async function writersAmong(
  ask: Ask,
  repo: RepoName,
  people: readonly string[],
): Promise<ReadonlySet<string>> {
  const asked = await Promise.all(
    people.slice(0, MAX_ASKED).map(async (login) => {
      const route = 'GET /repos/{owner}/{repo}/collaborators/{username}/permission';
      const mayWrite = await ask(route, { ...repoOf(repo), username: login }).then(
        ({ data }) => WRITERS.has(data.permission),
        (error: unknown) => {
          // Who may not push may not ask either: nobody is believed then whose right is not seen.
          if ([403, 404].includes(statusOf(error)) && !isLimit(error)) return false;
          throw error;
        },
      );
      return mayWrite ? [login] : [];
    }),
  );
  return new Set(asked.flat());
}

async function readIssue(
  ask: Ask,
  repo: RepoName,
  number: number,
  login: () => Promise<string>,
): Promise<Issue> {
  const { data } = await ask('GET /repos/{owner}/{repo}/issues/{issue_number}', issueAt(repo, number));
  const [said, own] = await Promise.all([listComments(ask, repo, number), login()]);
  const others = said.filter((one) => !isOwn(one, own) && one.user?.login.endsWith('[bot]') !== true);
  const close = others.filter((one) => CLOSE.has(one.author_association ?? ''));
  const writers = await writersAmong(ask, repo, [...new Set(close.map((one) => one.user?.login ?? ''))]);
  const comments = others.map(({ user, body, created_at, updated_at }): IssueComment => {
    const author = user?.login ?? 'ghost';
    const text = (body ?? '').slice(0, MAX_TEXT_CHARS);
    return { author, mayWrite: writers.has(author), text, writtenAt: created_at, changedAt: updated_at };
  });
  return {
    title: data.title,
    text: (data.body ?? '').slice(0, MAX_TEXT_CHARS),
    author: data.user?.login ?? 'ghost',
    isOpen: data.state === 'open',
    isProposal: data.pull_request !== undefined,
    comments,
  };
}

async function sayOn(
  ask: Ask,
  repo: RepoName,
  number: number,
  what: { readonly text: string; readonly login: string; readonly signal: AbortSignal },
): Promise<void> {
  const body = `${MARKER}\n${what.text}`.slice(0, MAX_TEXT_CHARS);
  const find = async (): Promise<Said | null> =>
    (await listComments(ask, repo, number)).find((one) => isOwn(one, what.login)) ?? null;
  const make = async (): Promise<Said> => {
    const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/comments';
    return (await ask(route, { ...issueAt(repo, number), body })).data;
  };
  const { value } = await once(find, make, { signal: what.signal });
  if (value.body === body) return;
  await ask('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', {
    ...repoOf(repo),
    comment_id: Number(value.id),
    body,
  });
}

/**
 * The issues of a repository.
 *
 * @param login name under which we write
 */
export function createIssues(
  asking: () => Promise<Ask>,
  repo: RepoName,
  login: (ask: Ask) => Promise<string>,
  signal: AbortSignal,
): Issues {
  const named = (number: number): string => `${repo.owner}/${repo.name}#${number}`;
  return {
    async read(number) {
      const ask = await asking();
      try {
        return await readIssue(ask, repo, number, () => login(ask));
      } catch (error) {
        if (statusOf(error) === 404 || statusOf(error) === 410)
          throw new JobError(
            'not_found',
            `issue: ${named(number)} is not there, or this token may not see it`,
            {
              hint: 'check owner, name and number; the token needs Issues (read)',
            },
          );
        throw asJobError(error, `read ${named(number)}`, 'repo_unusable');
      }
    },
    async say(number, text) {
      const ask = await asking();
      try {
        await sayOn(ask, repo, number, { text, login: await login(ask), signal });
      } catch (error) {
        throw asJobError(error, `comment on ${named(number)}`, 'infra_failed');
      }
    },
  };
}
