/** One pull request per branch: found, opened or brought up to date, and never a second. */
import { JobError } from '../../job/error.ts';
import type { Proposal, ProposalRequest } from '../forge.ts';
import { again, asJobError, once, sayingOf, statusOf, type Ask } from './client.ts';
import { repoOf, type Route } from './names.ts';
import { setStatus } from './conversation/status.ts';

/** What counts of a pull request. */
interface Pull {
  readonly number: number;
  readonly html_url: string;
  readonly node_id: string;
  readonly state: string;
  readonly draft?: boolean | undefined;
  readonly body: string | null;
  readonly labels?: readonly { readonly name?: string | undefined }[] | undefined;
}

/** GitHub's limit for the title of a pull request, in characters. */
const MAX_TITLE_CHARS = 256;
/** Right after a push GitHub may not know the branch yet. */
const HEAD_TRIES = 5;
const HEAD_PAUSE_MS = 1000;
/** Put in front of the title where a repository has no drafts. */
const DRAFT_WORD = 'Draft: ';

/** Whether a text names a job by its whole name: `ci-1` is not `ci-12`. */
function names(text: string, jobId: string): boolean {
  return text.split(/[^\w.-]+/).includes(jobId);
}

/** The pull request of a branch: an open one, else with `ofJob` the one in whatever state whose body names that job. */
export async function findPull(
  ask: Ask,
  { upstream, head }: Route,
  branch: string,
  ofJob: string | null = null,
): Promise<Pull | null> {
  const listed = await ask('GET /repos/{owner}/{repo}/pulls', {
    ...repoOf(upstream),
    head: `${head.owner}:${branch}`,
    state: ofJob === null ? 'open' : 'all',
    per_page: 100,
  });
  const open = listed.data.find((pull) => pull.state === 'open');
  const own = (pull: Pull): boolean => ofJob !== null && names(pull.body ?? '', ofJob);
  return open ?? listed.data.find(own) ?? null;
}

function is422(error: unknown, pattern: RegExp): boolean {
  return statusOf(error) === 422 && pattern.test(sayingOf(error));
}

/** Asks for a pull request until GitHub knows the branch that was just pushed. */
async function askForPull(
  ask: Ask,
  route: Route,
  request: ProposalRequest,
  how: { readonly draft: boolean; readonly title: string },
  signal: AbortSignal,
): Promise<Pull> {
  const { setTimeout: sleep } = await import('node:timers/promises');
  const isAcross = route.head.owner !== route.upstream.owner || route.head.name !== route.upstream.name;
  for (let tries = 1; ; tries++) {
    try {
      return (
        await ask('POST /repos/{owner}/{repo}/pulls', {
          ...repoOf(route.upstream),
          head: isAcross ? `${route.head.owner}:${request.branch}` : request.branch,
          base: request.base,
          title: how.title.slice(0, MAX_TITLE_CHARS),
          body: request.body,
          draft: how.draft,
          ...(isAcross ? { head_repo: route.head.name } : {}),
        })
      ).data;
    } catch (error) {
      if (!is422(error, /"field":"head".*"invalid"|field head|head.*invalid/i) || tries >= HEAD_TRIES)
        throw error;
      await sleep(HEAD_PAUSE_MS, undefined, { signal });
    }
  }
}

/** A draft, or where the repository has none an open one that says so in its title. */
async function openPull(
  ask: Ask,
  route: Route,
  request: ProposalRequest,
  notices: string[],
  signal: AbortSignal,
): Promise<Pull> {
  const { title, draft } = request;
  try {
    return await askForPull(ask, route, request, { draft, title }, signal);
  } catch (error) {
    if (is422(error, /already exists/i)) {
      // Somebody, perhaps an answer that was lost, was faster.
      const there = await findPull(ask, route, request.branch);
      if (there !== null) return there;
    }
    if (!draft || !is422(error, /draft/i)) throw error;
    notices.push(
      'this repository has no draft pull requests: it was opened as a usual one whose title says draft',
    );
    return askForPull(ask, route, request, { draft: false, title: DRAFT_WORD + title }, signal);
  }
}

const DRAFT_MUTATIONS = {
  draft: 'mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { clientMutationId } }',
  ready:
    'mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { clientMutationId } }',
} as const;

/** Brings an open pull request up to date. Its title stays: a person may have mended it. */
async function updatePull(
  ask: Ask,
  { upstream }: Route,
  request: ProposalRequest,
  pull: Pull,
  notices: string[],
  signal: AbortSignal,
): Promise<void> {
  const which = { ...repoOf(upstream), pull_number: pull.number };
  const change = { ...which, body: request.body };
  await again(() => ask('PATCH /repos/{owner}/{repo}/pulls/{pull_number}', change), signal);
  if (pull.draft === undefined || pull.draft === request.draft) return;
  const query = DRAFT_MUTATIONS[request.draft ? 'draft' : 'ready'];
  await once(
    async () => {
      const { data } = await ask('GET /repos/{owner}/{repo}/pulls/{pull_number}', which);
      return data.draft === request.draft ? true : null;
    },
    async () => {
      await ask('POST /graphql', { query, variables: { id: pull.node_id } });
      return true;
    },
    { signal },
  ).catch((error: unknown) => {
    const state = request.draft ? 'a draft' : 'ready for review';
    notices.push(`the pull request could not be made ${state}: ${sayingOf(error)}`);
  });
}

/** What helps people find it; that it can't be set is no failure of the job. */
async function decorate(
  ask: Ask,
  { upstream }: Route,
  request: ProposalRequest,
  pull: Pull,
  notices: string[],
  signal: AbortSignal,
): Promise<void> {
  const { labels, staleLabels, reviewers } = request;
  const note = (what: string) => (error: unknown) => {
    notices.push(`${what} could not be set on the pull request: ${sayingOf(error)}`);
  };
  if (labels.length > 0) {
    const route = 'POST /repos/{owner}/{repo}/issues/{issue_number}/labels';
    const set = { ...repoOf(upstream), issue_number: pull.number, labels: [...labels] };
    await again(() => ask(route, set), signal).catch(note('labels'));
  }
  const has = new Set((pull.labels ?? []).map(({ name }) => name));
  for (const name of staleLabels.filter((one) => has.has(one))) {
    const route = 'DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}';
    const gone = { ...repoOf(upstream), issue_number: pull.number, name };
    await again(() => ask(route, gone), signal).catch((error: unknown) => {
      if (statusOf(error) !== 404) note(`that ${name} holds no more`)(error);
    });
  }
  if (reviewers.length > 0) {
    const people = reviewers.filter((name) => !name.includes('/'));
    const teams = reviewers.filter((name) => name.includes('/')).map((name) => name.split('/')[1] ?? name);
    const route = 'POST /repos/{owner}/{repo}/pulls/{pull_number}/requested_reviewers';
    const set = { ...repoOf(upstream), pull_number: pull.number, reviewers: people, team_reviewers: teams };
    await again(() => ask(route, set), signal).catch(note('reviewers'));
  }
}

function closedMeanwhile({ branch }: ProposalRequest): JobError {
  return new JobError(
    'conflict',
    `the pull request of ${branch} was closed meanwhile: no second one is opened`,
    {
      hint: 'open it again and ask once more, or ask for a new job',
    },
  );
}

/**
 * Opens or updates the pull request of a branch. Asked again after a death, or after an answer that was lost, it
 * finds its own and goes on.
 *
 * @throws JobError `infra_failed`
 */
export async function proposeOn(
  ask: Ask,
  route: Route,
  request: ProposalRequest,
  signal: AbortSignal,
): Promise<Proposal> {
  const notices: string[] = [];
  const ofJob = request.wasBegun ? request.jobId : null;
  const doing = `open a pull request on ${route.upstream.owner}/${route.upstream.name}`;
  try {
    const { value: pull, isNew } = await once(
      () => findPull(ask, route, request.branch, ofJob),
      async () => {
        if (request.goesOn) throw closedMeanwhile(request);
        await request.onBegin();
        return openPull(ask, route, request, notices, signal);
      },
      { signal },
    );
    if (pull.state !== 'open') {
      notices.push(`${pull.html_url} was closed meanwhile: it is left as it is`);
    } else if (!isNew) await updatePull(ask, route, request, pull, notices, signal);
    await decorate(ask, route, request, pull, notices, signal);
    await setStatus(ask, route, request, pull.html_url, notices, signal);
    const isOwn = isNew || request.wasBegun;
    return { outcome: isOwn ? 'pr_opened' : 'pr_updated', prUrl: pull.html_url, pushCommand: null, notices };
  } catch (error) {
    if (error instanceof JobError) throw error;
    throw asJobError(error, doing, 'infra_failed');
  }
}
