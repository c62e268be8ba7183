/** Timing, by command and never in a test: `npm run bench -- <name>`. Figures are ratios of medians in one run. */
import { benchCli } from './cli.ts';
import { benchForge } from './forge.ts';
import { benchGateway } from './gateway.ts';
import { benchJob } from './job.ts';
import { benchLive } from './live.ts';
import { benchMap } from './map.ts';
import { benchQueue } from './queue.ts';
import { benchTurn } from './turn.ts';

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  cli: benchCli,
  forge: benchForge,
  gateway: benchGateway,
  job: benchJob,
  live: benchLive,
  map: benchMap,
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
