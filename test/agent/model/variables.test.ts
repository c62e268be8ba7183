import { describe, expect, it } from 'vitest';
import type { ModelAccess } from '../../../src/agent/agent.ts';
import { modelVariables } from '../../../src/agent/model/variables.ts';

const access = (dialects: readonly string[]): ModelAccess => ({
  token: 'token',
  window: null,
  model: 'm',
  provider: 'p',
  baseUrl(dialect) {
    if (!dialects.includes(dialect)) throw new Error('not spoken');
    return `http://127.0.0.1:1/${dialect}`;
  },
});

describe('modelVariables', () => {
  it('tells of every dialect that is spoken, and of none that is not', () => {
    expect(modelVariables(access(['anthropic']), {})).toEqual({
      LLM_BASE_URL: 'http://127.0.0.1:1/anthropic',
      LLM_API_KEY: 'token',
      LLM_MODEL: 'm',
      ANTHROPIC_BASE_URL: 'http://127.0.0.1:1/anthropic',
      ANTHROPIC_API_KEY: 'token',
      ANTHROPIC_MODEL: 'm',
    });
    expect(Object.keys(modelVariables(access(['openai-chat', 'gemini']), {})).toSorted()).toEqual([
      'GEMINI_API_KEY',
      'GEMINI_MODEL',
      'GOOGLE_GEMINI_BASE_URL',
      'LLM_API_KEY',
      'LLM_BASE_URL',
      'LLM_MODEL',
      'OPENAI_API_BASE',
      'OPENAI_API_KEY',
      'OPENAI_BASE_URL',
      'OPENAI_MODEL',
    ]);
  });

  it('leaves what the user admitted as it is, and says nothing without a gateway', () => {
    const own = modelVariables(access(['anthropic', 'openai-chat']), { ANTHROPIC_API_KEY: 'mine' });
    expect(Object.keys(own).filter((name) => name.startsWith('ANTHROPIC'))).toEqual([]);
    expect(own).toHaveProperty('OPENAI_API_KEY', 'token');
    expect(modelVariables(null, {})).toEqual({});
    expect(modelVariables(undefined, {})).toEqual({});
  });
});
