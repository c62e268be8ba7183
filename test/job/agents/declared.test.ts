import { anything, assert, property, string } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BUILTIN_TOOLS, parseDeclaredAgent } from '../../../src/job/agents/declared.ts';
import { JobError } from '../../../src/job/error.ts';

const OUTPUT = { type: 'object', properties: { n: { type: 'integer' } } };

function refusal(name: string, value: unknown): string {
  try {
    parseDeclaredAgent(name, value, 'config.yml:7');
  } catch (error) {
    if (error instanceof JobError && error.code === 'bad_configuration')
      return `${error.message} ${error.hint ?? ''}`;
    throw error;
  }
  return 'taken';
}

describe('a declared agent', () => {
  it('has every tool, the job’s model and no instructions where it says nothing', () => {
    expect(parseDeclaredAgent('a', { kind: 'builtin' }, 'x')).toEqual({
      name: 'a',
      model: null,
      instructions: null,
      tools: BUILTIN_TOOLS,
      output: null,
      maxOutputTokens: null,
      modelWindow: null,
    });
  });

  it('is what it says', () => {
    const declared = {
      kind: 'builtin',
      model: 'openai/m1',
      instructions: 'Be short.',
      tools: ['grep', 'read', 'grep'],
      output: OUTPUT,
      max_output_tokens: 5000,
      model_window: 32_000,
    };
    expect(parseDeclaredAgent('re-view_2', declared, 'x')).toEqual({
      name: 're-view_2',
      model: 'openai/m1',
      instructions: 'Be short.',
      tools: ['grep', 'read'],
      output: OUTPUT,
      maxOutputTokens: 5000,
      modelWindow: 32_000,
    });
  });

  it.each<readonly [unknown, string]>([
    [{}, 'agents.a.kind: it is missing in config.yml:7 (allowed: builtin)'],
    [{ kind: 'acp' }, 'agents.a.kind: "acp" is not allowed'],
    [null, 'agents.a: null from config.yml:7 is no agent'],
    [['builtin'], 'is no agent'],
    [
      { kind: 'builtin', model: 7 },
      'agents.a.model: 7 from config.yml:7 is not allowed (allowed: provider/model)',
    ],
    [{ kind: 'builtin', model: ' ' }, 'agents.a.model'],
    [{ kind: 'builtin', instructions: 'x'.repeat(32_001) }, 'at most 32000 characters'],
    [{ kind: 'builtin', tools: 'read' }, 'agents.a.tools: "read"'],
    [{ kind: 'builtin', tools: ['read', 'fly'] }, 'allowed: a list of read, write, edit, list, grep, shell'],
    [{ kind: 'builtin', output: { type: 'string' } }, 'agents.a.output: {"type":"string"}'],
    [{ kind: 'builtin', output: { ...OUTPUT, title: 'x'.repeat(32_001) } }, 'agents.a.output'],
    [{ kind: 'builtin', max_output_tokens: 0 }, 'a whole number from 1 to 1000000'],
    [{ kind: 'builtin', model_window: 10.5 }, 'agents.a.model_window: 10.5'],
    [{ kind: 'builtin', temperature: 1 }, 'agents.a.temperature from config.yml:7 is no field of an agent'],
    ...['mcp_servers', 'skills', 'sub_agents'].map(
      (field) =>
        [{ kind: 'builtin', [field]: [] }, `agents.a.${field} from config.yml:7 does not exist yet`] as const,
    ),
  ])('%j is refused: %s', (value, words) => {
    expect(refusal('a', value)).toContain(words);
  });

  it.each(['', 'A', '1a', 'a b', '../a', 'a'.repeat(51), '__proto__', 'builtin:a'])(
    'can not be called %j',
    (name) => {
      expect(refusal(name, { kind: 'builtin' })).toContain('the name is not allowed');
    },
  );

  it('is taken or refused in words, whatever comes', () => {
    assert(
      property(string(), anything(), (name, value) => {
        refusal(name, value);
      }),
    );
  });
});
