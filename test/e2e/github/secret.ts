/** Looking for a secret in whatever form it may have been written, and in what processes show of themselves. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';

/** How base64 shows a text that stands anywhere in a longer one: three forms, by where it begins. */
function base64Forms(text: string): string[] {
  return [0, 1, 2].map((shift) => {
    const bytes = Buffer.from(text);
    const encoded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replaceAll('=', '');
    // The first characters tell of what stands before, and the last of what follows.
    const from = Math.ceil((shift * 8) / 6);
    return encoded.slice(from, Math.floor(((shift + bytes.length) * 8) / 6));
  });
}

/** Forms in which a secret could lie about: as it is, encoded for a URL, in hex, in both kinds of base64. */
export function formsOf(secret: string): readonly string[] {
  const hex = Buffer.from(secret).toString('hex');
  const percent = [...Buffer.from(secret)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const base64 = [secret, `x-access-token:${secret}`].flatMap(base64Forms);
  const all = [
    secret,
    encodeURIComponent(secret),
    percent,
    percent.toUpperCase(),
    hex,
    hex.toUpperCase(),
    ...base64,
  ];
  return [...new Set([...all, ...base64.map((one) => one.replaceAll('+', '-').replaceAll('/', '_'))])];
}

/** The forms of secrets that a text shows. */
export function shownIn(text: string, secrets: readonly string[]): readonly string[] {
  return secrets.flatMap(formsOf).filter((form) => text.includes(form));
}

/** Files below a folder that hold a secret in any form. */
export function filesWith(folder: string, secrets: readonly string[]): readonly string[] {
  const patterns = secrets.flatMap((secret) => formsOf(secret)).join('\n');
  const found = execFileSync('sh', ['-c', 'grep -rlaF -f - "$1" || true', 'sh', folder], {
    input: `${patterns}\n`,
    encoding: 'utf8',
  });
  return found.split('\n').filter((line) => line !== '');
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Processes that a process started, and those that these started. */
function descendantsOf(pid: string): readonly string[] {
  const tasks = ((): string[] => {
    try {
      return readdirSync(`/proc/${pid}/task`);
    } catch {
      return [];
    }
  })();
  const children = tasks.flatMap((task) => read(`/proc/${pid}/task/${task}/children`).split(' '));
  return children.filter((child) => child !== '').flatMap((child) => [child, ...descendantsOf(child)]);
}

const SAMPLE_MS = 20;

/** Looks again and again at arguments and environments of all that a process starts, until it is told to stop. */
export function watchProcesses(pid: number): { stop(): string } {
  const seen = new Set<string>();
  const own = read(`/proc/${pid}/cmdline`);
  const look = (): void => {
    for (const one of descendantsOf(String(pid))) {
      // Until it has become another programme, a process that was forked is its parent, with its environment.
      const words = read(`/proc/${one}/cmdline`);
      const environment = read(`/proc/${one}/environ`);
      if (words !== own) seen.add(`${words}\n${environment}`);
    }
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      return [...seen].join('\n').replaceAll('\0', ' ');
    },
  };
}
