/** Agents that a user declares: in the settings file, and one a file in the home folder's `agents`. Never a repository's. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDeclaredAgent, type DeclaredAgent } from '../job/agents/declared.ts';
import { codeOf, JobError } from '../job/error.ts';
import { isFields } from '../job/text/json.ts';
import type { Kind } from './kinds.ts';

const MAX_AGENTS = 100;
const MAX_FILE_BYTES = 64 * 1024;
const FILE = /^(.+)\.ya?ml$/;

/** A map of names to declarations, which are read one by one so that an error names the field. */
export const agentsKind: Kind<Readonly<Record<string, unknown>>> = {
  allowed: `a map of at most ${MAX_AGENTS} names to agents`,
  read: (value) => (isFields(value) && Object.keys(value).length <= MAX_AGENTS ? value : undefined),
};

async function readAgentFile(path: string): Promise<unknown> {
  const info = await stat(path).catch(() => null);
  if (info?.isFile() !== true || info.size > MAX_FILE_BYTES)
    throw new JobError(
      'bad_configuration',
      `${path}: it is no file of at most ${MAX_FILE_BYTES} bytes that can be read`,
      { hint: 'mend it, or remove it' },
    );
  const { parse } = await import('yaml');
  try {
    return parse(await readFile(path, 'utf8'), { maxAliasCount: 10, logLevel: 'error' }) as unknown;
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    throw new JobError('bad_configuration', `${path}: ${why}`, { hint: 'it must be YAML, one agent' });
  }
}

/** The files of a folder that declare agents; none where there is no folder. */
async function filesIn(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder).catch((error: unknown) => {
    const code = codeOf(error);
    // Of a home folder that may not be read, whoever opens it tells; some commands need none.
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES' || code === 'EPERM') return [];
    throw new JobError('bad_configuration', `${folder}: it can't be read (${String(code)})`, {
      hint: 'make it readable, or remove it',
    });
  });
  const found = names.filter((name) => FILE.test(name)).toSorted();
  if (found.length <= MAX_AGENTS) return found;
  throw new JobError('bad_configuration', `${folder}: ${found.length} agents (at most ${MAX_AGENTS})`);
}

/**
 * Every declared agent: those of the setting, then those of `<home>/agents/<name>.yml`.
 *
 * @param where file and line of the setting
 * @throws JobError `bad_configuration` that names agent and field, what came and what is allowed
 */
export async function readDeclaredAgents(
  setting: Readonly<Record<string, unknown>>,
  where: string,
  home: string,
): Promise<readonly DeclaredAgent[]> {
  const declared = Object.entries(setting).map(([name, value]) => parseDeclaredAgent(name, value, where));
  const folder = join(home, 'agents');
  for (const file of await filesIn(folder)) {
    const path = join(folder, file);
    const agent = parseDeclaredAgent(file.replace(FILE, '$1'), await readAgentFile(path), path);
    const other = declared.some((one) => one.name === agent.name);
    if (other)
      throw new JobError('bad_configuration', `agents.${agent.name}: it is declared twice (${path})`, {
        hint: 'keep one of the two',
      });
    declared.push(agent);
  }
  return declared;
}
