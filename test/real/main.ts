/** `npm run test:agents [-- all] [-- --install]`: installs real agents and tries them; `--install` only installs. */
import { spawnSync } from 'node:child_process';
import { installAgents } from './agents.ts';

const words = process.argv.slice(2);
const which = words.includes('all') ? 'all' : 'some';
installAgents(which);
if (!words.includes('--install')) {
  const env = { ...process.env, AGENT_RUNNER_REQUIRE_ALL: '1', AGENT_RUNNER_TEST_AGENTS: which };
  const { status } = spawnSync('npx', ['vitest', 'run', 'test/real'], { env, stdio: 'inherit' });
  process.exitCode = status ?? 1;
}
