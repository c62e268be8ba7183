import { describe, expect, it } from 'vitest';
import { AGENT_NAMES, createAgent } from '../../src/agent/registry.ts';
import { createCommandAgent } from '../../src/agent/command.ts';
import { presetOf } from '../../src/agent/presets/presets.ts';
import { createSimulatedAgent, SIMULATED_BEHAVIOURS } from '../../src/agent/simulated.ts';
import { JobError } from '../../src/job/error.ts';

const needs = { readOnlyPaths: [], mounts: [], env: {} };
const host = { path: '/usr/bin:/bin', home: '/nowhere' };
const options = {
  command: 'my-agent',
  needs,
  task: 'x',
  host,
  gateway: null,
  declared: [],
};

function errorOf(run: () => unknown): JobError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof JobError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('createAgent', () => {
  it('makes every agent it names', async () => {
    for (const name of AGENT_NAMES) {
      const agent = createAgent(name, options);
      expect(agent.name).not.toBe('');
      // Nothing of the presets is on this PATH, and there is no model.
      const isReady = presetOf(name) === null && name !== 'builtin';
      expect(await agent.check()).toMatchObject({ ready: isReady });
    }
    expect(createAgent('simulated', options).name).toBe('simulated:good');
    expect(createAgent('minimal-runner', options).name).toBe('simulated:noop');
  });
  it('names what came and what is allowed', () => {
    for (const name of ['claud', '', '../x', 'simulated:evil', 'toString', '-x']) {
      const error = errorOf(() => createAgent(name, options));
      expect(error.code).toBe('bad_configuration');
      expect(error.hint).toContain('simulated:good');
    }
    expect(errorOf(() => createSimulatedAgent('evil')).hint).toContain(
      SIMULATED_BEHAVIOURS.join(', simulated:'),
    );
  });
  it('asks for AGENT_CMD', () => {
    for (const command of [null, ' ']) {
      const error = errorOf(() => createAgent('command', { ...options, command }));
      expect(error.code).toBe('bad_configuration');
      expect(error.hint).toContain('AGENT_CMD');
    }
  });
});

describe('check of a command', () => {
  const check = (command: string, PATH?: string): ReturnType<ReturnType<typeof createAgent>['check']> =>
    createCommandAgent({ command, needs: { ...needs, env: PATH === undefined ? {} : { PATH } } }).check();

  it('finds programmes by path and on the PATH it is given', async () => {
    expect(await check('/bin/sh -c true')).toMatchObject({ ready: true, detail: '/bin/sh' });
    expect(await check('sh -c true', '/nowhere:/bin')).toMatchObject({ ready: true, detail: '/bin/sh' });
    expect(await check('/nowhere/agent --x')).toMatchObject({ ready: false });
    expect((await check('no-such-agent', '/bin')).fix).toContain('AGENT_CMD');
  });
  it('leaves shell to the shell', async () => {
    for (const command of ['cd x && agent', 'KEY=1 agent', '(agent)', './agent', 'no-such-agent']) {
      expect(await check(command), command).toMatchObject({ ready: true });
    }
  });
});
