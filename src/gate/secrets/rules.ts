/**
 * Our own rules, for what the maintained ruleset leaves out: formats that the providers publish, and assignments
 * of values that look random. As of November 2026; each rule names where its format stands. Every repetition is
 * bounded, so that no text makes a pattern slow.
 */
import { isHarmlessUrl, isNoPassword, isPlaceholder, looksRandom } from './shape.ts';

/** A kind of secret. */
export interface SecretRule {
  readonly id: string;
  /** Global; the group `secret` is the secret, without one the whole match is. */
  readonly pattern: RegExp;
  /** Where the format is published. */
  readonly source: string;
  /** Where it is looked for; everywhere without it. Tests are full of values that only look random. */
  readonly where?: 'outside-tests' | 'settings-files';
  /** Says of a match that it is none. */
  readonly harmless?: (secret: string, match: string) => boolean;
}

const GITHUB_LIST =
  'https://docs.github.com/code-security/secret-scanning/introduction/supported-secret-scanning-patterns';

/** A provider's token: a prefix that is its own, then a body; no longer word around it. */
function token(id: string, body: string, source: string): SecretRule {
  return { id, pattern: new RegExp(`(?<![A-Za-z0-9])(?:${body})(?![A-Za-z0-9_-])`, 'g'), source };
}

const MODELS: readonly SecretRule[] = [
  token(
    'openai',
    'sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}',
    'https://platform.openai.com/docs/api-reference/authentication',
  ),
  token(
    'anthropic',
    'sk-ant-(?:api|admin|oat|ort|sid)\\d{2}-[A-Za-z0-9_-]{80,128}',
    'https://docs.anthropic.com/en/api/admin-api',
  ),
  token('openrouter', 'sk-or-v1-[0-9a-f]{64}', 'https://openrouter.ai/docs/api-reference/authentication'),
  token('google-api-key', 'AIza[A-Za-z0-9_-]{35}', 'https://cloud.google.com/docs/authentication/api-keys'),
  token('xai', 'xai-[A-Za-z0-9]{80}', GITHUB_LIST),
  token('perplexity', 'pplx-[A-Za-z0-9]{48}', GITHUB_LIST),
  token('replicate', 'r8_[A-Za-z0-9]{37}', GITHUB_LIST),
];

const CLOUDS: readonly SecretRule[] = [
  token(
    'aws-access-key-id',
    '(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}',
    'https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html',
  ),
  token('google-oauth-secret', 'GOCSPX-[A-Za-z0-9_-]{28}', GITHUB_LIST),
  token(
    'google-oauth-token',
    'ya29\\.[A-Za-z0-9_-]{30,400}',
    'https://developers.google.com/identity/protocols/oauth2',
  ),
  {
    id: 'azure-storage-key',
    pattern: /AccountKey=(?<secret>[A-Za-z0-9+/]{86}==)/g,
    source: 'https://learn.microsoft.com/azure/storage/common/storage-configure-connection-string',
  },
  token('azure-client-secret', '[A-Za-z0-9_~.]{3}\\dQ~[A-Za-z0-9_~.-]{31,34}', GITHUB_LIST),
  token(
    'azure-devops',
    '[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}',
    'https://learn.microsoft.com/azure/devops/organizations/accounts/use-personal-access-tokens-to-authenticate',
  ),
  token(
    'digitalocean',
    'do[opr]_v1_[0-9a-f]{64}',
    'https://docs.digitalocean.com/reference/api/create-personal-access-token/',
  ),
  token('heroku', 'HRKU-AA[A-Za-z0-9_-]{58}', 'https://devcenter.heroku.com/articles/authentication'),
  token(
    'alibaba-access-key-id',
    'LTAI[A-Za-z0-9]{20}',
    'https://www.alibabacloud.com/help/ram/user-guide/create-an-accesskey-pair',
  ),
  token('fly', 'fm[12][ar]?_[A-Za-z0-9+/]{100,1000}={0,3}', 'https://fly.io/docs/security/tokens/'),
  token('netlify', 'nfp_[A-Za-z0-9]{36}', GITHUB_LIST),
  token(
    'supabase',
    'sbp_[0-9a-f]{40}|sb_secret_[A-Za-z0-9_-]{31}',
    'https://supabase.com/docs/guides/api/api-keys',
  ),
  token(
    'planetscale',
    'pscale_(?:tkn|pw|oauth)_[A-Za-z0-9_.-]{32,64}',
    'https://planetscale.com/docs/concepts/service-tokens',
  ),
  token(
    'terraform',
    '[A-Za-z0-9]{14}\\.atlasv1\\.[A-Za-z0-9_-]{60,70}',
    'https://developer.hashicorp.com/terraform/cloud-docs/users-teams-organizations/api-tokens',
  ),
  token('pulumi', 'pul-[0-9a-f]{40}', GITHUB_LIST),
  token(
    'doppler',
    'dp\\.(?:pt|st|ct|sa|scim|audit)\\.(?:[a-z0-9_-]{2,35}\\.)?[A-Za-z0-9]{40,44}',
    'https://docs.doppler.com/reference/auth-token-formats',
  ),
];

const REGISTRIES: readonly SecretRule[] = [
  token(
    'pypi',
    'pypi-AgEI(?:cHlwaS5vcmc|dGVzdC5weXBpLm9yZw)[A-Za-z0-9_-]{50,1000}',
    'https://pypi.org/help/#apitoken',
  ),
  token('crates', 'cio[A-Za-z0-9]{32}', GITHUB_LIST),
  token('rubygems', 'rubygems_[0-9a-f]{48}', 'https://guides.rubygems.org/api-key-scopes/'),
  token('nuget', 'oy2[a-z0-9]{43}', 'https://learn.microsoft.com/nuget/nuget-org/publish-a-package'),
  token(
    'gitlab',
    'gl(?:dt|ptt|rt|rtr|ft|cbt|soat|agent|imt|oas|ffct)-[A-Za-z0-9_.-]{20,128}',
    'https://docs.gitlab.com/security/tokens/',
  ),
  token(
    'bitbucket',
    'AT(?:BB|CTT3|ATT3)[A-Za-z0-9_=-]{28,250}',
    'https://support.atlassian.com/organization-administration/docs/understand-user-api-tokens/',
  ),
];

const SERVICES: readonly SecretRule[] = [
  token(
    'telegram',
    '\\d{8,10}:AA[A-Za-z0-9_-]{33}',
    'https://core.telegram.org/bots/api#authorizing-your-bot',
  ),
  token(
    'discord-bot',
    '[MNO][A-Za-z0-9_-]{23,27}\\.[A-Za-z0-9_-]{6}\\.[A-Za-z0-9_-]{27,38}',
    'https://discord.com/developers/docs/reference#authentication',
  ),
  token(
    'discord-webhook',
    'https://(?:\\w{1,10}\\.)?discord(?:app)?\\.com/api/(?:v\\d{1,2}/)?webhooks/\\d{17,20}/[A-Za-z0-9_-]{60,80}',
    'https://discord.com/developers/docs/resources/webhook',
  ),
  token('slack-config', 'xox[es]-[A-Za-z0-9.-]{40,400}', 'https://docs.slack.dev/authentication/tokens/'),
  token('mailgun', 'key-[0-9a-f]{32}', GITHUB_LIST),
  token('mailchimp', '[0-9a-f]{32}-us\\d{1,2}', 'https://mailchimp.com/help/about-api-keys/'),
  token('brevo', 'xkeysib-[0-9a-f]{64}-[A-Za-z0-9]{16}', GITHUB_LIST),
  token('resend', 're_[A-Za-z0-9]{8}_[A-Za-z0-9]{24}', 'https://resend.com/docs/api-reference/introduction'),
  token(
    'square',
    'sq0csp-[A-Za-z0-9_-]{43}|EAAA[A-Za-z0-9_-]{60}',
    'https://developer.squareup.com/docs/build-basics/access-tokens',
  ),
  token('stripe-webhook', 'whsec_[A-Za-z0-9+/]{32,64}={0,2}', 'https://docs.stripe.com/webhooks/signature'),
  token(
    'sentry',
    'sntrys_eyJ[A-Za-z0-9_+/=-]{60,400}|sntryu_[0-9a-f]{64}',
    'https://docs.sentry.io/account/auth-tokens/',
  ),
  token(
    'new-relic',
    'NRAK-[A-Z0-9]{27}',
    'https://docs.newrelic.com/docs/apis/intro-apis/new-relic-api-keys/',
  ),
  token(
    'postman',
    'PMAK-[0-9a-f]{24}-[0-9a-f]{34}',
    'https://learning.postman.com/docs/developer/postman-api/authentication/',
  ),
  token(
    'airtable',
    'pat[A-Za-z0-9]{14}\\.[0-9a-f]{64}',
    'https://airtable.com/developers/web/guides/personal-access-tokens',
  ),
];

/** Longest distance from a key's head to its first line: OpenPGP and legacy PEM put headers between. */
const KEY_HEADERS = '(?:(?!-----END)[^]){0,300}?';

const KEYS: readonly SecretRule[] = [
  {
    id: 'private-key',
    pattern: new RegExp(
      `-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----${KEY_HEADERS}[A-Za-z0-9+/]{40}`,
      'g',
    ),
    source: 'https://www.rfc-editor.org/rfc/rfc7468',
    // A filled-in sample repeats itself; the body of a key does not.
    harmless: (key) => new Set(key.slice(-40)).size < 10,
  },
  {
    id: 'putty-private-key',
    pattern: /PuTTY-User-Key-File-\d: [^]{0,2000}?Private-Lines: \d/g,
    source: 'https://the.earth.li/~sgtatham/putty/0.83/htmldoc/AppendixC.html',
    harmless: () => false,
  },
  token(
    'age-secret-key',
    'AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}',
    'https://age-encryption.org/v1',
  ),
  {
    id: 'json-web-token',
    pattern:
      /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{20,1000}/g,
    source: 'https://www.rfc-editor.org/rfc/rfc7519',
    where: 'outside-tests',
  },
  {
    id: 'url-password',
    pattern: /(?<=[A-Za-z]):\/\/[^\s:/@'"`<>{}$]{0,100}:[^\s/@'"`<>{}$]{4,200}@[A-Za-z0-9.-]{1,253}/g,
    source: 'https://www.rfc-editor.org/rfc/rfc3986#section-3.2.1',
    harmless: isHarmlessUrl,
  },
  {
    id: 'netrc-password',
    pattern:
      /\bmachine[ \t]{1,4}\S{1,253}\s{1,8}login[ \t]{1,4}\S{1,100}\s{1,8}password[ \t]{1,4}(?<secret>\S{6,200})/g,
    source: 'https://www.gnu.org/software/inetutils/manual/html_node/The-_002enetrc-file.html',
    harmless: isNoPassword,
  },
];

const NAMES =
  '(?:passw(?:or)?d|passphrase|secret|token|credential|auth|(?:api|access|private|signing|encryption|account)[_-]?key)s?';
/** Names of what is derived from a secret, or public beside it. */
const DERIVED_NAME =
  /hash|digest|checksum|fingerprint|public|integrity|signature|[_-]?id\b|name|type|url|path/i;

function harmlessAssignment(value: string, match: string): boolean {
  const name = match.slice(0, match.length - value.length);
  return (
    DERIVED_NAME.test(name) ||
    !looksRandom(value) ||
    isPlaceholder(value) ||
    /^(?:https?:|\.{0,2}\/)/.test(value)
  );
}

/** Of `user:password` in base64 the password counts. */
function harmlessHeader(value: string): boolean {
  if (!looksRandom(value) || isPlaceholder(value)) return true;
  const [, password] =
    /^[\x20-\x7e]{0,100}?:([\x20-\x7e]{1,100})$/.exec(Buffer.from(value, 'base64').toString('latin1')) ?? [];
  return password !== undefined && isNoPassword(password);
}

const ASSIGNMENTS: readonly SecretRule[] = [
  {
    id: 'assigned-secret',
    pattern: new RegExp(
      `${NAMES}[\\w.-]{0,20}["'\`\\]]{0,2}(?:\\s{0,4}:\\s{0,4}\\w{1,20})?\\s{0,4}(?::=|=>|=|:)\\s{0,4}["'\`](?<secret>[A-Za-z0-9+/=_.~!@#$%^&*-]{16,200})(?=["'\`])`,
      'gi',
    ),
    source: 'https://cwe.mitre.org/data/definitions/798.html',
    where: 'outside-tests',
    harmless: harmlessAssignment,
  },
  {
    id: 'assigned-secret',
    pattern: new RegExp(
      `^[\\w .-]{0,60}?${NAMES}[\\w.-]{0,20}[ \\t]{0,4}[:=][ \\t]{0,4}(?<secret>[A-Za-z0-9+/=_.~!@#$%^&*-]{16,200})[ \\t]{0,8}$`,
      'gim',
    ),
    source: 'https://cwe.mitre.org/data/definitions/798.html',
    where: 'settings-files',
    harmless: harmlessAssignment,
  },
  {
    id: 'authorization-header',
    pattern: /\b(?:Bearer|Basic)[ \t]{1,4}(?<secret>[A-Za-z0-9._~+/-]{20,400}={0,2})/g,
    source: 'https://www.rfc-editor.org/rfc/rfc9110#section-11.6.2',
    where: 'outside-tests',
    harmless: harmlessHeader,
  },
];

/** Every rule of ours; those that know a provider come first, since the first to find a place names it. */
export const OWN_RULES: readonly SecretRule[] = [
  ...MODELS,
  ...CLOUDS,
  ...REGISTRIES,
  ...SERVICES,
  ...KEYS,
  ...ASSIGNMENTS,
].map((rule) => ({ ...rule, harmless: rule.harmless ?? isPlaceholder }));
