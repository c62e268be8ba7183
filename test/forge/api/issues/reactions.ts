/** Reactions: one of a kind per account and thing. */
import { newId, now } from '../../state/core.ts';
import type { Reaction } from '../../state/model.ts';
import { reactionJson } from '../../json/issues.ts';
import { invalid, notFound } from '../../http/refusal.ts';
import { route, textOf, type Answer, type Call, type Route } from '../../http/route.ts';
import { reviewCommentOf } from '../pulls/review-comments.ts';
import { commentOf } from './comments.ts';
import { issueOf } from './issues.ts';

const CONTENTS = ['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes'];
const READ = { permission: ['issues', 'read'], or: ['pull_requests', 'read'] } as const;
const WRITE = { permission: ['issues', 'write'], or: ['pull_requests', 'write'] } as const;

function react({ core, body, login }: Call, reactions: Reaction[]): Answer {
  const content = textOf(body, 'content');
  if (!CONTENTS.includes(content)) throw invalid('Reaction', 'content', 'invalid');
  const old = reactions.find((one) => one.login === login && one.content === content);
  if (old !== undefined) return { status: 200, body: reactionJson(core, old) };
  const made: Reaction = { id: newId(core), login, content, createdAt: now(core) };
  reactions.push(made);
  return { status: 201, body: reactionJson(core, made) };
}

/** The routes of one kind of thing that is reacted to. */
function routesOf(template: string, find: (call: Call) => Reaction[]): readonly Route[] {
  return [
    route(`GET ${template}/reactions`, READ, (call) => ({
      status: 200,
      list: find(call).map((one) => reactionJson(call.core, one)),
    })),
    route(`POST ${template}/reactions`, WRITE, (call) => react(call, find(call))),
    route(`DELETE ${template}/reactions/{reaction_id}`, WRITE, (call) => {
      const reactions = find(call);
      const at = reactions.findIndex((one) => String(one.id) === call.params['reaction_id']);
      if (at === -1) throw notFound();
      reactions.splice(at, 1);
      return { status: 204 };
    }),
  ];
}

export const REACTION_ROUTES: readonly Route[] = [
  ...routesOf('/repos/{owner}/{repo}/issues/{issue_number}', (call) => issueOf(call).reactions),
  ...routesOf('/repos/{owner}/{repo}/issues/comments/{comment_id}', (call) => commentOf(call).reactions),
  ...routesOf(
    '/repos/{owner}/{repo}/pulls/comments/{comment_id}',
    (call) => reviewCommentOf(call)[1].reactions,
  ),
];
