import { describe, expect, it } from 'vitest';
import { createSimulatedAgent } from '../../src/agent/simulated.ts';
import { createLasting } from '../../src/runner/lasting.ts';
import { createHost } from '../../src/sandbox/host.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

const agent = createSimulatedAgent('noop');
const key = { agent, options: 'build' };

/** Sandboxes that are told apart, and which of them are closed. */
function opener(): { open: () => Promise<Sandbox>; closed: (sandbox: Sandbox) => Promise<boolean> } {
  return {
    open: () => createHost().open({ workspace: '/tmp', home: '/tmp', env: {}, network: true }),
    closed: (sandbox) =>
      sandbox.exec(['true'], { timeoutMs: 5_000, maxBytes: 10 }).then(
        () => false,
        () => true,
      ),
  };
}

describe('a sandbox that stays', () => {
  it('is taken again for the same, and what it wrote meanwhile is looked for', async () => {
    const { open, closed } = opener();
    let touched = 0;
    const lasting = createLasting(() => touched++);
    const first = await lasting.take(key, open);
    await lasting.release(first, true);
    expect(touched).toBe(0);
    expect(await lasting.take({ ...key }, open)).toBe(first);
    expect([touched, await closed(first)]).toEqual([1, false]);
    await lasting.close();
    expect([touched, await closed(first)]).toEqual([2, true]);
    await lasting.close();
    expect(touched).toBe(2);
  });

  it('is closed before one is opened for anything else', async () => {
    const { open, closed } = opener();
    const lasting = createLasting(() => {});
    for (const other of [{ agent, options: 'look' }, { ...key, agent: createSimulatedAgent('noop') }, null]) {
      const first = await lasting.take(key, open);
      await lasting.release(first, true);
      const next = await lasting.take(other, async () => {
        expect(await closed(first)).toBe(true);
        return open();
      });
      expect(next).not.toBe(first);
      await lasting.release(next, true);
      expect(await closed(next)).toBe(other === null);
      await lasting.close();
    }
  });

  it('is closed after a turn that failed', async () => {
    const { open, closed } = opener();
    const lasting = createLasting(() => {});
    const first = await lasting.take(key, open);
    await lasting.release(first, false);
    expect(await closed(first)).toBe(true);
    expect(await lasting.take(key, open)).not.toBe(first);
    await lasting.close();
  });
});
