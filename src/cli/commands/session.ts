/** `session`: jobs that go on from one another, and what they have spent together. */
import { JobError } from '../../job/error.ts';
import type { SessionDetail, SessionView } from '../../job/view/session.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { action, asCalled, printJson, type CliCommand, type Io } from '../command.ts';
import { addReachFlag, withJobs, type ReachOptions } from '../reach.ts';
import { cleanLine, table } from '../text.ts';

interface Options extends ReachOptions {
  readonly limit: string;
}

const MAX_LIMIT = 1000;
const MAX_SHOWN = 200;
const TASK_CHARS = 50;

function limitOf(text: string, most: number): number {
  const limit = Number(text);
  if (Number.isInteger(limit) && limit >= 1 && limit <= most) return limit;
  throw new JobError('usage', `limit: ${JSON.stringify(text)} is not a whole number from 1 to ${most}`);
}

function time(text: string): string {
  return text.slice(0, 19).replace('T', ' ');
}

/** What is known of a cost, and of how many jobs nothing is: a price that nobody knows is no price of 0. */
function cost({ cost_usd: dollars, unpriced }: SessionView): string {
  if (dollars === null) return unpriced === 0 ? '–' : 'unknown';
  return `$${dollars.toFixed(4)}${unpriced === 0 ? '' : ` + ${unpriced} unknown`}`;
}

function tokens({ tokens_in: read, tokens_out: written, uncounted }: SessionView): string {
  if (read === null && written === null) return uncounted === 0 ? '–' : 'unknown';
  const sum = ((read ?? 0) + (written ?? 0)).toLocaleString('en-US');
  return uncounted === 0 ? sum : `${sum} + ${uncounted} unknown`;
}

async function list(io: Io, options: Options): Promise<number> {
  const limit = limitOf(options.limit, MAX_LIMIT);
  return withJobs(io, options, async ({ client }) => {
    const sessions = await client.sessions(limit);
    if (options.json === true) printJson(io, { sessions });
    else if (sessions.length === 0)
      io.err(asCalled(io, 'no sessions yet; `agent-runner submit "…" --session <name>` begins one\n'));
    else {
      const rows = sessions.map((one) => [
        one.session_id,
        one.running === 0 ? String(one.jobs) : `${one.jobs} (${one.running} not ended)`,
        one.outcome ?? one.status,
        time(one.updated_at),
        cost(one),
        cleanLine(one.repo),
      ]);
      io.out(table(['session', 'jobs', 'last', 'changed (UTC)', 'cost', 'repository'], rows, io.colour));
    }
    return 0;
  });
}

function spentOf(session: SessionDetail): readonly [string, string][] {
  const { budget, running } = session;
  const [maxCost, maxTokens] = [budget?.max_cost_usd ?? null, budget?.max_tokens ?? null];
  const of = (most: string | null): string => (most === null ? '' : ` of ${most}`);
  const open = running === 0 ? '' : `, without the ${running} that has not ended`;
  return [
    ['cost', `${cost(session)}${of(maxCost === null ? null : `$${maxCost}`)}${open}`],
    ['tokens', `${tokens(session)}${of(maxTokens?.toLocaleString('en-US') ?? null)}`],
    ['turns', String(session.turns)],
  ];
}

async function show(io: Io, sessionId: string, options: Options): Promise<number> {
  const limit = limitOf(options.limit, MAX_SHOWN);
  return withJobs(io, options, async ({ client }) => {
    const session = await client.session(sessionId, limit);
    if (options.json === true) {
      printJson(io, session);
      return 0;
    }
    const rows: readonly (readonly [string, string])[] = [
      ['session', session.session_id],
      ['repository', cleanLine(session.repo)],
      ['branch', session.branch],
      ['jobs', String(session.jobs)],
      ...spentOf(session),
      ['begun', session.created_at],
    ];
    io.out(rows.map(([name, value]) => `${name.padEnd(12)} ${value}\n`).join(''));
    const jobs = session.latest.map((job) => [
      job.job_id,
      job.outcome ?? job.status,
      time(job.created_at),
      job.agent,
      cleanLine(job.task).slice(0, TASK_CHARS),
    ]);
    io.out(`\n${table(['job', 'outcome', 'created (UTC)', 'agent', 'task'], jobs, io.colour)}`);
    return 0;
  });
}

export const command: CliCommand = {
  define(program, io) {
    const add = (usage: string, summary: string, limit: string): ReturnType<typeof addReachFlag> =>
      addReachFlag(addSettingFlags(program.command(usage).summary(summary).description(summary), 'home'))
        .option('--limit <n>', 'at most so many', limit)
        .option('--json', 'print JSON');
    add('list', 'list sessions, those with the latest job first', '20').action(
      action(io, (options: Options) => list(io, options)),
    );
    add('show', 'show a session, what it has spent, and its newest jobs', '20')
      .argument('<session>', 'name of the session')
      .action(action(io, (sessionId: string, options: Options) => show(io, sessionId, options)));
  },
  examples: ['session list', 'session show prices --json'],
};
