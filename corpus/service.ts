/** A service outside of every sandbox that answers by a script: what tests are flaky by, without chance. */
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';

/** A running service of one case. */
export interface Service {
  /** Path of its unix socket: it closes the connection after `fine` or `busy`. */
  readonly socket: string;
  /** How often it was asked. */
  readonly asked: () => number;
  close(): Promise<void>;
}

/** Starts a service whose n-th answer is `answers[n]`; the last one repeats. */
export async function startService(
  folder: string,
  name: string,
  answers: readonly boolean[],
): Promise<Service> {
  const socket = join(folder, `${name}.sock`);
  let calls = 0;
  const server: Server = createServer((connection) => {
    const isFine = answers[Math.min(calls, answers.length - 1)] ?? true;
    calls += 1;
    connection.on('error', () => {});
    connection.end(isFine ? 'fine' : 'busy');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(socket, resolve);
  });
  return {
    socket,
    asked: () => calls,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}
