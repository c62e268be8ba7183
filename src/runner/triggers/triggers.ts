/** What happens on the forge, as doors reach it: taken in, listed, decided on. */
import { parseGithubHook, verifyGithubHook } from '../../forge/github/hooks.ts';
import { viewTrigger, type TriggerFilter, type TriggerView } from '../../job/trigger/record.ts';
import type { Log } from '../../log.ts';
import type { RunnerParts } from '../context.ts';
import { hasForge } from '../request/resolve.ts';
import type { Runner } from '../runner.ts';
import { createDispatcher, type Dispatcher } from './dispatch.ts';

/** A delivery of a webhook, as it came. */
export interface HookDelivery {
  /** `X-GitHub-Event` */
  readonly event: string | null;
  /** `X-GitHub-Delivery` */
  readonly delivery: string | null;
  /** `X-Hub-Signature-256` */
  readonly signature: string | null;
  readonly body: Uint8Array;
}

/** What became of it. Only `accepted` stored anything. */
export type Received =
  | { readonly status: 'unconfigured' | 'forged' | 'duplicate' }
  | { readonly status: 'malformed'; readonly why: string }
  | { readonly status: 'accepted'; readonly events: number };

/** Events of the forge. */
export interface Triggers {
  /** Takes a delivery in: it is durable when this resolves with `accepted`. The forge is not asked anything. */
  receive(delivery: HookDelivery): Promise<Received>;
  /** What came, newest first, and what was decided. */
  list(filter: TriggerFilter): Promise<readonly TriggerView[]>;
  /** Decides on events; `null` where nobody is at a forge, or nobody asked for it: by a secret, or by repositories. */
  dispatcher(log: Log, now?: () => Date): Dispatcher | null;
}

const DELIVERY = /^[\w-]{1,100}$/;
const DAY_MS = 24 * 3600_000;

function parseJson(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body)) as unknown;
  } catch {
    return undefined;
  }
}

/** Wires them; `runner` is asked for only when one is used. */
export function createTriggers(parts: RunnerParts, runner: () => Runner): Triggers {
  const { store, config } = parts;
  return {
    async receive({ event, delivery, signature, body }) {
      const { secrets } = config.triggers;
      if (secrets.length === 0) return { status: 'unconfigured' };
      if (!verifyGithubHook(body, signature, secrets)) return { status: 'forged' };
      if (delivery === null || !DELIVERY.test(delivery))
        return { status: 'malformed', why: 'header.x-github-delivery: it names the delivery' };
      if (event === null || event === '')
        return { status: 'malformed', why: 'header.x-github-event: it says what happened' };
      const payload = parseJson(body);
      if (payload === undefined) return { status: 'malformed', why: 'the body is no JSON' };
      const now = new Date();
      // A signature has no time in it: what is so old that it may be forgotten here would count once more.
      const sinceMs = now.getTime() - config.keep.jobsDays * DAY_MS;
      const events = parseGithubHook(event, payload).events.filter(({ at }) => Date.parse(at) >= sinceMs);
      const added = await store.addTriggers(events, { delivery, now });
      return added === null ? { status: 'duplicate' } : { status: 'accepted', events: added };
    },
    async list(filter) {
      return (await store.listTriggers(filter)).map(viewTrigger);
    },
    dispatcher(log, now = () => new Date()) {
      const { secrets, repositories } = config.triggers;
      const isWanted = secrets.length > 0 || repositories.length > 0;
      return isWanted && hasForge(config) ? createDispatcher({ parts, runner: runner(), log, now }) : null;
    },
  };
}
