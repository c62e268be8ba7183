/** Answers to an agent that asks whether it may: what the sandbox allows it may, and the sandbox is what holds. */
import type {
  PermissionOption,
  RequestPermissionOutcome,
  RequestPermissionRequest,
} from '@agentclientprotocol/sdk';

/** Kinds of tool calls that change files; in a phase that only reads they are refused before the mount refuses them. */
const EDITS: ReadonlySet<string> = new Set(['edit', 'delete', 'move']);

/** What is asked for, so that the same question is recognised. */
export function permissionKey({ toolCall }: RequestPermissionRequest): string {
  return JSON.stringify([toolCall.kind, toolCall.title, toolCall.rawInput]);
}

/**
 * The answer: once rather than for ever, since the next turn may have another policy; nothing that was not offered.
 *
 * @param mayEdit whether this phase may change files
 */
export function permissionOf(request: RequestPermissionRequest, mayEdit: boolean): RequestPermissionOutcome {
  const isAllowed = mayEdit || !EDITS.has(request.toolCall.kind ?? '');
  const wanted: readonly PermissionOption['kind'][] = isAllowed
    ? ['allow_once', 'allow_always']
    : ['reject_once', 'reject_always'];
  const found = wanted.flatMap((kind) => request.options.filter((option) => option.kind === kind)).at(0);
  return found === undefined ? { outcome: 'cancelled' } : { outcome: 'selected', optionId: found.optionId };
}
