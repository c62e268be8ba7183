/** Timing, by command and never in a test: `npm run bench -- <name>`. Figures are ratios of medians in one run. */
import { benchCli } from './cli.ts';
import { benchDashboard } from './dashboard.ts';
import { benchFlood } from './flood.ts';
import { benchForge } from './forge.ts';
import { benchGateway } from './gateway.ts';
import { benchJob } from './job.ts';
import { benchLive } from './live.ts';
import { benchLocked } from './locked.ts';
import { benchMap } from './map.ts';
import { benchMemory } from './memory.ts';
import { benchPipeline } from './pipeline.ts';
import { benchQueue } from './queue.ts';
import { benchTurn } from './turn.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  cli: benchCli,
  dashboard: benchDashboard,
  flood: benchFlood,
  forge: benchForge,
  gateway: benchGateway,
  job: benchJob,
  live: benchLive,
  locked: benchLocked,
  map: benchMap,
  memory: benchMemory,
  pipeline: benchPipeline,
  queue: benchQueue,
  turn: benchTurn,
};

const name = process.argv[2] ?? '';
const bench = BENCHES[name];
if (bench === undefined) {
  console.error(`usage: npm run bench -- <${Object.keys(BENCHES).join('|')}>`);
  process.exitCode = 64;
} else {
  await bench();
}
