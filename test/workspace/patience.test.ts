/** Which failures of git on its way to a remote are tried again. */
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/job/error.ts';
import type { Git } from '../../src/workspace/git.ts';
import { isPassing, withPatience } from '../../src/workspace/remote/patience.ts';

function failed(said: string): JobError {
  return new JobError('infra_failed', `git fetch failed with exit code 128: ${said}`);
}

describe('isPassing', () => {
  it.each([
    'fatal: unable to access: Empty reply from server',
    'error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502',
    'The requested URL returned error: 429',
    'fatal: early EOF',
    'fatal: the remote end hung up unexpectedly',
    'Recv failure: Connection reset by peer',
  ])('%s', (said) => {
    expect(isPassing(failed(said))).toBe(true);
  });

  it.each([
    'The requested URL returned error: 403',
    'The requested URL returned error: 401',
    'fatal: repository not found',
    'Could not resolve host: github.con',
    'Failed to connect: Connection refused',
    '! [rejected] main (stale info)',
  ])('not %s', (said) => {
    expect(isPassing(failed(said))).toBe(false);
  });

  it('nothing else than git’s own failures', () => {
    expect(isPassing(new Error('early EOF'))).toBe(false);
    expect(isPassing(new JobError('conflict', 'early EOF'))).toBe(false);
  });
});

describe('withPatience', () => {
  const counted = (errors: readonly JobError[]): { git: Git; asked: () => number } => {
    let asked = 0;
    const git: Git = () => {
      const error = errors[asked++];
      if (error !== undefined) return Promise.reject(error);
      return Promise.resolve({ code: 0, stdout: Buffer.alloc(0), stderr: '', text: 'ok', isCut: false });
    };
    return { git: withPatience(git), asked: () => asked };
  };
  const USER = { config: 'user' } as const;

  it('tries again what may pass, and gives up what does not', async () => {
    const once = counted([failed('early EOF')]);
    expect((await once.git(null, ['fetch'], USER)).text).toBe('ok');
    expect(once.asked()).toBe(2);
    const refused = counted([failed('returned error: 403')]);
    await expect(refused.git(null, ['fetch'], USER)).rejects.toThrow('403');
    expect(refused.asked()).toBe(1);
  });

  it('leaves alone what reaches no remote', async () => {
    const local = counted([failed('early EOF')]);
    await expect(local.git(null, ['cat-file'])).rejects.toThrow('early EOF');
    expect(local.asked()).toBe(1);
  });
});
