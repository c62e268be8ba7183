/**
 * Named places where the process kills itself, for tests of what a death leaves behind. Every effect of a job
 * goes through the store or through git, so the points lie around those two ports and no step knows of them;
 * where `AGENT_RUNNER_FAIL_AT` is not set, nothing is wrapped and nothing is paid. After FreeBSD's `fail(9)`.
 */
import { JobError } from '../job/error.ts';
import type { NewEvent } from '../job/job.ts';
import { isTerminal } from '../job/status.ts';
import type { Forge, Workflows } from '../forge/forge.ts';
import type { Store } from '../store/store.ts';
import type { Git, GitOptions } from '../workspace/git.ts';

/**
 * Every point. `<step>-begun`: the intent is stored, nothing is done yet; `-effect`: all is done, nothing of
 * it is stored; `-stored`: the result is stored, the next step is not begun.
 */
export const FAIL_POINTS = [
  'job-accepting',
  'job-accepted',
  'lease-taken',
  'job-running',
  'prepare-begun',
  'mirror-made',
  'mirror-fetched',
  'base-pinned',
  'pack-written',
  'files-laid',
  'layer-ready',
  'prepare-effect',
  'prepare-stored',
  'build-begun',
  'build-noted',
  'snapshot-written',
  'partial-saving',
  'partial-saved',
  'build-effect',
  'build-stored',
  'question-stored',
  'message-begun',
  'message-effect',
  'message-stored',
  'verify-begun',
  'commit-made',
  'baseline-stored',
  'verify-effect',
  'verify-stored',
  'propose-begun',
  'patch-written',
  'push-noted',
  'branch-pushing',
  'branch-pushed',
  'propose-effect',
  'propose-stored',
  'save-begun',
  'work-saving',
  'work-saved',
  'save-effect',
  'save-stored',
  'job-ending',
  'job-ended',
  'end-told',
] as const;
/** Those of callbacks, which a job without one never passes. `delivery-sent`: nothing of the try is stored. */
export const DELIVERY_POINTS = ['delivery-claimed', 'delivery-sent', 'delivery-recorded'] as const;
/** Those of a forge, which a job without one never passes. */
export const FORGE_POINTS = [
  'fork-finding',
  'fork-found',
  'proposal-asking',
  'proposal-noted',
  'proposal-made',
] as const;
/** Those of jobs that a workflow executes. */
export const DISPATCH_POINTS = [
  'fork-begun',
  'fork-effect',
  'fork-stored',
  'dispatch-begun',
  'run-asking',
  'run-noted',
  'run-started',
  'dispatch-effect',
  'dispatch-stored',
  'job-triggered',
] as const;
/** Those of a run of a pipeline, whose steps are named by whoever wrote it: a point is one of the step that comes there. */
export const PIPELINE_POINTS = [
  'child-begun',
  'child-noting',
  'child-noted',
  'child-effect',
  'child-stored',
  'assemble-begun',
  'assemble-effect',
  'assemble-stored',
  'approve-begun',
  'approve-effect',
  'approve-stored',
  'lay-begun',
  'lay-effect',
  'lay-stored',
] as const;
export type FailPoint =
  | (typeof PIPELINE_POINTS)[number]
  | (typeof FAIL_POINTS)[number]
  | (typeof DISPATCH_POINTS)[number]
  | (typeof DELIVERY_POINTS)[number]
  | (typeof FORGE_POINTS)[number];

/** Called when a point is passed; a text that is no point is passed by. */
type Reach = (point: string | null) => void;

/** Largest number of passes that can be waited for. */
const MAX_PASSES = 1000;

function parseFailAt(text: string): { readonly point: string; readonly nth: number } {
  const [name = '', count = '1'] = text.split(':', 2);
  const all = [...FAIL_POINTS, ...PIPELINE_POINTS, ...FORGE_POINTS, ...DISPATCH_POINTS, ...DELIVERY_POINTS];
  const point = all.find((known) => known === name);
  const nth = Number(count);
  if (point !== undefined && Number.isInteger(nth) && nth >= 1 && nth <= MAX_PASSES) return { point, nth };
  throw new JobError(
    'bad_configuration',
    `AGENT_RUNNER_FAIL_AT: ${JSON.stringify(text.slice(0, 100))} is no fail-point`,
    {
      hint: `unset it, or give one of ${FAIL_POINTS.join(', ')}, and :<n> for the n-th pass`,
    },
  );
}

/** What a step does: `prepare` of `prepare-1`, and `child` of `child:tests-1`. */
function nameOf(stepKey: string): string {
  return stepKey.replace(/:.*|-\d+$/s, '');
}

/** `prepare-1` and `begun` as `prepare-begun`. */
function pointOf(stepKey: string, state: string): string {
  return `${nameOf(stepKey)}-${state}`;
}

/** The points before and after a step's note is stored. */
const NOTES: Readonly<Record<string, { readonly before?: string; readonly after: string }>> = {
  propose: { before: 'patch-written', after: 'push-noted' },
  build: { after: 'build-noted' },
  child: { before: 'child-noting', after: 'child-noted' },
};

function toldPoint(events: readonly NewEvent[]): string | null {
  return events.some((event) => event.type === 'status' && event.phase === 'notify') ? 'end-told' : null;
}

function failingStore(store: Store, reach: Reach): Store {
  return {
    ...store,
    async createJob(job, acceptance) {
      reach('job-accepting');
      const accepted = await store.createJob(job, acceptance);
      reach('job-accepted');
      if (accepted.lease !== null) reach('lease-taken');
      return accepted;
    },
    async acquireLease(...args) {
      const lease = await store.acquireLease(...args);
      reach('lease-taken');
      return lease;
    },
    async claimNext(request) {
      const claimed = await store.claimNext(request);
      if (claimed !== null) reach('lease-taken');
      return claimed;
    },
    async updateJob(lease, patch, delivery) {
      const ends = patch.status !== undefined && isTerminal(patch.status);
      if (ends) reach('job-ending');
      const job = await store.updateJob(lease, patch, delivery);
      if (ends) reach('job-ended');
      if (patch.status === 'running') reach('job-running');
      if (patch.status === 'needs_input') reach('question-stored');
      if (patch.status === 'triggered') reach('job-triggered');
      return job;
    },
    async beginStep(lease, key, version) {
      const record = await store.beginStep(lease, key, version);
      if (record.result === null) reach(pointOf(key, 'begun'));
      return record;
    },
    async noteStep(lease, key, note, durability) {
      const { before = null, after = null } = NOTES[nameOf(key)] ?? {};
      reach(before);
      await store.noteStep(lease, key, note, durability);
      reach(after);
    },
    async finishStep(lease, key, result, durability) {
      reach(pointOf(key, 'effect'));
      await store.finishStep(lease, key, result, durability);
      reach(pointOf(key, 'stored'));
    },
    async appendEvents(jobId, events, durability) {
      // Only an event tells that a layer has its name: the workspace stores nothing.
      if (events.some((event) => event.data['setup'] === 'done')) reach('layer-ready');
      const stored = await store.appendEvents(jobId, events, durability);
      reach(toldPoint(events));
      return stored;
    },
    async claimDeliveries(claims) {
      const claimed = await store.claimDeliveries(claims);
      if (claimed.length > 0) reach('delivery-claimed');
      return claimed;
    },
    async recordDeliveryTry(claim, tried, after) {
      reach('delivery-sent');
      const delivery = await store.recordDeliveryTry(claim, tried, after);
      reach('delivery-recorded');
      return delivery;
    },
    async putBaseline(key, value) {
      await store.putBaseline(key, value);
      reach('baseline-stored');
    },
  };
}

/** The points before and after a call of git, told by what it does and to which ref. */
function gitPoints(
  args: readonly string[],
  { next = [], stdin = '' }: GitOptions = {},
): {
  readonly before: string | null;
  readonly after: string | null;
} {
  const [command = ''] = args;
  const words = [...args, ...next.flatMap((call) => call.args)];
  const names = (part: string): boolean => words.some((word) => word.includes(part));
  const saves = command === 'pack-objects' && next.length > 0;
  if (saves && names('refs/agent-runner/wip/')) return { before: 'work-saving', after: 'work-saved' };
  if (saves && names('refs/agent-runner/partial/'))
    return { before: 'partial-saving', after: 'partial-saved' };
  if (command === 'push' && names(':refs/heads/'))
    return { before: 'branch-pushing', after: 'branch-pushed' };
  if (command === 'fetch') return { before: 'mirror-made', after: 'mirror-fetched' };
  if (
    names('refs/agent-runner/jobs/') ||
    (typeof stdin === 'string' && stdin.includes('refs/agent-runner/jobs/'))
  )
    return { before: null, after: 'base-pinned' };
  if (words.includes('write-tree')) return { before: null, after: 'snapshot-written' };
  const after: Readonly<Record<string, string>> = {
    'pack-objects': 'pack-written',
    'read-tree': 'files-laid',
    'checkout-index': 'files-laid',
    'commit-tree': 'commit-made',
  };
  return { before: null, after: after[command] ?? null };
}

function failingGit(git: Git, reach: Reach): Git {
  return async (target, args, options) => {
    const { before, after } = gitPoints(args, options);
    reach(before);
    const output = await git(target, args, options);
    reach(after);
    return output;
  };
}

/** What fail-points are put around. */
interface Failing {
  readonly store: Store;
  readonly git: Git;
  readonly forge: Forge;
}

function failingWorkflows(workflows: Workflows, reach: Reach): Workflows {
  return {
    ...workflows,
    async dispatch(request) {
      reach('run-asking');
      const onAsk = async (): Promise<void> => {
        await request.onAsk();
        reach('run-noted');
      };
      const run = await workflows.dispatch({ ...request, onAsk });
      reach('run-started');
      return run;
    },
  };
}

function failingForge(forge: Forge, reach: Reach): Forge {
  return {
    ...forge,
    access(remote, visit) {
      const access = forge.access(remote, visit);
      const { open, workflows } = access;
      return {
        ...access,
        ...(workflows === undefined
          ? {}
          : { workflows: (file: string) => failingWorkflows(workflows(file), reach) }),
        ...(open === undefined
          ? {}
          : {
              async open(mode) {
                reach('fork-finding');
                const target = await open(mode);
                reach('fork-found');
                return target;
              },
            }),
        async propose(request) {
          reach('proposal-asking');
          const onBegin = async (): Promise<void> => {
            await request.onBegin();
            reach('proposal-noted');
          };
          const proposal = await access.propose({ ...request, onBegin });
          reach('proposal-made');
          return proposal;
        },
      };
    },
  };
}

/**
 * Puts the fail-points around store, git and forge.
 *
 * @param failAt `<point>` or `<point>:<n>`: the n-th time that it is passed, this process kills itself with
 * SIGKILL; `null` returns the parts as they are
 * @throws JobError `bad_configuration` when it names no point
 */
export function withFailPoints(parts: Failing, failAt: string | null): Failing {
  if (failAt === null) return parts;
  const { point, nth } = parseFailAt(failAt);
  let passes = 0;
  const reach: Reach = (passed) => {
    if (passed === point && ++passes === nth) process.kill(process.pid, 'SIGKILL');
  };
  return {
    store: failingStore(parts.store, reach),
    git: failingGit(parts.git, reach),
    forge: failingForge(parts.forge, reach),
  };
}
