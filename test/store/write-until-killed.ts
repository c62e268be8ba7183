/**
 * Run as a process of its own: appends to one job of a store and prints what was acknowledged, until it has
 * written `rounds` rounds or is killed. Arguments: path of the database, job id, label, rounds.
 */
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { sampleJob } from './sample.ts';

const [path = '', jobId = '', label = '', rounds = '0'] = process.argv.slice(2);
const store = await openSqliteStore({ path });
const say = (line: string): void => {
  writeSync(1, `${line}\n`);
};
say('ready');
for (let round = 0; round < Number(rounds); round++) {
  const name = `${label}-${round}`;
  const writes = [0, 1, 2].map(async (i) => {
    const event = {
      type: 'log',
      phase: null,
      attempt: 1,
      time: '2026-11-20T10:00:00Z',
      data: { text: `${name}.${i}` },
    } as const;
    const stored = await store.appendEvents(jobId, [event], i === 2 && round % 10 === 0 ? 'full' : 'normal');
    for (const { seq } of stored) say(`event ${seq} ${name}.${i}`);
  });
  await Promise.all(writes);
  if (round % 5 === 0) {
    await store.createJob(sampleJob(name));
    say(`job ${name}`);
  }
}
await store.close();
say('done');
