/**
 * Runs the command line many times in one process, as hundreds of starts of Node would take minutes: reads
 * `[{args, config}]` as JSON from stdin (`config` becomes the user's settings file), prints `[{code, text}]`.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { main } from '../../src/cli/main.ts';

interface Spoken {
  readonly args: readonly string[];
  readonly config: string;
}

/** Longest text kept of one run, in characters. */
const MAX_TEXT_CHARS = 20_000;

const settings = join(homedir(), '.config', 'agent-runner', 'config.yml');
mkdirSync(dirname(settings), { recursive: true });
let input = '';
for await (const chunk of process.stdin.setEncoding('utf8')) input += String(chunk);
const answers: { code: number; text: string }[] = [];
const out = process.stdout.write.bind(process.stdout);
for (const { args, config } of JSON.parse(input) as readonly Spoken[]) {
  let text = '';
  const keep = (chunk: string | Uint8Array): boolean => {
    if (text.length < MAX_TEXT_CHARS) text += String(chunk);
    return true;
  };
  process.stdout.write = keep;
  process.stderr.write = keep;
  writeFileSync(settings, config);
  const code = await main(args);
  answers.push({ code, text: text.slice(0, MAX_TEXT_CHARS) });
}
out(JSON.stringify(answers));
