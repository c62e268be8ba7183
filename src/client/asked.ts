/** What was asked in the words of the API, as the runner of this machine takes it. */
import { createHash } from 'node:crypto';
import { JobError } from '../job/error.ts';
import type { RequestInput } from '../runner/request/resolve.ts';
import type { Runner, SubmitOptions } from '../runner/runner.ts';
import type { AskedJob } from './client.ts';

/** Seconds a check may take where nothing is said. */
const CHECK_TIMEOUT_S = 600;

/** What was asked beside the task, as requests are made of it. */
export function inputOf(
  { config }: Pick<Runner, 'config'>,
  asked: Omit<AskedJob, 'repo' | 'task' | 'issue' | 'session_id'>,
): Omit<RequestInput, 'repo' | 'task'> {
  const {
    allow_test_changes: allowTestChanges,
    callback_url: callbackUrl,
    user_id: userId,
    github_token: token,
    gate,
    ...rest
  } = asked;
  return {
    ...rest,
    token,
    allowTestChanges,
    callbackUrl,
    ...(userId === undefined ? {} : { userId }),
    ...(gate === undefined
      ? {}
      : { checks: gate.map((one) => ({ timeout_s: CHECK_TIMEOUT_S, ...one, kind: 'other' as const })) }),
    allowHost: (asked.sandbox ?? config.sandbox.name) === 'host',
  };
}

/** Under which key a request is accepted once. @throws JobError `invalid_request` */
export function onceOf(asked: object, key: string | undefined): SubmitOptions {
  if (key === undefined) return {};
  if (!/^[\x21-\x7e]{1,255}$/.test(key))
    throw new JobError('invalid_request', 'idempotency_key: allowed are 1 to 255 printable ASCII characters');
  const sorted = Object.fromEntries(Object.entries(asked).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  const digest = createHash('sha256').update(JSON.stringify(sorted)).digest('hex');
  return { once: { key: `local:${key}`, digest } };
}
