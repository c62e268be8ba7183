/** A command line of a person, found from where the person stands. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCommandAgent } from '../../src/agent/command.ts';
import { resolveConfig, type Config } from '../../src/config.ts';
import { agentOf, defaultAgent, resolveCommand } from '../../src/runner/agents.ts';
import { examine } from '../../src/runner/look/doctor.ts';

let here: string;
beforeAll(() => {
  here = mkdtempSync(join(tmpdir(), 'agent-runner-agents-'));
  mkdirSync(join(here, 'my tools'));
  mkdirSync(join(here, 'src'));
  for (const name of ['agent.sh', 'agent.py', 'my tools/agent'])
    writeFileSync(join(here, name), '#!/bin/sh\n');
});
afterAll(() => rmSync(here, { recursive: true, force: true }));

describe('resolveCommand', () => {
  it('finds programs and scripts where the person stands', async () => {
    const cases = [
      ['./agent.sh --fast', `${here}/agent.sh --fast`],
      ['cd x && ./agent.sh', `cd x && ${here}/agent.sh`],
      ['python3 agent.py {prompt_file}', `python3 ${here}/agent.py {prompt_file}`],
      ['python3 -u agent.py', `python3 -u ${here}/agent.py`],
      ['K="a b" sh ./agent.sh agent.py', `K="a b" sh ${here}/agent.sh agent.py`],
      ['"my tools/agent" -x', `'${here}/my tools/agent' -x`],
    ] as const;
    for (const [given, resolved] of cases) expect(await resolveCommand(given, here)).toBe(resolved);
  });

  it('leaves alone what is on the PATH, absolute, inline, missing, or perhaps meant in the workspace', async () => {
    const same = [
      'claude -p',
      '/bin/sh agent',
      'sh -c agent.sh',
      'python3 -m agent.py',
      'prettier ./src agent.py',
      './nowhere.sh',
      'cat "$X/agent.sh"',
      'node {prompt_file}',
      '~/agent.sh',
    ];
    for (const command of same) expect(await resolveCommand(command, here)).toBe(command);
  });
});

describe('a script that is not executable', () => {
  it('is said to be that, with what mends it', async () => {
    const path = join(here, 'agent.sh');
    const needs = { readOnlyPaths: [], mounts: [], env: {} };
    const check = () => createCommandAgent({ command: `${path} --fast`, needs }).check();
    chmodSync(path, 0o644);
    expect(await check()).toEqual({
      ready: false,
      detail: `${path} is not executable`,
      fix: `chmod +x ${path}`,
    });
    chmodSync(path, 0o755);
    expect(await check()).toMatchObject({ ready: true });
  });
});

describe('a request that names no agent', () => {
  /** A machine with these programmes on its PATH and nothing else. */
  async function machine(
    programmes: readonly string[],
    env: Readonly<Record<string, string>> = {},
    flags: Readonly<Record<string, unknown>> = {},
  ): Promise<Config> {
    const root = mkdtempSync(join(here, 'machine-'));
    for (const name of programmes)
      writeFileSync(join(root, name), '#!/bin/sh\necho "$0 version 1.2.3"\n', { mode: 0o755 });
    const all = { PATH: `${root}:/usr/bin:/bin`, HOME: root, AGENT_RUNNER_HOME: join(root, 'home'), ...env };
    return resolveConfig({ flags, env: all, cwd: root, projectFile: null });
  }
  const key = { OPENAI_API_KEY: 'sk-0123456789abcdef' };

  it('gets the configured one, else AGENT_CMD, else the first that is installed and has a model', async () => {
    const all = ['codex-acp', 'goose', 'claude-agent-acp'];
    expect(await defaultAgent(await machine(all, { ...key, AGENT_CMD: 'x' }, { agent: 'goose' }))).toBe(
      'goose',
    );
    expect(await defaultAgent(await machine(all, { ...key, AGENT_CMD: 'x' }))).toBe('command');
    // The provider of this key does not speak what claude does.
    expect(await defaultAgent(await machine(all, key))).toBe('codex');
    expect(await defaultAgent(await machine(['goose'], key))).toBe('goose');
    expect(await defaultAgent(await machine(all, { ANTHROPIC_API_KEY: 'sk-ant-0123456789' }))).toBe('claude');
  });

  it('gets none where none is ready, and never a simulated one', async () => {
    expect(await defaultAgent(await machine([], key))).toBeNull();
    expect(await defaultAgent(await machine(['codex-acp', 'cursor-agent']))).toBeNull();
  });

  it('gets one with a login of its own that is admitted', async () => {
    const config = await machine(['cursor-agent', 'codex-acp'], { CURSOR_API_KEY: 'k' });
    const admitted = { ...config, agentEnv: { CURSOR_API_KEY: 'k' } };
    expect(await defaultAgent(admitted)).toBe('cursor');
  });

  it('is told what each lacks', async () => {
    const config = await machine(['codex-acp', 'claude-agent-acp'], key);
    const claude = await (await agentOf(config, { agent: 'claude', task: '' })).check();
    expect(claude).toMatchObject({ ready: false, installed: true });
    expect(claude.detail).toContain('1.2.3');
    expect(claude.detail).toContain(
      'the configured model speaks openai-chat, openai-responses, it anthropic',
    );
    expect(claude.fix).toContain('~/.claude/.credentials.json:/home/agent/.claude/.credentials.json:rw');
    const found = await examine(config);
    const states = found.flatMap(({ name, state }) => (/agent/.test(name) ? [[name, state]] : []));
    expect(states).toEqual([
      ['agent claude', 'warning'],
      ['agent codex', 'ok'],
      ['other agents', 'ok'],
      ['agent', 'ok'],
    ]);
  });

  it('is told what one could do better', async () => {
    const detailOf = async (programmes: readonly string[]): Promise<string> => {
      const config = await machine(programmes, key);
      const agent = await agentOf(
        { ...config, host: { ...config.host, path: config.host.cwd } },
        { agent: 'opencode', task: '' },
      );
      return (await agent.check()).detail;
    };
    expect(await detailOf(['opencode'])).toContain('without rg on the PATH, its search tools fail');
    expect(await detailOf(['opencode', 'rg'])).not.toMatch(/\brg\b/);
  });

  it('finds a login that is there and not admitted', async () => {
    const config = await machine(['codex-acp']);
    mkdirSync(join(config.host.home, '.codex'));
    writeFileSync(join(config.host.home, '.codex/auth.json'), '{}');
    const state = await (await agentOf(config, { agent: 'codex', task: '' })).check();
    expect(state.detail).toContain('its login is not admitted');
  });
});
