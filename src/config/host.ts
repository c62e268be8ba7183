/** What the host offers to child processes, as a pure function of an environment. */
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, isAbsolute, normalize } from 'node:path';

/** Longest variable that is handed on to child processes, in characters. */
const MAX_VARIABLE_CHARS = 4096;
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** What the host offers to child processes; nothing else of the environment reaches them. */
export interface HostEnvironment {
  /** The user's PATH, without what npm put in front and without relative entries. */
  readonly path: string;
  /** The user's home directory. */
  readonly home: string;
  /** The directory the user stands in, also when started by `npm run`. */
  readonly cwd: string;
  readonly tmp: string;
  readonly lang: string;
  /** Variables that package managers and TLS need for setup with network; none holds a credential. */
  readonly registry: Readonly<Record<string, string>>;
  /** Files and directories that `registry` names and a sandbox must be able to read; they may be absent. */
  readonly registryPaths: readonly string[];
  /** Names of variables that were left out of `registry` because a credential is in them. */
  readonly dropped: readonly string[];
}

/** Variables that name certificates: a file, a directory, or a list of directories. */
const CERTIFICATES = [
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
  'NODE_EXTRA_CA_CERTS',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'NIX_SSL_CERT_FILE',
  'AWS_CA_BUNDLE',
  'PIP_CERT',
  'CARGO_HTTP_CAINFO',
  'NPM_CONFIG_CAFILE',
  'npm_config_cafile',
] as const;

const REGISTRY: readonly RegExp[] = [
  /^(HTTP|HTTPS|ALL|NO)_PROXY$/i,
  /^npm_config_(@[^:]+:)?(registry|proxy|https_proxy|noproxy)$/i,
  /^YARN_(REGISTRY|NPM_REGISTRY_SERVER)$/,
  /^PIP_(DEFAULT_TIMEOUT|RETRIES|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST)$/,
  /^UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NATIVE_TLS)$/,
  /^(GOPROXY|GONOPROXY|GOPRIVATE|GOSUMDB|GONOSUMDB)$/,
  /^CARGO_(REGISTRIES_\w+_(INDEX|PROTOCOL)|REGISTRY_DEFAULT|SOURCE_\w+_(REGISTRY|REPLACE_WITH)|HTTP_PROXY)$/,
  /^(MAVEN_OPTS|MAVEN_ARGS|GRADLE_OPTS|JAVA_TOOL_OPTIONS)$/,
];

// Someone's name and password before the host, with or without a scheme; or a key in the query or an option.
const USERINFO = /:\/\/[^\s/?#]*@|^[^\s/]*@/;
const KEYED = /(pass|passwd|password|passphrase|token|secret|auth|api_?key|access_?key)[\w.-]*\s*[=:]\s*\S/i;

/** Whether a credential seems to be in a variable's value; then no child process gets it. */
function holdsCredential(value: string): boolean {
  const parts = value.split(/[\s,|;]+/);
  return KEYED.test(value) || /[?&]key=/i.test(value) || parts.some((part) => USERINFO.test(part));
}

/** Absolute paths that a variable names: certificates, a package folder, `file:` URLs, a Java trust store. */
function pathsIn(name: string, value: string): readonly string[] {
  if (CERTIFICATES.some((known) => known === name)) return value.split(delimiter).filter(isFolderOrFile);
  return value
    .split(/[\s,|;]+/)
    .map((part) => part.replace(/^-Djavax\.net\.ssl\.trustStore=|^file:\/\/(?=\/)/, ''))
    .filter(isFolderOrFile);
}

function isFolderOrFile(path: string): boolean {
  return isAbsolute(path) && normalize(path) !== '/';
}

/** What the host offers to child processes, from `env` and the directory the process stands in. */
export function hostEnvironment(env: NodeJS.ProcessEnv, cwd: string): HostEnvironment {
  const registry: Record<string, string> = {};
  const dropped: string[] = [];
  for (const name of Object.keys(env).toSorted()) {
    const value = env[name];
    if (value === undefined || value === '') continue;
    const isCertificate = CERTIFICATES.some((known) => known === name);
    if (!isCertificate && !REGISTRY.some((known) => known.test(name))) continue;
    if (value.length > MAX_VARIABLE_CHARS || holdsCredential(value)) dropped.push(name);
    else registry[name] = value;
  }
  const { HOME, TMPDIR, LC_ALL, LANG } = env;
  const lang = [LC_ALL, LANG].find((value) => value !== undefined && /^[\w.@-]+$/.test(value));
  return {
    path: userPath(env),
    home: HOME !== undefined && isAbsolute(HOME) ? HOME : homedir(),
    cwd: userCwd(env, cwd),
    tmp: TMPDIR !== undefined && isAbsolute(TMPDIR) ? TMPDIR : tmpdir(),
    lang: lang ?? 'C.UTF-8',
    registry,
    registryPaths: [...new Set(Object.entries(registry).flatMap(([name, value]) => pathsIn(name, value)))],
    dropped,
  };
}

/** Quotes a word for a POSIX shell, where it needs it. */
export function shellWord(word: string): string {
  return /^[A-Za-z0-9_./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/**
 * How a person calls this program, for the commands that hints name: a clone has no `agent-runner` on the PATH,
 * it runs through npm, from within the clone or, by `--prefix`, from elsewhere.
 */
export function programName(env: NodeJS.ProcessEnv): string {
  const { npm_package_name: name, npm_lifecycle_event: event, npm_command: command } = env;
  if (name === 'agent-runner' && (event === 'agent-runner' || event === 'demo')) {
    const { npm_package_json: manifest, INIT_CWD: stood } = env;
    const root = manifest === undefined ? null : dirname(manifest);
    const isInside = root === null || stood === undefined || `${stood}/`.startsWith(`${root}/`);
    return `npm run -s ${isInside ? '' : `--prefix ${shellWord(root)} `}agent-runner --`;
  }
  return command === 'exec' ? 'npx agent-runner' : 'agent-runner';
}

/**
 * The user's PATH. `npm run` and `npx` put `node_modules/.bin` of every parent directory and one
 * `node-gyp-bin` in front; with them a repository would be judged with our tools. Relative entries would
 * find programs in whatever repository a command runs in.
 */
function userPath(env: NodeJS.ProcessEnv): string {
  const entries = (env['PATH'] ?? DEFAULT_PATH).split(delimiter);
  const startedByNpm = env['npm_execpath'] !== undefined || env['npm_lifecycle_event'] !== undefined;
  const isBin = (entry: string): boolean => /[\\/]node_modules[\\/]\.bin[\\/]?$/.test(entry);
  const isGyp = (entry: string): boolean => /[\\/]node-gyp-bin[\\/]?$/.test(entry);
  const end = entries.findIndex((entry) => !isBin(entry) && !isGyp(entry));
  const front = entries.slice(0, end < 0 ? entries.length : end);
  // npm's own entries end with node-gyp-bin; what follows it was the user's before.
  const lastGyp = front.findLastIndex(isGyp);
  const added = startedByNpm ? (lastGyp < 0 ? front.length : lastGyp + 1) : 0;
  const own = entries.slice(added).filter(isAbsolute);
  return own.length === 0 ? DEFAULT_PATH : own.join(delimiter);
}

/**
 * `npm run` in our own package moves to the package's root and remembers where the user stood. A process
 * further down that stands somewhere else does so on purpose.
 */
function userCwd(env: NodeJS.ProcessEnv, cwd: string): string {
  const {
    npm_package_name: name,
    npm_lifecycle_event: event,
    npm_package_json: manifest,
    INIT_CWD: initial,
  } = env;
  const isOurs = name === 'agent-runner' && event !== undefined && event !== '';
  const wasMoved = manifest === undefined || dirname(manifest) === cwd;
  return isOurs && wasMoved && initial !== undefined && isAbsolute(initial) ? initial : cwd;
}
