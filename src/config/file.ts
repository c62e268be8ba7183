/** Reads settings files: YAML, with the line of every value. */
import { lstat, readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Document, LineCounter, Node, YAMLMap } from 'yaml';
import { codeOf, JobError } from '../job/error.ts';
import {
  isSettingName,
  SETTING_NAMES,
  SETTINGS,
  unknownSetting,
  type Found,
  type SettingName,
} from './settings.ts';

/** Largest settings file, in bytes. */
const MAX_FILE_BYTES = 64 * 1024;
/** Parent directories that are looked at for a repository's root. */
const MAX_PARENTS = 64;

/** What was found in a file, by setting. */
export type FoundSettings = ReadonlyMap<SettingName, Found>;

/** The project file of the repository around `cwd`: `.agent-runner/config.yml` in its root; `null` outside one. */
export async function findProjectFile(cwd: string): Promise<string | null> {
  let dir = cwd;
  for (let count = 0; count < MAX_PARENTS; count++) {
    if ((await lstat(join(dir, '.git')).catch(() => null)) !== null)
      return join(dir, '.agent-runner', 'config.yml');
    const parent = dirname(dir);
    if (parent === dir) return null;
    dir = parent;
  }
  return null;
}

/**
 * Reads a settings file; one that is not there sets nothing. A project file comes with a repository, so it may
 * neither be a link out of it nor set what runs on this machine.
 *
 * @throws JobError `bad_configuration` with file and line
 */
export async function readSettingsFile(file: string, source: 'project' | 'user'): Promise<FoundSettings> {
  const text = await readBounded(file, source);
  if (text === null || text.trim() === '') return new Map();
  const { isMap, isScalar, LineCounter, parseDocument } = await import('yaml');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    throw new JobError(
      'bad_configuration',
      `${file}:${lines.linePos(problem.pos[0]).line}: ${problem.message}`,
    );
  }
  const found = new Map<SettingName, Found>();
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    return found;
  if (!isMap(document.contents))
    throw new JobError('bad_configuration', `${file}: it holds no settings (allowed: name: value)`);
  await collect(document.contents, '', { file, source, document, lines, found });
  return found;
}

interface Reading {
  readonly file: string;
  readonly source: 'project' | 'user';
  readonly document: Document;
  readonly lines: LineCounter;
  readonly found: Map<SettingName, Found>;
}

/** Takes the settings out of a map; `budget: {timeout_s: 60}` and `budget.timeout_s: 60` are the same. */
async function collect(map: YAMLMap, prefix: string, reading: Reading): Promise<void> {
  const { isMap, isScalar, isNode } = await import('yaml');
  for (const { key, value } of map.items) {
    const name = `${prefix}${isScalar(key) ? String(key.value) : '?'}`;
    const where = `${reading.file}:${lineOf(isNode(key) ? key : map, reading.lines)}`;
    const isGroup = SETTING_NAMES.some((known) => known.startsWith(`${name}.`));
    if (isMap(value) && isGroup && prefix === '') {
      await collect(value, `${name}.`, reading);
      continue;
    }
    if (!isSettingName(name)) throw unknownSetting(name, where);
    if (reading.source === 'project' && !SETTINGS[name].project) {
      throw new JobError('bad_configuration', `${name}: a repository may not set it (from ${where})`, {
        hint: 'set it by flag, by environment or in your own settings file, and take it out of the project file',
      });
    }
    if (reading.found.has(name)) {
      throw new JobError('bad_configuration', `${name}: it is set twice (from ${where})`, {
        hint: 'keep one of the two',
      });
    }
    const plain = isNode(value) ? plainOf(value, reading, where) : value;
    reading.found.set(name, {
      value: plain,
      origin: { source: reading.source, where },
      baseDir: dirname(reading.file),
    });
  }
}

/** A value as plain data; aliases may not multiply it. */
function plainOf(value: Node, { document }: Reading, where: string): unknown {
  try {
    return value.toJS(document, { maxAliasCount: 10 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new JobError('bad_configuration', `${where}: ${why}`, {
      hint: 'write the value out without aliases',
    });
  }
}

function lineOf(node: Node, lines: LineCounter): number {
  return lines.linePos(node.range?.[0] ?? 0).line;
}

/** The text of a settings file, or `null` when there is none; anything but a small regular file is refused. */
async function readBounded(file: string, source: 'project' | 'user'): Promise<string | null> {
  try {
    // People link their own settings from elsewhere; a repository's link could point at any file of theirs.
    const info = source === 'project' ? await lstat(file) : await stat(file);
    if (!info.isFile()) throw new JobError('bad_configuration', `${file}: it is no regular file`);
    if (info.size > MAX_FILE_BYTES) {
      throw new JobError(
        'bad_configuration',
        `${file}: ${info.size} bytes is too large (at most ${MAX_FILE_BYTES})`,
      );
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof JobError) throw error;
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new JobError('bad_configuration', `${file}: it can't be read (${code ?? String(error)})`, {
      hint: 'make it readable, or remove it',
      cause: error,
    });
  }
}
