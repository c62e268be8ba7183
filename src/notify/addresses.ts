/**
 * Which addresses a webhook may be sent to: those of the public internet, told by the special-purpose registries of
 * IANA (RFC 6890 and its updates). Of IPv4 everything but what is listed here; of IPv6 only global unicast, without
 * what is listed here: so mapped, translated (NAT64), unique local and link-local forms need no entry.
 */
import { BlockList, isIP } from 'node:net';

const NOT_PUBLIC: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8], // this network
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // carrier-grade NAT, and the metadata of one cloud
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // a cloud's own services, at a public address
  ['169.254.0.0', 16], // link-local, and the metadata of most clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments, and the metadata of one cloud
  ['192.0.2.0', 24], // documentation
  ['192.31.196.0', 24], // AS112
  ['192.52.193.0', 24], // AMT
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['192.175.48.0', 24], // AS112
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, and broadcast
  ['2001::', 23], // protocol assignments: Teredo, ORCHID, benchmarks
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: an IPv4 address inside
  ['2620:4f:8000::', 48], // AS112
  ['3fff::', 20], // documentation
];

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 4 ? 'ipv4' : 'ipv6';
}

function listOf(ranges: readonly (readonly [network: string, bits: number])[]): BlockList {
  const list = new BlockList();
  for (const [network, bits] of ranges) list.addSubnet(network, bits, familyOf(network));
  return list;
}

const notPublic = listOf(NOT_PUBLIC);
const globalUnicast = listOf([['2000::', 3]]);

/** Whether an address belongs to the public internet; what is no plain address does not (`fe80::1%eth0`). */
export function isPublicAddress(address: string): boolean {
  const version = isIP(address);
  if (version === 0 || address.includes('%')) return false;
  if (notPublic.check(address, familyOf(address))) return false;
  return version === 4 || globalUnicast.check(address, 'ipv6');
}

/** A range as `10.1.0.0/16`, or one address; `null` for what is neither. */
export function parseRange(text: string): readonly [network: string, bits: number] | null {
  const [network = '', bits, ...more] = text.split('/');
  const version = isIP(network);
  if (version === 0 || network.includes('%') || more.length > 0) return null;
  const widest = version === 4 ? 32 : 128;
  if (bits === undefined) return [network, widest];
  return /^\d{1,3}$/.test(bits) && Number(bits) <= widest ? [network, Number(bits)] : null;
}

/** Tells whether an address is in one of some ranges. */
export function createRanges(
  ranges: readonly (readonly [network: string, bits: number])[],
): (address: string) => boolean {
  const list = listOf(ranges);
  return (address) => isIP(address) !== 0 && !address.includes('%') && list.check(address, familyOf(address));
}
