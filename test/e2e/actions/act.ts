/** Workflows run by `act` on this machine: the steps as they stand, stand-ins for the actions of others. */
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { makeRepository, sh } from '../../workspace/scene.ts';
import { BIN, ROOT, userPath, type Ran } from '../cli.ts';

/** Every action of others that a file uses, with the commit it is pinned to. */
function pinsIn(text: string): readonly string[] {
  return [...text.matchAll(/uses: ([\w-]+\/[\w-]+@[0-9a-f]{40})\b/g)].map(([, pin = '']) => pin);
}

/** What a workflow is run with. */
export interface ActInput {
  /** Folder of this run's own. */
  readonly root: string;
  /** The workflow's text. */
  readonly workflow: string;
  /** What is checked out; the program unless given. */
  readonly checkout?: string;
  readonly event: string;
  /** The event as GitHub would send it. */
  readonly payload: object;
  readonly secrets: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** Shell that is run after each upload, with its NAME: what somebody does who can write artifacts. */
  readonly attack?: string;
}

function lines(entries: Readonly<Record<string, string>>): string {
  return Object.entries(entries)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}

/** Lays out a folder that holds what a checkout of this repository would. */
function layProgram(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const program = dirname(dirname(BIN));
  for (const name of ['bin', 'dist', 'src', 'package.json', 'node_modules']) {
    if (existsSync(join(program, name))) symlinkSync(join(program, name), join(folder, name));
  }
  // act reads it without following links.
  copyFileSync(join(ROOT, 'action.yml'), join(folder, 'action.yml'));
}

/** Runs a workflow. @returns how it ended, and all that was printed */
export async function runAct(act: string, input: ActInput): Promise<Ran & { readonly artifacts: string }> {
  const { root } = input;
  rmSync(root, { recursive: true, force: true });
  const at = (name: string): string => join(root, name);
  for (const name of ['artifacts', 'cache', 'tmp']) mkdirSync(at(name), { recursive: true });
  layProgram(at('program'));
  const text = input.workflow;
  const here = makeRepository(at('here'), { '.github/workflows/flow.yml': text });
  sh(here, 'remote', 'add', 'origin', 'https://github.com/acme/runner');
  writeFileSync(at('event.json'), JSON.stringify(input.payload));
  writeFileSync(at('secrets'), lines(input.secrets));
  if (input.attack !== undefined) writeFileSync(at('attack'), input.attack);
  writeFileSync(at('vars'), lines(input.vars ?? {}));
  writeFileSync(
    at('env'),
    lines({
      STAND_IN_CHECKOUT: input.checkout ?? at('program'),
      STAND_IN_ARTIFACTS: at('artifacts'),
      STAND_IN_NODE: dirname(process.execPath),
      ...(input.attack === undefined ? {} : { STAND_IN_ATTACK: at('attack') }),
      ...input.env,
    }),
  );
  const pins = new Set([...pinsIn(text), ...pinsIn(readFileSync(join(ROOT, 'action.yml'), 'utf8'))]);
  const standIns = [...pins].flatMap((pin) => {
    const name = pin.slice(pin.indexOf('/') + 1, pin.indexOf('@'));
    const folder = name === 'agent-runner' ? at('program') : join(import.meta.dirname, 'stand-ins', name);
    return ['--local-repository', `${pin}=${folder}`];
  });
  const how = ['-W', '.github/workflows/flow.yml', '-P', 'ubuntu-24.04=-self-hosted', '--no-skip-checkout'];
  const caches = ['--no-cache-server', '--action-cache-path', at('cache')];
  const files = ['--eventpath', at('event.json'), '--env-file', at('env')];
  const given = ['--secret-file', at('secrets'), '--var-file', at('vars')];
  const args = [input.event, ...how, ...caches, ...files, ...given, ...standIns];
  const child = spawn(act, args, {
    cwd: here,
    env: { PATH: userPath(), HOME: root, TMPDIR: at('tmp'), XDG_CACHE_HOME: at('cache') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (said: string) => (stdout += said));
  child.stderr.setEncoding('utf8').on('data', (said: string) => (stderr += said));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({ code, signal, stdout, stderr, artifacts: at('artifacts') }),
    );
  });
}
