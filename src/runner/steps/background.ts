/** The baseline, computed while the agent works. */
import { isWithoutBaseline } from '../../job/in-place/in-place.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Bench } from '../place.ts';
import { baseSide, gateFingerprint } from './verify.ts';

/** A baseline that is on its way. */
export interface BackgroundBaseline {
  start(detail: PreparedDetail, bench: Bench): void;
  /** Stops it and waits until nothing of it runs. */
  stop(): Promise<void>;
}

/** Computes baselines in the background; what fails here fails again, and is reported, when the gate needs it. */
export function createBackgroundBaseline(context: JobContext): BackgroundBaseline {
  const stopped = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  return {
    start(detail, bench) {
      if (isWithoutBaseline(context.job.request.in_place)) return;
      const signal = AbortSignal.any([context.signal, stopped.signal]);
      running = (async () => {
        const base = await baseSide(context, detail, bench);
        const logDir = `${context.paths.logs}/baseline`;
        const fingerprint = gateFingerprint(detail, bench);
        await context.baselines.runBaseline({
          checks: detail.rules.checks,
          base,
          fingerprint,
          logDir,
          signal,
        });
      })().catch(() => {});
    },
    async stop() {
      stopped.abort();
      await running;
    },
  };
}
