/**
 * `.mcp.json`: the tool servers that a repository names for its agents, in the form of Claude Code's project file. Who
 * wrote it is not trusted with anything but the sandbox: commands run there as the agent's children, and variables
 * are the job's.
 */
import { createRequire } from 'node:module';
import type { z as Zod } from 'zod';
import { fieldsOf, parseJson, type Fields } from '../../job/text/json.ts';

/** The file's name, in the root of the repository. */
export const MCP_FILE = '.mcp.json';

/** A server that the agent starts, in its own sandbox. */
export interface StdioServer {
  readonly kind: 'stdio';
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** A server that the agent calls. */
export interface RemoteServer {
  readonly kind: 'http' | 'sse';
  readonly name: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** One tool server. */
export type McpServer = StdioServer | RemoteServer;

/** What a file names, and what of it was refused: a field and why, without its value. */
export interface McpServers {
  readonly servers: readonly McpServer[];
  readonly refused: readonly string[];
}

const MAX_FILE_CHARS = 64 * 1024;
const MAX_SERVERS = 32;
/** Longest text after its variables were put in; all of them together fit a variable of the sandbox. */
const MAX_TEXT_CHARS = 4096;
const MAX_ALL_BYTES = 64 * 1024;
const MAX_ARGS = 100;
const MAX_VARIABLES = 50;

const NAME = /^[A-Za-z0-9][\w. -]{0,63}$/;
const VARIABLE = /^[A-Za-z_]\w{0,99}$/;
const HEADER = /^[A-Za-z0-9][A-Za-z0-9-]{0,99}$/;
// oxlint-disable-next-line no-control-regex -- control characters are what is refused here
const ONE_LINE = /^[^\u0000-\u001f\u007f]*$/;
// Scripts are given as arguments, too.
// oxlint-disable-next-line no-control-regex -- control characters are what is refused here
const TEXT = /^[^\u0000-\u0008\u000b-\u001f\u007f]*$/;
const REFERENCE = /\$\{([A-Za-z_]\w*)(?::-([^}]*))?\}/g;

// Most repositories have no such file: the library is loaded where one has.
const load = createRequire(import.meta.url);

// oxlint-disable-next-line typescript/explicit-function-return-type -- the schema's type is what `infer` reads
function createSchema(z: typeof Zod) {
  const text = z.string().max(MAX_TEXT_CHARS).regex(TEXT, 'text without control characters');
  const line = z.string().max(MAX_TEXT_CHARS).regex(ONE_LINE, 'one line without control characters');
  const table = (
    name: RegExp,
    what: string,
    value: Zod.ZodString,
  ): Zod.ZodRecord<Zod.ZodString, Zod.ZodString> =>
    z.record(z.string().regex(name, what), value).refine((all) => Object.keys(all).length <= MAX_VARIABLES, {
      error: `at most ${MAX_VARIABLES} entries`,
    });
  const stdio = z.object({
    command: line.min(1).regex(/^[^-]/, 'a programme, which does not begin with "-"'),
    args: z.array(text).max(MAX_ARGS).default([]),
    env: table(VARIABLE, 'a name of letters, digits and "_"', text).default({}),
  });
  const remote = z.object({
    url: line.refine((url) => {
      const parsed = URL.parse(url);
      return parsed !== null && /^https?:$/.test(parsed.protocol) && parsed.username === '';
    }, 'an http:// or https:// URL without a user'),
    headers: table(HEADER, 'a name of letters, digits and "-"', line).default({}),
  });
  return { stdio, remote };
}

/** Thrown while one server is read: the field below it, empty for the entry itself, and why. */
class Refused extends Error {
  override readonly name = 'Refused';
  readonly field: string;
  constructor(field: string, why: string) {
    super(why);
    this.field = field;
  }
}

/** Puts in variables of the job: `${NAME}`, or `${NAME:-default}` where it may be missing. */
function expand(value: unknown, env: Readonly<Record<string, string>>, where: string): unknown {
  if (typeof value === 'string') {
    let length = value.length;
    return value.replaceAll(REFERENCE, (whole, name: string, fallback: string | undefined) => {
      const found = Object.hasOwn(env, name) ? env[name] : fallback;
      if (found === undefined) throw new Refused(where, `the job has no variable ${name}`);
      length += found.length - whole.length;
      if (length > MAX_TEXT_CHARS) throw new Refused(where, `more than ${MAX_TEXT_CHARS} characters`);
      return found;
    });
  }
  if (Array.isArray(value))
    return value.slice(0, MAX_ARGS + 1).map((one, at) => expand(one, env, `${where}.${at}`));
  const fields = fieldsOf(value);
  if (fields === null) return value;
  const entries = Object.entries(fields).slice(0, MAX_VARIABLES + 1);
  return Object.fromEntries(
    entries.map(([key, one]) => [key, expand(one, env, `${where}.${shownName(key)}`)]),
  );
}

/** A name as a message can show it. */
function shownName(name: string): string {
  return NAME.test(name) || VARIABLE.test(name) ? name : JSON.stringify(name.slice(0, 40));
}

type Schema = ReturnType<typeof createSchema>;

function checked<T extends object>(schema: Zod.ZodType<T>, value: Fields): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const path = (issue?.path ?? []).map((part) => shownName(String(part))).join('.');
  const words = issue?.message ?? 'it is not allowed';
  // The library's own words are sentences, ours say what is allowed.
  throw new Refused(path, /^[A-Z]/.test(words) ? words : `it must be ${words}`);
}

function readServer(
  schema: Schema,
  name: string,
  value: unknown,
  env: Readonly<Record<string, string>>,
): McpServer {
  const entry = fieldsOf(value);
  if (entry === null) throw new Refused('', 'it is no object');
  const { type = entry['command'] === undefined ? 'http' : 'stdio' } = entry;
  const pick = (...names: readonly string[]): Fields =>
    Object.fromEntries(
      names.flatMap((one) => (entry[one] === undefined ? [] : [[one, expand(entry[one], env, one)]])),
    );
  if (type === 'stdio') return { kind: type, name, ...checked(schema.stdio, pick('command', 'args', 'env')) };
  if (type === 'http' || type === 'sse')
    return { kind: type, name, ...checked(schema.remote, pick('url', 'headers')) };
  throw new Refused('type', 'it must be stdio, http or sse');
}

/**
 * Reads the text of `.mcp.json`. An entry that is refused takes no other with it; a file that is none, or names more
 * than 32 servers, is refused whole.
 *
 * @param text the file as the base commit has it
 * @param env the job's own variables, which `${NAME}` may name; nothing of this machine's
 */
export function readMcpServers(text: string, env: Readonly<Record<string, string>>): McpServers {
  const none = (why: string): McpServers => ({ servers: [], refused: [why] });
  if (text.length > MAX_FILE_CHARS)
    return none(`the file: ${text.length} characters (at most ${MAX_FILE_CHARS})`);
  const file = fieldsOf(parseJson(text));
  if (file === null) return none('the file: it is no JSON object');
  const named = fieldsOf(file['mcpServers']);
  if (named === null) return none('mcpServers: it is no object');
  const entries = Object.entries(named);
  if (entries.length > MAX_SERVERS)
    return none(`mcpServers: ${entries.length} entries (at most ${MAX_SERVERS})`);
  const schema = createSchema((load('zod') as { z: typeof Zod }).z);
  const servers: McpServer[] = [];
  const refused: string[] = [];
  for (const [name, value] of entries) {
    try {
      if (!NAME.test(name))
        throw new Refused(
          '',
          `its name may hold letters, digits, "_", ".", "-" and spaces after a letter or digit`,
        );
      servers.push(readServer(schema, name, value, env));
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown;
      const where = ['mcpServers', shownName(name), thrown.field].filter((part) => part !== '').join('.');
      refused.push(`${where}: ${thrown.message}`);
    }
  }
  if (Buffer.byteLength(JSON.stringify(servers)) > MAX_ALL_BYTES)
    return none(`mcpServers: more than ${MAX_ALL_BYTES} bytes with their variables`);
  return { servers, refused };
}
