import { describe, expect, it } from 'vitest';
import { createHost } from '../../src/sandbox/host.ts';
import { openBench, testSandbox } from '../contract/sandbox.ts';

describe('host', () => {
  testSandbox(createHost, { survivesSetsid: true });

  it('says that it isolates nothing and can’t close the network', async () => {
    const host = createHost();
    expect(host.isolation).toBe('no isolation');
    expect(host.canMount).toBe(false);
    expect((await host.probe()).detail).toMatch(/network can.t be closed/);
  });

  it('works on the real path', async () => {
    const bench = await openBench(createHost());
    try {
      expect(bench.sandbox.workspacePath).toBe(bench.workspace);
    } finally {
      await bench.remove();
    }
  });

  it('takes mounts in place and refuses to move one', async () => {
    const bench = await openBench(createHost(), { mounts: [{ source: '/usr', target: '/usr', mode: 'ro' }] });
    await bench.remove();
    const moved = openBench(createHost(), { mounts: [{ source: '/usr', target: '/opt/usr', mode: 'ro' }] });
    await expect(moved).rejects.toMatchObject({ code: 'bad_configuration' });
    await expect(
      openBench(createHost(), { mounts: [{ source: '/usr', target: '/x', mode: 'ro' }] }),
    ).rejects.toThrow("mounts[0]: the host sandbox can't show /usr at /x");
  });
});
