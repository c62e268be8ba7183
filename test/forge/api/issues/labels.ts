/** Labels of a repository, and putting them on issues and pull requests. */
import { newId, now } from '../../state/core.ts';
import type { Issue, IssueEvent, Label, Pull, Repository } from '../../state/model.ts';
import { issueJson } from '../../json/issues.ts';
import { fullPull, labelJson } from '../../json/pulls.ts';
import { invalid, notFound } from '../../http/refusal.ts';
import { route, textOf, type Call, type Route } from '../../http/route.ts';

const READ = { permission: ['issues', 'read'], or: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['issues', 'write'], or: ['pull_requests', 'write'], role: 'triage' } as const;
const MAX_NAME_CHARACTERS = 50;
const DEFAULT_COLOR = 'ededed';

function find(repository: Repository, name: string): Label | undefined {
  return repository.labels.find((one) => one.name.toLowerCase() === name.toLowerCase());
}

/** The label of that name, made where there is none: GitHub does so when one is put on an issue. */
export function labelNamed({ core, repository }: Pick<Call, 'core' | 'repository'>, name: string): Label {
  const old = find(repository, name);
  if (old !== undefined) return old;
  if (name.trim() === '' || name.length > MAX_NAME_CHARACTERS) throw invalid('Label', 'name', 'invalid');
  const made: Label = { id: newId(core), name, color: DEFAULT_COLOR, description: null };
  repository.labels.push(made);
  return made;
}

/** The pull request that the issue is, if it is one. */
export function isPullOf(repository: Repository, issue: Issue): Pull | undefined {
  return repository.pulls.find((one) => one.number === issue.number);
}

/** Writes down what happened to an issue or a pull request. */
export function happen(
  { core, repository, login }: Pick<Call, 'core' | 'repository' | 'login'>,
  issue: Issue,
  event: IssueEvent['event'],
  what: string | null = null,
): void {
  repository.events.push({ id: newId(core), event, issue: issue.number, login, createdAt: now(core), what });
}

/** Makes these the labels of the issue; each that comes or goes is an event of its own. */
export function setLabels(call: Call, issue: Issue, names: readonly string[]): void {
  const { core, repository, login } = call;
  const wanted = [
    ...new Map(names.map((name) => labelNamed(call, name)).map((label) => [label.id, label])).values(),
  ];
  const had = issue.labels;
  issue.labels = wanted.map((label) => label.name);
  issue.updatedAt = now(core);
  const pull = isPullOf(repository, issue);
  const emit = (action: 'labeled' | 'unlabeled', label: Label): void => {
    happen(call, issue, action, label.name);
    const subject =
      pull === undefined
        ? { issue: issueJson(core, repository, issue) }
        : { number: pull.number, pull_request: fullPull(core, repository, pull) };
    core.emit(repository, pull === undefined ? 'issues' : 'pull_request', {
      action,
      ...subject,
      label: labelJson(core, repository, label),
      sender: login,
    });
  };
  for (const name of had) if (!issue.labels.includes(name)) emit('unlabeled', labelNamed(call, name));
  for (const label of wanted) if (!had.includes(label.name)) emit('labeled', label);
}

export const LABEL_ROUTES: readonly Route[] = [
  route('GET /repos/{owner}/{repo}/labels', READ, ({ core, repository }) => ({
    status: 200,
    list: repository.labels.map((one) => labelJson(core, repository, one)),
  })),
  route('GET /repos/{owner}/{repo}/labels/{name}', READ, ({ core, repository, params }) => {
    const label = find(repository, params['name'] ?? '');
    if (label === undefined) throw notFound();
    return { status: 200, body: labelJson(core, repository, label) };
  }),
  route('POST /repos/{owner}/{repo}/labels', WRITE, ({ core, repository, body }) => {
    const name = textOf(body, 'name');
    if (name.trim() === '') throw invalid('Label', 'name', 'missing_field');
    if (name.length > MAX_NAME_CHARACTERS) throw invalid('Label', 'name', 'invalid');
    if (find(repository, name) !== undefined) throw invalid('Label', 'name', 'already_exists');
    const made: Label = {
      id: newId(core),
      name,
      color: textOf(body, 'color') || DEFAULT_COLOR,
      description: typeof body['description'] === 'string' ? body['description'] : null,
    };
    repository.labels.push(made);
    return { status: 201, body: labelJson(core, repository, made) };
  }),
  route('DELETE /repos/{owner}/{repo}/labels/{name}', WRITE, ({ repository, params }) => {
    const label = find(repository, params['name'] ?? '');
    if (label === undefined) throw notFound();
    repository.labels.splice(repository.labels.indexOf(label), 1);
    for (const issue of [...repository.issues, ...repository.pulls]) {
      issue.labels = issue.labels.filter((name) => name !== label.name);
    }
    return { status: 204 };
  }),
];
