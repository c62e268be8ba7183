/** `keys`: who may use the HTTP API, and what they did; of a home folder, or as an administrator of a server. */
import type { ApiKey, KeyView, NumberedAuditEntry, Role } from '../../job/access/access.ts';
import { readToken } from '../../config.ts';
import type { Runner } from '../../runner/runner.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { addReachFlag, isRemote, reachSettings, type ReachOptions } from '../reach.ts';
import { cleanLine, table } from '../text.ts';

/** Who acts from this command line, as the audit names them. */
const ACTOR = 'local';
const AUDIT_ROWS = 100;

/** Keys, wherever they are kept. */
interface Keys {
  list(): Promise<readonly KeyView[]>;
  create(name: string, role: Role): Promise<KeyView & { readonly key: string }>;
  revoke(keyId: string): Promise<KeyView>;
  audit(limit: number): Promise<readonly NumberedAuditEntry[]>;
}

function shown({ key_id, name, role, created_at, revoked_at }: ApiKey): KeyView {
  return { key_id, name, role, created_at, revoked_at };
}

/** The keys of a home folder. */
function localKeys({ store }: Runner): Keys {
  const note = (action_: string, target: string): Promise<void> =>
    store.addAudit({
      time: new Date().toISOString(),
      actor: ACTOR,
      role: 'admin',
      action: action_,
      target,
      status: 200,
      address: null,
    });
  return {
    list: async () => (await store.listKeys()).map(shown),
    async create(name, role) {
      const { createKey } = await import('../../server/access/keys.ts');
      const made = await createKey(store, { name, role });
      if (made === null) throw new Error('no key was made');
      await note('createKey', made.key.key_id);
      return { ...shown(made.key), key: made.secret };
    },
    async revoke(keyId) {
      const key = await store.revokeKey(keyId, new Date().toISOString());
      await note('revokeKey', keyId);
      return shown(key);
    },
    audit: (limit) => store.listAudit(null, limit),
  };
}

/** Opens where the keys are for `use`. */
async function withKeys(
  io: Io,
  options: ReachOptions,
  use: (keys: Keys) => Promise<number>,
): Promise<number> {
  const config = await io.resolve(reachSettings(options));
  const { url } = config.remote;
  if (url !== null && isRemote(config, options)) {
    const { createRemoteKeys } = await import('../../client/keys.ts');
    return use(createRemoteKeys({ url, token: await readToken(config.remote) }));
  }
  const { openRunner } = await import('../../runner/open.ts');
  const runner = await openRunner(config);
  try {
    return await use(localKeys(runner));
  } finally {
    await runner.close();
  }
}

async function create(io: Io, keys: Keys, options: ReachOptions): Promise<number> {
  const { parseRole } = await import('../../server/access/keys.ts');
  const made = await keys.create(String(options['name']), parseRole(String(options['role'])));
  if (options.json === true) printJson(io, made);
  else {
    io.out(`${made.key}\n`);
    io.err(`key ${made.key_id} (${made.role}); it is shown this once\n`);
  }
  return 0;
}

async function list(io: Io, keys: Keys, options: ReachOptions): Promise<number> {
  const all = await keys.list();
  if (options.json === true) printJson(io, { keys: all });
  else if (all.length === 0) io.err('no keys yet; `up` makes the first one\n');
  else {
    const rows = all.map((key) => [
      key.key_id,
      key.role,
      key.created_at.slice(0, 19).replace('T', ' '),
      key.revoked_at === null ? 'valid' : 'revoked',
      cleanLine(key.name),
    ]);
    io.out(table(['key', 'role', 'created (UTC)', 'state', 'name'], rows, io.colour));
  }
  return 0;
}

async function revoke(io: Io, keys: Keys, keyId: string, options: ReachOptions): Promise<number> {
  const key = await keys.revoke(keyId);
  if (options.json === true) printJson(io, key);
  else io.out(`${key.key_id} is revoked\n`);
  return 0;
}

async function audit(io: Io, keys: Keys, options: ReachOptions): Promise<number> {
  const entries = await keys.audit(AUDIT_ROWS);
  if (options.json === true) printJson(io, { entries });
  else {
    const rows = entries.map((entry) => [
      entry.time.slice(0, 19).replace('T', ' '),
      entry.actor,
      entry.role,
      entry.action,
      String(entry.status),
      entry.address ?? '',
      cleanLine(entry.target ?? ''),
    ]);
    io.out(table(['time (UTC)', 'who', 'role', 'what', 'status', 'from', 'to'], rows, io.colour));
  }
  return 0;
}

export const command: CliCommand = {
  define(program, io) {
    const add = (usage: string, summary: string): ReturnType<typeof addReachFlag> =>
      addReachFlag(
        addSettingFlags(program.command(usage).summary(summary).description(summary), 'home'),
      ).option('--json', 'print JSON');
    add('create', 'make a key; it is shown once')
      .requiredOption('--name <name>', 'whom or what it is for')
      .option('--role <role>', 'read, submit or admin', 'submit')
      .action(
        action(io, (options: ReachOptions) => withKeys(io, options, (keys) => create(io, keys, options))),
      );
    add('list', 'list keys').action(
      action(io, (options: ReachOptions) => withKeys(io, options, (keys) => list(io, keys, options))),
    );
    add('revoke', "take a key's right away, for good")
      .argument('<key>', 'id of the key')
      .action(
        action(io, (keyId: string, options: ReachOptions) =>
          withKeys(io, options, (keys) => revoke(io, keys, keyId, options)),
        ),
      );
    add('audit', `show the last ${AUDIT_ROWS} things that were done, newest first`).action(
      action(io, (options: ReachOptions) => withKeys(io, options, (keys) => audit(io, keys, options))),
    );
  },
  examples: [
    'keys create --name ci --role submit',
    'keys list --url https://runner.example.org',
    'keys revoke 0123456789ab',
    'keys audit',
  ],
};
