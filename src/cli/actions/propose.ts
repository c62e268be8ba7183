/** `actions propose`: what was judged goes out as one commit and one pull request. */
import { resolve } from 'node:path';
import { JobError } from '../../job/error.ts';
import { parseRunId } from '../../runner/actions/artifact.ts';
import { proposeBundle } from '../../runner/actions/propose.ts';
import { fetchUpstream } from '../../runner/actions/upstream.ts';
import { inFolder, reachNamed } from '../../runner/forge/alone/fork.ts';
import { openForge } from '../../runner/open.ts';
import { branchOf } from '../../runner/queue/verbs.ts';
import { makeRequest } from '../asking/settings.ts';
import type { Io } from '../command.ts';
import { cleanLine } from '../text.ts';
import { codeSpan, told, type ToldOptions } from './told.ts';

/** Options of the command. */
export interface ProposeOptions extends ToldOptions {
  readonly upstream: string;
  readonly fork: string;
  readonly jobId: string;
  readonly bundle: string;
  readonly verdict: string;
  readonly bundleSha256: string;
  readonly verdictSha256: string;
  readonly task?: string;
  readonly branch?: string;
  readonly runUrl?: string;
  readonly draft?: boolean;
}

/** Runs the command. @returns the exit code */
export async function runPropose(io: Io, options: ProposeOptions): Promise<number> {
  return told(io, options, 'Propose', async () => {
    const jobId = parseRunId(options.jobId);
    const config = await io.resolve({ agent: 'simulated:noop' });
    const task = options.task || config.task;
    if (task === null) {
      throw new JobError('usage', 'task: none is given', { hint: 'set TASK_DESCRIPTION, or give --task' });
    }
    const parts = openForge(config);
    const attended = { signal: io.signal, onNotice: (said: string) => io.err(`${cleanLine(said)}\n`) };
    const upstream = await reachNamed(parts, 'upstream', options.upstream, jobId, attended);
    const fork = await reachNamed(parts, 'fork', options.fork, jobId, attended);
    const proposal = await inFolder(async (folder) => {
      // Nothing of it is fetched by this address: it says what a job of this would be asked.
      const repo = upstream.remote.url;
      const request = await makeRequest(config, {
        task,
        repo,
        draft: options.draft ?? false,
        allowHost: false,
      });
      const at = (path: string): string => resolve(config.host.cwd, path);
      const folders = { bundle: at(options.bundle), verdict: at(options.verdict) };
      const given = {
        ...options,
        ...folders,
        branch: options.branch || branchOf(config.branchTemplate, jobId),
      };
      return proposeBundle(
        fork,
        { upstreamName: upstream.remote.display, fetch: (base) => fetchUpstream(upstream, folder, base) },
        { ...given, jobId, request, runUrl: options.runUrl || null, author: config.author, folder },
      );
    });
    for (const notice of proposal.notices) io.err(`${cleanLine(notice)}\n`);
    const { prUrl, headSha } = proposal;
    return {
      outputs: { pr_url: prUrl ?? '', head_sha: headSha },
      summary: `## Proposed\n\n${prUrl ?? ''}\n\n${proposal.notices.map((one) => `- ${codeSpan(one)}\n`).join('')}`,
      error: null,
      exitCode: 0,
    };
  });
}
