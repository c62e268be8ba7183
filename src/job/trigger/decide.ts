/**
 * What is done about an event: a function of the event, the rules, and what it asks for. It acts on nothing, and nothing
 * is said to whoever may not write.
 */
import { askedBy, type Asked } from './asked.ts';
import type { Assigned, Checked, Closed, Commented, ForgeEvent, Labelled, Reviewed } from './event.ts';
import type { Facts, OwnPull, Thread } from './facts.ts';
import { fixesUsedUp } from './limits.ts';
import { ruleFor, type TriggerCaps, type TriggerRule } from './rules.ts';

/** What is done. */
export type Decision =
  /** `tell`: said on the issue or pull request, in the one comment that is ours. */
  | { readonly kind: 'ignore'; readonly reason: string; readonly tell: Told | null }
  /** A job of an issue, or on the branch of a person's pull request. */
  | {
      readonly kind: 'job';
      readonly rule: TriggerRule;
      readonly number: number;
      readonly words: string | null;
    }
  /** One more turn on a pull request of ours; `words` are those of a comment. */
  | {
      readonly kind: 'turn';
      readonly rule: TriggerRule;
      readonly pull: OwnPull;
      readonly words: string | null;
    }
  | { readonly kind: 'cancel'; readonly job: string }
  /** Looked at again when the job has ended, or, without one, after a while. */
  | { readonly kind: 'wait'; readonly job: string | null; readonly reason: string };

/** What is said, and where. */
export interface Told {
  readonly number: number;
  readonly text: string;
}

/** By what is decided. */
export interface TriggerSettings extends TriggerCaps {
  readonly rules: readonly TriggerRule[];
}

type PersonEvent = Labelled | Assigned | Commented | Reviewed;

const GO_ON = 'Go on with this pull request: look again at what was asked, and at what its checks say.';

function ignore(reason: string, tell: Told | null = null): Decision {
  return { kind: 'ignore', reason, tell };
}

/** Whether a login is ours: an App's ends in `[bot]`, and people leave that out. */
function isSelf(login: string, self: string): boolean {
  const plain = (name: string): string => name.toLowerCase().replace(/\[bot\]$/, '');
  return plain(login) === plain(self);
}

/** What is wished; `isCall`: we were called by name, so that it holds on anybody's pull request. */
type Wish = Exclude<Asked, { kind: 'nothing' }> & { readonly isCall: boolean };

/** What a person's event asks for; a text says why nothing. */
async function wishOf(event: PersonEvent, self: string, facts: Facts): Promise<Wish | string> {
  const work = (words: string | null): Wish => ({ kind: 'work', words, isCall: false });
  switch (event.kind) {
    case 'label':
      return work(event.isPull ? GO_ON : null);
    case 'assignment':
      return isSelf(event.assignee, self) ? work(event.isPull ? GO_ON : null) : 'somebody else is to do it';
    case 'comment': {
      const asked = askedBy(event.text, self);
      return asked.kind === 'nothing' ? 'the comment asks nothing of us' : { ...asked, isCall: true };
    }
    case 'review': {
      const asked = askedBy(event.text, self);
      if (asked.kind !== 'nothing') return { ...asked, isCall: true };
      if (event.state === 'changes_requested') return work(event.text);
      if (event.state !== 'commented') return `the review asks for nothing: ${event.state}`;
      const says = event.text.trim() !== '' || (await facts.hasRemarks(event.number, event.id));
      return says ? work(event.text) : 'the review says nothing';
    }
  }
}

/** Why a pull request of ours gets no further turn; `null` where it may. */
function fullOf(thread: Thread, { number }: OwnPull, caps: TriggerCaps): Decision | null {
  if (thread.turns < caps.turns_per_pull) return null;
  const text = `This pull request was gone on with ${caps.turns_per_pull} times, which is the limit (\`triggers.turns_per_pull\`). What is left is for a person.`;
  return ignore(`turns_per_pull: ${caps.turns_per_pull} turns were taken`, { number, text });
}

function stop(thread: Thread): Decision {
  return thread.live === null
    ? ignore('there is no job at work to cancel')
    : { kind: 'cancel', job: thread.live };
}

function waitFor(job: string): Decision {
  return { kind: 'wait', job, reason: `${job} is at work on it` };
}

/** A turn on a pull request of ours, unless something is in its way. */
async function turnOn(
  pull: OwnPull,
  thread: Thread,
  settings: TriggerSettings,
  facts: Facts,
  turn: { readonly rule: TriggerRule; readonly words: string | null },
): Promise<Decision> {
  const { isOpen, headBranch } = await facts.pull(pull.number);
  if (!isOpen) return ignore('the pull request is closed');
  if (headBranch !== pull.branch) return ignore(`its branch is ${headBranch}, and no job of ours made that`);
  const full = fullOf(thread, pull, settings);
  if (full !== null) return full;
  if (thread.live !== null) return waitFor(thread.live);
  return { kind: 'turn', pull, ...turn };
}

async function onIssue(
  event: PersonEvent,
  words: string | null,
  rule: TriggerRule,
  settings: TriggerSettings,
  facts: Facts,
): Promise<Decision> {
  const { number } = event;
  const thread = await facts.thread(number);
  const { live, pull, askedAt } = thread;
  // Told twice, by a webhook and by a look, one label may have two times; and none asks for what was begun after it.
  if (
    words === null &&
    event.kind !== 'comment' &&
    askedAt !== null &&
    Date.parse(event.at) <= Date.parse(askedAt)
  )
    return ignore('work on it was begun since');
  if (live !== null) return words === null ? ignore(`${live} is at work on it already`) : waitFor(live);
  if (!(await facts.isIssueOpen(number))) return ignore('the issue is closed');
  if (pull === null || !(await facts.pull(pull.number)).isOpen) return { kind: 'job', rule, number, words };
  if (words === null) return ignore(`pull request #${pull.number} came of it already, and is open`);
  return turnOn(pull, thread, settings, facts, { rule, words });
}

async function onPersonsPull(
  event: PersonEvent,
  wish: Wish,
  rule: TriggerRule,
  thread: Thread,
  facts: Facts,
): Promise<Decision> {
  const { number } = event;
  // A review is for the person whose pull request it is.
  if (!wish.isCall) return ignore('it is the pull request of a person, where only /agent asks for something');
  if (wish.kind !== 'work' || wish.words === null) return ignore('/agent was called without saying what for');
  const { isOpen, headRepo } = await facts.pull(number);
  if (!isOpen) return ignore('the pull request is closed');
  if (headRepo?.toLowerCase() !== event.repo.toLowerCase()) {
    const text =
      'This pull request comes from a fork, whose branch nothing of ours may build on. Ask for it in an issue, or from a branch of this repository.';
    return ignore('the pull request comes from a fork', { number, text });
  }
  return thread.live === null ? { kind: 'job', rule, number, words: wish.words } : waitFor(thread.live);
}

async function onPull(
  event: PersonEvent,
  wish: Wish,
  rule: TriggerRule,
  settings: TriggerSettings,
  facts: Facts,
): Promise<Decision> {
  const thread = await facts.thread(event.number);
  const { pull } = thread;
  if (pull === null || pull.number !== event.number) return onPersonsPull(event, wish, rule, thread, facts);
  // A review may say all it has to say in its remarks.
  if (wish.kind !== 'work' || (wish.words === null && event.kind !== 'review'))
    return ignore('/agent was called without saying what for');
  return turnOn(pull, thread, settings, facts, { rule, words: wish.words });
}

async function onPerson(
  event: PersonEvent,
  rule: TriggerRule,
  settings: TriggerSettings,
  facts: Facts,
): Promise<Decision> {
  if (event.isBot) return ignore('a program did it');
  const self = await facts.self();
  if (isSelf(event.actor, self)) return ignore('we did it ourselves');
  const wish = await wishOf(event, self, facts);
  if (typeof wish === 'string') return ignore(wish);
  if (!(await facts.mayWrite(event.actor))) return ignore(`${event.actor} may not write to the repository`);
  if (wish.kind === 'cancel') return stop(await facts.thread(event.number));
  if (event.isPull) return onPull(event, wish, rule, settings, facts);
  return onIssue(event, wish.words, rule, settings, facts);
}

/** The pull request of ours whose head a commit is. */
async function ownPullAt(
  sha: string,
  facts: Facts,
): Promise<{ readonly pull: OwnPull; readonly thread: Thread } | null> {
  for (const number of await facts.pullsAt(sha)) {
    const thread = await facts.thread(number);
    if (thread.pull?.number === number) return { pull: thread.pull, thread };
  }
  return null;
}

async function onChecks(
  { sha }: Checked,
  rule: TriggerRule,
  caps: TriggerSettings,
  facts: Facts,
): Promise<Decision> {
  const found = await ownPullAt(sha, facts);
  if (found === null) return ignore('the commit is no head of a pull request of ours');
  const { pull, thread } = found;
  const { number } = pull;
  if (thread.live !== null) return waitFor(thread.live);
  const now = await facts.pull(number);
  if (!now.isOpen || now.headSha !== sha) return ignore('the commit is no head any more');
  if (pull.head_sha !== sha || now.headBranch !== pull.branch)
    return ignore('somebody else pushed that commit: its checks are theirs');
  const { isPending, failed, run } = await facts.checks(sha);
  if (isPending) return { kind: 'wait', job: null, reason: 'some checks have not ended' };
  if (failed === 0) return ignore('no check failed');
  if (thread.fixes.some((fix) => fix.sha === sha && fix.run === run))
    return ignore('a turn was taken for these checks already');
  const full = fullOf(thread, pull, caps);
  if (full !== null) return full;
  const usedUp = fixesUsedUp(thread.fixes, sha, caps);
  if (usedUp !== null) {
    const { name, most } = usedUp;
    if (most === 0) return ignore(`${name}: it is 0`);
    const text = `The checks stay red after ${most} ${most === 1 ? 'turn' : 'turns'} at them, which is the limit (\`triggers.${name}\`). A comment that begins with \`/agent\` asks for another.`;
    return ignore(`${name}: ${most} turns were taken`, { number, text });
  }
  return { kind: 'turn', rule, pull, words: null };
}

/** A pull request of ours that is closed needs no more work; an issue may be closed by whoever wrote it. */
async function onClosed({ number, isPull }: Closed, facts: Facts): Promise<Decision> {
  if (!isPull) return ignore('a close asks for nothing');
  const { pull, live } = await facts.thread(number);
  if (pull?.number !== number || live === null) return ignore('a close asks for nothing');
  return { kind: 'cancel', job: live };
}

/**
 * Decides what is done about an event.
 *
 * @param event its texts freed of what does not show
 * @throws whatever a fact rejects with: then nothing is decided
 */
export async function decideTrigger(
  event: ForgeEvent,
  settings: TriggerSettings,
  facts: Facts,
): Promise<Decision> {
  if (event.kind === 'closed')
    return settings.rules.length === 0 ? ignore('no rule') : onClosed(event, facts);
  const rule = ruleFor(settings.rules, event);
  if (rule === null) return ignore('no rule asks for it');
  return event.kind === 'checks'
    ? onChecks(event, rule, settings, facts)
    : onPerson(event, rule, settings, facts);
}
