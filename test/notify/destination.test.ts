/** Where webhooks may go: every form of an address that is not public is refused before anything is connected to. */
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isPublicAddress } from '../../src/notify/addresses.ts';
import {
  createDestinations,
  type Address,
  type DestinationRules,
  type Resolve,
} from '../../src/notify/destination.ts';
import { createSender } from '../../src/notify/send.ts';
import { openReceiver, type Receiver } from './receiver.ts';

const STRICT: DestinationRules = { allow: [], allowHttp: false };
/** No rule but that of addresses stands in the way. */
const OPEN_HTTP: DestinationRules = { allow: [], allowHttp: true };
const MESSAGE = { headers: { 'content-type': 'application/json' }, body: '{}' };

function addresses(...list: readonly string[]): readonly Address[] {
  return list.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
}

/** Hosts that lead where no callback may go. */
const FORBIDDEN: readonly (readonly [what: string, host: string])[] = [
  ['loopback', '127.0.0.1'],
  ['loopback, elsewhere in its range', '127.9.8.7'],
  ['loopback as one number', '2130706433'],
  ['loopback in hexadecimal', '0x7f000001'],
  ['loopback in hexadecimal parts', '0x7f.0x0.0x0.0x1'],
  ['loopback in octal', '0177.0.0.1'],
  ['loopback as one octal number', '017700000001'],
  ['loopback in two parts', '127.1'],
  ['loopback in three parts', '127.0.1'],
  ['loopback with a full stop behind it', '127.0.0.1.'],
  ['loopback in full-width digits', '１２７.０.０.１'],
  ['loopback with circled digits', '①②⑦.⓪.⓪.①'],
  ['loopback percent-encoded', '%31%32%37.0.0.1'],
  ['loopback by name', 'localhost'],
  ['loopback by name in capitals', 'LOCALHOST'],
  ['this host', '0.0.0.0'],
  ['this host as a number', '0'],
  ['private 10', '10.0.0.1'],
  ['private 172', '172.16.0.1'],
  ['private 172, the end', '172.31.255.255'],
  ['private 192', '192.168.1.1'],
  ['link-local', '169.254.1.1'],
  ['metadata', '169.254.169.254'],
  ['metadata as a number', '2852039166'],
  ['metadata in octal', '0251.0376.0251.0376'],
  ['metadata of containers', '169.254.170.2'],
  ['metadata behind carrier-grade NAT', '100.100.100.200'],
  ['metadata in protocol assignments', '192.0.0.192'],
  ['a cloud’s services at a public address', '168.63.129.16'],
  ['carrier-grade NAT', '100.64.0.1'],
  ['benchmarks', '198.18.0.1'],
  ['documentation', '192.0.2.1'],
  ['6to4 relays', '192.88.99.1'],
  ['multicast', '224.0.0.1'],
  ['reserved', '240.0.0.1'],
  ['broadcast', '255.255.255.255'],
  ['IPv6 loopback', '[::1]'],
  ['IPv6 loopback written out', '[0:0:0:0:0:0:0:1]'],
  ['IPv6 unspecified', '[::]'],
  ['IPv4-mapped loopback', '[::ffff:127.0.0.1]'],
  ['IPv4-mapped loopback in hexadecimal', '[::ffff:7f00:1]'],
  ['IPv4-mapped metadata', '[::ffff:a9fe:a9fe]'],
  ['IPv4-compatible loopback', '[::127.0.0.1]'],
  ['IPv4-translated loopback', '[::ffff:0:127.0.0.1]'],
  ['NAT64 of loopback', '[64:ff9b::127.0.0.1]'],
  ['NAT64 of metadata', '[64:ff9b::a9fe:a9fe]'],
  ['local NAT64', '[64:ff9b:1::a00:1]'],
  ['6to4 of loopback', '[2002:7f00:1::]'],
  ['6to4 of a private address', '[2002:a00:1::1]'],
  ['Teredo', '[2001:0:7f00:1::]'],
  ['ORCHID', '[2001:20::1]'],
  ['IPv6 documentation', '[2001:db8::1]'],
  ['IPv6 documentation, the newer', '[3fff::1]'],
  ['unique local', '[fc00::1]'],
  ['unique local metadata', '[fd00:ec2::254]'],
  ['link-local IPv6', '[fe80::1]'],
  ['site-local', '[fec0::1]'],
  ['multicast IPv6', '[ff02::1]'],
  ['discard-only', '[100::1]'],
  ['segment routing', '[5f00::1]'],
];

describe('a destination that is not public', () => {
  let receiver: Receiver;
  beforeEach(async () => {
    // On every address of this machine, so that a connection to any form of it would be seen.
    receiver = await openReceiver('0.0.0.0');
  });
  afterEach(() => receiver.close());

  it.each(FORBIDDEN)('is refused before any connection: %s (%s)', async (_, host) => {
    const destinations = createDestinations(OPEN_HTTP);
    const answer = await createSender(destinations)(`http://${host}:${receiver.port}/hook`, MESSAGE);
    expect(answer.kind).toBe('refused');
    expect(receiver.connections()).toBe(0);
  });

  it('would have been seen: where it is allowed, the same connection is made', async () => {
    const destinations = createDestinations({ allow: ['127.0.0.0/8'], allowHttp: false });
    const answer = await createSender(destinations)(`http://2130706433:${receiver.port}/hook`, MESSAGE);
    expect(answer).toMatchObject({ kind: 'answered', httpStatus: 204 });
    expect(receiver.connections()).toBe(1);
  });

  it.each(FORBIDDEN.filter(([what]) => !what.includes('name')))(
    'is told from its form alone: %s',
    (_, host) => {
      expect(createDestinations(STRICT).refusal(`https://${host}/`)).toMatch(
        /no public address|no absolute URL/,
      );
    },
  );

  it.each([
    ['one private address', ['10.0.0.1']],
    ['a private address behind public ones', ['93.184.216.34', '2606:2800:220:1::1', '10.0.0.1']],
    ['a mapped loopback', ['::ffff:127.0.0.1']],
    ['an address with a zone', ['fe80::1%eth0']],
    ['no address', []],
    ['too many addresses', Array.from({ length: 65 }, () => '93.184.216.34')],
    ['what is no address', ['example.org']],
  ])('is refused where its name resolves to %s', async (_, list) => {
    const resolved = createDestinations(OPEN_HTTP, async () => addresses(...list)).resolve(
      'https://x.example/',
    );
    expect(await resolved).toMatchObject({ ok: false });
  });

  it('is not reached by a name that points elsewhere the second time', async () => {
    let asked = 0;
    const rebinding: Resolve = async () => addresses(++asked === 1 ? '127.0.0.2' : '127.0.0.1');
    const rules = { allow: ['127.0.0.2'], allowHttp: true };
    const send = createSender(createDestinations(rules, rebinding));
    const elsewhere = await openReceiver('127.0.0.1');
    try {
      // The first answer is allowed and nobody listens there; the second is not, and somebody does.
      const url = `http://rebound.example:${elsewhere.port}/hook`;
      expect(await send(url, MESSAGE)).toMatchObject({ kind: 'unreachable' });
      expect([asked, elsewhere.connections()]).toEqual([1, 0]);
      expect(await send(url, MESSAGE)).toMatchObject({ kind: 'refused' });
      expect(elsewhere.connections()).toBe(0);
    } finally {
      await elsewhere.close();
    }
  });

  it('is connected to at exactly the address that was checked', async () => {
    const rules = { allow: ['127.0.0.0/8'], allowHttp: true };
    const send = createSender(createDestinations(rules, async () => addresses('127.0.0.1')));
    // No resolver of the system knows this name.
    const answer = await send(`http://nowhere.invalid:${receiver.port}/a?b=c`, MESSAGE);
    expect(answer).toMatchObject({ kind: 'answered', httpStatus: 204 });
    expect(receiver.received).toMatchObject([
      { method: 'POST', path: '/a?b=c', headers: { host: `nowhere.invalid:${receiver.port}` }, body: '{}' },
    ]);
  });
});

describe('the form of a URL', () => {
  it.each([
    ['https://example.org/hook?x=1', null],
    ['https://example.org:8443/', null],
    ['https://93.184.216.34/', null],
    ['https://[2606:2800:220:1::1]/', null],
    ['http://example.org/', 'not encrypted'],
    ['https://user@example.org/', 'name or password'],
    ['https://user:word@example.org/', 'name or password'],
    ['https://:word@example.org/', 'name or password'],
    ['https://example.org/#x', 'fragment'],
    ['https://example.org:22/', 'port 22'],
    ['https://example.org:25/', 'port 25'],
    ['http://example.org:443/', 'not encrypted'],
    ['ftp://example.org/', 'no web address'],
    ['file:///etc/passwd', 'no web address'],
    ['javascript:alert(1)', 'no web address'],
    ['//example.org/', 'no absolute URL'],
    ['example.org', 'no absolute URL'],
    ['', 'no absolute URL'],
    [`https://example.org/${'x'.repeat(2048)}`, 'longer than'],
  ])('%s: %j', (url, why) => {
    const said = createDestinations(STRICT).refusal(url);
    if (why === null) expect(said).toBeNull();
    else expect(said).toContain(why);
  });

  it('of an allowed host is free of these rules, but for the name and password', () => {
    const destinations = createDestinations({
      allow: ['Hooks.Internal', '10.1.0.0/16', 'fd00::/8', 'localhost'],
      allowHttp: false,
    });
    for (const host of ['hooks.internal', 'HOOKS.internal.', '10.1.2.3', '[fd00::1]', 'localhost:81'])
      expect(destinations.refusal(`http://${host}/`)).toBeNull();
    expect(destinations.refusal('http://10.2.0.1/')).toContain('no public address');
    expect(destinations.refusal('http://x.hooks.internal/')).toContain('not encrypted');
    expect(destinations.refusal('http://me@hooks.internal/')).toContain('name or password');
  });

  it('with a name that is allowed may resolve to anything; with a range, to what is in it', async () => {
    const rules = { allow: ['hooks.internal', '10.1.0.0/16'], allowHttp: true };
    const at = async (host: string, address: string): Promise<boolean> =>
      (await createDestinations(rules, async () => addresses(address)).resolve(`https://${host}/`)).ok;
    expect(await at('hooks.internal', '192.168.0.1')).toBe(true);
    expect(await at('other.example', '10.1.9.9')).toBe(true);
    expect(await at('other.example', '::ffff:10.1.9.9')).toBe(true);
    expect(await at('other.example', '10.2.9.9')).toBe(false);
  });
});

describe('isPublicAddress', () => {
  it.each([
    '1.1.1.1',
    '8.8.8.8',
    '93.184.216.34',
    '172.32.0.1',
    '100.128.0.1',
    '168.63.129.17',
    '223.255.255.255',
  ])('%s is', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
  it.each(['2606:4700::1111', '2a00:1450::1', '2001:4860:4860::8888', '2001:200::1', '2003::1'])(
    '%s is',
    (address) => {
      expect(isPublicAddress(address)).toBe(true);
    },
  );
  it.each(['', 'x', '1.2.3', '01.2.3.4', '1.2.3.4/8', ' 1.2.3.4', 'fe80::1%1', '2606:4700::1%1'])(
    '%j is not, being no plain address',
    (address) => {
      expect(isPublicAddress(address)).toBe(false);
    },
  );

  it('never is one of the private ranges, in whatever form IPv6 hides it', () => {
    const byte = fc.integer({ min: 0, max: 255 });
    const hidden = fc.tuple(fc.constantFrom('10', '127', '192.168', '169.254', '172.16'), byte, byte, byte);
    fc.assert(
      fc.property(hidden, ([network, ...rest]) => {
        const address = [...network.split('.'), ...rest].slice(0, 4).join('.');
        const forms = ['', '::ffff:', '::', '64:ff9b::', '::ffff:0:'].map((form) => form + address);
        expect(forms.filter(isPublicAddress)).toEqual([]);
      }),
    );
  });
});
