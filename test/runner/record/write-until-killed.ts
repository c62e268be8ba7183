/** Run as a process of its own: records turns, each many times over, until it is killed. Argument: the folder. */
import { recordTurn } from '../../../src/runner/record/recorder.ts';
import { BEGUN, recorderContext } from './scene.ts';

const [folder = ''] = process.argv.slice(2);
const context = recorderContext(folder);
for (let round = 0; round < 100_000; round++) {
  const recorder = recordTurn(context, { ...BEGUN, key: `build-${(round % 5) + 1}` });
  for (let event = 0; event < 200; event++) recorder.onEvent('log', { text: 'x'.repeat(1000) });
  const reply = {
    ok: true,
    summary: `round ${round}`,
    question: null,
    sessionId: null,
    usage: null,
  } as const;
  await recorder.end(reply, null);
  if (round === 0) process.stdout.write('ready\n');
}
