/** Webhooks out, as GitHub sends them: signed, once, in the order of events, and never again. */
import { createHmac, randomUUID } from 'node:crypto';
import type { Delivery, Hook, Repository, State } from '../state/model.ts';
import type { Json } from './route.ts';

// GitHub gives up after ten seconds too.
const TIMEOUT_MS = 10_000;

export interface Webhooks {
  /** Sends the event to the hooks that want it. */
  emit(repository: Repository, event: string, payload: Json): void;
  /** Waits until all that was emitted was delivered or has failed. */
  settled(): Promise<void>;
}

/**
 * @param complete adds what every payload has: repository, sender
 * @param keep gets every payload that is sent
 */
export function createWebhooks(
  state: State,
  complete: (repository: Repository, payload: Json) => Json,
  keep: (event: string, action: string | null, payload: string) => void,
): Webhooks {
  const chains = new Map<number, Promise<void>>();

  async function deliver(hook: Hook, delivery: Delivery): Promise<void> {
    const text = JSON.stringify(delivery.payload);
    keep(delivery.event, delivery.action, text);
    const signature = createHmac('sha256', hook.secret).update(text).digest('hex');
    try {
      const answer = await fetch(hook.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'GitHub-Hookshot/testforge',
          'x-github-delivery': delivery.id,
          'x-github-event': delivery.event,
          'x-github-hook-id': String(hook.id),
          'x-github-hook-installation-target-type': 'repository',
          'x-hub-signature-256': `sha256=${signature}`,
        },
        body: text,
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      await answer.arrayBuffer();
      delivery.status = answer.status;
    } catch {
      delivery.status = null;
    }
  }

  return {
    emit(repository, event, payload) {
      const hooks = repository.hooks.filter(
        (hook) => hook.events.includes('*') || hook.events.includes(event),
      );
      if (hooks.length === 0) return;
      const whole = complete(repository, payload);
      for (const hook of hooks) {
        const delivery: Delivery = {
          id: randomUUID(),
          hookId: hook.id,
          event,
          action: typeof payload['action'] === 'string' ? payload['action'] : null,
          repository: `${repository.owner}/${repository.name}`,
          payload: structuredClone(whole),
          status: null,
        };
        state.deliveries.push(delivery);
        const before = chains.get(hook.id) ?? Promise.resolve();
        chains.set(
          hook.id,
          before.then(() => deliver(hook, delivery)),
        );
      }
    },
    async settled() {
      await Promise.all(chains.values());
    },
  };
}
