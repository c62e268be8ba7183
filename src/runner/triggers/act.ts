/** What follows from a decision: jobs, made of what people wrote at that time, and follow-ups of pull requests. */
import type { JobRequest } from '../../job/request.ts';
import type { Decision } from '../../job/trigger/decide.ts';
import type { ForgeEvent } from '../../job/trigger/event.ts';
import type { Trigger } from '../../job/trigger/record.ts';
import { markUntrusted, oneLine } from '../../prompt/untrusted.ts';
import type { RunnerParts } from '../context.ts';
import { issueTaskOf, withWords } from '../forge/issue.ts';
import { followUpOf } from '../forge/turn/follow-up.ts';
import type { Turn } from '../forge/turn/task.ts';
import { resolveRequest, type RequestInput } from '../request/resolve.ts';
import type { Desk } from './desk.ts';

export type JobDecision = Extract<Decision, { kind: 'job' }>;
export type TurnDecision = Extract<Decision, { kind: 'turn' }>;

/** An event with what was decided of it. */
export interface Decided<D> {
  readonly trigger: Trigger;
  readonly decision: D;
}

/** Most events that one follow-up is told of: the last ones. A prompt holds fewer. */
const MAX_TURNS = 50;

function actorOf(event: ForgeEvent): string | null {
  return 'actor' in event ? event.actor : null;
}

/** In whose name a job is made: the first person who asked. */
function userOf(all: readonly Decided<unknown>[]): string | null {
  const actor = all.map(({ trigger }) => actorOf(trigger.event)).find((login) => login !== null);
  return actor === undefined || actor === null ? null : `github:${actor}`;
}

/** What a rule says of its jobs. */
function ruleInput({ rule }: JobDecision): Partial<RequestInput> {
  const { agent, model, draft, priority, labels, max_cost_usd: maxCostUsd } = rule;
  return {
    ...(agent === undefined ? {} : { agent }),
    ...(model === undefined ? {} : { model }),
    ...(draft === undefined ? {} : { draft }),
    ...(priority === undefined ? {} : { priority }),
    ...(labels === undefined ? {} : { labels }),
    ...(maxCostUsd === undefined ? {} : { budget: { max_cost_usd: maxCostUsd } }),
  };
}

function wordsOf(all: readonly Decided<JobDecision>[]): string | null {
  const words = all.flatMap(({ decision }) => (decision.words === null ? [] : [decision.words]));
  return words.length === 0 ? null : words.slice(-MAX_TURNS).join('\n\n');
}

/** The issue as it stood when the last of those events happened: what was edited in later, nobody had read. */
async function issueInput(desk: Desk, all: readonly Decided<JobDecision>[], number: number): Promise<string> {
  const last = all.at(-1)?.trigger.event;
  const subjects = all.map(({ trigger: { event } }) => ('subject' in event ? event.subject : undefined));
  const seen = subjects.findLast((one) => one !== undefined);
  const issue = await desk.issues.read(number);
  const task = issueTaskOf(`${desk.repo}#${number}`, { ...issue, ...seen }, last?.at ?? null);
  return withWords(task, wordsOf(all));
}

/**
 * The request of a job: of an issue, or of what was asked on a person's pull request, on whose branch it begins.
 *
 * @param all the events that it comes of; at least one
 * @throws JobError what the forge, or the configuration, has against it
 */
export async function jobRequest(
  { config }: Pick<RunnerParts, 'config'>,
  desk: Desk,
  all: readonly [Decided<JobDecision>, ...Decided<JobDecision>[]],
): Promise<JobRequest> {
  const [{ decision, trigger }] = all;
  const { number } = decision;
  const name = `${desk.repo}#${number}`;
  const user = userOf(all);
  const common = {
    ...ruleInput(decision),
    repo: `${config.github.url}/${desk.repo}`,
    allowHost: config.sandbox.name === 'host',
    ...(user === null ? {} : { userId: user }),
  };
  const from = { about: name, fixes: null };
  const isPull = 'isPull' in trigger.event && trigger.event.isPull;
  if (!isPull) {
    const task = await issueInput(desk, all, number);
    return { ...(await resolveRequest(config, { ...common, task, issue: name })), trigger: from };
  }
  const { title, author, head } = await desk.readPull(number);
  const task = [
    wordsOf(all) ?? oneLine(title),
    `It was asked for on pull request ${name}, on whose branch the work begins and to which it is proposed.`,
    markUntrusted(`title of ${name}, by ${author}`, oneLine(title, 500)),
  ].join('\n\n');
  return { ...(await resolveRequest(config, { ...common, task, base: head.branch })), trigger: from };
}

async function turnOf(desk: Desk, { trigger, decision }: Decided<TurnDecision>): Promise<Turn> {
  const { event } = trigger;
  switch (event.kind) {
    case 'review': {
      const { remarks } = await desk.readReview(event.number, event.id);
      return { kind: 'review', author: event.actor, state: event.state, text: event.text, remarks };
    }
    case 'checks': {
      const { failed } = await desk.readChecks(event.sha);
      return { kind: 'checks', sha: event.sha, failed };
    }
    case 'comment':
    case 'label':
    case 'assignment':
    case 'closed':
      return { kind: 'comment', author: actorOf(event) ?? 'nobody', text: decision.words ?? '' };
  }
}

/**
 * The request of one follow-up, of all that is due on a pull request of ours.
 *
 * @throws JobError as above
 */
export async function turnRequest(
  { config }: Pick<RunnerParts, 'config'>,
  desk: Desk,
  all: readonly [Decided<TurnDecision>, ...Decided<TurnDecision>[]],
): Promise<JobRequest> {
  const { pull } = all[0].decision;
  const turns: Turn[] = [];
  for (const one of all.slice(-MAX_TURNS)) turns.push(await turnOf(desk, one));
  const { root, latest } = await desk.jobsOf(pull);
  const checks = all.findLast(({ trigger }) => trigger.kind === 'checks')?.trigger.event;
  const fixes =
    checks?.kind === 'checks' ? { sha: checks.sha, run: (await desk.readChecks(checks.sha)).run } : null;
  return {
    ...followUpOf(root, latest, await desk.readPull(pull.number), turns, config.budget),
    user_id: userOf(all) ?? root.request.user_id,
    trigger: { about: `${desk.repo}#${pull.number}`, fixes },
  };
}
