/**
 * Handing git a credential for one command and one host. Git's own `credential-cache` helper asks for it over a
 * socket that we serve, so that it stands on no disk, in no argument, no environment and no configuration, and it
 * is gone when the command ends. The socket lies in a folder that nobody else may enter.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { shellWord } from '../../job/text/shell.ts';
import type { Git } from '../git.ts';

/** Who git is to a remote. */
export interface GitCredential {
  readonly username: string;
  readonly password: string;
}

/** Longest question of the helper, in bytes: a few lines with protocol and host. */
const MAX_QUESTION_BYTES = 8192;

/** What the helper is told: something only when it asks, and only for the host it is meant for. */
function answerTo(question: string, url: URL, credential: GitCredential): string {
  const asked = new Map(
    question.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, at), line.slice(at + 1)] as const;
    }),
  );
  const isMeant = asked.get('protocol') === url.protocol.slice(0, -1) && asked.get('host') === url.host;
  if (asked.get('action') !== 'get' || !isMeant) return '';
  return `username=${credential.username}\npassword=${credential.password}\n`;
}

function serve(socket: Socket, url: URL, credential: GitCredential): void {
  let question = '';
  socket.setEncoding('utf8');
  socket.on('error', () => {});
  socket.on('data', (text: string) => {
    question += text;
    if (question.length > MAX_QUESTION_BYTES) socket.destroy();
  });
  // The helper closes its side after the question, and reads until we close ours.
  socket.on('end', () => socket.end(answerTo(question, url, credential)));
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

/**
 * An address that stays as it is. Who runs us may have git rewrite addresses to others that hold a credential of
 * theirs (`url.<base>.insteadOf`), and then the answer would be one to them. The longest rule counts, so this one does.
 */
function asWritten(address: string): readonly (readonly [string, string])[] {
  return [
    [`url.${address}.insteadOf`, address],
    [`url.${address}.pushInsteadOf`, address],
  ];
}

/** Git's settings for one command: our helper and no other, for one host. They hold no secret. */
function settingsFor(
  url: URL,
  socket: string,
  addresses: readonly string[],
): Readonly<Record<string, string>> {
  const pairs: readonly (readonly [string, string])[] = [
    ['credential.helper', ''],
    [`credential.${url.origin}.helper`, ''],
    [`credential.${url.origin}.helper`, `cache --socket=${shellWord(socket)}`],
    [`credential.${url.origin}.useHttpPath`, 'false'],
    // Newer versions of git ask before the first refusal, which spares a request.
    [`http.${url.origin}.proactiveAuth`, 'basic'],
    ...addresses.flatMap(asWritten),
  ];
  return Object.fromEntries([
    ['GIT_CONFIG_COUNT', String(pairs.length)],
    ...pairs.flatMap(([key, value], at) => [
      [`GIT_CONFIG_KEY_${at}`, key],
      [`GIT_CONFIG_VALUE_${at}`, value],
    ]),
  ]) as Readonly<Record<string, string>>;
}

/**
 * Git that knows who it is to one server. Commands that reach no remote are left as they are.
 *
 * @param remoteUrl an http or https address on that server; others are reached as this machine is set up to
 * @param ask the credential, asked for each command anew: it may have been renewed
 */
export function withCredential(git: Git, remoteUrl: string, ask: () => Promise<GitCredential>): Git {
  if (!/^https?:\/\//.test(remoteUrl)) return git;
  const url = new URL(remoteUrl);
  return async (target, args, options = {}) => {
    if (options.config !== 'user') return git(target, args, options);
    const credential = await ask();
    const folder = await mkdtemp(join(tmpdir(), 'agent-runner-git-'));
    const path = join(folder, 's');
    const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, url, credential));
    try {
      await listen(server, path);
      const addresses = args.filter((arg) => arg.startsWith(`${url.origin}/`));
      const env = {
        ...options.env,
        ...settingsFor(url, path, addresses),
        ...(url.protocol === 'http:' ? { GIT_ALLOW_PROTOCOL: 'http' } : {}),
      };
      return await git(target, args, { ...options, env });
    } finally {
      server.close();
      await rm(folder, { recursive: true, force: true });
    }
  };
}
