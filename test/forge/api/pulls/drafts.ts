/**
 * Drafts and readiness, which GitHub changes through GraphQL alone. Two mutations are understood, by their names and
 * by the pull request's id; nothing else of GraphQL is.
 */
import { authorize } from '../../http/auth.ts';
import { Refusal } from '../../http/refusal.ts';
import { route, textOf, type Call, type Json, type Route } from '../../http/route.ts';
import { nodeId } from '../../json/accounts.ts';
import type { Pull, Repository } from '../../state/model.ts';
import { now } from '../../state/core.ts';
import { emitPull } from '../code/pushes.ts';

const MUTATION = /\b(convertPullRequestToDraft|markPullRequestReadyForReview)\b/;

function findPull({ core, body }: Call): readonly [Repository, Pull] | null {
  const text = JSON.stringify(body);
  for (const repository of core.state.repositories) {
    const pull = repository.pulls.find((one) => text.includes(nodeId('PullRequest', one.id)));
    if (pull !== undefined) return [repository, pull];
  }
  return null;
}

function failed(type: string, message: string): Json {
  return { data: null, errors: [{ type, message }] };
}

function mutate(call: Call): Json {
  const { core, actor, body, login } = call;
  const query = textOf(body, 'query');
  if (/\b(mergePullRequest|enablePullRequestAutoMerge)\b/.test(query))
    core.breach(`${login} tried to merge through GraphQL`);
  const name = MUTATION.exec(query)?.[1];
  if (name === undefined) return failed('UNSUPPORTED', 'the test forge knows the mutations of drafts alone');
  const found = findPull(call);
  if (found === null) return failed('NOT_FOUND', 'Could not resolve to a node with the global id');
  const [repository, pull] = found;
  try {
    authorize(core, actor, repository, {
      permission: ['pull_requests', 'write'],
      role: pull.login === login ? 'read' : 'write',
    });
  } catch (error) {
    if (error instanceof Refusal) return failed('FORBIDDEN', error.message);
    throw error;
  }
  const draft = name === 'convertPullRequestToDraft';
  if (pull.draft !== draft) {
    pull.draft = draft;
    pull.updatedAt = now(core);
    emitPull(core, repository, pull, draft ? 'converted_to_draft' : 'ready_for_review', login);
  }
  const pullRequest = { id: nodeId('PullRequest', pull.id), number: pull.number, isDraft: pull.draft };
  return { data: { [name]: { pullRequest } } };
}

export const DRAFT_ROUTES: readonly Route[] = [
  route('POST /graphql', { who: 'user' }, (call) => ({ status: 200, body: mutate(call) })),
];
