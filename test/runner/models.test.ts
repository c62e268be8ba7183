import { describe, expect, it } from 'vitest';
import type { Agent } from '../../src/agent/agent.ts';
import { createPatchAgent } from '../../src/agent/patch.ts';
import { resolveConfig } from '../../src/config.ts';
import type { ModelDialect } from '../../src/job/model/call.ts';
import { checkModel, resolveModels, type Models } from '../../src/runner/models/resolve.ts';

async function models(env: Record<string, string>, flags: Record<string, unknown> = {}): Promise<Models> {
  return resolveModels(
    await resolveConfig({
      env: { HOME: '/nonexistent', PATH: '/usr/bin', ...env },
      flags,
      cwd: '/',
      projectFile: null,
    }),
  );
}

/** What a name means, in one line. */
async function means(
  env: Record<string, string>,
  name: string | null = env['LLM_MODEL'] ?? null,
): Promise<string | null> {
  const ref = (await models(env)).find(name);
  return ref === null
    ? null
    : `${ref.provider.name} ${ref.model} ${ref.provider.baseUrl} ${ref.provider.key ?? 'no key'}`;
}

describe('resolveModels', () => {
  it('takes one model by three variables', async () => {
    const llm = { LLM_BASE_URL: 'http://h:1', LLM_API_KEY: 'k' };
    expect(await means({ ...llm, LLM_MODEL: 'm1' })).toBe('custom m1 http://h:1/v1 k');
    expect(await means({ ...llm, LLM_MODEL: 'vendor/m1' })).toBe('custom vendor/m1 http://h:1/v1 k');
    expect(await means({ ...llm, LLM_MODEL: 'anthropic/claude-x' })).toBe('anthropic claude-x http://h:1 k');
    expect(await means({ ...llm, LLM_MODEL: 'gemini/g' })).toBe('google g http://h:1 k');
    expect(await means({ LLM_BASE_URL: 'http://h:1', LLM_MODEL: 'm1' })).toBe(
      'custom m1 http://h:1/v1 no key',
    );
    expect(await means({ LLM_API_KEY: 'k', LLM_MODEL: 'openai/m' })).toBe(
      'openai m https://api.openai.com/v1 k',
    );
  });

  it('takes the mid-size model of the provider whose key is there', async () => {
    expect(await means({ OPENAI_API_KEY: 'k' })).toMatch(/^openai gpt-\S+ https:\/\/api\.openai\.com\/v1 k$/);
    expect(await means({ GEMINI_API_KEY: 'g', OPENAI_API_KEY: '' })).toMatch(/^google gemini-/);
    expect(await means({ ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'k' })).toMatch(/^anthropic claude-/);
    expect(await means({ ANTHROPIC_API_KEY: 'a', ANTHROPIC_BASE_URL: 'http://proxy/x' })).toContain(
      ' http://proxy/x a',
    );
  });

  it('leaves an agent to itself where nothing is configured for its model', async () => {
    expect(await means({})).toBeNull();
    expect(await means({ LLM_MODEL: 'sonnet' })).toBeNull();
    expect(await means({ LLM_API_KEY: 'k' })).toBeNull();
    expect(await means({ OPENAI_API_KEY: 'k' }, 'anthropic/claude-sonnet-5')).toBeNull();
    expect(await means({}, 'ollama/qwen')).toBe('ollama qwen http://127.0.0.1:11434/v1 no key');
  });

  it('finds whose a name without a provider is, or asks', async () => {
    const keys = { ANTHROPIC_API_KEY: 'a', OPENAI_API_KEY: 'k' };
    expect(await means(keys, 'gpt-6-sol')).toMatch(/^openai /);
    expect(await means(keys, 'claude-opus-5')).toMatch(/^anthropic /);
    expect(await means({ OPENAI_API_KEY: 'k' }, 'whatever')).toMatch(/^openai whatever/);
    await expect(means(keys, 'whatever')).rejects.toThrow('may be of several providers');
  });
});

describe('checkModel', () => {
  const agentOf = (dialects?: readonly ModelDialect[]): Agent => {
    const agent = createPatchAgent({ task: '' });
    const needs = { readOnlyPaths: [], mounts: [], env: {} };
    return { ...agent, name: 'x', needs: dialects === undefined ? needs : { ...needs, dialects } };
  };
  const use = { model: 'openai/gpt-6-sol', maxCostUsd: 5 };

  it('refuses a dialect that the provider does not speak, and a cap without a price', async () => {
    const known = await models({ OPENAI_API_KEY: 'k' });
    expect(() => checkModel(known, { ...use, agent: agentOf(['openai-chat']) }, false)).not.toThrow();
    expect(() => checkModel(known, { ...use, agent: agentOf(['anthropic']) }, false)).toThrow('x anthropic');
    const unpriced = { ...use, agent: agentOf(), model: 'openai/secret' };
    expect(() => checkModel(known, unpriced, false)).toThrow('nobody knows the price of openai/secret');
    expect(() => checkModel(known, unpriced, true)).not.toThrow();
    expect(() => checkModel(known, { ...unpriced, maxCostUsd: null }, false)).not.toThrow();
    expect(() => checkModel(known, { ...unpriced, agent: agentOf([]) }, false)).not.toThrow();
  });
});

describe('the window of a model', () => {
  it('is the user’s, else the table’s, and unknown else', async () => {
    const keyed = await models({ ANTHROPIC_API_KEY: 'a' });
    expect(keyed.windowOf('anthropic/claude-haiku-4-5')).toBe(200_000);
    expect(keyed.windowOf('claude-sonnet-5')).toBe(1_000_000);
    expect(keyed.windowOf(null)).toBe(1_000_000);
    expect(keyed.windowOf('anthropic/claude-of-tomorrow')).toBeNull();
    // Of an agent with a login of its own, which no provider here serves.
    expect((await models({})).windowOf('openai/gpt-4')).toBe(8192);
    expect((await models({})).windowOf(null)).toBeNull();
    expect((await models({ OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'a' })).windowOf('whatever')).toBeNull();
    const own = { prices: { 'anthropic/claude-haiku-4-5': { input: 1, output: 1, window: 5000 } } };
    expect((await models({ ANTHROPIC_API_KEY: 'a' }, own)).windowOf('anthropic/claude-haiku-4-5')).toBe(5000);
    const priced = { prices: { 'claude-haiku-4-5': { input: 1, output: 1 } } };
    expect((await models({}, priced)).windowOf('anthropic/claude-haiku-4-5')).toBe(200_000);
    expect((await models({}, { model_window: 7000 })).windowOf('openai/gpt-4')).toBe(7000);
  });
});

describe('settings of models', () => {
  it('are checked, and name no keys', async () => {
    await expect(models({ LLM_BASE_URL: 'nowhere' })).rejects.toThrow('is no base URL');
    for (const [name, value] of [
      ['providers', { x: { base_url: 'ftp://a' } }],
      ['providers', { x: { api_key: 'secret' } }],
      ['providers', { x: { dialects: ['klingon'] } }],
      ['prices', { 'a/b': { input: 1 } }],
      ['prices', { 'a/b': { input: -1, output: 1 } }],
      ['budgets', { year: { max_cost_usd: 1 } }],
      ['budgets', { day: { max_cost: 1 } }],
      ['prices', []],
    ] as const) {
      await expect(models({}, { [name]: value })).rejects.toThrow(`${name}: `);
    }
    const config = await resolveConfig({
      env: { HOME: '/nonexistent', OPENAI_API_KEY: 'sk-secret-value' },
      flags: {},
      cwd: '/',
      projectFile: null,
    });
    expect(JSON.stringify(config.settings)).not.toContain('sk-secret-value');
  });
});
