/**
 * What GitHub tells by webhooks: whether it was GitHub, and what happened. Its signature has no time in it, so a body
 * that was sent before is as valid as it was: whoever takes them in knows deliveries by `X-GitHub-Delivery`, and
 * events by their keys.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { ForgeEvent } from '../../job/trigger/event.ts';
import {
  changeOf,
  checkedOf,
  commentOf,
  fieldOf,
  idIn,
  isPullIn,
  repoIn,
  reviewOf,
  textIn,
  within,
  type Given,
} from './conversation/happened.ts';

/** GitHub cuts its payloads at 25 MB; those of the events that are read here take far less. */
export const MAX_HOOK_BYTES = 5 * 1024 * 1024;
/** More secrets than this are no rotation. */
const MAX_SECRETS = 10;
const SIGNATURE = /^sha256=([\da-f]{64})$/;

/**
 * Whether a webhook's body is signed by one of our secrets. A body that is larger than `MAX_HOOK_BYTES` is not looked
 * at, and an empty secret signs nothing.
 *
 * @param body the bytes as they came
 * @param signature `X-Hub-Signature-256`; `X-Hub-Signature`, which is SHA-1, counts for nothing
 * @param secrets the one in use, and those that it follows
 */
export function verifyGithubHook(
  body: Uint8Array,
  signature: string | null,
  secrets: readonly string[],
): boolean {
  const [, hex] = SIGNATURE.exec(signature ?? '') ?? [];
  if (hex === undefined || body.byteLength > MAX_HOOK_BYTES) return false;
  const said = Buffer.from(hex, 'hex');
  let isSigned = false;
  // All are tried, so that time does not tell which one it was.
  for (const secret of secrets.slice(0, MAX_SECRETS)) {
    const isBy = secret !== '' && timingSafeEqual(createHmac('sha256', secret).update(body).digest(), said);
    isSigned ||= isBy;
  }
  return isSigned;
}

type Read = (repo: string, payload: Given) => ForgeEvent | null;

/** What is done to issues and to pull requests in the same way. */
function changes(field: 'issue' | 'pull_request'): Readonly<Record<string, Read>> {
  const of = (kind: 'label' | 'assignment' | 'closed', time: string): Read => {
    return (repo, payload) => {
      const issue = within(payload, field);
      // An event about a pull request may come as one about the issue that it is, too.
      const isPull = field === 'pull_request' || isPullIn(issue);
      return changeOf(kind, { repo, issue, isPull }, { given: payload, by: 'sender', timed: [issue, time] });
    };
  };
  return {
    labeled: of('label', 'updated_at'),
    assigned: of('assignment', 'updated_at'),
    closed: of('closed', 'closed_at'),
  };
}

function ended(what: 'check' | 'suite' | 'workflow', field: string): Readonly<Record<string, Read>> {
  return { completed: (repo, payload) => checkedOf(what, repo, 'head_sha', within(payload, field)) };
}

/**
 * Readers by event and action. An edited comment is no comment: nobody knows who wrote what. A remark of a review is
 * none by itself either: GitHub makes a review of each, and tells of that as well.
 */
const READERS: ReadonlyMap<string, Readonly<Record<string, Read>>> = new Map([
  ['issues', changes('issue')],
  ['pull_request', changes('pull_request')],
  [
    'issue_comment',
    {
      created: (repo, payload) => {
        const issue = within(payload, 'issue');
        return commentOf(
          repo,
          { number: idIn(issue, 'number'), isPull: isPullIn(issue), issue },
          within(payload, 'comment'),
        );
      },
    },
  ],
  [
    'pull_request_review',
    {
      submitted: (repo, payload) =>
        reviewOf(repo, idIn(within(payload, 'pull_request'), 'number'), within(payload, 'review')),
    },
  ],
  ['check_run', ended('check', 'check_run')],
  ['check_suite', ended('suite', 'check_suite')],
  ['workflow_run', ended('workflow', 'workflow_run')],
]);

/** A status that has ended, well or not: it may be the last that was waited for. */
function statusOf(repo: string, payload: Given): ForgeEvent | null {
  const isEnd = ['success', 'failure', 'error'].includes(textIn(payload, 'state', 20));
  return isEnd ? checkedOf('status', repo, 'sha', payload) : null;
}

/**
 * What a verified webhook tells. It throws nothing: what is not understood is nothing.
 *
 * @param event `X-GitHub-Event`
 * @param payload the body as JSON
 * @returns the repository that it is of, in lower case, and what happened there
 */
export function parseGithubHook(
  event: string,
  payload: unknown,
): { readonly repo: string | null; readonly events: readonly ForgeEvent[] } {
  const repo = repoIn(within(payload, 'repository'));
  if (repo === null) return { repo: null, events: [] };
  const given = payload as Given;
  const action = fieldOf(given, 'action');
  const readers = READERS.get(event);
  const isKnown = typeof action === 'string' && readers !== undefined && Object.hasOwn(readers, action);
  const read = event === 'status' ? statusOf : isKnown ? readers[action] : undefined;
  const found = read?.(repo, given) ?? null;
  return { repo, events: found === null ? [] : [found] };
}
