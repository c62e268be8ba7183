/** The second job: judges a bundle on a machine that the agent never saw, by the gate of every job. */
import { commitTree } from '../../workspace/change.ts';
import type { Git } from '../../workspace/git.ts';
import type { JudgeInput, Judgement } from '../look/gate/judge.ts';
import { readChange, unfit, type Verdict } from './artifact.ts';
import { layBundle, treeOn, type Upstream } from './upstream.ts';

/** What is to be judged. */
export interface VerifyInput {
  readonly jobId: string;
  /** Folder with the bundle and its sheet. */
  readonly bundle: string;
  /** Folder for what is laid out. */
  readonly folder: string;
}

/** A verdict, and what the gate said in full. */
export interface Verified {
  readonly verdict: Omit<Verdict, 'version'>;
  readonly judgement: Judgement;
}

/**
 * Lays a bundle on the upstream's branch as it is now, and judges it there.
 *
 * @param judge the gate by itself
 * @throws JobError `conflict` where the bundle is not what it says, or what the gate throws
 */
export async function verifyBundle(
  git: Git,
  upstream: Upstream,
  { jobId, bundle, folder }: VerifyInput,
  judge: (
    input: Pick<JudgeInput, 'head'> & { readonly repo: string; readonly base: string },
  ) => Promise<Judgement>,
): Promise<Verified> {
  const read = await readChange(bundle);
  const { change } = read;
  const { remote, target, tip, base } = upstream;
  if (change.job_id !== jobId)
    throw unfit('change.json', `it is of the job ${JSON.stringify(change.job_id)}`);
  if (change.upstream.toLowerCase() !== remote.display.toLowerCase())
    throw unfit('change.json', `it is for ${change.upstream}, not for ${remote.display}`);
  await layBundle(git, folder, upstream, read);
  const tree = await treeOn(git, target, change, tip);
  const judgedAt = new Date().toISOString();
  const info = {
    message: `Change of ${jobId}\n`,
    author: { name: 'agent-runner', email: 'agent-runner@localhost' },
    date: judgedAt,
  };
  const head = await commitTree(git, target, tree, tip, 'refs/agent-runner/judged', info);
  const judgement = await judge({ repo: target.dir, base: tip, head });
  return {
    verdict: {
      job_id: jobId,
      upstream: remote.display,
      base,
      base_sha: tip,
      head_sha: change.head_sha,
      tree_sha: tree,
      bundle_sha256: read.bundleSha256,
      change_sha256: read.changeSha256,
      judged_at: judgedAt,
      // Where a log lay is of no use elsewhere.
      report: {
        ...judgement.report,
        checks: judgement.report.checks.map((check) => ({ ...check, log: null })),
      },
      policy: judgement.policy,
    },
    judgement: { ...judgement, repo: remote.display, base, head: change.head_sha },
  };
}
