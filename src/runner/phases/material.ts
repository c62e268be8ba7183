/** What a turn is told besides its task: the standing rules, from the base commit and never from the agent's copy. */
import { readFile } from 'node:fs/promises';
import type { Agent } from '../../agent/agent.ts';
import { JobError } from '../../job/error.ts';
import { isRuleFile, MAX_RULES_BYTES, selectRules, type RuleFile } from '../../prompt/rules.ts';
import type { JobContext } from '../context.ts';
import type { Bench } from '../place.ts';
import { ownRules } from './own-rules.ts';

/** Standing rules are read from so many files at most, root first. */
const MAX_RULE_FILES = 50;

async function readAgentConfig(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => {
    throw new JobError('bad_configuration', `agent_config: ${path} can't be read`, {
      hint: 'correct or unset AGENT_CONFIG',
    });
  });
}

/**
 * The standing rules an agent is told: those of the user's file, else the repository's, as its base has them, without
 * those that the agent reads by itself.
 */
export async function readRules(
  context: JobContext,
  bench: Bench,
  baseSha: string,
  agent: Agent,
): Promise<RuleFile[]> {
  const files = await bench.copy.files(baseSha);
  const candidates = files.paths.filter((path) => isRuleFile(path)).slice(0, MAX_RULE_FILES);
  const read = await Promise.all(
    candidates.map(async (path) => ({ path, content: (await files.read(path)) ?? '' })),
  );
  const { agentConfig } = context.config;
  const own =
    agentConfig === null ? null : { path: agentConfig, content: await readAgentConfig(agentConfig) };
  const known = ownRules(agent, context.config.agentCmd);
  const told = known.find((name) => files.paths.includes(name)) ?? null;
  return selectRules(read, { agentConfig: own, maxBytes: MAX_RULES_BYTES, told });
}
