/** A real receiver of webhooks: remembers what came, and answers as it is told. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';

/** A request as it came. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly port: number;
  /** `http://127.0.0.1:<port>/hook` */
  readonly url: string;
  readonly received: readonly Received[];
  /** Connections that were opened, whether or not a request came over them. */
  connections(): number;
  /** How the next requests are answered; a number is a status without a body. */
  answer(how: number | ((response: ServerResponse) => void)): void;
  close(): Promise<void>;
}

/** Starts a receiver on a free port, which answers 204. */
export async function openReceiver(host = '127.0.0.1', port = 0): Promise<Receiver> {
  const received: Received[] = [];
  let connections = 0;
  let how: number | ((response: ServerResponse) => void) = 204;
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      received.push({
        method: request.method ?? '',
        path: request.url ?? '',
        headers: request.headers,
        body,
      });
      if (typeof how === 'number') response.writeHead(how).end();
      else how(response);
    });
  });
  server.on('connection', () => connections++);
  server.listen(port, host);
  await once(server, 'listening');
  const known = (server.address() as AddressInfo).port;
  return {
    port: known,
    url: `http://127.0.0.1:${known}/hook`,
    received,
    connections: () => connections,
    answer(next) {
      how = next;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
