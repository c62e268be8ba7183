/**
 * Where a webhook may go. A URL comes from whoever submits a job, and the runner stands inside a network that its
 * sender may not see: so a destination is checked by its form, its name resolved once, every address checked, and the
 * connection made to exactly what was checked (else a name could point elsewhere the second time).
 */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { createRanges, isPublicAddress, parseRange } from './addresses.ts';

/** Longest URL, in characters. */
const MAX_URL_CHARS = 2048;
/** Addresses of one name; more are no receiver of webhooks. */
const MAX_ADDRESSES = 64;
/** Below this only the two ports of the web: nobody receives webhooks where mail and remote shells listen. */
const FIRST_FREE_PORT = 1024;

/** What the operator allows beyond the public internet. */
export interface DestinationRules {
  /** Names, addresses and ranges that may be private, and may be reached without TLS. */
  readonly allow: readonly string[];
  /** Whether every receiver may be reached without TLS. */
  readonly allowHttp: boolean;
}

/** An address that was checked. */
export interface Address {
  readonly address: string;
  readonly family: number;
}

/** All addresses of a name. */
export type Resolve = (host: string) => Promise<readonly Address[]>;

/** A destination that may be connected to, or why not. */
export type Destination =
  | { readonly ok: true; readonly url: URL; readonly host: string; readonly addresses: readonly Address[] }
  | { readonly ok: false; readonly why: string };

/** Checks destinations. */
export interface Destinations {
  /** Why a URL is refused by its form alone, in words; `null` where its name must be resolved to know more. */
  refusal(url: string): string | null;
  /** Resolves and checks. Rejects where the name can't be resolved. */
  resolve(url: string): Promise<Destination>;
}

/** A name as it is compared: what is in brackets or ends with the root's full stop is the same without. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '');
}

/**
 * Checks destinations by the operator's rules.
 *
 * @param resolve all addresses of a name; the system's resolver unless given
 */
export function createDestinations(
  rules: DestinationRules,
  resolve: Resolve = (host) => lookup(host, { all: true }),
): Destinations {
  const ranges = rules.allow.map(parseRange);
  const isInRange = createRanges(ranges.filter((range) => range !== null));
  const names = new Set(rules.allow.filter((_, at) => ranges[at] === null).map((name) => name.toLowerCase()));

  const isAllowed = (host: string): boolean => names.has(host) || isInRange(host);

  const refusalOf = (url: URL): string | null => {
    const host = hostOf(url);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return `${url.protocol} is no web address`;
    if (url.username !== '' || url.password !== '') return 'a name or password stands in it';
    if (url.hash !== '') return 'a fragment (#) stands in it';
    const allowed = isAllowed(host);
    if (isIP(host) !== 0 && !allowed && !isPublicAddress(host)) return `${host} is no public address`;
    if (url.protocol === 'http:' && !allowed && !rules.allowHttp) return 'it is http, which is not encrypted';
    const port = Number(url.port || (url.protocol === 'https:' ? 443 : 80));
    if (!allowed && port !== 80 && port !== 443 && port < FIRST_FREE_PORT)
      return `port ${port} is no port of the web`;
    return null;
  };

  const parse = (text: string): URL | string => {
    if (text.length > MAX_URL_CHARS) return `it is longer than ${MAX_URL_CHARS} characters`;
    return URL.parse(text) ?? 'it is no absolute URL';
  };

  return {
    refusal(text) {
      const url = parse(text);
      return typeof url === 'string' ? url : refusalOf(url);
    },
    async resolve(text) {
      const url = parse(text);
      const why = typeof url === 'string' ? url : refusalOf(url);
      if (typeof url === 'string' || why !== null) return { ok: false, why: why ?? '' };
      const host = hostOf(url);
      const version = isIP(host);
      const addresses = version === 0 ? await resolve(host) : [{ address: host, family: version }];
      if (addresses.length === 0 || addresses.length > MAX_ADDRESSES)
        return { ok: false, why: `${host} has ${addresses.length} addresses (1 to ${MAX_ADDRESSES})` };
      const bad = addresses.find(
        ({ address }) => !names.has(host) && !isInRange(address) && !isPublicAddress(address),
      );
      if (bad !== undefined) return { ok: false, why: `${host} is at ${bad.address}, no public address` };
      return { ok: true, url, host, addresses };
    },
  };
}
