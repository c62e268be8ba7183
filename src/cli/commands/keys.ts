/** `keys`: who may use the HTTP API, and what they did. */
import type { ApiKey } from '../../job/access/access.ts';
import type { Runner } from '../../runner/runner.ts';
import { addSettingFlags } from '../asking/settings.ts';
import { action, printJson, type CliCommand, type Io } from '../command.ts';
import { withRunner, type ReadOptions } from '../reading.ts';
import { cleanLine, table } from '../text.ts';

/** Who acts from this command line, as the audit names them. */
const ACTOR = 'local';
const AUDIT_ROWS = 100;

async function note(runner: Runner, done: string, target: string): Promise<void> {
  await runner.store.addAudit({
    time: new Date().toISOString(),
    actor: ACTOR,
    role: 'admin',
    action: done,
    target,
    status: 200,
    address: null,
  });
}

function shown(key: ApiKey): Omit<ApiKey, 'hash'> {
  const { key_id, name, role, created_at, revoked_at } = key;
  return { key_id, name, role, created_at, revoked_at };
}

async function create(io: Io, runner: Runner, options: ReadOptions): Promise<number> {
  const { createKey, parseRole } = await import('../../server/access/keys.ts');
  const role = parseRole(String(options['role']));
  const made = await createKey(runner.store, { name: String(options['name']), role });
  if (made === null) return 1;
  await note(runner, 'createKey', made.key.key_id);
  if (options.json === true) printJson(io, { ...shown(made.key), key: made.secret });
  else {
    io.out(`${made.secret}\n`);
    io.err(`key ${made.key.key_id} (${role}); it is shown this once\n`);
  }
  return 0;
}

async function list(io: Io, runner: Runner, options: ReadOptions): Promise<number> {
  const keys = await runner.store.listKeys();
  if (options.json === true) printJson(io, { keys: keys.map(shown) });
  else if (keys.length === 0) io.err('no keys yet; `up` makes the first one\n');
  else {
    const rows = keys.map((key) => [
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

async function revoke(io: Io, runner: Runner, keyId: string, options: ReadOptions): Promise<number> {
  const key = await runner.store.revokeKey(keyId, new Date().toISOString());
  await note(runner, 'revokeKey', keyId);
  if (options.json === true) printJson(io, shown(key));
  else io.out(`${keyId} is revoked\n`);
  return 0;
}

async function audit(io: Io, runner: Runner, options: ReadOptions): Promise<number> {
  const entries = await runner.store.listAudit(null, AUDIT_ROWS);
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
    const add = (usage: string, summary: string): ReturnType<typeof addSettingFlags> =>
      addSettingFlags(program.command(usage).summary(summary).description(summary), 'home').option(
        '--json',
        'print JSON',
      );
    add('create', 'make a key; it is shown once')
      .requiredOption('--name <name>', 'whom or what it is for')
      .option('--role <role>', 'read, submit or admin', 'submit')
      .action(
        action(io, (options: ReadOptions) =>
          withRunner(io, options, (runner) => create(io, runner, options)),
        ),
      );
    add('list', 'list keys').action(
      action(io, (options: ReadOptions) => withRunner(io, options, (runner) => list(io, runner, options))),
    );
    add('revoke', "take a key's right away, for good")
      .argument('<key>', 'id of the key')
      .action(
        action(io, (keyId: string, options: ReadOptions) =>
          withRunner(io, options, (runner) => revoke(io, runner, keyId, options)),
        ),
      );
    add('audit', `show the last ${AUDIT_ROWS} things that were done, newest first`).action(
      action(io, (options: ReadOptions) => withRunner(io, options, (runner) => audit(io, runner, options))),
    );
  },
  examples: ['keys create --name ci --role submit', 'keys list', 'keys revoke 0123456789ab', 'keys audit'],
};
