/**
 * What happened in a repository since a time: what a webhook that was lost would have told, with the same keys. GitHub
 * sends none of them again. An idle repository costs one request that counts: the others are answered by that nothing
 * changed.
 */
import type { ForgeEvent } from '../../../job/trigger/event.ts';
import { allPages, PAGE, isLimit, statusOf, type Ask } from '../client.ts';
import { isSameName, repoOf, type RepoName } from '../names.ts';
import {
  changeOf,
  checkedOf,
  commentOf,
  fieldOf,
  isPullIn,
  reviewOf,
  within,
  type Given,
} from './happened.ts';
import type { Memory } from './memory.ts';

/** Who looks, and where. */
export interface Look {
  readonly ask: Ask;
  readonly repo: RepoName;
  /** Our own name: checks are looked at on our pull requests alone. */
  readonly login: string;
  readonly recall: Memory['recall'];
}

/** Comments, newest changes of issues, and open pull requests that are looked through, in pages. */
const MAX_COMMENT_PAGES = 30;
const MAX_EVENT_PAGES = 30;
const MAX_PULL_PAGES = 3;
/** Pull requests whose reviews are read, and of ours those whose checks are. */
const MAX_REVIEWED = 50;
const MAX_REVIEW_PAGES = 5;
const MAX_CHECKED = 30;

/** Full name as events have it. */
function nameOf({ repo }: Look): string {
  return `${repo.owner}/${repo.name}`.toLowerCase();
}

function isThere(event: ForgeEvent | null): event is ForgeEvent {
  return event !== null;
}

/** The number at the end of an address. */
function numberAt(url: unknown): number | null {
  const number = Number(/\/(\d{1,15})$/.exec(typeof url === 'string' ? url : '')?.[1] ?? 0);
  return number > 0 ? number : null;
}

/** Comments that nobody edited. */
async function comments(look: Look, at: string): Promise<readonly ForgeEvent[]> {
  const all = await allPages(MAX_COMMENT_PAGES, async (paging) => {
    const { data } = await look.ask('GET /repos/{owner}/{repo}/issues/comments', {
      ...repoOf(look.repo),
      sort: 'updated',
      direction: 'asc',
      since: at,
      ...paging,
    });
    return data;
  });
  return all
    .filter((comment) => comment.updated_at === comment.created_at)
    .map((one) => {
      const isPull = /\/pull\/\d+#/.test(one.html_url);
      return commentOf(nameOf(look), { number: numberAt(one.issue_url), isPull }, { ...one });
    })
    .filter(isThere);
}

/** A label, an assignment or an end, out of what happened to issues and pull requests. */
function changeIn(look: Look, happened: Given): ForgeEvent | null {
  const issue = within(happened, 'issue');
  const place = { repo: nameOf(look), issue, isPull: isPullIn(issue) };
  const timed = [happened, 'created_at'] as const;
  switch (fieldOf(happened, 'event')) {
    case 'labeled':
      return changeOf('label', place, { given: happened, by: 'actor', timed });
    case 'assigned': {
      // Of an assignment the actor may be the one who was assigned.
      const by = fieldOf(within(happened, 'assigner'), 'login') === undefined ? 'actor' : 'assigner';
      return changeOf('assignment', place, { given: happened, by, timed });
    }
    case 'closed':
      return changeOf('closed', place, { given: happened, by: 'actor', timed });
    default:
      return null;
  }
}

/** A page of what happened to issues, newest first; GitHub has no way to say since when. */
interface Page {
  readonly events: readonly ForgeEvent[];
  /** When the oldest happened; `null` on the last page. */
  readonly oldest: string | null;
}

function changesOn(look: Look, page: number): Promise<Page> {
  const ask = (headers: Readonly<Record<string, string>>) =>
    look.ask('GET /repos/{owner}/{repo}/issues/events', {
      ...repoOf(look.repo),
      per_page: PAGE,
      page,
      headers,
    });
  const read = (data: Awaited<ReturnType<typeof ask>>['data']): Page => ({
    events: data.map((one) => changeIn(look, { ...one })).filter(isThere),
    oldest: data.length < PAGE ? null : (data.at(-1)?.created_at ?? null),
  });
  // Where the first page is still the same, so is what it has in it; later ones move with every event.
  return page === 1 ? look.recall('events', ask, read) : ask({}).then(({ data }) => read(data));
}

/** Labels, assignments and ends. */
async function changes(look: Look, at: string): Promise<readonly ForgeEvent[]> {
  const found: ForgeEvent[] = [];
  for (let page = 1; page <= MAX_EVENT_PAGES; page++) {
    const { events, oldest } = await changesOn(look, page);
    found.push(...events);
    if (oldest === null || Date.parse(oldest) < Date.parse(at)) break;
  }
  return found;
}

interface Open {
  readonly number: number;
  readonly updated_at: string;
  readonly author: string;
  readonly sha: string;
}

/** Open pull requests, those first that changed last. */
function openPulls(look: Look): Promise<readonly Open[]> {
  return allPages(MAX_PULL_PAGES, (at) =>
    look.recall(
      `pulls ${at.page}`,
      (headers) =>
        look.ask('GET /repos/{owner}/{repo}/pulls', {
          ...repoOf(look.repo),
          state: 'open',
          sort: 'updated',
          direction: 'desc',
          ...at,
          headers,
        }),
      (data) =>
        data.map(({ number, updated_at, user, head }): Open => {
          return { number, updated_at, author: user?.login ?? 'ghost', sha: head.sha };
        }),
    ),
  );
}

/** Reviews of a pull request. GitHub does not tell whether one was edited: who may do that may write. */
async function reviews(look: Look, { number }: Open): Promise<readonly ForgeEvent[]> {
  const all = await allPages(MAX_REVIEW_PAGES, async (at) => {
    const { data } = await look.ask('GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews', {
      ...repoOf(look.repo),
      pull_number: number,
      ...at,
    });
    return data;
  });
  return all.map((one) => reviewOf(nameOf(look), number, { ...one })).filter(isThere);
}

/** Nothing where the right to see it is missing: all else still counts. */
function orNone(error: unknown): readonly ForgeEvent[] {
  if ([403, 404].includes(statusOf(error)) && !isLimit(error)) return [];
  throw error;
}

/** Runs of workflows of a head that have ended, for those who may see no checks. */
function workflows(look: Look, sha: string): Promise<readonly ForgeEvent[]> {
  return look.recall(
    `workflows ${sha}`,
    (headers) =>
      look.ask('GET /repos/{owner}/{repo}/actions/runs', {
        ...repoOf(look.repo),
        head_sha: sha,
        status: 'completed',
        per_page: PAGE,
        headers,
      }),
    (data) =>
      data.workflow_runs
        .map((one) => checkedOf('workflow', nameOf(look), 'head_sha', { ...one }))
        .filter(isThere),
  );
}

/** Checks and statuses of a head that have ended. */
async function checks(look: Look, { sha }: Open): Promise<readonly ForgeEvent[]> {
  const at = { ...repoOf(look.repo), ref: sha, per_page: PAGE };
  const name = nameOf(look);
  const runs = look.recall(
    `checks ${sha}`,
    (headers) => look.ask('GET /repos/{owner}/{repo}/commits/{ref}/check-runs', { ...at, headers }),
    (data) =>
      data.check_runs
        .filter(({ status }) => status === 'completed')
        .map((one) => checkedOf('check', name, 'head_sha', { ...one }))
        .filter(isThere),
  );
  const statuses = look.recall(
    `status ${sha}`,
    (headers) => look.ask('GET /repos/{owner}/{repo}/commits/{ref}/status', { ...at, headers }),
    (data) =>
      data.statuses
        .filter(({ state }) => state !== 'pending')
        .map((one) => checkedOf('status', name, 'sha', { ...one, sha }))
        .filter(isThere),
  );
  const seen = runs.catch((error: unknown) => {
    if (statusOf(error) !== 403 || isLimit(error)) throw error;
    return workflows(look, sha);
  });
  return (await Promise.all([seen.catch(orNone), statuses.catch(orNone)])).flat();
}

/**
 * What happened, oldest first, each once.
 *
 * @param since RFC 3339; GitHub's times have no parts of seconds, so its whole second counts
 */
export async function happenedSince(look: Look, since: string): Promise<readonly ForgeEvent[]> {
  const sinceMs = Math.floor(Date.parse(since) / 1000) * 1000;
  const at = new Date(sinceMs).toISOString();
  const [said, changed, open] = await Promise.all([comments(look, at), changes(look, at), openPulls(look)]);
  const found = [...said, ...changed];
  const moved = open.filter(({ updated_at: atThen }) => Date.parse(atThen) >= sinceMs);
  for (const pull of moved.slice(0, MAX_REVIEWED)) found.push(...(await reviews(look, pull)));
  const own = open.filter(({ author }) => isSameName(author, look.login));
  for (const pull of own.slice(0, MAX_CHECKED)) found.push(...(await checks(look, pull)));
  const fresh = found.filter((event) => Date.parse(event.at) >= sinceMs);
  const once = new Map(fresh.map((event) => [event.key, event]));
  return [...once.values()].toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at));
}
