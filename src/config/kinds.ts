/** What values settings may have, and how they are read from text. Pure. */
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { isOwnerName, parseRef } from '../job/request.ts';

/** The values a setting may have: `read` returns `undefined` for those it does not allow. */
export interface Kind<T> {
  readonly allowed: string;
  /** `baseDir` is what a relative path is relative to. */
  read(value: unknown, baseDir: string, home: string): T | undefined;
  /** Which part of a value of many parts is at fault; `null` where there is no more to say. */
  fault?(value: unknown): string | null;
}

/** One row of the table. */
export interface Setting<T = unknown> {
  readonly kind: Kind<T>;
  readonly fallback: T;
  readonly description: string;
  readonly env: string | null;
  /** What holds where the value is `null` or an empty list, in words. */
  readonly unset: string;
  /** Whether a repository's own settings file may set it: never what runs on the host. */
  readonly project: boolean;
}

/** Makes a row. */
export function setting<T>(
  kind: Kind<T>,
  fallback: T,
  description: string,
  more: { readonly env?: string; readonly project?: boolean; readonly unset?: string } = {},
): Setting<T> {
  const { env = null, project = false, unset = 'none' } = more;
  return { kind, fallback, description, env, project, unset };
}

const MAX_TEXT_CHARS = 100_000;
/** Text that is not blank. */
export const text: Kind<string> = {
  allowed: 'text',
  read: (value) =>
    typeof value === 'string' &&
    value.trim() !== '' &&
    value.length <= MAX_TEXT_CHARS &&
    !value.includes('\0')
      ? value
      : undefined,
};
/** A path; `~` is the home of the user. */
export const path: Kind<string> = {
  allowed: 'a path',
  read: (value, baseDir, home) => {
    const known = text.read(value, baseDir, home);
    if (known === undefined) return undefined;
    return known === '~' || known.startsWith('~/') ? join(home, known.slice(1)) : resolve(baseDir, known);
  },
};
/** Several paths. */
export const paths: Kind<readonly string[]> = {
  allowed: `a list of paths (in the environment and in flags separated by "${delimiter}")`,
  read: (value, baseDir, home) => {
    const list: unknown =
      typeof value === 'string' ? value.split(delimiter).filter((part) => part !== '') : value;
    if (!Array.isArray(list) || list.length > 100) return undefined;
    const known = list.map((part) => path.read(part, baseDir, home));
    return known.every((part) => part !== undefined) ? known : undefined;
  },
};
/** Yes or no. */
export const flag: Kind<boolean> = {
  allowed: 'true or false',
  read: (value) => {
    if (value === true || value === 'true' || value === '1') return true;
    return value === false || value === 'false' || value === '0' ? false : undefined;
  },
};
/** One line that can stand in a commit's header. */
export const identity: Kind<string> = {
  allowed: 'one line without < and >',
  read: (value) =>
    typeof value === 'string' && /^[^<>\p{Cc}]{1,200}$/u.test(value) && value.trim() !== ''
      ? value
      : undefined,
};
/** A host name or an IP address. */
export const address: Kind<string> = {
  allowed: 'a host name or an IP address',
  read: (value) =>
    typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$|^[0-9A-Fa-f:.]{2,45}$/.test(value)
      ? value
      : undefined,
};
/** An `http` or `https` address without a password, query and fragment, and without a slash at its end. */
export const webAddress: Kind<string> = {
  allowed: 'an http:// or https:// address without password, query and fragment',
  read: (value) => {
    if (typeof value !== 'string' || !/^https?:\/\//.test(value) || !URL.canParse(value)) return undefined;
    const { origin, pathname, username, search, hash } = new URL(value);
    return username === '' && search === '' && hash === ''
      ? (origin + pathname).replace(/\/+$/, '')
      : undefined;
  },
};
const LOOPBACK = /^(localhost|[a-z0-9-]+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
/** Where a forge is: a token is sent there, so it goes without TLS to this machine only. */
export const forgeAddress: Kind<string> = {
  allowed: 'an https:// address without password, query and fragment (http:// on this machine only)',
  read: (value, baseDir, home) => {
    const known = webAddress.read(value, baseDir, home);
    if (known === undefined) return undefined;
    const { protocol, hostname } = new URL(known);
    return protocol === 'https:' || LOOPBACK.test(hostname) ? known : undefined;
  },
};
/** A repository of the forge by its short name. */
export const ownerName: Kind<string> = {
  allowed: 'owner/name',
  read: (value) =>
    typeof value === 'string' && value.length <= 200 && isOwnerName(value) && !/^[-.]|\/\.{1,2}$/.test(value)
      ? value
      : undefined,
};
/** The file of a workflow, by its name alone. */
export const workflowFile: Kind<string> = {
  allowed: "a workflow's file name such as run.yml",
  read: (value) => (typeof value === 'string' && /^\w[\w.-]{0,99}\.ya?ml$/.test(value) ? value : undefined),
};
/** A branch or tag. */
export const ref: Kind<string> = {
  allowed: 'a branch or tag',
  read: (value) => {
    try {
      return typeof value === 'string' ? parseRef(value) : undefined;
    } catch {
      return undefined;
    }
  },
};
/** The login of an account; that of an App ends in `[bot]`. */
export const login: Kind<string> = {
  allowed: 'a login of letters, digits and "-"',
  read: (value) =>
    typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$/.test(value) ? value : undefined,
};
/** Short names on one line each. */
export const names: Kind<readonly string[]> = {
  allowed: 'a list of at most 50 names (in the environment and in flags separated by ",")',
  read: (value) => {
    const list: unknown = typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value;
    if (!Array.isArray(list) || list.length > 50) return undefined;
    const isName = (name: unknown): name is string =>
      typeof name === 'string' && /^[^\p{Cc},]{1,100}$/u.test(name) && name.trim() === name;
    return list.every(isName) ? list : undefined;
  },
};
/** A branch name with a place for the job id. */
export const branchTemplate: Kind<string> = {
  allowed: 'a branch name that holds <job_id>',
  read: (value) => {
    if (typeof value !== 'string' || !value.includes('<job_id>')) return undefined;
    try {
      parseRef(value.replaceAll('<job_id>', 'job-0123456789ab'));
      return value;
    } catch {
      return undefined;
    }
  },
};

/** A folder or file of the host that the agent's sandbox shows, for an agent's own login. */
export interface AgentMount {
  readonly source: string;
  readonly target: string;
  readonly mode: 'ro' | 'rw';
}

/** What the agent's sandbox shows of the host. */
export const mounts: Kind<readonly AgentMount[]> = {
  allowed: 'a list of source, source:target or source:target:rw (absolute targets, read-only by default)',
  read: (value, baseDir, home) => {
    const list: unknown = typeof value === 'string' ? value.split(',') : value;
    if (!Array.isArray(list) || list.length > 50) return undefined;
    const known = list.map((entry: unknown) => mountOf(entry, baseDir, home));
    return known.every((mount) => mount !== undefined) ? known : undefined;
  },
};

function mountOf(entry: unknown, baseDir: string, home: string): AgentMount | undefined {
  if (typeof entry !== 'string') return undefined;
  const parts = entry.split(':');
  const mode = parts.at(-1) === 'rw' || parts.at(-1) === 'ro' ? parts.pop() : 'ro';
  const source = path.read(parts[0], baseDir, home);
  const target = parts[1] ?? source;
  if (source === undefined || target === undefined || parts.length > 2) return undefined;
  if (!isAbsolute(target) || [source, target].some((place) => resolve(place) === '/')) return undefined;
  return { source, target, mode: mode === 'rw' ? 'rw' : 'ro' };
}

// The agent never sees what could push or open a pull request, and the sandbox sets its own places.
const NEVER_FOR_AGENTS =
  /^((BOT|GITHUB|GH|GITHUB_ENTERPRISE|GH_ENTERPRISE|GITLAB|GITEA|FORGEJO)_TOKEN|SSH_AUTH_SOCK|SSH_ASKPASS|GIT_.*|(GITHUB_)?WEBHOOK_SECRET|ACTIONS_.*|PATH|HOME|PWD|LD_.*)$/i;

/** Names of variables that the agent is given. */
export const variables: Kind<readonly string[]> = {
  allowed: 'a list of names of environment variables, none of them a forge credential',
  read: (value) => {
    const list: unknown = typeof value === 'string' ? value.split(',') : value;
    if (!Array.isArray(list) || list.length > 50) return undefined;
    const isAllowed = (name: unknown): name is string =>
      typeof name === 'string' && /^[A-Za-z_]\w{0,99}$/.test(name) && !NEVER_FOR_AGENTS.test(name);
    return list.every(isAllowed) ? list : undefined;
  },
};

/** A number, both ends allowed. */
export function number(min: number, max: number, step: 'whole' | 'decimal' = 'whole'): Kind<number> {
  return {
    allowed: `a ${step} number from ${min} to ${max}`,
    read: (value) => {
      const known = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
      if (typeof known !== 'number' || !(known >= min && known <= max)) return undefined;
      return step === 'decimal' || Number.isInteger(known) ? known : undefined;
    },
  };
}
/** One of several words. */
export function oneOf<const T extends string>(...names: readonly T[]): Kind<T> {
  return { allowed: names.join(', '), read: (value) => names.find((name) => name === value) };
}
/** What `kind` allows, or `none`. */
export function optional<T>(kind: Kind<T>): Kind<T | null> {
  return {
    allowed: `${kind.allowed}, or none`,
    read: (value, ...rest) => (value === null || value === 'none' ? null : kind.read(value, ...rest)),
    fault: (value) => kind.fault?.(value) ?? null,
  };
}
