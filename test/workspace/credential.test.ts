/** The credential that git is handed: for one command, and for the host it is meant for alone. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createGit, type Git } from '../../src/workspace/git.ts';
import { withCredential } from '../../src/workspace/remote/credential.ts';

const CREDENTIAL = { username: 'x-access-token', password: 'ghp_secret' };
const BASIC = `Basic ${Buffer.from('x-access-token:ghp_secret').toString('base64')}`;
const run = promisify(execFile);

let home: string;
const servers: Server[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'agent-runner-credential-'));
});
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(home, { recursive: true, force: true });
});

function gitOf(): Git {
  return createGit({ path: process.env['PATH'] ?? '', home, network: {} });
}

/** A server that asks who is there, or leads elsewhere; it remembers what it was told. */
async function serve(redirectTo?: () => string): Promise<{ url: string; told: string[] }> {
  const told: string[] = [];
  const server = createServer((request, response) => {
    told.push(request.headers.authorization ?? 'nothing');
    if (redirectTo !== undefined)
      response.writeHead(302, { location: redirectTo() + (request.url ?? '') }).end();
    else if (request.headers.authorization === undefined)
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    else response.writeHead(403).end();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, told };
}

const USER = { config: 'user' } as const;

/** What git's own settings for one command are, as the wrapped git is given them. */
async function settings(
  remoteUrl: string,
): Promise<{ env: Record<string, string>; ask: (lines: readonly string[]) => Promise<string> }> {
  const kept = Promise.withResolvers<Record<string, string>>();
  const done = Promise.withResolvers<void>();
  const slow: Git = async (_target, _args, options) => {
    kept.resolve({ ...options?.env });
    await done.promise;
    return { code: 0, stdout: Buffer.alloc(0), stderr: '', text: '', isCut: false };
  };
  const ending = withCredential(slow, remoteUrl, () => Promise.resolve(CREDENTIAL))(null, ['fetch'], USER);
  const env = await kept.promise;
  const socket = Object.values(env).flatMap((value) => /--socket=(.*)$/.exec(value)?.[1] ?? [])[0] ?? '';
  const ask = (lines: readonly string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      let answer = '';
      const client = connect(socket, () => client.end(lines.map((line) => `${line}\n`).join('')));
      client.setEncoding('utf8').on('data', (text: string) => (answer += text));
      client.on('end', () => resolve(answer));
      client.on('error', reject);
    });
  closers.push(async () => {
    done.resolve();
    await ending;
  });
  return { env, ask };
}
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

describe('what the helper is told', () => {
  it.each([
    [['action=get', 'protocol=https', 'host=github.com'], true],
    [['action=get', 'protocol=https', 'host=github.com', 'path=ann/tool'], true],
    [['action=get', 'protocol=http', 'host=github.com'], false],
    [['action=get', 'protocol=https', 'host=evil.example'], false],
    [['action=get', 'protocol=https', 'host=github.com:444'], false],
    [['action=get', 'protocol=https', 'host=GITHUB.com.evil.example'], false],
    [['action=get', 'host=github.com'], false],
    [['action=store', 'protocol=https', 'host=github.com', 'username=x', 'password=y'], false],
    [['action=erase', 'protocol=https', 'host=github.com'], false],
    [['protocol=https', 'host=github.com'], false],
    [[], false],
  ] as const)('%j', async (question, isTold) => {
    const { ask } = await settings('https://github.com/ann/tool');
    expect(await ask(question)).toBe(isTold ? 'username=x-access-token\npassword=ghp_secret\n' : '');
  });

  it('is in no setting, and nothing is left when the command has ended', async () => {
    const { env, ask } = await settings('https://github.com/ann/tool');
    expect(JSON.stringify(env)).not.toContain('ghp_secret');
    const socket = /--socket=(.*?)\/s"/.exec(JSON.stringify(env))?.[1] ?? '';
    expect(readdirSync(socket)).toEqual(['s']);
    for (const close of closers.splice(0)) await close();
    expect(() => readdirSync(socket)).toThrow(/ENOENT/);
    await expect(ask(['action=get'])).rejects.toThrow();
  });
});

describe('git', () => {
  it('tells it to the host it is meant for, and to no helper of the user', async () => {
    const host = await serve();
    await run('git', [
      'config',
      '--file',
      join(home, '.gitconfig'),
      'credential.helper',
      '!touch "$HOME/asked"; true',
    ]);
    const git = withCredential(gitOf(), host.url, () => Promise.resolve(CREDENTIAL));
    await expect(git(null, ['ls-remote', '--', `${host.url}/ann/tool`], USER)).rejects.toThrow(/403/);
    expect(host.told).toContain(BASIC);
    expect(readdirSync(home)).toEqual(['.gitconfig']);
  });

  it('asks as nobody else, wherever the user lets git go instead', async () => {
    const [host, other] = [await serve(), await serve()];
    const git = withCredential(gitOf(), host.url, () => Promise.resolve(CREDENTIAL));
    const rules = ['insteadOf', 'pushInsteadOf'].map((rule) => [`url.${other.url}/.${rule}`, `${host.url}/`]);
    for (const [key = '', value = ''] of rules)
      await run('git', ['config', '--file', join(home, '.gitconfig'), key, value]);
    const dir = join(home, 'own.git');
    await run('git', ['init', '--quiet', '--bare', dir]);
    const empty = ['-C', dir, 'hash-object', '-w', '-t', 'tree', '/dev/null'];
    const tree = (await run('git', empty)).stdout.trim();
    for (const args of [['ls-remote'], ['push', '--quiet']]) {
      const refs = args[0] === 'push' ? [`${tree}:refs/tags/x`] : [];
      await expect(git({ dir }, [...args, '--', `${host.url}/ann/tool`, ...refs], USER)).rejects.toThrow(
        /403/,
      );
    }
    expect(host.told).toContain(BASIC);
    expect(other.told).toEqual([]);
  });

  it('tells another host nothing, asked for or led to', async () => {
    const other = await serve();
    const host = await serve(() => other.url);
    const git = withCredential(gitOf(), host.url, () => Promise.resolve(CREDENTIAL));
    await expect(git(null, ['ls-remote', '--', `${other.url}/ann/tool`], USER)).rejects.toThrow();
    await expect(git(null, ['ls-remote', '--', `${host.url}/ann/tool`], USER)).rejects.toThrow();
    expect(new Set(other.told)).toEqual(new Set(['nothing']));
  });

  it('is not asked for what reaches no remote, nor for one that is not on the web', async () => {
    const nobody = (): Promise<never> => Promise.reject(new Error('it was asked for'));
    const git = withCredential(gitOf(), 'https://github.com/ann/tool', nobody);
    expect((await git(null, ['version'])).text).toMatch(/^git version/);
    const plain = gitOf();
    expect(withCredential(plain, 'ssh://git@github.com/ann/tool', nobody)).toBe(plain);
    await expect(git(null, ['ls-remote', '--', home], USER)).rejects.toThrow('it was asked for');
  });
});
