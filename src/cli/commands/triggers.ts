/** `triggers`: what happened on the forge, what was decided, and why. */
import { JobError } from '../../job/error.ts';
import { TRIGGER_STATES, type TriggerState, type TriggerView } from '../../job/trigger/record.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { addReachFlag, withJobs, type ReachOptions } from '../reach.ts';
import { cleanLine, table } from '../text.ts';

interface Options extends ReachOptions {
  readonly repo?: string;
  readonly state?: string;
  readonly limit: string;
}

const MAX_LIMIT = 200;

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new JobError('usage', `limit: ${JSON.stringify(text)} is not a whole number from 1 to ${MAX_LIMIT}`);
}

function stateOf(text: string): TriggerState {
  const state = TRIGGER_STATES.find((one) => one === text);
  if (state !== undefined) return state;
  throw new JobError(
    'usage',
    `state: ${JSON.stringify(text)} is unknown (allowed: ${TRIGGER_STATES.join(', ')})`,
  );
}

function rowOf({
  received_at,
  repo,
  subject,
  kind,
  actor,
  state,
  action: done,
  job_id,
  reason,
}: TriggerView) {
  return [
    received_at.slice(0, 19).replace('T', ' '),
    cleanLine(subject === null ? repo : `${repo}#${subject}`),
    kind,
    cleanLine(actor ?? '–'),
    done ?? state,
    cleanLine(job_id ?? reason ?? ''),
  ];
}

async function triggers(io: Io, options: Options): Promise<number> {
  const { repo, state } = options;
  const filter = {
    limit: limitOf(options.limit),
    ...(repo === undefined ? {} : { repo }),
    ...(state === undefined ? {} : { state: stateOf(state) }),
  };
  return withJobs(io, options, async ({ client }) => {
    const found = await client.triggers(filter);
    if (options.json === true) printJson(io, { triggers: found });
    else if (found.length > 0)
      io.out(
        table(
          ['received (UTC)', 'where', 'what', 'who', 'decided', 'job, or why not'],
          found.map(rowOf),
          io.colour,
        ),
      );
    else
      io.err(asCalled(io, 'nothing happened that this is told of; docs/triggers.md says how it is told\n'));
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addReachFlag(addSettingFlags(program, 'home'))
      .option('--repo <owner/name>', 'only what happened there')
      .option('--state <state>', `only those that are ${TRIGGER_STATES.join(', ')}`)
      .option('--limit <n>', `at most so many, the newest; up to ${MAX_LIMIT}`, '50')
      .option('--json', 'print JSON')
      .action(action(io, (options: Options) => triggers(io, options)));
  },
  examples: ['triggers --repo octo/shop', 'triggers --state failed --json'],
};
