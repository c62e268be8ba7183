import { describe, expect, it } from 'vitest';
import type { SandboxAdapter, SandboxName, SandboxProbe } from '../../src/sandbox/sandbox.ts';
import { selectSandbox, type SandboxLoaders } from '../../src/sandbox/select.ts';

const works: SandboxProbe = { works: true, detail: 'version 1', fix: null };
const broken: SandboxProbe = { works: false, detail: 'it is not installed', fix: 'apt-get install it' };

/** Adapters that answer a probe; choosing opens none. */
function loaders(bubblewrap: SandboxProbe, host: SandboxProbe = works): SandboxLoaders {
  const adapter = (name: SandboxName, probe: SandboxProbe) => (): Promise<SandboxAdapter> =>
    Promise.resolve({
      name,
      isolation: name,
      canMount: name !== 'host',
      probe: () => Promise.resolve(probe),
      open: () => Promise.reject(new Error('choosing must not open')),
    });
  return { bubblewrap: adapter('bubblewrap', bubblewrap), host: adapter('host', host) };
}

describe('selectSandbox', () => {
  it('takes the strongest that works, whether or not host is allowed', async () => {
    for (const allowHost of [true, false]) {
      const choice = await selectSandbox('auto', { allowHost }, loaders(works));
      expect(choice.adapter.name).toBe('bubblewrap');
      expect(choice.warning).toBeNull();
      expect(choice.why).toContain('version 1');
    }
  });

  it('takes host only when allowed, with a warning and the reason', async () => {
    const choice = await selectSandbox('auto', { allowHost: true }, loaders(broken));
    expect(choice.adapter.name).toBe('host');
    expect(choice.warning).toContain('no isolation');
    expect(choice.why).toContain('bubblewrap does not work: it is not installed');
  });

  it('else says what to install and how to go on without', async () => {
    await expect(selectSandbox('auto', { allowHost: false }, loaders(broken))).rejects.toMatchObject({
      code: 'bad_configuration',
      message: expect.stringContaining('it is not installed'),
      hint: expect.stringMatching(/apt-get install it.*--sandbox host/),
    });
  });

  it('takes a named one, and never another instead', async () => {
    expect((await selectSandbox('host', { allowHost: false }, loaders(works))).warning).toContain(
      'no isolation',
    );
    expect((await selectSandbox('bubblewrap', { allowHost: true }, loaders(works))).adapter.name).toBe(
      'bubblewrap',
    );
    await expect(selectSandbox('bubblewrap', { allowHost: true }, loaders(broken))).rejects.toMatchObject({
      code: 'bad_configuration',
      hint: 'apt-get install it',
    });
  });

  it.each(['docker', '', 'toString'])('names what is allowed for %j', async (name) => {
    const unknown = selectSandbox(name as SandboxName, { allowHost: true }, loaders(works));
    await expect(unknown).rejects.toThrow('(allowed: auto, bubblewrap, host)');
  });

  it('finds one of the real adapters when host is allowed', async () => {
    const choice = await selectSandbox('auto', { allowHost: true });
    expect(['bubblewrap', 'host']).toContain(choice.adapter.name);
  });
});
