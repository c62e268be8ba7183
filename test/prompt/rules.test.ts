import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRuleFile, MAX_RULES_BYTES, selectRules } from '../../src/prompt/rules.ts';

const file = (path: string, content = `rules of ${path}`): { path: string; content: string } => ({
  path,
  content,
});
const options = { agentConfig: null, maxBytes: MAX_RULES_BYTES };
const paths = (files: readonly { path: string }[]): string[] => files.map((each) => each.path);
const bytes = (files: readonly { content: string }[]): number =>
  files.reduce((sum, each) => sum + Buffer.byteLength(each.content), 0);

describe('isRuleFile', () => {
  it('knows the names, and AGENTS.md at any depth but not in foreign code', () => {
    for (const path of [
      'AGENTS.md',
      'a/b/AGENTS.md',
      '.agent/instructions.md',
      'agent-config.md',
      'CLAUDE.md',
    ]) {
      expect(isRuleFile(path), path).toBe(true);
    }
    for (const path of [
      'README.md',
      'a/CLAUDE.md',
      'agents.md',
      'node_modules/x/AGENTS.md',
      '../AGENTS.md',
      '/AGENTS.md',
      'a/AGENTS.md/b',
    ]) {
      expect(isRuleFile(path), path).toBe(false);
    }
  });
});

describe('selectRules', () => {
  const all = [
    file('CLAUDE.md'),
    file('b/AGENTS.md'),
    file('agent-config.md'),
    file('a/x/AGENTS.md'),
    file('.agent/instructions.md'),
    file('a/AGENTS.md'),
    file('AGENTS.md'),
  ];

  it('takes the file of AGENT_CONFIG alone', () => {
    expect(paths(selectRules(all, { ...options, agentConfig: file('/home/me/rules.md') }))).toEqual([
      '/home/me/rules.md',
    ]);
  });
  it('takes AGENTS.md from the root to the leaves', () => {
    expect(paths(selectRules(all, options))).toEqual([
      'AGENTS.md',
      'a/AGENTS.md',
      'b/AGENTS.md',
      'a/x/AGENTS.md',
    ]);
  });
  it('leaves out what the agent reads by itself, and tells the nested ones', () => {
    expect(paths(selectRules(all, { ...options, told: 'AGENTS.md' }))).toEqual([
      'a/AGENTS.md',
      'b/AGENTS.md',
      'a/x/AGENTS.md',
    ]);
    expect(selectRules([file('CLAUDE.md')], { ...options, told: 'CLAUDE.md' })).toEqual([]);
    const own = { ...options, agentConfig: file('AGENTS.md'), told: 'AGENTS.md' };
    expect(paths(selectRules(all, own))).toEqual(['AGENTS.md']);
  });
  it('falls back in the order of the names, past blank files', () => {
    const rest = all.filter((each) => !each.path.endsWith('AGENTS.md'));
    expect(paths(selectRules(rest, options))).toEqual(['.agent/instructions.md']);
    expect(
      paths(
        selectRules(
          [file('AGENTS.md', ' \n'), ...rest.filter((each) => each.path !== '.agent/instructions.md')],
          options,
        ),
      ),
    ).toEqual(['agent-config.md']);
    expect(paths(selectRules([file('CLAUDE.md'), file('README.md')], options))).toEqual(['CLAUDE.md']);
    expect(selectRules([file('README.md')], options)).toEqual([]);
  });
  it('cuts with a note that names the file', () => {
    const [first, second, third] = selectRules(
      [file('AGENTS.md', 'a'.repeat(300)), file('b/AGENTS.md', 'é'.repeat(1000)), file('c/AGENTS.md')],
      { agentConfig: null, maxBytes: 1000 },
    );
    expect(first?.content).toBe('a'.repeat(300));
    expect(second?.content).toContain('longer than 1000 bytes');
    expect(second?.content).toContain('b/AGENTS.md');
    expect(third).toBeUndefined();
  });
  it('never exceeds its bytes and never splits a character', () => {
    const content = fc.string({ unit: fc.constantFrom('a', 'é', '語', '🚀', '\n'), maxLength: 400 });
    fc.assert(
      fc.property(fc.array(content, { maxLength: 6 }), fc.nat(1500), (contents, maxBytes) => {
        const picked = selectRules(
          contents.map((each, at) => file(`${'d/'.repeat(at)}AGENTS.md`, each)),
          { agentConfig: null, maxBytes },
        );
        expect(bytes(picked)).toBeLessThanOrEqual(maxBytes);
        for (const each of picked) expect(each.content).not.toContain('\ufffd');
      }),
    );
  });
});
