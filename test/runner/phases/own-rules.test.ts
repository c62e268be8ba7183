import { describe, expect, it } from 'vitest';
import { ownRules } from '../../../src/runner/phases/own-rules.ts';

describe('what an agent reads by itself', () => {
  it.each([
    ['codex exec -', ['AGENTS.md']],
    ['/opt/bin/claude -p', ['CLAUDE.md', 'AGENTS.md']],
    ['env X=1 goose run -i -', ['AGENTS.md']],
    ['./agent.sh codex', []],
    ['my-agent', []],
  ])('%s', (command, names) => {
    expect(ownRules({ name: 'command' }, command)).toEqual(names);
  });

  it('is what the agent says, and nothing is guessed of agents that are no command', () => {
    expect(ownRules({ name: 'command', ownRules: ['X.md'] }, 'codex')).toEqual(['X.md']);
    expect(ownRules({ name: 'codex' }, 'codex')).toEqual([]);
    expect(ownRules({ name: 'command' }, null)).toEqual([]);
  });
});
