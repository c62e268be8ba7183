/** Comments on issues and pull requests. */
import { atLeast, newId, now } from '../../state/core.ts';
import type { Comment } from '../../state/model.ts';
import { commentJson, issueJson, issueOrPull } from '../../json/issues.ts';
import { invalid, notFound, Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { checkBody } from '../limits.ts';
import { issueOf } from './issues.ts';

const READ = { permission: ['issues', 'read'], or: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['issues', 'write'], or: ['pull_requests', 'write'] } as const;

/** The comment of `{comment_id}`. */
export function commentOf({ repository, params }: Pick<Call, 'repository' | 'params'>): Comment {
  const found = repository.comments.find((one) => String(one.id) === params['comment_id']);
  if (found === undefined) throw notFound();
  return found;
}

function emit({ core, repository, login }: Call, comment: Comment, action: string, more: Json = {}): void {
  const issue = issueOrPull(repository, comment.issue);
  if (issue === undefined) return;
  core.emit(repository, 'issue_comment', {
    action,
    issue: issueJson(core, repository, issue),
    comment: commentJson(core, repository, comment),
    sender: login,
    ...more,
  });
}

function bodyOf(body: Json): string {
  const text = textOf(body, 'body');
  if (text.trim() === '') throw invalid('IssueComment', 'body', 'missing_field');
  checkBody('IssueComment', text);
  return text;
}

/** Only the writer, and who may write to the repository, changes a comment. */
function mayChange({ login, role }: Call, comment: Comment): void {
  if (comment.login !== login && !atLeast(role, 'write'))
    throw new Refusal(403, 'Must have admin rights to Repository.');
}

export const COMMENT_ROUTES: readonly Route[] = [
  route('GET /repos/{owner}/{repo}/issues/{issue_number}/comments', READ, (call) => {
    const { number } = issueOf(call);
    const since = call.query.get('since');
    const found = call.repository.comments.filter(
      (one) => one.issue === number && (since === null || one.updatedAt >= since),
    );
    return { status: 200, list: found.map((one) => commentJson(call.core, call.repository, one)) };
  }),
  route('POST /repos/{owner}/{repo}/issues/{issue_number}/comments', WRITE, (call) => {
    const { core, repository, login } = call;
    const issue = issueOf(call);
    const at = now(core);
    const body = bodyOf(call.body);
    const made: Comment = {
      id: newId(core),
      issue: issue.number,
      login,
      createdAt: at,
      updatedAt: at,
      body,
      reactions: [],
    };
    repository.comments.push(made);
    issue.updatedAt = at;
    emit(call, made, 'created');
    return { status: 201, body: commentJson(core, repository, made) };
  }),
  route('GET /repos/{owner}/{repo}/issues/comments', READ, ({ core, repository, query }) => {
    const [since, sort] = [query.get('since'), query.get('sort')];
    const timeOf = (one: Comment): number =>
      Date.parse(sort === 'updated' ? one.updatedAt : one.createdAt) *
      (query.get('direction') === 'desc' ? -1 : 1);
    const found = repository.comments
      .filter((one) => since === null || Date.parse(one.updatedAt) >= Date.parse(since))
      .toSorted((a, b) => timeOf(a) - timeOf(b));
    return { status: 200, list: found.map((one) => commentJson(core, repository, one)) };
  }),
  route('GET /repos/{owner}/{repo}/issues/comments/{comment_id}', READ, (call) => ({
    status: 200,
    body: commentJson(call.core, call.repository, commentOf(call)),
  })),
  route('PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}', WRITE, (call) => {
    const comment = commentOf(call);
    mayChange(call, comment);
    const from = comment.body;
    comment.body = bodyOf(call.body);
    comment.updatedAt = now(call.core);
    emit(call, comment, 'edited', { changes: { body: { from } } });
    return { status: 200, body: commentJson(call.core, call.repository, comment) };
  }),
  route('DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}', WRITE, (call) => {
    const comment = commentOf(call);
    mayChange(call, comment);
    call.repository.comments.splice(call.repository.comments.indexOf(comment), 1);
    emit(call, comment, 'deleted');
    return { status: 204 };
  }),
];
