/** What settings may say of webhooks. Pure. */
import { isIP } from 'node:net';
import type { Kind } from './kinds.ts';

const MAX_HOSTS = 100;
const NAME = /^(?=.{1,253}$)\w[\w-]{0,62}(\.\w[\w-]{0,62})*$/;

/** A name, an address or a range; `localhost:8080` would never match anything, so it is refused. */
function isHost(one: unknown): one is string {
  if (typeof one !== 'string') return false;
  const [network = '', bits, ...more] = one.split('/');
  const version = network.includes('%') ? 0 : isIP(network);
  if (version === 0) return bits === undefined && NAME.test(one);
  if (more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** A list of hosts; in the environment separated by commas. */
export const hostsKind: Kind<readonly string[]> = {
  allowed:
    'a list of host names, addresses and ranges such as 10.1.0.0/16, without ports (in the environment separated by ",")',
  read: (value) => {
    const list: unknown =
      typeof value === 'string'
        ? value
            .split(',')
            .map((part) => part.trim())
            .filter((part) => part !== '')
        : value;
    if (!Array.isArray(list) || list.length > MAX_HOSTS) return undefined;
    return list.every(isHost) ? list : undefined;
  },
};
