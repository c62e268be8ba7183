/** Git's own HTTP server, `git http-backend`, run as CGI; pushes are read on their way in. */
import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gitEnv } from './git.ts';

const MAX_COMMANDS_BYTES = 4 * 1024 * 1024;
const MAX_HEAD_BYTES = 64 * 1024;

/** One line of a push: a ref and what it should become; zeros: created or deleted. */
export interface RefUpdate {
  readonly ref: string;
  readonly before: string;
  readonly after: string;
}

/** Reads the commands of a `git-receive-pack` request from its beginning; `null`: the flush hasn't come yet. */
export function readUpdates(head: Buffer): readonly RefUpdate[] | null {
  const updates: RefUpdate[] = [];
  for (let at = 0; at + 4 <= head.length;) {
    const length = Number.parseInt(head.toString('latin1', at, at + 4), 16);
    if (length === 0) return updates;
    if (!(length > 4) || at + length > head.length) return null;
    const line = head.toString('utf8', at + 4, at + length).replace(/[\0\n].*$/s, '');
    const [before = '', after = '', ...ref] = line.split(' ');
    if (/^[0-9a-f]{40}$/.test(after)) updates.push({ ref: ref.join(' '), before, after });
    at += length;
  }
  return null;
}

export interface CgiRequest {
  readonly folder: string;
  /** `/info/refs`, `/git-upload-pack` or `/git-receive-pack`. */
  readonly service: string;
  readonly query: string;
  readonly login: string | null;
  /** Configuration of this request alone. */
  readonly config?: Readonly<Record<string, string>>;
}

function configEnv(config: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(config);
  return {
    GIT_CONFIG_COUNT: String(entries.length),
    ...Object.fromEntries(
      entries.flatMap(([key, value], at) => [
        [`GIT_CONFIG_KEY_${at}`, key],
        [`GIT_CONFIG_VALUE_${at}`, value],
      ]),
    ),
  };
}

/**
 * Answers one request of a git client.
 *
 * @param beforeEnd runs when git has finished and before the client is told so; `false`: the client is never told
 */
export async function serveGit(
  request: IncomingMessage,
  response: ServerResponse,
  cgi: CgiRequest,
  beforeEnd?: (updates: readonly RefUpdate[]) => Promise<boolean>,
): Promise<void> {
  const header = (name: string): string => {
    const value = request.headers[name];
    return typeof value === 'string' ? value : '';
  };
  const child = spawn('git', ['http-backend'], {
    env: gitEnv({
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROJECT_ROOT: cgi.folder,
      PATH_INFO: cgi.service,
      QUERY_STRING: cgi.query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      CONTENT_LENGTH: header('content-length'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      GIT_PROTOCOL: header('git-protocol'),
      REMOTE_ADDR: '127.0.0.1',
      ...(cgi.login === null ? {} : { REMOTE_USER: cgi.login }),
      ...configEnv(cgi.config ?? {}),
    }),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  let head = Buffer.alloc(0);
  let updates: readonly RefUpdate[] | null = null;
  if (beforeEnd !== undefined) {
    request.on('data', (chunk: Buffer) => {
      if (updates !== null || head.length > MAX_COMMANDS_BYTES) return;
      head = Buffer.concat([head, chunk]);
      updates = readUpdates(head);
    });
  }
  request.pipe(child.stdin);
  request.on('close', () => {
    if (!request.complete) child.kill();
  });
  response.on('close', () => {
    if (!response.writableFinished) child.kill();
  });

  let cgiHead: string | null = null;
  let waiting = Buffer.alloc(0);
  const held: Buffer[] = [];
  const write = (chunk: Buffer): void => {
    if (beforeEnd !== undefined) held.push(chunk);
    else if (!response.write(chunk)) {
      child.stdout.pause();
      response.once('drain', () => child.stdout.resume());
    }
  };
  child.stdout.on('data', (chunk: Buffer) => {
    if (cgiHead !== null) return write(chunk);
    waiting = Buffer.concat([waiting, chunk]);
    const end = waiting.indexOf('\r\n\r\n');
    if (end === -1) {
      if (waiting.length > MAX_HEAD_BYTES) child.kill();
      return;
    }
    cgiHead = waiting.toString('latin1', 0, end);
    let status = 200;
    for (const line of cgiHead.split('\r\n')) {
      const colon = line.indexOf(':');
      const [name, value] = [line.slice(0, colon), line.slice(colon + 1).trim()];
      if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
      else if (name !== '') response.setHeader(name, value);
    }
    response.statusCode = status;
    write(waiting.subarray(end + 4));
  });
  await new Promise<void>((resolve) => {
    child.on('error', () => resolve());
    child.on('close', () => resolve());
  });
  if (beforeEnd !== undefined && !(await beforeEnd(updates ?? []))) {
    response.destroy();
    return;
  }
  if (cgiHead === null) response.statusCode = 500;
  response.end(Buffer.concat(held));
}
