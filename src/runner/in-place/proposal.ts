/** The pull request of a branch that was pushed from a person's checkout, for the issue it implements. */
import type { Proposal } from '../../forge/forge.ts';
import { nameOn } from '../../forge/github/names.ts';
import type { Git } from '../../workspace/git.ts';
import { findBase } from '../../workspace/remote/listing.ts';
import { readRemoteBranch } from '../../workspace/remote/publish.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { StepContext } from '../engine/engine.ts';
import { parseIssueName } from '../forge/issue.ts';
import { proposalOf, type Judged } from '../forge/request.ts';
import type { Bench } from '../place.ts';

/** What was pushed, and where to. */
interface Pushed {
  /** Address of the checkout's `origin`. */
  readonly origin: string;
  readonly commit: string;
}

/** Git that may push to the origin of a checkout: for a job with an issue as who proposes, else as the person. */
export async function gitForOrigin(context: JobContext, origin: string): Promise<Git> {
  const { config, forge, git, job } = context;
  const { url } = config.github;
  const head = job.request.issue === undefined ? null : nameOn(url, origin);
  return head === null ? git : context.reach(await forge.resolve(`${url}/${head.owner}/${head.name}`)).git;
}

/**
 * Proposes a pushed branch to the repository of the job's issue. Done twice, it has the effect of once.
 *
 * @returns `null` for a job without an issue; a sentence where there can be no pull request
 */
export async function proposePushed(
  context: JobContext,
  detail: PreparedDetail,
  bench: Bench,
  { verified, ...judged }: Judged,
  { origin, commit }: Pushed,
  step: StepContext,
): Promise<Proposal | string | null> {
  const { config, forge, job } = context;
  const { issue } = job.request;
  if (issue === undefined) return null;
  const { url } = config.github;
  const head = nameOn(url, origin);
  if (head === null) return `origin is no repository of ${url}: open the pull request by hand`;
  const upstream = await forge.resolve(`${url}/${parseIssueName(config, issue).repo}`);
  const target = await forge.resolve(`${url}/${head.owner}/${head.name}`);
  const { access, git, repo } = context.reach(upstream);
  // The branch that the person started from may be none of upstream's, and is this one where work is gone on with.
  const isThere = detail.base !== job.branch && (await readRemoteBranch(git, upstream, detail.base)) !== null;
  const main = async (): Promise<string> => (await findBase(git, repo.listed, upstream, null)).name;
  const base = isThere ? detail.base : await main();
  const judgedCommit = { ...judged, verified: { ...verified, head_sha: commit } };
  const at = { target, base, headSha: commit };
  const wasBegun = step.notes['proposing'] === true;
  return access.propose({
    ...(await proposalOf(context, detail, bench, judgedCommit, at)),
    wasBegun,
    onBegin: () => step.note({ proposing: true }, 'full'),
    publishTo: null,
  });
}
