/** The standing rules of a repository: which files hold them and which of those count. */

/** Names that are looked up, the first found wins. `AGENTS.md` counts in every directory, the others at the root. */
export const RULE_FILES = ['AGENTS.md', '.agent/instructions.md', 'agent-config.md', 'CLAUDE.md'] as const;

/** Most bytes of rules that a prompt carries. */
export const MAX_RULES_BYTES: number = 32 * 1024;
/** Directories that hold other people's code: their rules are not this repository's. */
const FOREIGN = new Set(['.git', 'node_modules', 'vendor', 'third_party', '.venv']);

/** A file of rules with its text. */
export interface RuleFile {
  /** Relative to the root of the repository, with `/`. */
  readonly path: string;
  readonly content: string;
}

/** Whether a tracked path may hold standing rules, so that only such files need to be read. */
export function isRuleFile(path: string): boolean {
  // Most paths end otherwise: a large repository has tens of thousands of them.
  if (!path.endsWith(RULE_FILES[0]) && !RULE_FILES.some((name) => name === path)) return false;
  const parts = path.split('/');
  if (parts.some((part) => FOREIGN.has(part) || part === '' || part === '..')) return false;
  return parts.at(-1) === RULE_FILES[0] || RULE_FILES.some((name) => name === path);
}

function depth(path: string): number {
  return path.split('/').length;
}

function chosen(files: readonly RuleFile[], agentConfig: RuleFile | null): readonly RuleFile[] {
  if (agentConfig !== null) return [agentConfig];
  const full = files.filter((file) => isRuleFile(file.path) && file.content.trim() !== '');
  const [nested, ...others] = RULE_FILES;
  const agents = full.filter((file) => file.path.split('/').at(-1) === nested);
  if (agents.length > 0) {
    return agents.toSorted((a, b) => depth(a.path) - depth(b.path) || (a.path < b.path ? -1 : 1));
  }
  for (const name of others) {
    const found = full.find((file) => file.path === name);
    if (found !== undefined) return [found];
  }
  return [];
}

/** The longest start of `text` of at most `maxBytes` UTF-8 bytes. */
function cutToBytes(text: string, maxBytes: number): string {
  const bytes = new TextEncoder().encode(text);
  let end = Math.min(bytes.length, Math.max(0, maxBytes));
  // Step back to the start of a character: bytes 10xxxxxx continue one.
  while (end > 0 && end < bytes.length && ((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}

function bytesOf(text: string): number {
  return new TextEncoder().encode(text).length;
}

/**
 * Picks the rules an agent is told: the file of `AGENT_CONFIG` alone where it is given, else every
 * `AGENTS.md` from the root to the leaves, else the first of the other names. Files beyond `maxBytes` are
 * cut, and a note says so where there is room for it.
 *
 * @param files candidates (see `isRuleFile`), in any order; blank ones do not count
 * @param options.told path that the agent reads by itself: it counts, takes room, and is not told again
 */
export function selectRules(
  files: readonly RuleFile[],
  options: {
    readonly agentConfig: RuleFile | null;
    readonly maxBytes: number;
    readonly told?: string | null;
  },
): RuleFile[] {
  const rules: RuleFile[] = [];
  let left = options.maxBytes;
  for (const file of chosen(files, options.agentConfig)) {
    const bytes = bytesOf(file.content);
    if (bytes <= left) {
      if (file.content.trim() !== '') rules.push({ path: file.path, content: file.content });
      left -= bytes;
      continue;
    }
    const note = `\n[cut: the rules are longer than ${options.maxBytes} bytes; read the rest in ${cutToBytes(file.path, 200)} and in the files below it]\n`;
    const room = left - bytesOf(note);
    if (room >= 0) rules.push({ path: file.path, content: cutToBytes(file.content, room) + note });
    else if (left > 0) rules.push({ path: file.path, content: cutToBytes(file.content, left) });
    break;
  }
  return options.agentConfig === null ? rules.filter((rule) => rule.path !== options.told) : rules;
}
