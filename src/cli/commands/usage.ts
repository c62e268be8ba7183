/** `usage`: what jobs have spent, by day, repository, agent or model. */
import { JobError } from '../../job/error.ts';
import { USAGE_KEYS, type UsageKey, type UsageSum } from '../../job/model/usage.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { addReachFlag, withJobs, type ReachOptions } from '../reach.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { cleanLine, table } from '../text.ts';

interface Options extends ReachOptions {
  readonly by: string;
  readonly since: string;
  readonly limit: string;
}

const MAX_LIMIT = 1000;
const UNITS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;
const TITLES: Readonly<Record<UsageKey, string>> = {
  day: 'day (UTC)',
  repo: 'repository',
  agent: 'agent',
  model: 'model',
};

function keyOf(by: string): UsageKey {
  const key = USAGE_KEYS.find((one) => one === by);
  if (key !== undefined) return key;
  throw new JobError('usage', `by: ${JSON.stringify(by)} is unknown (allowed: ${USAGE_KEYS.join(', ')})`);
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= MAX_LIMIT) return limit;
  throw new JobError('usage', `limit: ${JSON.stringify(text)} is not a whole number from 1 to ${MAX_LIMIT}`);
}

/** The start of what is summed; `null` is the start of everything. */
function sinceOf(text: string, now: number): string | null {
  if (text === 'all') return null;
  const [, count, unit] = /^(\d{1,5})([hdw])$/.exec(text) ?? [];
  const ms =
    count === undefined
      ? /^\d{4}-\d{2}-\d{2}/.test(text)
        ? Date.parse(text)
        : Number.NaN
      : now - Number(count) * UNITS[unit as keyof typeof UNITS];
  if (Number.isFinite(ms)) return new Date(ms).toISOString();
  throw new JobError('usage', `since: ${JSON.stringify(text)} is no time`, {
    hint: 'give hours, days or weeks like 12h, 7d, 4w, a day like 2026-11-01, or all',
  });
}

/** What is known, and of how many jobs nothing is; a price that nobody knows is no price of 0. */
function known(text: string | null, unknown: number): string {
  if (text === null) return unknown === 0 ? '–' : 'unknown';
  return unknown === 0 ? text : `${text} + ${unknown} unknown`;
}

function count(tokens: number | null): string | null {
  return tokens === null ? null : tokens.toLocaleString('en-US');
}

function rowOf(name: string, sum: UsageSum): string[] {
  const { cost_usd: cost, tokens_in: tokensIn, tokens_out: tokensOut } = sum;
  return [
    name,
    sum.running === 0 ? String(sum.jobs) : `${sum.jobs} (${sum.running} not ended)`,
    known(cost === null ? null : `$${cost.toFixed(cost > 0 && cost < 0.1 ? 4 : 2)}`, sum.unpriced),
    known(count(tokensIn), sum.uncounted),
    known(count(tokensOut), sum.uncounted),
    String(sum.turns),
  ];
}

async function usage(io: Io, options: Options): Promise<number> {
  const [by, limit, since] = [keyOf(options.by), limitOf(options.limit), sinceOf(options.since, Date.now())];
  return withJobs(io, options, async ({ client }) => {
    const { rows, total } = await client.usage({ by, since, limit });
    if (options.json === true) {
      printJson(io, { by, since, rows, total });
      return 0;
    }
    if (total === null) {
      const when = since === null ? 'yet' : `since ${since.slice(0, 16).replace('T', ' ')}`;
      io.err(asCalled(io, `no jobs ${when}; \`agent-runner usage --since all\` sums all there are\n`));
      return 0;
    }
    const unnamed = by === 'model' ? "(the agent's own, or the default)" : '';
    const named = rows.map((sum) => rowOf(cleanLine(sum.key ?? unnamed), sum));
    const head = [TITLES[by], 'jobs', 'cost', 'tokens in', 'tokens out', 'turns'];
    io.out(table(head, [...named, rowOf('total', total)], io.colour));
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    addReachFlag(addSettingFlags(program, 'home'))
      .option('--by <key>', `sum by ${USAGE_KEYS.join(', ')}`, 'day')
      .option('--since <time>', 'only jobs accepted since: 12h, 7d, 4w, 2026-11-01, or all', '30d')
      .option('--limit <n>', 'at most so many rows; the total is of all', '100')
      .option('--json', 'print JSON')
      .action(action(io, (options: Options) => usage(io, options)));
  },
  examples: ['usage --by agent --since 7d', 'usage --by model --since all --json'],
};
