/** Pull requests and reviews, as people wrote them. */
import { MAX_EVENT_TEXT_CHARS } from '../../../job/trigger/event.ts';
import { JobError } from '../../../job/error.ts';
import type { Pull, Remark, Review } from '../../forge.ts';
import { allPages, PAGE, type Ask } from '../client.ts';
import { repoOf, type RepoName } from '../names.ts';
import { reviewStateOf } from './happened.ts';

/** Remarks of a pull request that are looked through, and of one review those that are told. */
const MAX_PAGES = 20;
const MAX_REMARKS = 200;
/** Of the piece of a difference that a remark is on, the end, where the line is. */
const MAX_HUNK_CHARS = 8 * 1024;

/** What counts of a pull request. */
interface Given {
  readonly number: number;
  readonly title: string;
  readonly state: string;
  readonly html_url: string;
  readonly user: { readonly login: string } | null;
  readonly head: {
    readonly ref: string;
    readonly sha: string;
    readonly repo: { readonly full_name: string } | null;
  };
  readonly base: { readonly ref: string; readonly sha: string };
}

/** A pull request in words that no forge owns. */
export function pullOf(given: Given): Pull {
  const { head, base } = given;
  return {
    number: given.number,
    title: given.title.slice(0, MAX_EVENT_TEXT_CHARS),
    author: given.user?.login ?? 'ghost',
    url: given.html_url,
    isOpen: given.state === 'open',
    head: { repo: head.repo?.full_name ?? null, branch: head.ref, sha: head.sha },
    base: { branch: base.ref, sha: base.sha },
  };
}

/** What counts of a remark. */
interface GivenRemark {
  readonly id: number | bigint;
  readonly user: { readonly login: string } | null;
  readonly body: string;
  readonly path: string;
  readonly line?: number | undefined;
  readonly start_line?: number | null | undefined;
  readonly side?: string | undefined;
  readonly subject_type?: string | undefined;
  readonly diff_hunk: string;
  readonly pull_request_review_id: number | bigint | null;
  readonly in_reply_to_id?: number | bigint | undefined;
}

function remarkOf(one: GivenRemark, first: GivenRemark | null): Remark {
  const isOnFile = one.subject_type === 'file';
  const saidIn = ({ user, body }: GivenRemark): { readonly author: string; readonly text: string } => {
    return { author: user?.login ?? 'ghost', text: body.slice(0, MAX_EVENT_TEXT_CHARS) };
  };
  return {
    id: Number(one.id),
    ...saidIn(one),
    path: one.path,
    line: isOnFile ? null : (one.line ?? null),
    startLine: isOnFile ? null : (one.start_line ?? one.line ?? null),
    isOnBase: one.side === 'LEFT',
    hunk: one.diff_hunk.slice(-MAX_HUNK_CHARS),
    answers: first === null ? null : saidIn(first),
  };
}

/**
 * The remarks of a review. They are taken from all of the pull request, newest first: the list of one review tells no
 * lines, and a reply is part of a review of its own.
 */
async function remarksOf(
  ask: Ask,
  repo: RepoName,
  number: number,
  reviewId: number,
): Promise<readonly Remark[]> {
  const given = await allPages<GivenRemark>(MAX_PAGES, async (at) => {
    const { data } = await ask('GET /repos/{owner}/{repo}/pulls/{pull_number}/comments', {
      ...repoOf(repo),
      pull_number: number,
      sort: 'created',
      direction: 'desc',
      ...at,
    });
    return data;
  });
  // One that was written while the pages were read stands on two of them.
  const all = new Map(given.map((one) => [Number(one.id), one]));
  const own = [...all.values()].filter((one) => Number(one.pull_request_review_id) === reviewId);
  return own
    .slice(0, MAX_REMARKS)
    .toReversed()
    .map((one) => remarkOf(one, all.get(Number(one.in_reply_to_id)) ?? null));
}

/** A submitted review with its remarks, in the order in which they were written. */
export async function readReviewOf(
  ask: Ask,
  repo: RepoName,
  number: number,
  reviewId: number,
): Promise<Review> {
  const { data } = await ask('GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews/{review_id}', {
    ...repoOf(repo),
    pull_number: number,
    review_id: reviewId,
  });
  const state = reviewStateOf(data);
  if (state === null) {
    throw new JobError(
      'not_found',
      `review ${reviewId} of ${repo.owner}/${repo.name}#${number} is not submitted`,
      {
        hint: 'submit it first',
      },
    );
  }
  return {
    author: data.user?.login ?? 'ghost',
    state,
    text: data.body.slice(0, MAX_EVENT_TEXT_CHARS),
    remarks: await remarksOf(ask, repo, number, reviewId),
  };
}

/** Open pull requests that are looked through for a commit, in pages, those first that changed last. */
const MAX_OPEN_PAGES = 3;

/** Open pull requests whose head a commit is. GitHub does not name those of a fork by the commit alone. */
export async function pullsOfCommit(ask: Ask, repo: RepoName, sha: string): Promise<readonly Pull[]> {
  const isOf = (pull: Given): boolean => pull.state === 'open' && pull.head.sha === sha;
  const named = await ask('GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls', {
    ...repoOf(repo),
    commit_sha: sha,
    per_page: PAGE,
  }).then(
    ({ data }) => data.filter(isOf).map(pullOf),
    () => [],
  );
  if (named.length > 0) return named;
  const open = await allPages<Given>(MAX_OPEN_PAGES, async (at) => {
    const { data } = await ask('GET /repos/{owner}/{repo}/pulls', {
      ...repoOf(repo),
      state: 'open',
      sort: 'updated',
      direction: 'desc',
      ...at,
    });
    return data;
  });
  return open.filter(isOf).map(pullOf);
}
