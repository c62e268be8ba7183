/** Whether somebody who was let in may stay: keys are taken back, and logins end, while a stream is open. */
import { mayAct, type Role } from '../../job/access/access.ts';
import { Refused } from '../problem.ts';
import type { Asking, Guard } from './guard.ts';

/** How long somebody is believed to be let in still, in milliseconds. */
const AGAIN_MS = 1000;

/**
 * Watches over somebody who has just been let in.
 *
 * @param role that what is open takes; `null`: anybody may have it
 * @returns whether they may stay; looked up at most once a second
 */
export function stayOf(guard: Guard, asking: Asking, role: Role | null): () => Promise<boolean> {
  let letInMs = performance.now();
  return async () => {
    if (role === null || performance.now() - letInMs < AGAIN_MS) return true;
    try {
      if (!mayAct((await guard.identify(asking)).role, role)) return false;
    } catch (error) {
      if (error instanceof Refused) return false;
      throw error;
    }
    letInMs = performance.now();
    return true;
  };
}
