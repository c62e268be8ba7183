/** What settings may say of webhooks. Pure. */
import type { Kind } from './settings.ts';

const MAX_HOSTS = 100;
// A name, an address, or a range of addresses; what it means is the business of who connects.
const HOST = /^[\w.:-]{1,253}(\/\d{1,3})?$/;

/** A list of hosts; in the environment separated by commas. */
export const hostsKind: Kind<readonly string[]> = {
  allowed:
    'a list of host names, addresses and ranges such as 10.1.0.0/16 (in the environment separated by ",")',
  read: (value) => {
    const list: unknown =
      typeof value === 'string'
        ? value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
        : value;
    if (!Array.isArray(list) || list.length > MAX_HOSTS) return undefined;
    const isHost = (one: unknown): one is string => typeof one === 'string' && HOST.test(one);
    return list.every(isHost) ? list : undefined;
  },
};
