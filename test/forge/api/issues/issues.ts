/** Issues, and what pull requests share with them: assignees. */
import { atLeast, findAccount, grantedRole, newId, now, type Core } from '../../state/core.ts';
import type { Issue, Repository } from '../../state/model.ts';
import { simpleUser } from '../../json/accounts.ts';
import { eventJson, issueJson, issueOrPull } from '../../json/issues.ts';
import { fullPull, labelJson } from '../../json/pulls.ts';
import { invalid, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { checkBody, checkTitle } from '../limits.ts';
import { happen, isPullOf, labelNamed, setLabels } from './labels.ts';

const READ = { permission: ['issues', 'read'], or: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['issues', 'write'], or: ['pull_requests', 'write'] } as const;

/** The issue or pull request of `{issue_number}`. */
export function issueOf({ repository, params }: Pick<Call, 'repository' | 'params'>): Issue {
  const issue = issueOrPull(repository, params['issue_number'] ?? '');
  if (issue === undefined) throw notFound();
  return issue;
}

/** Sends an event about an issue, or the pull request's event where it is one. */
export function emitIssue(
  core: Core,
  repository: Repository,
  issue: Issue,
  action: string,
  login: string,
  more: Json = {},
): void {
  const pull = isPullOf(repository, issue);
  const subject =
    pull === undefined
      ? { issue: issueJson(core, repository, issue) }
      : { number: pull.number, pull_request: fullPull(core, repository, pull) };
  core.emit(repository, pull === undefined ? 'issues' : 'pull_request', {
    action,
    ...subject,
    sender: login,
    ...more,
  });
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** Those of the logins that may be assigned; GitHub leaves the others out without a word. */
function assignable({ core, repository }: Call, logins: readonly string[]): readonly string[] {
  return logins.flatMap((login) => {
    const account = findAccount(core, login);
    return account === undefined || grantedRole(core, repository, account) === 'none' ? [] : [account.login];
  });
}

function assign(
  call: Call,
  issue: Issue,
  logins: readonly string[],
  action: 'assigned' | 'unassigned',
): void {
  const { core, repository, login } = call;
  for (const one of logins) {
    const has = issue.assignees.includes(one);
    if (has === (action === 'assigned')) continue;
    issue.assignees = has ? issue.assignees.filter((other) => other !== one) : [...issue.assignees, one];
    issue.updatedAt = now(core);
    happen(call, issue, action, one);
    emitIssue(core, repository, issue, action, login, { assignee: simpleUser(core, one) });
  }
}

/** Labels may be given by name or as objects with one. */
function labelNames(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((one: unknown) => {
    if (typeof one === 'string') return [one];
    const name = typeof one === 'object' && one !== null && 'name' in one ? one.name : null;
    return typeof name === 'string' ? [name] : [];
  });
}

function create(call: Call): Json {
  const { core, repository, body, login, role } = call;
  const title = textOf(body, 'title');
  if (title.trim() === '') throw invalid('Issue', 'title', 'missing_field');
  checkTitle('Issue', title);
  checkBody('Issue', body['body']);
  const at = now(core);
  const issue: Issue = {
    id: newId(core),
    number: repository.nextNumber++,
    login,
    createdAt: at,
    updatedAt: at,
    closedAt: null,
    title,
    body: typeof body['body'] === 'string' ? body['body'] : null,
    state: 'open',
    stateReason: null,
    labels: [],
    assignees: [],
    reactions: [],
  };
  repository.issues.push(issue);
  emitIssue(core, repository, issue, 'opened', login);
  // Labels and assignees of people without rights are dropped silently.
  if (atLeast(role, 'triage')) {
    setLabels(call, issue, labelNames(body['labels']));
    assign(call, issue, assignable(call, texts(body['assignees'])), 'assigned');
  }
  return issueJson(core, repository, issue);
}

function setState(call: Call, issue: Issue, state: 'open' | 'closed'): void {
  if (issue.state === state) return;
  const { core, repository, login, body } = call;
  issue.state = state;
  issue.closedAt = state === 'closed' ? now(core) : null;
  issue.stateReason = state === 'closed' ? textOf(body, 'state_reason') || 'completed' : 'reopened';
  happen(call, issue, state === 'closed' ? 'closed' : 'reopened');
  emitIssue(core, repository, issue, state === 'closed' ? 'closed' : 'reopened', login);
}

function edit(call: Call): Json {
  const { core, repository, body, login, role } = call;
  const issue = issueOf(call);
  if (issue.login !== login && !atLeast(role, 'triage'))
    throw new Refusal(403, 'Must have admin rights to Repository.');
  const changes: Record<string, Json> = {};
  if (typeof body['title'] === 'string') {
    checkTitle('Issue', body['title']);
    changes['title'] = { from: issue.title };
    issue.title = body['title'];
  }
  if ('body' in body) {
    checkBody('Issue', body['body']);
    changes['body'] = { from: issue.body };
    issue.body = typeof body['body'] === 'string' ? body['body'] : null;
  }
  issue.updatedAt = now(core);
  if (Object.keys(changes).length > 0) emitIssue(core, repository, issue, 'edited', login, { changes });
  if (Array.isArray(body['labels'])) setLabels(call, issue, labelNames(body['labels']));
  if (Array.isArray(body['assignees'])) {
    const wanted = assignable(call, texts(body['assignees']));
    assign(
      call,
      issue,
      issue.assignees.filter((one) => !wanted.includes(one)),
      'unassigned',
    );
    assign(call, issue, wanted, 'assigned');
  }
  if (body['state'] === 'open' || body['state'] === 'closed') setState(call, issue, body['state']);
  return issueJson(core, repository, issue);
}

function list({ core, repository, query }: Call): readonly Json[] {
  const state = query.get('state') ?? 'open';
  const labels = (query.get('labels') ?? '').split(',').filter(Boolean);
  const [creator, assignee, since] = [query.get('creator'), query.get('assignee'), query.get('since')];
  const found = [...repository.issues, ...repository.pulls]
    .filter((one) => state === 'all' || one.state === state)
    .filter((one) =>
      labels.every((name) => one.labels.some((other) => other.toLowerCase() === name.toLowerCase())),
    )
    .filter((one) => creator === null || one.login === creator)
    .filter((one) => assignee === null || assignee === '*' || one.assignees.includes(assignee))
    .filter((one) => since === null || one.updatedAt >= since)
    .toSorted((a, b) => b.number - a.number);
  return (query.get('direction') === 'asc' ? found.toReversed() : found).map((one) =>
    issueJson(core, repository, one),
  );
}

export const ISSUE_ROUTES: readonly Route[] = [
  route('GET /repos/{owner}/{repo}/issues', READ, (call) => ({ status: 200, list: list(call) })),
  route('POST /repos/{owner}/{repo}/issues', WRITE, (call) => ({ status: 201, body: create(call) })),
  route('GET /repos/{owner}/{repo}/issues/events', READ, ({ core, repository }) => ({
    status: 200,
    list: repository.events.toReversed().map((one) => eventJson(core, repository, one)),
  })),
  route('GET /repos/{owner}/{repo}/issues/{issue_number}', READ, (call) => ({
    status: 200,
    body: issueJson(call.core, call.repository, issueOf(call)),
  })),
  route('PATCH /repos/{owner}/{repo}/issues/{issue_number}', WRITE, (call) => ({
    status: 200,
    body: edit(call),
  })),
  route(
    'POST /repos/{owner}/{repo}/issues/{issue_number}/assignees',
    { ...WRITE, role: 'triage' },
    (call) => {
      const issue = issueOf(call);
      assign(call, issue, assignable(call, texts(call.body['assignees'])), 'assigned');
      return { status: 201, body: issueJson(call.core, call.repository, issue) };
    },
  ),
  route(
    'DELETE /repos/{owner}/{repo}/issues/{issue_number}/assignees',
    { ...WRITE, role: 'triage' },
    (call) => {
      const issue = issueOf(call);
      assign(call, issue, texts(call.body['assignees']), 'unassigned');
      return { status: 200, body: issueJson(call.core, call.repository, issue) };
    },
  ),
  // Labels of one issue stand here, since their routes name the issue.
  route('GET /repos/{owner}/{repo}/issues/{issue_number}/labels', READ, (call) => ({
    status: 200,
    list: issueOf(call).labels.map((name) => labelJson(call.core, call.repository, labelNamed(call, name))),
  })),
  route('POST /repos/{owner}/{repo}/issues/{issue_number}/labels', { ...WRITE, role: 'triage' }, (call) => {
    const issue = issueOf(call);
    setLabels(call, issue, [...issue.labels, ...labelNames(call.body['labels'])]);
    return {
      status: 200,
      body: issue.labels.map((name) => labelJson(call.core, call.repository, labelNamed(call, name))),
    };
  }),
  route('PUT /repos/{owner}/{repo}/issues/{issue_number}/labels', { ...WRITE, role: 'triage' }, (call) => {
    const issue = issueOf(call);
    setLabels(call, issue, labelNames(call.body['labels']));
    return {
      status: 200,
      body: issue.labels.map((name) => labelJson(call.core, call.repository, labelNamed(call, name))),
    };
  }),
  route(
    'DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}',
    { ...WRITE, role: 'triage' },
    (call) => {
      const issue = issueOf(call);
      const gone = call.params['name'] ?? '';
      const left = issue.labels.filter((name) => name.toLowerCase() !== gone.toLowerCase());
      if (left.length === issue.labels.length) throw new Refusal(404, 'Label does not exist');
      setLabels(call, issue, left);
      return {
        status: 200,
        body: left.map((name) => labelJson(call.core, call.repository, labelNamed(call, name))),
      };
    },
  ),
];
