/** `demo`: the whole story on a small repository made for it; real git, real gate, a scripted agent, no key. */
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { JobError } from '../../job/error.ts';
import { createDemoRepository, demoScenarios, demoTask } from '../../runner/demo.ts';
import { openRunner } from '../../runner/open.ts';
import { action, homeFlagsOf, type CliCommand, type Io } from '../command.ts';
import { follow, printEnd } from '../foreground.ts';
import { makeRequest } from '../asking/settings.ts';

/** Seconds the agent has in the scenario that runs out of time. */
const SLOW_TIMEOUT_S = 2;

async function demo(
  io: Io,
  options: { readonly scenario: string; readonly json?: boolean },
): Promise<number> {
  const story = Object.hasOwn(demoScenarios, options.scenario) ? demoScenarios[options.scenario] : undefined;
  if (story === undefined) {
    const allowed = Object.keys(demoScenarios).join(', ');
    throw new JobError(
      'usage',
      `scenario: ${JSON.stringify(options.scenario)} is unknown (allowed: ${allowed})`,
    );
  }
  const folder = await mkdtemp(join(tmpdir(), 'agent-runner-demo-'));
  const repo = join(folder, 'repository');
  const config = await io.resolve({
    home: join(folder, 'home'),
    agent: `simulated:${options.scenario}`,
    db_path: null,
    ...(options.scenario === 'slow' ? { 'budget.timeout_s': SLOW_TIMEOUT_S } : {}),
  });
  await createDemoRepository(config, repo);
  io.err(`scenario ${options.scenario}: ${story}\n`);
  const runner = await openRunner(config);
  try {
    const request = await makeRequest(config, { task: demoTask, repo, allowHost: true });
    await runner.preflight(request);
    const job = await runner.accept(request);
    io.err(`job ${job.job_id} on ${repo}\n`);
    const told: Io = { ...io, homeFlags: homeFlagsOf(['--home', config.home]) };
    const code = printEnd(await follow(runner, job.job_id, io), told, options.json ?? false);
    io.err(`\neverything is in ${folder}; remove it when you have seen enough\n`);
    return code;
  } finally {
    await runner.close();
  }
}

export const command: CliCommand = {
  define(program, io) {
    const names = Object.entries(demoScenarios).map(([name, story]) => `  ${name.padEnd(10)} ${story}`);
    program
      .option('--scenario <name>', 'what the agent does (see below)', 'bad')
      .option('--json', 'print the result as JSON')
      .addHelpText('after', `\nScenarios:\n${names.join('\n')}\n`)
      .action(action(io, (options: { scenario: string; json?: boolean }) => demo(io, options)));
  },
  examples: ['demo', 'demo --scenario tamper', 'demo --scenario good --json'],
};
