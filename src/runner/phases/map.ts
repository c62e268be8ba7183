/** The repository map of a job: read in the background once the base is there, rendered once for all turns. */
import type { Agent } from '../../agent/agent.ts';
import { errorInfoOf } from '../../job/error.ts';
import { DEFAULT_WINDOW } from '../../prompt/budget.ts';
import { mapTokensFor, renderMap } from '../../prompt/map/map.ts';
import { readSymbols } from '../../workspace/symbols/symbols.ts';
import type { JobContext, PreparedDetail } from '../context.ts';
import type { Bench } from '../place.ts';

/** Longest wait for a map; a job goes on without it, and the next one finds more of it read. */
const MAX_WAIT_MS = 60_000;

/** A job's map. */
export interface JobMap {
  /** Begins to read, unless that was begun or nobody will ask. */
  start(detail: PreparedDetail, bench: Bench): void;
  /** The map as a part of a prompt for an agent; empty where there is none. Never fails: a map is a help. */
  text(agent: Agent, detail: PreparedDetail, bench: Bench): Promise<string>;
  /** Stops reading and waits until nothing of it runs. */
  stop(): Promise<void>;
}

/** Makes the map of a job, which reads nothing before it is started. */
export function createMap(context: JobContext): JobMap {
  const { config, git, job, journal, layout, signal } = context;
  const window = context.models?.models.windowOf(job.request.model) ?? DEFAULT_WINDOW;
  const tokens = config.mapTokens ?? mapTokensFor(window);
  const stopped = new AbortController();
  let reading: Promise<string> | null = null;
  const read = async (detail: PreparedDetail, bench: Bench): Promise<string> => {
    const started = Date.now();
    const bounded = AbortSignal.any([signal, stopped.signal, AbortSignal.timeout(MAX_WAIT_MS)]);
    const { symbols } = layout.repo(detail.remote.url);
    try {
      const files = await readSymbols(git, bench.copy.target, detail.base_sha, symbols, bounded);
      const text = renderMap(files, job.request.task, tokens);
      journal.emit('message', 'prepare', { map_files: files.length, duration_ms: Date.now() - started });
      return text;
    } catch (error) {
      if (signal.aborted || stopped.signal.aborted) return '';
      const why = errorInfoOf(error).message;
      const notice = `the repository map could not be made, and the agent works without: ${why}`;
      journal.emit('message', 'prepare', { notice });
      return '';
    }
  };
  const start: JobMap['start'] = (detail, bench) => {
    if (tokens > 0) reading ??= read(detail, bench);
  };
  const { explore, plan } = context.looking;
  return {
    start(detail, bench) {
      const agents = [context.agent, explore.agent, plan.agent];
      if (agents.some((agent) => agent.modelless !== true)) start(detail, bench);
    },
    async text(agent, detail, bench) {
      if (agent.modelless === true) return '';
      start(detail, bench);
      return reading ?? '';
    },
    async stop() {
      stopped.abort();
      await reading;
    },
  };
}
