/**
 * The door of a sandbox: a port on its 127.0.0.1 at which this process answers, and its only way out where the
 * network is closed. Where a command has a network namespace of its own, a small Node program that runs in it
 * first opens the port, hands the listening socket over and ends: nothing stays in the sandbox to forward bytes.
 */
import { realpath } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';

/** Takes a connection that a command of the sandbox made. Must not throw. */
export type Door = (socket: Socket) => void;

/** The port in namespaces of their own. Below the ports that systems hand out for outgoing connections. */
export const DOOR_PORT = 14_141;
/** Exit code of the script when the door does not open. */
export const DOOR_FAILED = 96;
/** Descriptor on which the program hands the socket over: the one after those of bwrap. */
const CHANNEL_FD = 5;
/** Where a sandbox of its own network has this process's Node. */
export const NODE_PATH = '/.agent-runner/node';
/** Longest wait for this process to take the socket. */
const HANDOVER_TIMEOUT_MS = 10_000;

const PROGRAM = `
const server = require('node:net').createServer();
const fail = (error) => { console.error('the door did not open: ' + error.message); process.exit(1); };
server.once('error', fail);
server.listen({ port: ${DOOR_PORT}, host: '127.0.0.1', backlog: 511 }, () => {
  process.send('door', server, (error) => { if (error) fail(error); });
});
process.once('disconnect', () => process.exit(0));
setTimeout(() => fail(new Error('nobody took it')), ${HANDOVER_TIMEOUT_MS});
`;
// Away from the workspace, and with an environment of its own: nothing of the repository acts on the program. The
// command gets neither the channel nor what the program might leave of its input.
const SCRIPT = `(cd / && exec env -i NODE_CHANNEL_FD=${CHANNEL_FD} ${NODE_PATH} -e "$1") </dev/null || exit ${DOOR_FAILED}
exec ${CHANNEL_FD}>&-
shift
exec "$@"`;

/** Arguments of bwrap that show this process's own Node in the sandbox, whatever is installed there. */
export async function doorMount(): Promise<readonly string[]> {
  return ['--ro-bind', await realpath(process.execPath), NODE_PATH];
}

/** The command that opens the door and then becomes `argv`. It exits with `DOOR_FAILED` when it can't. */
export function withDoor(argv: readonly [string, ...string[]]): readonly [string, ...string[]] {
  return ['/bin/sh', '-c', SCRIPT, 'door', PROGRAM, ...argv];
}

/** Opens a door on this machine's own 127.0.0.1, for sandboxes that share its network, at a port that was free. */
export async function listenOnLoopback(
  door: Door,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const server: Server = createServer({ noDelay: true }, door);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
