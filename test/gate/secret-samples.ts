/** Secrets that open nothing, put together when the tests run, and texts that only look like secrets. */

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
const DIGITS = '0123456789';
const BASE62 = `${LOWER}${LOWER.toUpperCase()}${DIGITS}`;
const HEX = '0123456789abcdef';

/** The same "random" text every time (a linear congruential generator, constants of Numerical Recipes). */
export function drawn(length: number, alphabet: string = BASE62, seed = length): string {
  let state = seed * 7919 + 17;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return alphabet[Math.floor((state / 2 ** 32) * alphabet.length)] ?? '';
  }).join('');
}

function segment(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function pem(kind: string, body: string): string {
  const lines = (body.match(/.{1,64}/g) ?? []).join('\n');
  return [`-----BEGIN ${kind}-----`, lines, `-----END ${kind}-----`].join('\n');
}

export interface Sample {
  readonly name: string;
  readonly path: string;
  readonly text: string;
}

export interface SecretSample extends Sample {
  readonly rule: string;
  readonly line: number;
}

/** Takes out the dots that keep a sample from being found by scanners of this file. */
function whole(text: string): string {
  return text.replaceAll('·', '');
}

function sample(rule: string, path: string, text: string, line = 1, name = rule): SecretSample {
  return { name, rule, path, text: whole(text), line };
}

/** 1Password's tokens end in an encoded `}`, which this length gives. */
const account = segment({ email: 'a@b.c', k: drawn(91) });
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const BASE64 = `${BASE62}+/`;

export const SECRETS: readonly SecretSample[] = [
  sample('github', 'src/a.ts', `\nconst t = 'gh·p_${drawn(36)}';`, 2),
  sample('github', 'src/a.ts', `token: githu·b_pat_${drawn(22)}_${drawn(59)}`, 1, 'github fine-grained'),
  sample('gitlab', '.ci.yml', `T: glpa·t-${drawn(20)}`, 1, 'gitlab personal'),
  sample('gitlab', '.ci.yml', `T: gld·t-${drawn(20)}`, 1, 'gitlab deploy'),
  sample('openai', 'a.py', `key = "s·k-proj-${drawn(74)}T3Blb·kFJ${drawn(74)}"`),
  sample('openai', 'a.py', `key = "s·k-svcacct-${drawn(50)}"`, 1, 'openai service account'),
  sample('anthropic', 'a.py', `key = "s·k-ant-api03-${drawn(93)}AA"`),
  sample('anthropic', 'a.py', `key = "s·k-ant-oat01-${drawn(93)}AA"`, 1, 'anthropic login'),
  sample('openrouter', 'a.py', `key = "s·k-or-v1-${drawn(64, HEX)}"`),
  sample('groq', 'a.py', `key = "gs·k_${drawn(52)}"`),
  sample('huggingface', 'a.py', `key = "h·f_${drawn(34, LOWER)}"`),
  sample('google-api-key', 'a.js', `const k = "A·Iza${drawn(35)}";`),
  sample('google-oauth-secret', 'a.json', `{"client_secret":"GOC·SPX-${drawn(28)}"}`),
  sample('aws-access-key-id', 'a.tf', `access_key = "A·KIA${drawn(16, BASE32)}"`),
  sample('aws', 'a.env', `AWS_SECRET_ACCESS_KEY=${drawn(39, BASE64)}z`),
  sample('azure-storage-key', 'a.cs', `"DefaultEndpointsProtocol=https;AccountKey=${drawn(86, BASE64)}=="`),
  sample('azure-client-secret', 'a.cs', `var s = "${drawn(3)}8·Q~${drawn(33)}";`),
  sample('digitalocean', 'a.sh', `doctl auth init -t do·p_v1_${drawn(64, HEX)}`),
  sample('databricks', 'a.py', `t = "da·pi${drawn(32, HEX)}"`),
  sample('npm', '.npmrc', `//registry.npmjs.org/:_authToken=n·pm_${drawn(36)}`),
  sample('npm', 'src/.npmrc', `\n\n//r.acme.io/:_authToken=${drawn(32)}`, 3, 'npm, other registry'),
  sample('pypi', '.pypirc', `password = py·pi-AgEIcHlwaS5vcmc${drawn(140)}`),
  sample('crates', 'a.toml', `token = "c·io${drawn(32)}"`),
  sample('rubygems', 'a.yml', `:rubygems_api_key: rub·ygems_${drawn(48, HEX)}`),
  sample('docker', 'a.sh', `docker login -p dck·r_pat_${drawn(27)}`),
  sample('slack', 'a.rb', `T = 'xo·xb-${drawn(12, DIGITS)}-${drawn(13, DIGITS)}-${drawn(24)}'`),
  sample(
    'slack',
    'a.rb',
    `https://hooks.slack.com/services/T${drawn(9)}/B${drawn(9)}/${drawn(24)}`,
    1,
    'slack hook',
  ),
  sample('discord-webhook', 'a.js', `https://discord.com/api/webhooks/${drawn(18, DIGITS)}/${drawn(68)}`),
  sample('telegram', 'a.py', `BOT = "${drawn(9, '123456789')}:·AA${drawn(33)}"`),
  sample('stripe', 'a.php', `$k = 's·k_live_${drawn(99)}';`),
  sample('stripe-webhook', 'a.php', `$k = 'w·hsec_${drawn(32)}';`),
  sample('shopify', 'a.php', `$k = 'sh·pat_${drawn(32, HEX)}';`),
  sample('sendgrid', 'a.go', `k := "·SG.${drawn(22)}.${drawn(43)}"`),
  sample('mailgun', 'a.go', `k := "k·ey-${drawn(32, HEX)}"`),
  sample('mailchimp', 'a.go', `k := "${drawn(32, HEX)}-us21"`),
  sample('square', 'a.rb', `'sq·0csp-${drawn(43)}'`),
  sample('notion', 'a.js', `'n·tn_${drawn(11, '123456789')}${drawn(35)}'`),
  sample('linear', 'a.js', `'li·n_api_${drawn(40)}'`),
  sample('figma', 'a.js', `'fi·gd_${drawn(40)}'`),
  sample('sentry', 'a.js', `'snt·ryu_${drawn(64, HEX)}'`),
  sample('new-relic', 'a.js', `'N·RAK-${drawn(27, `${LOWER.toUpperCase()}${DIGITS}`)}'`),
  sample('postman', 'a.js', `'P·MAK-${drawn(24, HEX)}-${drawn(34, HEX)}'`),
  sample('hashicorp-vault', 'a.hcl', `token = "h·vs.${drawn(95)}"`),
  sample('terraform', 'a.tfrc', `token = "${drawn(14)}.atla·sv1.${drawn(67)}"`),
  sample('supabase', 'a.ts', `'s·bp_${drawn(40, HEX)}'`),
  sample('tailscale', 'a.sh', `--authkey t·skey-auth-${drawn(12)}-${drawn(32)}`),
  sample('1password', 'a.sh', `export T=o·ps_${account}`),
  sample('age-secret-key', 'key.txt', `AG·E-SECRET-KEY-1${drawn(58, 'QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L')}`),
  sample('privatekey', 'id_rsa', `\n${pem('RSA PRIVATE KE·Y', `MIIE${drawn(800, BASE64)}`)}`, 2, 'RSA key'),
  sample(
    'privatekey',
    'id_ed25519',
    pem('OPENSSH PRIVATE KE·Y', `b3BlbnNzaC1rZXktdjE${drawn(300, BASE64)}`),
    1,
    'OpenSSH key',
  ),
  sample(
    'private-key',
    'server.pem',
    pem('ENCRYPTED PRIVATE KE·Y', `MIIE${drawn(800, BASE64)}`),
    1,
    'encrypted key',
  ),
  sample(
    'private-key',
    'a.asc',
    pem(`PGP PRIVATE KE·Y BLOCK`, drawn(800, BASE64)).replace('\n', '\nVersion: GnuPG v2\n\n'),
    1,
    'OpenPGP key',
  ),
  sample(
    'private-key',
    'a.ts',
    `const key = '-----BEGIN PRIVATE KE·Y-----\\nMIIE${drawn(60, BASE64)}\\n' +`,
    1,
    'key cut off',
  ),
  sample(
    'gcp',
    'account.json',
    JSON.stringify({
      type: 'service_account',
      private_key_id: drawn(40, HEX),
      private_key: pem('PRIVATE KE·Y', `MIIE${drawn(800, BASE64)}`),
    }),
    1,
    'service account',
  ),
  sample(
    'json-web-token',
    'a.ts',
    `'${segment({ alg: 'RS256', typ: 'JWT' })}.${segment({ sub: 'u-81723', scope: 'all' })}.${drawn(86)}'`,
  ),
  sample('database-connection-string', 'a.py', `"postgresql://app:${drawn(14)}@db.acme.io:5432/app"`),
  sample('url-password', 'a.py', `"rediss://:${drawn(20)}@cache.acme.io:6380/0"`),
  sample('basicauth', 'a.sh', `git clone https://deploy:${drawn(16)}@git.acme.io/a.git`),
  sample('netrc-password', '.netrc', `machine git.acme.io login deploy password ${drawn(16)}`),
  sample(
    'assigned-secret',
    'src/config.ts',
    `export const config = { apiKey: '${drawn(32)}' };`,
    1,
    'quoted value',
  ),
  sample(
    'assigned-secret',
    'src/config.ts',
    `const clientSecret: string = "${drawn(40, HEX)}";`,
    1,
    'typed value',
  ),
  sample('assigned-secret', '.env', `# settings\nDB_PASSWORD=${drawn(24)}`, 2, 'unquoted value'),
  sample(
    'assigned-secret',
    'deploy/app.yaml',
    `  session_secret: ${drawn(32, HEX)}`,
    1,
    'unquoted value of YAML',
  ),
  sample('authorization-header', 'a.sh', `curl -H "Authorization: Bearer ${drawn(40)}" https://api.acme.io`),
];

function harmless(name: string, path: string, text: string): Sample {
  return { name, path, text: whole(text) };
}

const sri = `sha512-${drawn(86, BASE64)}==`;
const sha = drawn(40, HEX);
const uuid = `${drawn(8, HEX)}-${drawn(4, HEX)}-4${drawn(3, HEX)}-a${drawn(3, HEX)}-${drawn(12, HEX)}`;

export const HARMLESS: readonly Sample[] = [
  harmless(
    'npm lock',
    'package-lock.json',
    `"integrity": "${sri}",\n"resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz"`,
  ),
  harmless(
    'yarn lock',
    'yarn.lock',
    `resolved "https://registry.yarnpkg.com/token-types/-/token-types-4.2.1.tgz#${sha}"\nintegrity ${sri}`,
  ),
  harmless('pnpm lock', 'pnpm-lock.yaml', `resolution: {integrity: ${sri}}`),
  harmless('Cargo lock', 'Cargo.lock', `name = "secret-token"\nchecksum = "${drawn(64, HEX)}"`),
  harmless('go.sum', 'go.sum', `github.com/a/oauth2 v0.1.0 h1:${drawn(43, BASE64)}=`),
  harmless('poetry lock', 'poetry.lock', `{file = "a-1.0.whl", hash = "sha256:${drawn(64, HEX)}"}`),
  harmless('requirements', 'requirements.txt', `passlib==1.7.4 --hash=sha256:${drawn(64, HEX)}`),
  harmless(
    'script integrity',
    'index.html',
    `<script src="a.js" integrity="sha384-${drawn(64, BASE64)}" crossorigin></script>`,
  ),
  harmless('git commit', 'a.yml', `uses: actions/checkout@${sha} # v4`),
  harmless('submodule', 'vendor/a', `Subproject commit ${sha}`),
  harmless('image digest', 'Dockerfile', `FROM node:24@sha256:${drawn(64, HEX)}`),
  harmless('UUID', 'a.ts', `const token = '${uuid}';`),
  harmless('UUID in settings', '.env', `ACCESS_KEY=${uuid}`),
  harmless('public key', 'a.pub', `ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAB${drawn(300, BASE64)} me@host`),
  harmless('PEM public key', 'a.pem', pem('PUBLIC KEY', `MIIB${drawn(380, BASE64)}`)),
  harmless('certificate', 'a.crt', pem('CERTIFICATE', `MIID${drawn(900, BASE64)}`)),
  harmless(
    'inline image',
    'a.css',
    `background: url(data:image/png;base64,iVBORw0KGgo${drawn(3000, BASE64)}=)`,
  ),
  harmless('AWS documentation key', 'README.md', 'AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE'),
  harmless(
    'AWS documentation secret',
    '.env.example',
    'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  ),
  harmless('placeholder in brackets', 'README.md', 'export GITHUB_TOKEN="<your-token>"'),
  harmless('placeholder of GitHub', 'README.md', `GITHUB_TOKEN=gh·p_${'x'.repeat(36)}`),
  harmless('placeholder of Slack', 'README.md', 'SLACK_TOKEN=xoxb-your-token-here'),
  harmless('placeholder of OpenAI', '.env.example', 'OPENAI_API_KEY=sk-your-api-key-here-please'),
  harmless(
    'placeholder of Slack hooks',
    'a.md',
    'https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX',
  ),
  harmless('environment of node', 'a.ts', 'const apiKey = process.env.API_KEY ?? process.env["API_KEY_2"];'),
  harmless('environment of python', 'a.py', 'api_key = os.environ["OPENAI_API_KEY_2024"]'),
  harmless('workflow secret', '.github/workflows/a.yml', 'token: ${{ secrets.GITHUB_TOKEN }}'),
  harmless(
    'shell variable',
    'a.sh',
    'curl -H "Authorization: Bearer $GITHUB_TOKEN" https://u:$PASSWORD@git.acme.io',
  ),
  harmless('npmrc variable', '.npmrc', '//registry.npmjs.org/:_authToken=${NPM_TOKEN}'),
  harmless('local database', 'docker-compose.yml', 'DATABASE_URL: postgres://app:s3cr3tpw@db:5432/app'),
  harmless('localhost', 'a.py', '"mongodb://root:hunter22@localhost:27017/app"'),
  harmless('example host', 'a.py', '"amqp://worker:Tr0ub4dor3@mq.example.com/"'),
  harmless('URL template', 'a.ts', 'const u = `postgres://${user}:${password}@${host}/db`;'),
  harmless('password hash', 'seed.sql', `password = '$2b$10$${drawn(53)}'`),
  harmless('hash with a name', 'a.ts', `const tokenHash = '${drawn(64, HEX)}';`),
  harmless(
    'words',
    'a.ts',
    "const tokenName = 'x-request-signing-header-v2-beta'; const secret = 'correct-horse-battery-staple';",
  ),
  harmless('identifier', 'a.ts', "password: 'settings.security.passwordMinLength2'"),
  harmless('call', 'settings.py', 'SECRET_KEY = read_secret_from_vault_v2_or_fail()'),
  harmless('test fixture', 'test/login.test.ts', `const session = { token: '${drawn(32)}' };`),
  harmless(
    'JWT of the documentation',
    'README.md',
    `${segment({ alg: 'HS256', typ: 'JWT' })}.eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ.${drawn(43)}`,
  ),
  harmless(
    'key placeholder',
    'README.md',
    `-----BEGIN PRIVATE KE·Y-----\n...\n-----END PRIVATE KE·Y-----\n${sri}`,
  ),
  harmless(
    'key detector',
    'a.ts',
    `if (text.startsWith('-----BEGIN RSA PRIVATE KE·Y-----')) throw new Error('a private key');`,
  ),
  harmless(
    'pattern of a token',
    'a.ts',
    'const GITHUB = /ghp_[A-Za-z0-9]{36}/; const AWS = /AKIA[0-9A-Z]{16}/;',
  ),
  harmless(
    'minified code',
    'dist/a.min.js',
    `!function(e,t){"use strict";var n=t.token,r=e.auth||n;return r?r.key="k":e}(${'a.b(c,d),'.repeat(400)}0);`,
  ),
  harmless(
    'author and tokens',
    'package.json',
    '"author": "Jane Doe <jane@acme.io>", "keywords": ["token", "auth2"], "max_tokens": 16384',
  ),
  harmless('header of RFC 6749', 'a.py', 'Authorization: Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW'),
  harmless(
    'weak password in a header',
    'a.sh',
    `-H "Authorization: Basic ${Buffer.from('jane.doe42:password1').toString('base64')}"`,
  ),
  harmless('netrc template', 'a.py', "f'machine {host} login {user} password {self.password}'"),
  harmless('date and version', 'a.yml', 'auth-library: 2024.11.21-1a2b3c\ntoken_ttl: 3600s'),
];
