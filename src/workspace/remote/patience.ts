/** Reaching a remote over a network that fails at times: what may pass by itself is tried again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { JobError } from '../../job/error.ts';
import type { Git } from '../git.ts';

/**
 * What git and curl say when an answer was lost, or a server is overloaded (429, 5xx). A name that is not known and a
 * connection that is refused are not among them: they are mistyped more often than they pass.
 */
const PASSING = [
  /returned error: (?:429|5\d\d)\b/,
  /Empty reply from server|Recv failure|Send failure|Connection (?:reset|timed out)|Operation (?:timed|too slow)/i,
  /unexpected disconnect|early EOF|hung up unexpectedly|transfer closed|connection was closed|unexpected eof/i,
  /HTTP\/2 stream \d+ was not closed cleanly|SSL_ERROR_SYSCALL|GnuTLS recv error|TLS connection was non-properly/i,
];
/** Pauses before the second try and those after. */
const PAUSES_MS = [300, 1000, 3000] as const;

/** Whether what git failed with may pass by itself. */
export function isPassing(error: unknown): boolean {
  if (!(error instanceof JobError) || error.code !== 'infra_failed') return false;
  return PASSING.some((words) => words.test(error.message));
}

/**
 * Git that tries again what failed on its way to a remote. Fetching and listing change nothing there, and a push has
 * a lease: done before, it is refused, and who pushed looks at what is there.
 */
export function withPatience(git: Git): Git {
  return async (target, args, options = {}) => {
    if (options.config !== 'user') return git(target, args, options);
    for (const pauseMs of PAUSES_MS) {
      try {
        return await git(target, args, options);
      } catch (error) {
        if (!isPassing(error) || options.signal?.aborted === true) throw error;
        await sleep(pauseMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
      }
    }
    return git(target, args, options);
  };
}
