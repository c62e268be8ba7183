/** The gate alone: judges a branch, a person's too, without an agent. The same steps as a job's, without a job. */
import { randomBytes } from 'node:crypto';
import { JobError } from '../../../job/error.ts';
import type { GateReport } from '../../../job/gate.ts';
import { redBaseNotices } from '../../../job/result.ts';
import { PROCEDURE_VERSION, type JobEvent } from '../../../job/job.ts';
import type { JobRequest } from '../../../job/request.ts';
import type { Verified } from '../../../job/step.ts';
import type { Remote } from '../../../forge/forge.ts';
import { dirtyPaths } from '../../../workspace/copy/dirty.ts';
import { findRevision } from '../../../workspace/remote/listing.ts';
import { fetchBase, unpinBase } from '../../../workspace/remote/mirror.ts';
import type { JobContext, PreparedDetail } from '../../context.ts';
import type { Bench } from '../../place.ts';
import type { Journal } from '../../engine/journal.ts';
import { tidyJob } from '../../engine/settle.ts';
import { namePaths, prepare } from '../../steps/prepare.ts';
import { verify } from '../../steps/verify.ts';

/** What is judged. */
export interface JudgeInput {
  /** The request of a job that would change this repository: its base, checks, setup, policies and sandbox. */
  readonly request: JobRequest;
  /** Branch, tag or commit to judge. */
  readonly head: string;
}

/** What the gate says of a branch. */
export interface Judgement {
  readonly repo: string;
  readonly base: string;
  readonly base_sha: string;
  readonly head: string;
  readonly head_sha: string;
  readonly report: GateReport;
  readonly policy: PreparedDetail['policy'];
  readonly notices: readonly string[];
  readonly logs: string;
}

/** A journal that only shows: there is no job whose log it could keep. */
function showingJournal(jobId: string, show: (event: JobEvent) => void): Journal {
  let seq = 0;
  return {
    emit(type, phase, data) {
      show({ type, phase, data, attempt: 1, time: new Date().toISOString(), seq: ++seq, job_id: jobId });
    },
    flush: () => Promise.resolve(),
  };
}

/** What a person has not committed, where what is judged is what they have checked out. */
async function uncommitted(
  { git }: JobContext,
  remote: Remote,
  bench: Bench,
  head: string,
): Promise<readonly string[]> {
  if (remote.kind !== 'checkout' || (await findRevision(git, remote, 'HEAD')) !== head) return [];
  return dirtyPaths(git, bench.copy.target, remote.url, head);
}

function sameAsBase(name: string, sha: string, dirty: readonly string[]): JobError {
  const hint =
    dirty.length === 0
      ? 'name another --base or --head'
      : `commit your changes first, only commits are judged: ${namePaths(dirty)}`;
  return new JobError('invalid_request', `head: ${name} is the base itself (${sha.slice(0, 12)})`, { hint });
}

/**
 * Judges `head` against the request's base.
 *
 * @param open makes the context of a job, as for a run
 * @throws JobError `base_missing` when base or head is no revision, `setup_failed`, or what a policy refuses
 */
export async function judge(
  input: JudgeInput,
  open: (job: JobContext['job'], journal: Journal) => Promise<JobContext>,
  show: (event: JobEvent) => void,
): Promise<Judgement> {
  const id = `gate-${randomBytes(6).toString('hex')}`;
  const now = new Date().toISOString();
  const job: JobContext['job'] = {
    job_id: id,
    request: input.request,
    status: 'running',
    outcome: null,
    procedure_version: PROCEDURE_VERSION,
    attempt: 1,
    branch: `gate/${id}`,
    created_at: now,
    updated_at: now,
    started_at: now,
    finished_at: null,
    question: null,
    result: null,
  };
  const context = await open(job, showingJournal(id, show));
  const remote = await context.forge.resolve(input.request.repo);
  const { git, repo } = context.reach(remote);
  try {
    const wanted = await findRevision(context.git, remote, input.head);
    const head = await fetchBase(git, repo, remote, wanted, `${id}-head`);
    const { bench, ...detail } = await prepare(context, { isProposing: false });
    const dirty = await uncommitted(context, remote, bench, head.sha);
    if (head.sha === detail.base_sha) throw sameAsBase(input.head, head.sha, dirty);
    const notJudged =
      dirty.length === 0 ? [] : [`only commits are judged; uncommitted changes are not: ${namePaths(dirty)}`];
    for (const notice of notJudged) context.journal.emit('message', 'prepare', { notice });
    await bench.copy.reset(head.sha);
    const verified: Verified = await verify(context, detail, bench, 1);
    const { base, base_sha, policy } = detail;
    const said = { repo: remote.display, base, base_sha, head: input.head, head_sha: head.sha };
    const { report } = verified;
    const notices = [...detail.notices, ...notJudged, ...redBaseNotices(report)];
    return { ...said, report, policy, notices, logs: context.paths.logs };
  } finally {
    for (const pin of [id, `${id}-head`]) await unpinBase(context.git, repo.mirror, pin);
    await tidyJob(context.paths);
  }
}
