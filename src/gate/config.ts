/** `.agent-runner.yml`: what a repository says about its own setup, gate and limits. Read from the base commit only. */
import { createRequire } from 'node:module';
import type { z as Zod } from 'zod';
import { JobError } from '../job/error.ts';
import type { Check } from '../job/gate.ts';
import { CHECK_KINDS } from '../job/gate.ts';
import type { Policy } from '../job/request.ts';
import type { Service } from '../sandbox/services.ts';
import { kindOf } from './detect/check-kind.ts';
import { DEFAULT_CHECK_TIMEOUT_S } from './detect/detection.ts';
import { readYaml, type Position } from './project/yaml.ts';

/** The file's name, in the root of the repository. */
export const REPO_CONFIG_FILE = '.agent-runner.yml';

const MAX_CONFIG_CHARS = 256 * 1024;
const MAX_TIMEOUT_S = 6 * 3600;
const MAX_ALIASES = 20;
const MAX_SERVICES = 10;
/** Seconds a service may take to become ready: where none are given, and at most. */
const DEFAULT_READY_S = 60;
const MAX_READY_S = 900;

/** Setup as the repository gives it. */
export interface RepoSetup {
  /** Shell commands, run one after the other. */
  readonly commands: readonly string[];
  /** Directories that setup produces and that are kept, besides the known dependency directories. */
  readonly keep: readonly string[];
}

/** The gate as the repository gives it; what is absent leaves the default. */
export interface RepoGate extends Partial<Policy> {
  /** Absent: detect them. */
  readonly checks?: readonly Check[];
  readonly env?: Readonly<Record<string, string>>;
  readonly network?: boolean;
  readonly max_runs?: number;
  /** Seconds for every check that does not name its own, detected ones included. */
  readonly timeout_s?: number;
}

/** `.agent-runner.yml`, validated; what is absent leaves the default. */
export interface RepoConfig {
  /** Absent: detect it. `false`: run none. */
  readonly setup?: RepoSetup | false;
  readonly gate?: RepoGate;
  /** The part of the repository that a job may change; absent or empty is everything. */
  readonly paths?: readonly string[];
  /** What a job may not change. */
  readonly protected_paths?: readonly string[];
  readonly diff?: { readonly max_files?: number; readonly max_bytes?: number };
  /** What checks and agents can reach while they run, in the order in which it is started. */
  readonly services?: readonly Service[];
}

// The signature is synchronous and most runs read no such file: `require` loads the library when it is needed.
const load = createRequire(import.meta.url);

// oxlint-disable-next-line no-control-regex -- NUL is what is refused here
const COMMAND = /^[^\u0000]*\S[^\u0000]*$/;
// oxlint-disable-next-line no-control-regex -- control characters are what is refused here
const CHECK_NAME = /^[^\u0000-\u001f\u007f]+$/;
const ENV_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const SERVICE_NAME = /^[a-z][a-z0-9_-]{0,40}$/;
const PATH_RULE = 'a path relative to the root, without "..", not beginning with "-" or "/"';

function isInside(path: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
  if (path === '' || /^[-/~]|\\|[\u0000-\u001f\u007f]|^[A-Za-z]:/.test(path)) return false;
  return !path.split('/').some((part) => part === '..' || part === '.git');
}

// oxlint-disable-next-line typescript/explicit-function-return-type -- the schema's type is what `infer` reads
function createSchema(z: typeof Zod) {
  const command = z.string().min(1).max(10_000).regex(COMMAND, 'a shell command');
  const commands = z.union([command.transform((one) => [one]), z.array(command).min(1).max(50)], {
    error: 'a command or a list of commands',
  });
  const path = z.string().max(500).refine(isInside, PATH_RULE);
  const paths = z.array(path).max(500);
  const timeoutS = z.number().positive().max(MAX_TIMEOUT_S);
  const setup = z.union(
    [
      z.literal(false).transform(() => false as const),
      commands.transform((list) => ({ commands: list, keep: [] as string[] })),
      z
        .strictObject({ command: commands, keep: paths.max(50).default([]) })
        .transform(({ command: list, keep }) => ({ commands: list, keep })),
    ],
    { error: 'a command, a list of commands, false, or {command, keep}' },
  );
  const check = z.strictObject({
    name: z.string().min(1).max(100).regex(CHECK_NAME, 'one line without control characters'),
    command,
    kind: z.enum(CHECK_KINDS).optional(),
    timeout_s: timeoutS.optional(),
    report: path.optional(),
  });
  const env = z.record(
    z.string().regex(ENV_NAME, 'a name of letters, digits and "_"'),
    z.string({ error: 'text; put numbers and true or false in quotes' }),
  );
  const gate = z.strictObject({
    checks: z.array(check).max(50).optional(),
    env: env.optional(),
    network: z.boolean().optional(),
    on_red: z.enum(['block', 'draft']).optional(),
    on_inconclusive: z.enum(['block', 'draft', 'open']).optional(),
    on_none: z.enum(['block', 'draft', 'open']).optional(),
    on_tamper: z.enum(['block', 'draft', 'allow']).optional(),
    max_runs: z.number().int().min(1).max(50).optional(),
    timeout_s: timeoutS.optional(),
  });
  const service = z.strictObject({
    command,
    ready: command.optional(),
    env: env.optional(),
    timeout_s: z.number().positive().max(MAX_READY_S).optional(),
  });
  const serviceName = z.string().regex(SERVICE_NAME, 'a name of lower case letters, digits, "-" and "_"');
  const services = z.record(serviceName, service).refine((all) => Object.keys(all).length <= MAX_SERVICES, {
    error: `at most ${MAX_SERVICES} services`,
  });
  const diff = z.strictObject({
    max_files: z.number().int().min(1).max(1_000_000).optional(),
    max_bytes: z
      .number()
      .int()
      .min(1)
      .max(1024 ** 3)
      .optional(),
  });
  return z.strictObject({
    setup: setup.optional(),
    gate: gate.optional(),
    paths: paths.optional(),
    protected_paths: paths.optional(),
    diff: diff.optional(),
    services: services.optional(),
  });
}

type Parsed = Zod.infer<ReturnType<typeof createSchema>>;

function bad(message: string, hint: string): JobError {
  return new JobError('bad_configuration', `${REPO_CONFIG_FILE}: ${message}`, { hint });
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (inner, key) =>
      typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined,
    value,
  );
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${String(key)}`))
    .join('')
    .replace(/^\./, '');
}

/** A union hides what is wrong inside its branch: the branch that got furthest says it best. */
function deepest(issue: Zod.core.$ZodIssue): Zod.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue;
  const inner = issue.errors
    .flat()
    .map((one) => ({ ...deepest(one), path: [...issue.path, ...deepest(one).path] }));
  const best = inner.toSorted((a, b) => b.path.length - a.path.length)[0];
  return best !== undefined && best.path.length > issue.path.length ? best : issue;
}

function readText(text: string): { value: unknown; where: (path: readonly PropertyKey[]) => string } {
  const read = readYaml(text, MAX_ALIASES);
  if (read.kind === 'aliases') throw bad(read.message, `at most ${MAX_ALIASES} aliases are allowed`);
  const said = ({ line, column }: Position): string => `line ${line}, column ${column}`;
  if (read.kind === 'bad')
    throw bad(`${said(read.at)}: ${read.message}`, 'it must be YAML; see the documentation for its fields');
  return { value: read.value, where: (path) => said(read.where(path)) };
}

/** Leaves out what is absent, so that `??` and spreading give the default. */
function present<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function resolveGate({ checks, ...gate }: NonNullable<Parsed['gate']>): RepoGate {
  if (checks === undefined) return present(gate);
  const resolved = checks.map((check) => ({
    name: check.name,
    kind: check.kind ?? kindOf(check.name, check.command),
    command: check.command,
    timeout_s: check.timeout_s ?? gate.timeout_s ?? DEFAULT_CHECK_TIMEOUT_S,
    ...(check.report === undefined ? {} : { report: check.report }),
  }));
  return { ...present(gate), checks: resolved };
}

function resolveServices(services: NonNullable<Parsed['services']>): readonly Service[] {
  return Object.entries(services).map(([name, one]) => ({
    name,
    command: one.command,
    ready: one.ready ?? null,
    env: one.env ?? {},
    timeout_s: one.timeout_s ?? DEFAULT_READY_S,
  }));
}

/** Images are what most people write first: the refusal says what works instead. */
function refuseImages(value: unknown, where: (path: readonly PropertyKey[]) => string): void {
  const services = valueAt(value, ['services']);
  if (typeof services !== 'object' || services === null) return;
  const name = Object.keys(services).find((one) => valueAt(services, [one, 'image']) !== undefined);
  if (name === undefined) return;
  const path = ['services', name, 'image'];
  throw bad(
    `${where(path)}: ${pathText(path)}: images need a container sandbox, which there is not yet`,
    'give `command:` with the program that starts it, and `ready:` with one that tells when it can be used',
  );
}

function resolve({ gate, diff, services, ...rest }: Parsed): RepoConfig {
  return {
    ...present(rest),
    ...(gate === undefined ? {} : { gate: resolveGate(gate) }),
    ...(diff === undefined ? {} : { diff: present(diff) }),
    ...(services === undefined ? {} : { services: resolveServices(services) }),
  };
}

/**
 * Reads the text of `.agent-runner.yml`. An empty file is a file of defaults.
 *
 * @throws JobError `bad_configuration` with line and column, the field, what came and what is allowed
 */
export function parseRepoConfig(text: string): RepoConfig {
  if (text.length > MAX_CONFIG_CHARS) {
    throw bad(
      `${text.length} characters are too many (at most ${MAX_CONFIG_CHARS})`,
      'move scripts into files of their own',
    );
  }
  const { value, where } = readText(text);
  refuseImages(value, where);
  const { z } = load('zod') as { z: typeof Zod };
  const result = createSchema(z).safeParse(value ?? {});
  if (!result.success) {
    const issue = deepest(result.error.issues[0] as Zod.core.$ZodIssue);
    const unknown = issue.code === 'unrecognized_keys' ? issue.keys[0] : undefined;
    const path = unknown === undefined ? issue.path : [...issue.path, unknown];
    const came = valueAt(value, path);
    const wrong =
      unknown === undefined ? `${shown(came)} is not allowed: ${issue.message}` : 'there is no such field';
    throw bad(
      `${where(path)}: ${pathText(path) || 'the file'}: ${wrong}`,
      'docs/configuration.md tells the fields and their values, and `agent-runner init --schema` prints them',
    );
  }
  const config = resolve(result.data);
  const names = config.gate?.checks?.map((check) => check.name) ?? [];
  const twice = names.findIndex((name, at) => names.indexOf(name) !== at);
  if (twice >= 0) {
    const path = ['gate', 'checks', twice, 'name'];
    throw bad(
      `${where(path)}: ${pathText(path)}: ${shown(names[twice])} comes twice`,
      'give every check a name of its own',
    );
  }
  return config;
}

/** The JSON schema of `.agent-runner.yml`, for editors. */
export function repoConfigJsonSchema(): Readonly<Record<string, unknown>> {
  const { z } = load('zod') as { z: typeof Zod };
  return { ...z.toJSONSchema(createSchema(z), { io: 'input' }), title: REPO_CONFIG_FILE };
}
