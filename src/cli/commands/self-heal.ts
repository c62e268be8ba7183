/** `self-heal`: runs the checks of the repository the person stands in, and has an agent mend what is red. */
import { HEAL_TASK, healInPlace } from '../../runner/in-place/place.ts';
import { JobError } from '../../job/error.ts';
import { action, type CliCommand, type Io } from '../command.ts';
import { runInPlace, simulate, type Ask, type InPlaceOptions, type Simulation } from '../in-place/run.ts';
import { addSettingFlags } from '../settings.ts';

interface Options extends InPlaceOptions {
  readonly maxAttempts?: string;
  readonly maxGateRuns?: string;
}

/** Equal failures end a job at the fourth gate run, which is beyond the usual cap of three. */
const STUCK_GATE_RUNS = 6;
const SIMULATIONS: Readonly<Record<string, Simulation>> = {
  good: { agent: 'simulated:good', state: 'broken', maxGateRuns: null },
  bad: { agent: 'simulated:lost', state: 'broken', maxGateRuns: null },
  stuck: { agent: 'simulated:stuck', state: 'broken', maxGateRuns: STUCK_GATE_RUNS },
};

async function selfHeal(io: Io, options: Options): Promise<number> {
  const { maxAttempts, ...rest } = options;
  if (maxAttempts !== undefined && options.maxGateRuns !== undefined) {
    throw new JobError('usage', 'max-attempts and max-gate-runs are the same', { hint: 'give one of them' });
  }
  const given: Options = maxAttempts === undefined ? rest : { ...rest, maxGateRuns: maxAttempts };
  const isSimulated = given.simulate !== undefined;
  const ask: Ask = ({ folder }) => {
    const push = !isSimulated && (given.push ?? false);
    return Promise.resolve({ task: HEAL_TASK, inPlace: healInPlace({ push, folder }) });
  };
  return isSimulated ? simulate(io, given, SIMULATIONS, ask) : runInPlace(io, given, ask);
}

export const command: CliCommand = {
  define(program, io) {
    addSettingFlags(program)
      .option('--max-attempts <n>', 'gate runs in all, so one more than fixes; 3 by default')
      .option('--push', 'push the branch to origin when it is green')
      .option('--draft', 'mark the result as one that a person must look at first')
      .option(
        '--check <name=command>',
        "judge by this command instead of the repository's own; repeatable",
        (one: string, all: string[] | undefined) => [...(all ?? []), one],
      )
      .option('--setup <command>', 'prepare dependencies by this command; empty for none')
      .option('--allow-test-changes', 'changed tests are reported and do not block')
      .option('--simulate <how>', 'good, bad or stuck: a scripted agent on a small repository of its own')
      .option('--resume <job>', 'go on with a job whose process died')
      .option('--json', 'print result and handover as JSON')
      .action(action(io, (options: Options) => selfHeal(io, options)));
  },
  examples: ['self-heal', 'self-heal --max-attempts 5 --push', 'self-heal --simulate stuck'],
};
