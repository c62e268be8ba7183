import { describe, expect, it } from 'vitest';
import { serverLaunch } from '../../../src/agent/opencode/settings.ts';

function configOf(...args: Parameters<typeof serverLaunch>): Record<string, unknown> {
  return JSON.parse(serverLaunch(...args).env['OPENCODE_CONFIG_CONTENT'] ?? '') as Record<string, unknown>;
}

describe("what OpenCode's server is told", () => {
  it('names the tool servers of the repository as it takes them', () => {
    const config = configOf(null, null, [
      { kind: 'stdio', name: 'schema', command: 'node', args: ['a.mjs', '--x y'], env: { A: '1' } },
      { kind: 'http', name: 'docs', url: 'http://127.0.0.1:8/mcp', headers: { B: '2' } },
    ]);
    expect(config['mcp']).toEqual({
      schema: { type: 'local', command: ['node', 'a.mjs', '--x y'], environment: { A: '1' }, enabled: true },
      docs: { type: 'remote', url: 'http://127.0.0.1:8/mcp', headers: { B: '2' }, enabled: true },
    });
    expect(configOf(null, null, [])).not.toHaveProperty('mcp');
  });

  it('knows the window of the model, where somebody does', () => {
    const route = { dialect: 'openai-chat', url: 'http://x/v1', key: 'k', model: 'm' } as const;
    const limit = (window: number | null): unknown => {
      const { provider } = configOf({ ...route, window }, null) as {
        provider: { runner: { models: { m: { limit: { context: number } } } } };
      };
      return provider.runner.models.m.limit.context;
    };
    expect([limit(32_000), limit(null)]).toEqual([32_000, 128_000]);
  });
});
