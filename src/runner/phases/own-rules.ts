/** Which standing rules an agent reads by itself, so that it is not told them twice. */
import { basename } from 'node:path';
import type { Agent } from '../../agent/agent.ts';
import { splitWords } from '../../sandbox/toolchains/words.ts';

/**
 * Files that programs read at the root of the workspace, the first that is there (their own documentation, November
 * 2026). Nested ones they get from the prompt.
 */
const OWN_RULES: Readonly<Record<string, readonly string[]>> = {
  claude: ['CLAUDE.md', 'AGENTS.md'],
  codex: ['AGENTS.md'],
  copilot: ['AGENTS.md'],
  'cursor-agent': ['AGENTS.md'],
  goose: ['AGENTS.md'],
  opencode: ['AGENTS.md', 'CLAUDE.md'],
  pi: ['AGENTS.md', 'CLAUDE.md'],
};

/**
 * Names of the files an agent reads by itself, of which the first that is there counts: what it says, else what is
 * known of the program of its command line. Agents that are started with a repository's own settings off say nothing.
 *
 * @param command `AGENT_CMD`; `null` where it is not set
 */
export function ownRules(agent: Pick<Agent, 'name' | 'ownRules'>, command: string | null): readonly string[] {
  if (agent.ownRules !== undefined) return agent.ownRules;
  if (agent.name !== 'command' || command === null) return [];
  for (const { text, isProgram } of splitWords(command)) {
    const name = isProgram ? basename(text) : '';
    if (Object.hasOwn(OWN_RULES, name)) return OWN_RULES[name] ?? [];
  }
  return [];
}
