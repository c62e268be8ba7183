/** `actions verify`: judges a bundle on a machine that the agent never saw. */
import { resolve } from 'node:path';
import { OUTCOMES } from '../../job/status.ts';
import { outcomeOf } from '../../job/error.ts';
import { parseRunId, writeVerdict } from '../../runner/actions/artifact.ts';
import { permissionOf } from '../../runner/actions/decision.ts';
import { fetchUpstream } from '../../runner/actions/upstream.ts';
import { verifyBundle } from '../../runner/actions/verify.ts';
import { inFolder, reachToRead } from '../../runner/forge/alone/fork.ts';
import { openForge, openRunner } from '../../runner/open.ts';
import { judgingOf, makeRequest, settingsOf, type JudgingOptions } from '../asking/settings.ts';
import type { Io } from '../command.ts';
import { toMarkdown } from '../judgement.ts';
import { createProgress } from '../progress.ts';
import { cleanLine } from '../text.ts';
import { told, type ToldOptions } from './told.ts';

/** Options of the command. */
export interface VerifyOptions extends Record<string, unknown>, JudgingOptions, ToldOptions {
  readonly upstream: string;
  readonly jobId: string;
  readonly bundle: string;
  readonly verdict: string;
  readonly base?: string;
}

/** Runs the command. @returns the exit code: 0 where the verdict permits a proposal */
export async function runVerify(io: Io, options: VerifyOptions): Promise<number> {
  return told(io, options, 'Verify', async () => {
    const jobId = parseRunId(options.jobId);
    // No agent takes part; the request names the one that does nothing.
    const config = await io.resolve({ ...settingsOf(options), agent: 'simulated:noop' });
    const parts = openForge(config);
    const attended = { signal: io.signal, onNotice: (said: string) => io.err(`${cleanLine(said)}\n`) };
    const reached = await reachToRead(parts, 'upstream', options.upstream, jobId, attended);
    const runner = await openRunner(config);
    const progress = createProgress(io);
    try {
      return await inFolder(async (folder) => {
        const upstream = await fetchUpstream(reached, folder, options.base || null);
        const request = await makeRequest(config, {
          task: 'verify',
          repo: upstream.target.dir,
          allowHost: config.sandbox.name === 'host',
          ...judgingOf(options),
        });
        const at = (path: string): string => resolve(config.host.cwd, path);
        const input = { jobId, bundle: at(options.bundle), folder };
        const { verdict, judgement } = await verifyBundle(parts.git, upstream, input, ({ base, head }) =>
          runner.judge(
            { request: { ...request, base }, head },
            { signal: io.signal, onEvent: (event) => progress.show(event) },
          ),
        );
        progress.stop();
        const digest = await writeVerdict(at(options.verdict), verdict);
        const permission = permissionOf(request, verdict);
        const error = permission.permits ? null : permission.error;
        return {
          outputs: {
            verdict: verdict.report.verdict,
            permitted: String(permission.permits),
            bundle_sha256: verdict.bundle_sha256,
            verdict_sha256: digest,
          },
          summary: toMarkdown(judgement),
          error,
          exitCode: error === null ? 0 : OUTCOMES[outcomeOf(error.code)].exit_code,
        };
      });
    } finally {
      progress.stop();
      await runner.close();
    }
  });
}
