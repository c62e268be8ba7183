/** A hostile job: what it may try to reach of the host, of the runner and of other jobs, and that nothing changed. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobResult } from '../../src/job/result.ts';
import { HAS_BUBBLEWRAP, openBench, type Bench } from '../e2e/cli.ts';
import { integrityOf } from '../faults/stage.ts';
import { createTally } from '../faults/tally.ts';
import { makeRepository, sh } from '../workspace/scene.ts';

const TOKEN = 'TOKENCANARY0123456789';
let bench: Bench;
let remote: string;
let privateBlob: string;
const servers: Server[] = [];
let ports: { readonly tcp: number; readonly abstract: string; readonly path: string };

async function listen(on: { port: number; host: string } | string): Promise<Server> {
  const server = createServer((socket) => socket.end('reached\n'));
  await new Promise<void>((resolve) => {
    if (typeof on === 'string') server.listen(on, resolve);
    else server.listen(on, resolve);
  });
  servers.push(server);
  return server;
}

beforeAll(async () => {
  bench = openBench();
  const person = makeRepository(join(bench.root, 'person'), {
    '.agent-runner.yml':
      'setup: mkdir -p node_modules/dep && echo ready > node_modules/dep/state\ngate:\n  checks:\n    - name: ready\n      command: grep -q ready node_modules/dep/state && grep -q one a.txt\n',
    'a.txt': 'one\n',
  });
  sh(person, 'switch', '--quiet', '-c', 'private');
  sh(person, 'commit', '--quiet', '--allow-empty', '-m', 'x');
  privateBlob = sh(person, 'rev-parse', 'HEAD');
  remote = join(bench.root, 'remote.git');
  sh(bench.root, 'clone', '--quiet', '--bare', person, remote);
  sh(remote, 'symbolic-ref', 'HEAD', 'refs/heads/main');
  const tcp = await listen({ port: 0, host: '127.0.0.1' });
  const address = tcp.address();
  const path = join(bench.root, 'runner.sock');
  const abstract = `agent-runner-test-${process.pid}`;
  await listen(path);
  await listen(`\0${abstract}`);
  ports = { tcp: typeof address === 'object' && address !== null ? address.port : 0, abstract, path };
});
afterAll(async () => {
  for (const server of servers) server.close();
  bench.remove();
});

/** Every file below a folder by content; what the runner itself writes for other jobs is left out. */
function contentsOf(root: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = relative(root, path);
    if (/^agent-runner\.db|\/refs\/|packed-refs|\.lock$/.test(name)) continue;
    const info = lstatSync(path);
    if (info.isSymbolicLink()) found.set(name, `link ${readlinkSync(path)}`);
    else if (info.isFile())
      found.set(
        name,
        // The runner itself links packs of the history into saved work.
        `${info.mode.toString(8)} ${name.startsWith('history/') ? 'linked' : info.nlink} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`,
      );
  }
  return found;
}

/** Tries everything and writes what came of it; `HOST` is the home of the runner as the host calls it. */
function hostileScript(): string {
  const { home, root } = bench;
  return `#!/bin/bash
cat > /dev/null
report=/workspace/attempts.txt
: > $report
held() { echo "$1 -> held" >> $report; }
got() { echo "$1 -> got through" >> $report; }
try() { what=$1; shift; if "$@" > /dev/null 2>&1; then got "$what"; else held "$what"; fi; }

try 'list the home of the runner' ls '${home}'
try 'read the database' cat '${home}/agent-runner.db'
try 'write into the home of the runner' bash -c 'echo bad > ${home}/bad'
try 'make a folder where the host has one' bash -c 'mkdir -p ${root} && echo bad > ${root}/person/a.txt && [ -d ${root}/person/.git ]'
try 'write to the system' touch /usr/agent-runner-bad /etc/agent-runner-bad
try 'read the shadow file' cat /etc/shadow

# What is mounted from the runner's folders: only looked for, so that it does not matter how it is called.
grep -F '${root.split('/').at(-1) ?? ''}' /proc/self/mountinfo | cut -d' ' -f5 | sort -u | while read -r at; do
  case "$at" in /workspace|/home/agent) continue;; esac
  case "$at" in /workspace/*|/home/agent/*) continue;; esac
  try "make a file in $at" touch "$at/bad"
  find "$at" -type f 2> /dev/null | head -20 | while read -r file; do
    try "chmod $file" chmod u+w "$file"
    try "append to $file" bash -c "echo bad >> '$file'"
    try "remove $file" rm -f "$file"
    try "replace $file" mv -f /workspace/a.txt "$file"
    if ln "$file" /workspace/hard-link 2> /dev/null; then
      try "write $file through a hard link" bash -c 'chmod u+w /workspace/hard-link && echo bad >> /workspace/hard-link'
      rm -f /workspace/hard-link
    else held "hard link to $file"; fi
  done
done
# Its own copy of the dependencies is its own: it may spoil it, and nobody else may notice.
echo spoiled > /workspace/node_modules/dep/state; chmod 777 /workspace/node_modules/dep/state
try 'read an object of another job through the history' git -C /workspace cat-file -e ${privateBlob}
for store in $(cat /workspace/.git/objects/info/alternates 2> /dev/null); do
  try "make an object in $store" bash -c "mkdir -p '$store/00' && echo bad > '$store/00/bad'"
  try "point $store elsewhere" bash -c "mkdir -p '$store/info' && echo /tmp > '$store/info/alternates'"
done
try 'see processes of the host' bash -c 'cat /proc/[0-9]*/cmdline | tr "\\\\0" " " | grep "bin/agent-runne[r].js"'
try 'read a token from an environment' bash -c 'cat /proc/[0-9]*/environ | tr "\\\\0" "\\\\n" | grep -q ${TOKEN.slice(0, 5)}CANARY'
try 'read the memory of the first process' dd if=/proc/1/mem of=/dev/null bs=1 count=1
# A number of the host may by chance be one in here; that would be the job's own.
signal() { [ ! -e "/proc/$2" ] && kill "-$1" "$2"; }
try 'kill a process of the host' signal 9 ${process.pid}
try 'stop a process of the host' signal STOP ${process.ppid}
try 'connect to a port of the host' timeout 2 bash -c 'exec 3<> /dev/tcp/127.0.0.1/${ports.tcp}'
connect() { timeout 5 node -e 'const s = require("net").connect(process.argv[1].replace("@", "\\0")); s.on("connect", () => process.exit(0)); s.on("error", () => process.exit(1))' "$1"; }
try 'connect to a socket of the host' connect '${ports.path}'
try 'connect to an abstract socket of the host' connect '@${ports.abstract}'
try 'mount something' mount -t tmpfs none /mnt
try 'remount the history writable' mount -o remount,rw,bind /history/0
try 'make a device' mknod /workspace/device b 8 0
try 'change the clock' date -s 2001-01-01
try 'leave the namespace' nsenter -t 1 -m true
try 'load a kernel module' modprobe dummy
printf 'x' > /workspace/setuid; chmod 6755 /workspace/setuid
(setsid sleep 86399 &) > /dev/null 2>&1
exit 0
`;
}

async function runJob(agent: string, ...more: string[]): Promise<JobResult> {
  const ran = await bench.run(['run', 'x', '--repo', remote, '--json', ...more], {
    AGENT_CMD: agent,
    FORGE_TOKEN: TOKEN,
    GITHUB_TOKEN: TOKEN,
  });
  expect(ran.stdout, ran.stderr).not.toBe('');
  return JSON.parse(ran.stdout) as JobResult;
}

describe.skipIf(!HAS_BUBBLEWRAP)('a hostile job (bubblewrap: apt-get install bubblewrap)', () => {
  const tally = createTally('isolation');
  afterAll(() => tally.close());

  it('reaches nothing of the host, of the runner or of other jobs, and changes nothing', async () => {
    // A job on another branch has brought its objects into the mirror; another one died and left its tree.
    const before = await runJob('echo x > new.txt', '--base', 'private');
    expect(before.outcome).toBe('proposed');
    const died = await bench.run(['run', 'dies', '--repo', remote, '--json'], {
      AGENT_CMD: 'echo half > half.txt',
      AGENT_RUNNER_FAIL_AT: 'build-effect',
    });
    expect(died.signal).toBe('SIGKILL');
    const contents = contentsOf(bench.home);

    const result = await runJob(bench.script('hostile.sh', hostileScript()));
    expect(result).toMatchObject({ outcome: 'proposed' });
    const attempts = sh(remote, 'show', `${result.branch}:attempts.txt`).split('\n');
    expect(attempts.length).toBeGreaterThan(30);
    for (const attempt of attempts) {
      await tally.attempt(() => {
        expect(attempt).toMatch(/ -> held$/);
      });
    }
    const after = contentsOf(bench.home);
    const changed = [...contents].filter(([path, content]) => after.get(path) !== content);
    expect(
      changed.map(([path]) => path),
      changed.map(([path]) => path).join(),
    ).toEqual([]);
    expect(integrityOf(join(bench.home, 'agent-runner.db'))).toBe('ok');
    expect(sh(remote, 'ls-tree', String(result.branch), 'setuid')).toMatch(/^100755 /);
    const all = JSON.stringify(result) + (await bench.run(['logs', result.job_id, '--json'])).stdout;
    expect(all).not.toContain(TOKEN);
    expect(readFileSync(String(result.patch_path), 'utf8')).not.toContain(TOKEN);

    // The next job on the same base starts from clean files and clean dependencies.
    const next = await runJob(
      bench.script(
        'look.sh',
        '#!/bin/sh\n(git status --porcelain; cat a.txt node_modules/dep/state; ls) > seen.txt\n',
      ),
    );
    expect(sh(remote, 'show', `${next.branch}:seen.txt`).split('\n')).toEqual([
      '?? seen.txt',
      'one',
      'ready',
      'a.txt',
      'node_modules',
      'seen.txt',
    ]);
  });
});
