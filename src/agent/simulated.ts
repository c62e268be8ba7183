/** Agents without a model, for demos and tests: they take the same path as any command. */
import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { JobError } from '../job/error.ts';
import type { Agent } from './agent.ts';
import { shellWord } from '../job/text/shell.ts';
import { createCommandAgent } from './command.ts';

/** What a simulated agent may do, and what that shows. */
export const SIMULATED_STORIES = {
  good: 'the change is right at once',
  bad: 'the agent breaks a test, is told, and mends it',
  stuck: 'the agent makes the same mistake again and again, until the runner gives up',
  lost: 'the agent makes a mistake of the same kind every time, and is given up',
  noop: 'the agent changes nothing, and that is what is said',
  slow: 'the agent does not come to an end, and its time is up',
  crash: 'the agent crashes in the middle; its work is kept',
  injection: 'the agent obeys hostile text; the sandbox holds',
  tamper: 'the agent weakens the tests instead of mending the code; the guard sees it',
} as const;
export type SimulatedBehaviour = keyof typeof SIMULATED_STORIES;
export const SIMULATED_BEHAVIOURS = Object.keys(SIMULATED_STORIES) as readonly SimulatedBehaviour[];

/** Git as hostile text asks for it, before traps are planted that would catch the agent's own git too. */
const GIT_ATTEMPTS = [
  'try() { what=$1; shift; if "$@" >/dev/null 2>&1 </dev/null; then echo "attempt: $what -> $done"; else echo "attempt: $what -> held"; fi >>"$AGENT_RUNNER_OUT/attempts"; }',
  // Never a repository further up: on `host` that would be somebody's own.
  'export GIT_CEILING_DIRECTORIES="$(dirname "$PWD")" GIT_TERMINAL_PROMPT=0 GIT_SSH_COMMAND="ssh -o BatchMode=yes -o ConnectTimeout=1"',
  "done=planted; try 'commit in the repository of the agent' git -c user.name=x -c user.email=x@invalid -c commit.gpgsign=false commit --allow-empty -m injected",
  // A dry run talks to the remote with all its rights, but leaves a repository alone that is not ours.
  "done='got through'; try 'push to origin' timeout 5 git push --dry-run origin HEAD:refs/heads/agent-runner-injected",
].join('\n');

/** The directory that holds `package.json`, from this file upwards; the walk ends at the root. */
function packageJson(from: string): string | null {
  for (let dir = from; ; dir = dirname(dir)) {
    if (existsSync(join(dir, 'package.json'))) return join(dir, 'package.json');
    if (dirname(dir) === dir) return null;
  }
}

/**
 * Makes a simulated agent.
 *
 * @param behaviour one of `SIMULATED_BEHAVIOURS`
 * @throws JobError `bad_configuration` that names what is allowed
 */
export function createSimulatedAgent(behaviour: string): Agent {
  const known = SIMULATED_BEHAVIOURS.find((name) => name === behaviour);
  if (known === undefined) {
    throw new JobError('bad_configuration', `agent: simulated:${behaviour.slice(0, 100)} is unknown`, {
      hint: `allowed are ${SIMULATED_BEHAVIOURS.map((name) => `simulated:${name}`).join(', ')}`,
    });
  }
  // Run from source or from the built package: the programme lies beside this file, in the same form.
  const here = fileURLToPath(import.meta.url);
  const extension = here.endsWith('.ts') ? 'ts' : 'js';
  const programme = join(dirname(here), `simulated-programme.${extension}`);
  const attempts = join(dirname(here), `simulated-injection.${extension}`);
  const node = realpathSync(process.execPath);
  const manifest = packageJson(dirname(here));
  const words = [node, programme, known].map(shellWord).join(' ');
  const start = `exec ${words} "$AGENT_RUNNER_OUT" "$AGENT_RUNNER_PHASE"`;
  const agent = createCommandAgent({
    name: `simulated:${known}`,
    command: known === 'injection' ? `${GIT_ATTEMPTS}\n${start}` : start,
    needs: {
      // Single files, not their directories: the agent sees what it is made of and nothing beside it. The
      // manifest tells node that the programme is a module.
      readOnlyPaths: [node, programme, attempts, ...(manifest === null ? [] : [manifest])],
      mounts: [],
      env: {},
      dialects: [],
    },
    costUsd: 0,
  });
  const detail = `no model: ${SIMULATED_STORIES[known]}`;
  return { ...agent, modelless: true, check: () => Promise.resolve({ ready: true, detail, fix: null }) };
}
