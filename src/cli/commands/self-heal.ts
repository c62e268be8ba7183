/** `self-heal`: runs the checks of the repository the person stands in, and has an agent mend what is red. */
import { HEAL_TASK, healInPlace } from '../../runner/in-place/place.ts';
import { JobError } from '../../job/error.ts';
import { healPull } from '../in-place/pull.ts';
import { action, type CliCommand, type Io } from '../command.ts';
import {
  addInPlaceFlags,
  runInPlace,
  simulate,
  type Ask,
  type InPlaceOptions,
  type Simulation,
} from '../in-place/run.ts';

interface Options extends InPlaceOptions {
  readonly pr?: string;
  readonly wait?: boolean;
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
  const { maxAttempts, pr, wait, ...rest } = options;
  if (maxAttempts !== undefined && options.maxGateRuns !== undefined) {
    throw new JobError('usage', 'max-attempts and max-gate-runs are the same', { hint: 'give one of them' });
  }
  const given: Options = maxAttempts === undefined ? rest : { ...rest, maxGateRuns: maxAttempts };
  if (pr !== undefined) return healPull(io, pr, { ...given, wait });
  const isSimulated = given.simulate !== undefined;
  const ask: Ask = ({ folder }) => {
    const push = !isSimulated && (given.push ?? false);
    return Promise.resolve({ task: HEAL_TASK, inPlace: healInPlace({ push, folder }) });
  };
  return isSimulated ? simulate(io, given, SIMULATIONS, ask) : runInPlace(io, given, ask);
}

export const command: CliCommand = {
  define(program, io) {
    addInPlaceFlags(program, 'good, bad or stuck')
      .option('--pr <url|owner/name#n>', 'mend the failed checks of this pull request instead')
      .option('--wait', 'with --pr: wait until its checks have ended')
      .option('--max-attempts <n>', 'gate runs in all, so one more than fixes; 3 by default')
      .action(action(io, (options: Options) => selfHeal(io, options)));
  },
  examples: [
    'self-heal',
    'self-heal --max-attempts 5 --push',
    'self-heal --pr owner/name#12',
    'self-heal --simulate stuck',
  ],
};
