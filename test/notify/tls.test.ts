/** Over TLS it is the name that is proved, though the connection goes to an address that was looked up before. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDestinations } from '../../src/notify/destination.ts';
import { createSender, type Send } from '../../src/notify/send.ts';

const HAS_OPENSSL = ['/usr/bin/openssl', '/usr/local/bin/openssl'].some(existsSync);
if (!HAS_OPENSSL && process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1')
  throw new Error('openssl is missing: apt-get install openssl');

const MESSAGE = { headers: {}, body: '{}' };

describe.skipIf(!HAS_OPENSSL)('a receiver with a certificate (apt-get install openssl)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tls-test-'));
  const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const known = getCACertificates('default');
  const names: unknown[] = [];
  let server: Server;
  let port: number;
  let cert: string;
  const send: Send = createSender(
    createDestinations({ allow: ['127.0.0.1'], allowHttp: false }, async () => [
      { address: '127.0.0.1', family: 4 },
    ]),
  );
  beforeAll(async () => {
    const subject = ['-subj', '/CN=hooks.example', '-addext', 'subjectAltName=DNS:hooks.example'];
    const files = ['-keyout', keyFile, '-out', certFile];
    const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', '-x509', ...kind, ...subject, ...files], { stdio: 'ignore' });
    cert = readFileSync(certFile, 'utf8');
    server = createServer({ key: readFileSync(keyFile), cert }, (_, response) => response.end());
    server.on('secureConnection', (socket) => names.push(socket.servername));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    port = (server.address() as AddressInfo).port;
  });
  afterAll(() => {
    setDefaultCACertificates(known);
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  it('that nobody vouches for is not sent to', async () => {
    expect(await send(`https://hooks.example:${port}/`, MESSAGE)).toMatchObject({
      kind: 'unreachable',
      why: expect.stringMatching(/self-signed/),
    });
  });

  it('is sent to by its name, and by no other', async () => {
    setDefaultCACertificates([...known, cert]);
    expect(await send(`https://hooks.example:${port}/`, MESSAGE)).toMatchObject({
      kind: 'answered',
      httpStatus: 200,
    });
    expect(names.at(-1)).toBe('hooks.example');
    expect(await send(`https://other.example:${port}/`, MESSAGE)).toMatchObject({
      kind: 'unreachable',
      why: expect.stringMatching(/altnames/),
    });
  });
});
