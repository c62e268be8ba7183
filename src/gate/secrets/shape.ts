/** What tells a secret from a text that only has its shape: placeholders, words, examples, local hosts. */

/** A secret is this random, in bits a character (Shannon); English and identifiers lie below or fail `looksRandom`. */
const MIN_ENTROPY_BITS = 3.2;
const MIN_RANDOM_CHARS = 16;
const MIN_DIGITS = 2;
/** Share of neighbours that differ in kind. Random base62 has 0.62, hex 0.47, base36 0.40, identifiers below 0.25. */
const MIN_KIND_CHANGES = 0.25;
/** In longer texts a short word can stand by chance, so they are no placeholders. */
const MAX_PLACEHOLDER_CHARS = 200;

const PLACEHOLDER =
  /example|placeholder|change[-_]?me|redacted|dummy|sample|fake|your|insert|replace|xxxx|\*\*\*|\.\.\.|(.)\1{7}|0123456789|1234567890|abcdefgh|<[^>]{0,100}>|\$\{|\{\{|%\w{1,50}%|^\$|process\.env/i;

/** Values that their publishers gave out as examples or for emulators. */
const PUBLISHED: readonly string[] = [
  // https://docs.aws.amazon.com/IAM/latest/UserGuide/security-creds.html
  'wJalrXUtnFEMI/K7MDENG',
  // https://learn.microsoft.com/azure/storage/common/storage-use-azurite (well-known emulator account)
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq',
  // https://learn.microsoft.com/azure/cosmos-db/emulator (well-known emulator key)
  'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==',
  // RFC 7617, section 2: Aladdin:open sesame
  'QWxhZGRpbjpvcGVuIHNlc2FtZQ==',
  // RFC 6749, sections 2.3.1 and 4.1.4 (the first is s6BhdRkqt3:gX1fBat3bV)
  'czZCaGRSa3F0MzpnWDFmQmF0M2JW',
  '2YotnFZFEjr1zCsicMWpAA',
  'tGzv3JOkF0XG5Qx2TlKWIA',
  // https://jwt.io: the payload of the page's own token (1234567890, John Doe)
  'eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9l',
];

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
/** Not the secret itself: password hashes, digests, and values that are encrypted already. */
const DIGESTED =
  /^(?:\$(?:2[abxy]?|5|6|argon2\w*|pbkdf2\w*|scrypt|apr1|y)\$|\{\w{1,20}\}|sha\d{1,3}[-:]|md5[-:]|pbkdf2|ENC\[|vault:v\d)/i;

const WEAK_PASSWORDS: ReadonlySet<string> = new Set(
  'pass passwd password pwd secret admin root user username guest test postgres mysql mongo redis rabbitmq minio foobar mypassword qwerty letmein hunter2 passw0rd password1 123456 12345678'.split(
    ' ',
  ),
);

/** Shannon entropy in bits a character. */
function entropyBits(text: string): number {
  const counts = new Map<string, number>();
  for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values()) bits -= (count / text.length) * Math.log2(count / text.length);
  return bits;
}

function kindOf(char: string): 'lower' | 'upper' | 'digit' | 'other' {
  if (char >= 'a' && char <= 'z') return 'lower';
  if (char >= 'A' && char <= 'Z') return 'upper';
  return char >= '0' && char <= '9' ? 'digit' : 'other';
}

/** Whether a value was written to stand for a secret, or is one that its publisher gave out as an example. */
export function isPlaceholder(text: string): boolean {
  if (PUBLISHED.some((value) => text.includes(value))) return true;
  return text.length <= MAX_PLACEHOLDER_CHARS && PLACEHOLDER.test(text);
}

/**
 * Whether a value looks drawn by chance, as keys are: long enough, with digits, and changing between kinds of
 * characters more often than words do. UUIDs name things, and hashes of passwords are made to be stored.
 */
export function looksRandom(text: string): boolean {
  if (text.length < MIN_RANDOM_CHARS || UUID.test(text) || DIGESTED.test(text)) return false;
  const kinds = Array.from(text, kindOf).filter((kind) => kind !== 'other');
  if (kinds.filter((kind) => kind === 'digit').length < MIN_DIGITS) return false;
  if (!kinds.some((kind) => kind !== 'digit')) return false;
  const changes = kinds.filter((kind, at) => at > 0 && kind !== kinds[at - 1]).length;
  return changes / kinds.length >= MIN_KIND_CHANGES && entropyBits(text) >= MIN_ENTROPY_BITS;
}

/**
 * Whether a host is this machine, a neighbour in a compose file, or a name that can never be public
 * (RFC 2606, RFC 6761).
 */
function isLocalHost(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return (
    !name.includes('.') ||
    /^(?:127\.|0\.0\.0\.0$|10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/.test(name) ||
    /(?:^|\.)(?:localhost|local|internal|test|example|invalid|example\.(?:com|net|org))$/.test(name)
  );
}

/** Whether a password is a word that everybody tries first, a placeholder, or the name of a variable. */
export function isNoPassword(text: string): boolean {
  return (
    WEAK_PASSWORDS.has(text.toLowerCase()) ||
    isPlaceholder(text) ||
    /[{}$%<>()]/.test(text.replace(/%[0-9a-f]{2}/gi, ''))
  );
}

/** Whether a URL with user and password gives nothing away: a local host, a template, or a word for a password. */
export function isHarmlessUrl(url: string): boolean {
  const parts = /:\/\/([^:@/]{0,256}):([^@/]{1,256})@([^/:?#\s"'`,]{1,256})/.exec(url);
  if (parts === null) return false;
  const [, user = '', password = '', host = ''] = parts;
  return isLocalHost(host) || password === user || isNoPassword(password) || /[{}$<>()]/.test(user);
}
