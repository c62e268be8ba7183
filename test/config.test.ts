import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  flagOf,
  readEnvironment,
  resolveConfig,
  SETTING_NAMES,
  SETTINGS,
  wantsColour,
  type Config,
  type SettingName,
} from '../src/config.ts';
import type { Kind } from '../src/config/kinds.ts';
import { JobError } from '../src/job/error.ts';
import { DEFAULT_BUDGET } from '../src/job/request.ts';
import { SANDBOX_ADAPTERS } from '../src/sandbox/sandbox.ts';

let root: string;
let repo: string;
let userFile: string;
let projectFile: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'agent-runner-config-'));
  repo = join(root, 'repo');
  userFile = join(root, 'home', '.config', 'agent-runner', 'config.yml');
  projectFile = join(repo, '.agent-runner', 'config.yml');
  await mkdir(join(repo, '.git'), { recursive: true });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function put(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

type Env = Record<string, string | undefined>;
function resolved(
  more: { flags?: Record<string, unknown>; env?: Env; cwd?: string; projectFile?: string | null } = {},
): Promise<Config> {
  const { flags = {}, env = {}, cwd = repo } = more;
  const file = more.projectFile === undefined ? {} : { projectFile: more.projectFile };
  return resolveConfig({ flags, env: { HOME: join(root, 'home'), PATH: '/usr/bin', ...env }, cwd, ...file });
}

async function failure(attempt: Promise<unknown>): Promise<JobError> {
  try {
    await attempt;
  } catch (error) {
    if (error instanceof JobError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

function originOf(config: Config, name: SettingName): string {
  const { source, where } = config.settings.find((one) => one.name === name)?.origin ?? {
    source: '',
    where: '',
  };
  return `${source} ${where}`;
}

describe('defaults', () => {
  it('are complete without any file or variable', async () => {
    const config = await resolved();
    expect(config).toMatchObject({
      home: join(root, 'home', '.local', 'share', 'agent-runner'),
      dbPath: join(root, 'home', '.local', 'share', 'agent-runner', 'agent-runner.db'),
      agent: null,
      agentCmd: null,
      agentConfig: null,
      agentIdleTimeoutS: 600,
      agentMounts: [],
      agentEnv: {},
      model: null,
      sandbox: { name: 'auto', roPaths: [] },
      network: false,
      budget: DEFAULT_BUDGET,
      policy: {},
      maxGateRuns: null,
      branchTemplate: 'bot/<job_id>',
      author: { name: 'agent-runner', email: 'agent-runner@localhost' },
      log: { level: 'info', format: 'json' },
      retry: { attempts: 3, baseMs: 10_000 },
      task: null,
      workspace: null,
    });
    expect(config.settings.map((one) => one.name)).toEqual(SETTING_NAMES);
    for (const { origin } of config.settings) expect(origin.source).toBe('default');
  });

  it('are themselves allowed values, and every setting has words and a flag of its own', () => {
    const flags = SETTING_NAMES.map(flagOf);
    for (const name of SETTING_NAMES) {
      const { kind, fallback, description } = SETTINGS[name];
      expect((kind as Kind<unknown>).read(fallback, '/', '/')).toEqual(fallback);
      expect(description.length).toBeGreaterThan(10);
    }
    expect(flags.filter((one, at) => flags.indexOf(one) !== at)).toEqual([]);
  });

  it('list every sandbox that there is', async () => {
    for (const name of Object.keys(SANDBOX_ADAPTERS)) {
      expect((await resolved({ flags: { sandbox: name } })).sandbox.name).toBe(name);
    }
  });

  it('follow the XDG variables, but only absolute ones', async () => {
    const config = await resolved({
      env: { XDG_DATA_HOME: join(root, 'data'), XDG_CONFIG_HOME: 'relative' },
    });
    expect(config.home).toBe(join(root, 'data', 'agent-runner'));
    await put(join(root, 'xdg', 'agent-runner', 'config.yml'), 'model: from-xdg\n');
    expect((await resolved({ env: { XDG_CONFIG_HOME: join(root, 'xdg') } })).model).toBe('from-xdg');
  });
});

describe('precedence', () => {
  it('is flags, environment, project file, user file, defaults', async () => {
    await put(userFile, 'max_gate_runs: 2\nlog_level: warn\nbudget:\n  timeout_s: 20\n  max_turns: 7\n');
    await put(projectFile, 'max_gate_runs: 3\nbudget.timeout_s: 30\n');
    const env = { LOG_LEVEL: 'debug', LOG_FORMAT: 'text' };
    const config = await resolved({ flags: { 'budget.timeout_s': '40', log_format: undefined }, env });
    expect(config.budget).toEqual({ ...DEFAULT_BUDGET, timeout_s: 40, max_turns: 7 });
    expect(config.maxGateRuns).toBe(3);
    expect(config.log).toEqual({ level: 'debug', format: 'text' });
    expect(originOf(config, 'budget.timeout_s')).toBe('flag --timeout-s');
    expect(originOf(config, 'log_level')).toBe('environment LOG_LEVEL');
    expect(originOf(config, 'max_gate_runs')).toBe(`project ${projectFile}:1`);
    expect(originOf(config, 'budget.max_turns')).toBe(`user ${userFile}:5`);
    expect(originOf(config, 'retry.attempts')).toBe('default default');
  });

  it.each([
    ['AGENT_RUNNER_HOME', '/srv/runner', 'home', '/srv/runner'],
    ['AGENT_CMD', 'claude -p', 'agentCmd', 'claude -p'],
    ['AGENT_CONFIG', '/srv/rules.md', 'agentConfig', '/srv/rules.md'],
    ['AGENT_RUNNER_DB_PATH', '/srv/jobs.db', 'dbPath', '/srv/jobs.db'],
    ['LLM_MODEL', 'provider/model', 'model', 'provider/model'],
    ['TASK_DESCRIPTION', 'mend the sum', 'task', 'mend the sum'],
    ['WORKSPACE', '/srv/repo', 'workspace', '/srv/repo'],
  ] as const)(
    'takes %s from the environment, and an empty one is not set',
    async (variable, value, field, expected) => {
      expect((await resolved({ env: { [variable]: value } }))[field]).toBe(expected);
      expect((await resolved({ env: { [variable]: '' } }))[field]).toEqual((await resolved())[field]);
    },
  );

  it('takes the sandbox and log levels as people write them', async () => {
    expect((await resolved({ env: { AGENT_RUNNER_SANDBOX: 'host' } })).sandbox.name).toBe('host');
    expect((await resolved({ env: { LOG_LEVEL: 'WARNING' } })).log.level).toBe('warn');
  });

  it('finds the project file from a folder below the root, and none outside a repository', async () => {
    await put(projectFile, 'max_gate_runs: 3\n');
    await put(join(root, '.agent-runner', 'config.yml'), 'max_gate_runs: 9\n');
    await mkdir(join(repo, 'a', 'b'), { recursive: true });
    expect((await resolved({ cwd: join(repo, 'a', 'b') })).maxGateRuns).toBe(3);
    expect((await resolved({ cwd: root })).maxGateRuns).toBeNull();
    expect((await resolved({ projectFile: null })).maxGateRuns).toBeNull();
  });

  it('resolves paths against where they were written', async () => {
    await put(
      userFile,
      'home: state\nsandbox: host\nsandbox.ro_paths: [~/tools, /opt/x, rel]\nagent_config: ~/rules.md\n',
    );
    const config = await resolved();
    expect(config.home).toBe(join(dirname(userFile), 'state'));
    expect(config.agentConfig).toBe(join(root, 'home', 'rules.md'));
    expect(config.sandbox.roPaths).toEqual([
      join(root, 'home', 'tools'),
      '/opt/x',
      join(dirname(userFile), 'rel'),
    ]);
    expect((await resolved({ flags: { home: 'here' } })).home).toBe(join(repo, 'here'));
  });
});

describe('what a repository may set', () => {
  it('is budget, gate runs and policy', async () => {
    await put(
      projectFile,
      'max_gate_runs: 3\nbudget: {max_cost_usd: none, timeout_s: 60}\npolicy: {on_red: draft, on_none: open}\n',
    );
    const config = await resolved();
    expect(config).toMatchObject({ maxGateRuns: 3, budget: { max_cost_usd: null, timeout_s: 60 } });
    expect(config.policy).toEqual({ on_red: 'draft', on_none: 'open' });
    expect(SETTING_NAMES.filter((name) => SETTINGS[name].project)).toEqual([
      'max_gate_runs',
      'budget.max_cost_usd',
      'budget.max_tokens',
      'budget.max_turns',
      'budget.timeout_s',
      'policy.on_red',
      'policy.on_inconclusive',
      'policy.on_none',
      'policy.on_tamper',
    ]);
  });

  it.each([
    'agent: evil',
    'agent_cmd: touch x',
    'agent_config: /etc/passwd',
    'agent_env: [AWS_SECRET_ACCESS_KEY]',
    'agent_mounts: [/etc]',
    'sandbox: host',
    'sandbox: {ro_paths: [/]}',
    'network: true',
    'home: /tmp/x',
    'db_path: /tmp/x',
    'model: x',
    'branch_template: x/<job_id>',
    'author: {email: a@b}',
    'task: x',
  ])('is not %s', async (line) => {
    await put(projectFile, `# settings\n${line}\n`);
    const error = await failure(resolved());
    expect(error.code).toBe('bad_configuration');
    expect(error.message).toContain('a repository may not set it');
    expect(error.message).toContain(`${projectFile}:2`);
    expect(error.hint).toContain('your own settings file');
  });

  it('is not read through a link or from anything but a small file', async () => {
    await put(join(root, 'outside.yml'), 'max_gate_runs: 3\n');
    await mkdir(dirname(projectFile));
    await symlink(join(root, 'outside.yml'), projectFile);
    expect((await failure(resolved())).message).toContain('no regular file');
    await rm(projectFile);
    await symlink('/dev/zero', projectFile);
    expect((await failure(resolved())).message).toContain('no regular file');
    await rm(projectFile);
    await mkdir(projectFile);
    expect((await failure(resolved())).message).toContain('no regular file');
    await rm(projectFile, { recursive: true });
    await put(projectFile, `# ${'x'.repeat(70_000)}`);
    expect((await failure(resolved())).message).toContain('too large');
  });
});

describe('bad values', () => {
  it('name the setting, the origin, what came, what is allowed and what to do', async () => {
    await put(userFile, 'model: x\n\nmax_gate_runs: many\n');
    const error = await failure(resolved());
    expect(error.code).toBe('bad_configuration');
    expect(error.message).toBe(
      `max_gate_runs: "many" from ${userFile}:3 is not allowed (allowed: a whole number from 1 to 50, or none)`,
    );
    expect(error.hint).toBe(`change it in ${userFile}:3`);
    const flag = await failure(resolved({ flags: { max_gate_runs: 'many' } }));
    expect(flag.hint).toBe('give --max-gate-runs one of what is allowed');
  });

  it.each([
    ['[{on: label}, {on: labels}]', 'in rule 2 on can\'t be "labels" ('],
    ['[{on: comment, label: x}]', 'in rule 1 label stands with on: label alone ('],
    ['[{on: label, repository: [a/b]}]', 'in rule 1 there is no field "repository" ('],
    ['[{label: x}]', 'in rule 1 on is missing ('],
    ['[label]', 'in rule 1 it is no mapping ('],
  ])('triggers.rules: %s say which rule, and what of it', async (rules, words) => {
    await put(userFile, `triggers: {rules: ${rules}}\n`);
    const error = await failure(resolved());
    expect(error.message).toContain(`is not allowed: ${words}allowed: a list of`);
    // There is no flag that sets it.
    expect(error.hint).toBe(`change it in ${userFile}:1`);
  });

  it.each([
    ['sandbox', 'docker'],
    ['sandbox', ''],
    ['network', 'maybe'],
    ['max_gate_runs', 0],
    ['max_gate_runs', 51],
    ['max_gate_runs', 2.5],
    ['max_gate_runs', '1e3'],
    ['max_gate_runs', Number.NaN],
    ['budget.max_cost_usd', -1],
    ['budget.max_cost_usd', '$5'],
    ['budget.timeout_s', 0],
    ['budget.timeout_s', 3_000_000],
    ['budget.timeout_s', 'none'],
    ['policy.on_red', 'open'],
    ['policy.on_tamper', 'open'],
    ['branch_template', 'bot/x'],
    ['branch_template', '-<job_id>'],
    ['branch_template', 'a b/<job_id>'],
    ['branch_template', '<job_id>..x'],
    ['author.name', 'a <b>'],
    ['author.email', 'a\nCommitter: b'],
    ['agent', ''],
    ['agent', '   '],
    ['agent', ['a']],
    ['home', 'a\0b'],
    ['sandbox.ro_paths', [1]],
    ['sandbox.ro_paths', { a: 1 }],
    ['agent_mounts', ['/']],
    ['agent_mounts', ['/a:relative']],
    ['agent_mounts', ['/a:/b:/c']],
    ['agent_env', ['GITHUB_TOKEN']],
    ['agent_env', ['gh_token']],
    ['agent_env', ['SSH_AUTH_SOCK']],
    ['agent_env', ['PATH']],
    ['agent_env', ['A=B']],
    ['webhook_allow', 'localhost:8080'],
    ['webhook_allow', '[::1]'],
    ['webhook_allow', 'http://localhost'],
    ['webhook_allow', '10.0.0.0/33'],
    ['webhook_allow', '10.0.0.0/8/8'],
    ['webhook_allow', 'localhost/8'],
    ['webhook_allow', 'fe80::1%eth0'],
    ['webhook_allow', [1]],
    ['allow_insecure_webhooks', 'perhaps'],
    ['log_level', 'loud'],
    ['log_format', 'xml'],
    ['retry.attempts', 0],
  ] as const)('%s does not take %j', async (name, value) => {
    const error = await failure(resolved({ flags: { [name]: value } }));
    expect(error.code).toBe('bad_configuration');
    expect(error.message.startsWith(`${name}: `)).toBe(true);
    expect(error.message).toContain(`from ${flagOf(name)}`);
    expect(error.message).toContain('allowed: ');
  });

  it.each([
    ['max_gate_run: 3', 'did you mean max_gate_runs?'],
    ['polcy: {on_red: draft}', '`agent-runner config list` shows every setting'],
    ['policy: {on_rad: draft}', 'did you mean policy.on_red?'],
    ['budget: {timeout: 3}', 'did you mean budget.timeout_s?'],
    ['zzz: 1', '`agent-runner config list` shows every setting'],
    ['__proto__: 1', '`agent-runner config list` shows every setting'],
    ['constructor: 1', '`agent-runner config list` shows every setting'],
  ])('%s in a file is unknown', async (line, hint) => {
    await put(userFile, `${line}\n`);
    const error = await failure(resolved());
    expect(error.message).toContain('there is no such setting');
    expect(error.message).toContain(`${userFile}:1`);
    expect(error.hint).toBe(hint);
  });

  it('an unknown flag is refused too', async () => {
    expect((await failure(resolved({ flags: { netwrok: true } }))).hint).toBe('did you mean network?');
  });

  it.each([
    ['a: [', ':1: '],
    ['a: b: c', ':1: '],
    ['- a\n- b', 'no settings'],
    ['just words', 'no settings'],
    ['model: a\nmodel: b', ':2: '],
    ['budget: {timeout_s: 1}\nbudget.timeout_s: 2', 'it is set twice'],
    ['? [a, b]\n: c', 'there is no such setting'],
    ['model: !!js/function x', 'Unresolved tag'],
    ['model: x\n---\nmodel: y', ': '],
    ['\tmodel: x', ':1: '],
  ])('%j is no settings file', async (content, words) => {
    await put(userFile, content);
    const error = await failure(resolved());
    expect(error.code).toBe('bad_configuration');
    expect(error.message).toContain(userFile);
    expect(error.message).toContain(words);
  });

  it.each(['', '\n', '# only words\n', '---\n'])('%j sets nothing', async (content) => {
    await put(userFile, content);
    expect((await resolved()).model).toBeNull();
  });

  it('an alias bomb is refused quickly', async () => {
    const levels = Array.from(
      { length: 12 },
      (_, at) => `  - &a${at + 1} [${Array(9).fill(`*a${at}`).join(', ')}]`,
    );
    await put(userFile, `sandbox.ro_paths:\n  - &a0 [x]\n${levels.join('\n')}\n`);
    const started = performance.now();
    expect((await failure(resolved())).code).toBe('bad_configuration');
    expect(performance.now() - started).toBeLessThan(2000);
  });

  it('nothing but a bad_configuration comes of any file', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), async (content) => {
        await put(userFile, content);
        try {
          await resolved();
        } catch (error) {
          expect((error as JobError).code).toBe('bad_configuration');
        }
      }),
      { numRuns: 150 },
    );
  });
});

describe("an agent's own login", () => {
  it('admits named files and variables, read-only unless said otherwise', async () => {
    await put(
      userFile,
      'agent_env: [MODEL_KEY, NOT_SET]\nagent_mounts: [~/.tool, /a:/b, "/c:rw", "/d:/e:rw"]\n',
    );
    const config = await resolved({ env: { MODEL_KEY: 'k', OTHER: 'o' } });
    expect(config.agentEnv).toEqual({ MODEL_KEY: 'k' });
    const tool = join(root, 'home', '.tool');
    expect(config.agentMounts).toEqual([
      { source: tool, target: tool, mode: 'ro' },
      { source: '/a', target: '/b', mode: 'ro' },
      { source: '/c', target: '/c', mode: 'rw' },
      { source: '/d', target: '/e', mode: 'rw' },
    ]);
  });
});

describe('webhooks', () => {
  it('have their secret from the environment alone, and hosts from a list', async () => {
    await put(userFile, 'webhook_allow: [ci.internal, 10.1.0.0/16, "::1"]\nallow_insecure_webhooks: true\n');
    const config = await resolved({ env: { WEBHOOK_SECRET: 'known-to-both' } });
    expect(config.webhooks).toEqual({
      secret: 'known-to-both',
      allowInsecure: true,
      allow: ['ci.internal', '10.1.0.0/16', '::1'],
    });
    expect(JSON.stringify(config.settings)).not.toContain('known-to-both');
    const given = { WEBHOOK_ALLOW: 'localhost, fd00::/8,', ALLOW_INSECURE_WEBHOOKS: '0', WEBHOOK_SECRET: '' };
    expect((await resolved({ env: given })).webhooks).toEqual({
      secret: null,
      allowInsecure: false,
      allow: ['localhost', 'fd00::/8'],
    });
  });
});

describe('the host', () => {
  const front = ['/pkg/node_modules/.bin', '/node_modules/.bin', '/npm/@npmcli/run-script/lib/node-gyp-bin'];
  const npm = { npm_execpath: '/npm/cli.js', npm_lifecycle_event: 'agent-runner' };
  const pathOf = async (env: Env): Promise<string> => (await resolved({ env })).host.path;

  it('gives the PATH without what npm put in front', async () => {
    const own = '/home/me/bin:/usr/bin';
    expect(await pathOf({ PATH: [...front, own].join(':'), ...npm })).toBe(own);
    expect(await pathOf({ PATH: [...front, ...front, own].join(':'), ...npm })).toBe(own);
    expect(await pathOf({ PATH: ['/pkg/node_modules/.bin', own].join(':'), ...npm })).toBe(own);
  });

  it("keeps the user's own entries of the same kind", async () => {
    const own = '/home/me/project/node_modules/.bin:/usr/bin:/opt/node_modules/.bin';
    expect(await pathOf({ PATH: [...front, own].join(':'), ...npm })).toBe(own);
    expect(await pathOf({ PATH: own })).toBe(own);
  });

  it('drops entries that depend on where a command stands, and never ends up empty', async () => {
    expect(await pathOf({ PATH: '.:/usr/bin::bin:../x:/bin' })).toBe('/usr/bin:/bin');
    expect(await pathOf({ PATH: undefined })).toBe('/usr/local/bin:/usr/bin:/bin');
    expect(await pathOf({ PATH: front.join(':'), ...npm })).toBe('/usr/local/bin:/usr/bin:/bin');
  });

  it('stands where the user stood when npm moved us', async () => {
    const ours = { npm_package_name: 'agent-runner', npm_lifecycle_event: 'agent-runner', INIT_CWD: root };
    const cwdOf = async (env: Env): Promise<string> => (await resolved({ env })).host.cwd;
    expect(await cwdOf(ours)).toBe(root);
    expect(await cwdOf({ ...ours, npm_package_json: join(repo, 'package.json') })).toBe(root);
    expect(await cwdOf({ ...ours, npm_package_json: '/elsewhere/package.json' })).toBe(repo);
    expect(await cwdOf({ ...ours, npm_package_name: 'other' })).toBe(repo);
    expect(await cwdOf({ ...ours, npm_lifecycle_event: undefined })).toBe(repo);
    expect(await cwdOf({ ...ours, INIT_CWD: 'relative' })).toBe(repo);
  });

  it('resolves relative paths and the project file from there', async () => {
    await put(projectFile, 'max_gate_runs: 3\n');
    const env = { npm_package_name: 'agent-runner', npm_lifecycle_event: 'x', INIT_CWD: repo };
    const config = await resolved({ env, cwd: root, flags: { home: 'here' } });
    expect([config.maxGateRuns, config.home]).toEqual([3, join(repo, 'here')]);
  });

  it('hands on what package managers need and nothing else', async () => {
    const needed: Env = {
      HTTPS_PROXY: 'http://proxy.test:3128',
      no_proxy: 'localhost,10.0.0.0/8',
      SSL_CERT_FILE: '/etc/ca.pem',
      SSL_CERT_DIR: '/etc/a:/etc/b:relative:/',
      PIP_INDEX_URL: 'https://pip.test/simple',
      PIP_FIND_LINKS: '/srv/wheels file:///srv/more https://x.test',
      npm_config_registry: 'https://npm.test/',
      'npm_config_@scope:registry': 'https://npm.test/scope/',
      GOPROXY: 'https://go.test,direct',
      CARGO_REGISTRIES_OWN_INDEX: 'sparse+https://cargo.test/',
      MAVEN_OPTS: '-Xmx1g -Djavax.net.ssl.trustStore=/etc/trust.jks',
    };
    const config = await resolved({
      env: {
        ...needed,
        AWS_SECRET_ACCESS_KEY: 'x',
        GITHUB_TOKEN: 'x',
        NODE_OPTIONS: '--require /x',
        LD_PRELOAD: '/x',
        GIT_SSH_COMMAND: 'x',
        NODE_AUTH_TOKEN: 'x',
        CARGO_REGISTRIES_OWN_TOKEN: 'x',
        'npm_config_//npm.test/:_authToken': 'x',
        npm_config_userconfig: '/home/me/.npmrc',
        LLM_API_KEY: 'x',
      },
    });
    expect(config.host.registry).toEqual(needed);
    expect(config.host.dropped).toEqual([]);
    expect(config.host.registryPaths.toSorted()).toEqual(
      ['/etc/a', '/etc/b', '/etc/ca.pem', '/etc/trust.jks', '/srv/more', '/srv/wheels'].toSorted(),
    );
  });

  it.each([
    ['HTTPS_PROXY', 'http://me:pw@proxy.test:3128'],
    ['http_proxy', 'me:pw@proxy.test:3128'],
    ['HTTPS_PROXY', 'http://me@proxy.test'],
    ['PIP_INDEX_URL', 'https://__token__:x@pip.test/simple'],
    ['PIP_EXTRA_INDEX_URL', 'https://a.test https://u:p@b.test'],
    ['PIP_INDEX_URL', 'https://pip.test/simple?token=x'],
    ['PIP_INDEX_URL', 'https://pip.test/simple?key=x'],
    ['GOPROXY', 'https://go.test,https://u:p@go.test|direct'],
    ['npm_config_registry', 'https://u:p@npm.test'],
    ['MAVEN_OPTS', '-Dhttp.proxyPassword=x'],
    ['JAVA_TOOL_OPTIONS', '-Djavax.net.ssl.trustStorePassword=x'],
    ['NO_PROXY', 'x'.repeat(5000)],
  ])('drops %s=%s and says so', async (name, value) => {
    const { host } = await resolved({ env: { [name]: value } });
    expect(host.registry).toEqual({});
    expect(host.dropped).toEqual([name]);
  });

  it('never hands on userinfo in any URL', async () => {
    const label = fc.stringMatching(/^[a-z0-9]{1,8}$/);
    await fc.assert(
      fc.asyncProperty(label, label, label, async (user, password, name) => {
        const { host } = await resolved({
          env: { PIP_INDEX_URL: `https://${user}:${password}@${name}.test/simple` },
        });
        expect(host.registry).toEqual({});
      }),
      { numRuns: 30 },
    );
  });

  it('gives home, temporary folder and language, with safe ones for odd values', async () => {
    const { host } = await resolved({ env: { TMPDIR: '/var/tmp', LANG: 'de_DE.UTF-8' } });
    expect(host).toMatchObject({ home: join(root, 'home'), tmp: '/var/tmp', lang: 'de_DE.UTF-8' });
    const odd = (await resolved({ env: { TMPDIR: 'here', LANG: 'x; touch y', LC_ALL: '' } })).host;
    expect(odd).toMatchObject({ tmp: tmpdir(), lang: 'C.UTF-8' });
  });
});

describe('readers of the environment', () => {
  it.each([
    [{}, true, true],
    [{}, false, false],
    [{ NO_COLOR: '1' }, true, false],
    [{ NO_COLOR: '' }, true, true],
    [{ NO_COLOR: '1', FORCE_COLOR: '1' }, true, false],
    [{ FORCE_COLOR: '1' }, false, true],
    [{ FORCE_COLOR: '' }, false, true],
    [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: 'false' }, true, false],
    [{ CLICOLOR_FORCE: '1' }, false, true],
    [{ CLICOLOR_FORCE: '0' }, false, false],
    [{ TERM: 'dumb' }, true, false],
  ])('wantsColour(%j, %s) is %s', (env, isTerminal, wanted) => {
    expect(wantsColour(env, isTerminal)).toBe(wanted);
  });

  it('readEnvironment gives a copy', () => {
    const env = readEnvironment();
    expect(env['PATH']).toBe(process.env['PATH']);
    env['AGENT_RUNNER_TEST_COPY'] = '1';
    expect(process.env['AGENT_RUNNER_TEST_COPY']).toBeUndefined();
  });
});
