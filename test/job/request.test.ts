import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JobError } from '../../src/job/error.ts';
import {
  isOwnerName,
  MAX_CALLBACK_CHARS,
  MAX_TASK_BYTES,
  parseCallbackUrl,
  parseRef,
  parseRepo,
  parseTask,
} from '../../src/job/request.ts';

const HOSTILE_REPOS: readonly string[] = [
  // Options in disguise.
  '-',
  '--',
  '--upload-pack=touch x',
  '-u',
  '-oProxyCommand=touch x',
  '--config=core.sshCommand=x',
  '-c',
  'ssh://-oProxyCommand=touch%20x/repo',
  'ssh://-oProxyCommand=x@host/repo',
  'ssh://user@-oProxyCommand=x/repo',
  'ssh://%2doProxyCommand=x/repo',
  'ssh://%2DoProxyCommand=x@host/repo',
  'ssh://host%2dx/repo',
  'https://-host/repo',
  'https://user@-host/repo',
  'git@-oProxyCommand=x:repo',
  'git@-host:repo',
  'git@host:-repo',
  'git@host:--upload-pack=x',
  '-git@host:repo',
  '-user@host:repo',
  // Transports that run a program or reach elsewhere.
  'ext::sh -c touch% x',
  'ext::sh',
  'EXT::sh -c x',
  'fd::17',
  'fd::17,18/x',
  'transport::address',
  'https::https://host/repo',
  'git-remote-x::y',
  'testgit::/srv/repo',
  '::',
  'a::b',
  'http://host/repo',
  'git://host/repo',
  'ftp://host/repo',
  'ftps://host/repo',
  'rsync://host/repo',
  'javascript:alert(1)',
  'data:text/plain,x',
  'gopher://host/repo',
  'ldap://host/repo',
  'git+ssh://host/repo',
  'ssh+git://host/repo',
  'svn+ssh://host/repo',
  'bundle:/srv/x.bundle',
  'unknown:repo',
  'host:repo',
  'C:repo',
  'https:/host/repo',
  'https:host/repo',
  'https://',
  'https:///repo',
  'https://@/repo',
  'https://user@/repo',
  'https://host name/repo',
  'ssh://',
  'ssh:///repo',
  'ssh:host/repo',
  'file:repo',
  'file:/srv/repo',
  'file://',
  'file://host/srv/repo',
  'git@:repo',
  '@host:repo',
  'git@host:',
  'git@ho st:repo',
  'us er@host:repo',
  'git@host::repo',
  'a@b@c:repo',
  '[host:repo',
  ':repo',
  ':',
  // Characters that forge lines, names and terminals.
  '',
  ' ',
  '\t',
  '\n',
  '\0',
  '/srv/repo\0',
  '/srv/repo\n--upload-pack=x',
  '/srv/re\rpo',
  '/srv/\u001b[31mrepo',
  '/srv/\u0007repo',
  '/srv/\u007frepo',
  '/srv/\u0085repo',
  '/srv/\u009brepo',
  '/srv/\u2028repo',
  '/srv/\u2029repo',
  '/srv/\u202eoper',
  '/srv/\u2066repo',
  'https://host/re\npo',
  'https://host\0/repo',
  'owner/\u202ename',
  '\u0000-x',
  `/${'a'.repeat(5000)}`,
  `https://host/${'a'.repeat(5000)}`,
];

const HONEST_REPOS: readonly string[] = [
  '.',
  '..',
  './repo',
  '../repo',
  './-repo',
  '/srv/repo',
  '/srv/my repo',
  '/srv/a:b',
  './a:b',
  '/srv/dépôt',
  '~/repo',
  'repo',
  'owner/name',
  'owner/name.js',
  'https://host/owner/name',
  'https://host:8443/owner/name.git',
  'https://user@host/owner/name.git',
  'https://host.example/a/-b',
  'ssh://git@host/owner/name.git',
  'ssh://git@host:2222/owner/name.git',
  'ssh://host/~user/name.git',
  'file:///srv/repo',
  'file:///srv/my%20repo',
  'git@host:owner/name.git',
  'git@host.example:name.git',
  'first.last@host:a',
];

const HOSTILE_REFS: readonly string[] = [
  '',
  '-',
  '--',
  '-b',
  '--upload-pack=x',
  '--exec=x',
  '+main',
  '+refs/heads/*:refs/heads/*',
  'main:main',
  ':main',
  'main..evil',
  'a...b',
  'main~1',
  'main^',
  '^main',
  'main^{tree}',
  'main@{1}',
  '@{-1}',
  '@',
  'a b',
  ' main',
  'main ',
  'main\n',
  'ma\nin',
  'ma\rin',
  'ma\tin',
  'ma\0in',
  'ma\u001bin',
  'ma\u007fin',
  'ma\u0085in',
  'ma\u2028in',
  'ma\u202ein',
  '/main',
  'main/',
  'a//b',
  'main.',
  'main.lock',
  'feature/x.lock',
  'a*b',
  'a?b',
  'a[b',
  'a\\b',
  'refs/heads/*',
  '.',
  '/',
  '..',
  'a'.repeat(201),
];

function codeOf(attempt: () => unknown): string | null {
  try {
    attempt();
    return null;
  } catch (error) {
    return error instanceof JobError ? error.code : `not ours: ${String(error)}`;
  }
}

describe('parseRepo', () => {
  it.each(HOSTILE_REPOS.map((repo) => [repo]))('refuses %j', (repo) => {
    expect(codeOf(() => parseRepo(repo))).toBe('invalid_request');
  });

  it.each(HONEST_REPOS.map((repo) => [repo]))('accepts %j', (repo) => {
    expect(parseRepo(repo)).toBe(repo);
  });

  it('lets nothing through that git would take for an option or a helper', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (repo) => {
        if (codeOf(() => parseRepo(repo)) !== null) return;
        expect(repo.startsWith('-')).toBe(false);
        expect(repo).not.toMatch(/::|\p{Cc}/u);
        expect(repo).not.toMatch(/^[^/]*[/@:]+-[^/]*:/);
      }),
      { numRuns: 2000 },
    );
  });

  it('names the field, shows what came without its control characters, and says what to do', () => {
    try {
      parseRepo('-\u001b[31m');
      expect.unreachable();
    } catch (error) {
      expect((error as JobError).message).toBe('repo: "-\\u001b[31m" is no repository');
      expect((error as JobError).hint).toContain('https://');
    }
  });

  it('tells a short name from everything else', () => {
    expect(['owner/name', 'a.b/c_d-e'].every(isOwnerName)).toBe(true);
    expect(['owner', '/srv/repo', 'a/b/c', 'https://h/o/n', 'a b/c', './'].some(isOwnerName)).toBe(false);
  });
});

describe('parseRef', () => {
  it.each(HOSTILE_REFS.map((ref) => [ref]))('refuses %j', (ref) => {
    expect(codeOf(() => parseRef(ref))).toBe('invalid_request');
  });

  it.each([
    'main',
    'm',
    'v1.2.0',
    'feature/x-1',
    'bot/job-0123456789ab',
    'a'.repeat(200),
    'f'.repeat(40),
    'HEAD',
    'größe',
  ])('accepts %j', (ref) => {
    expect(parseRef(ref)).toBe(ref);
  });

  it('names the field it was asked about', () => {
    expect(() => parseRef('-x', 'branch_template')).toThrow('branch_template: "-x"');
  });

  it('reads a long one without going back for each character', () => {
    expect(codeOf(() => parseRef('/.'.repeat(500_000)))).toBe('invalid_request');
  });
});

describe('parseTask', () => {
  it.each(['', ' ', '\n\t ', '\u200b', '\u2028\u00a0', '\u0000', '\u202e\u202c', 'mend\0it', '\0x'])(
    'refuses %j',
    (task) => {
      expect(codeOf(() => parseTask(task))).toBe('invalid_request');
    },
  );

  it.each([
    'x',
    '- a list\n- of wishes',
    '--help is broken',
    'añade pruebas',
    '修复',
    '🙂',
    'a\tb\r\nc',
    '`rm -rf`',
  ])('keeps %j as it is', (task) => {
    expect(parseTask(task)).toBe(task);
  });

  it('measures bytes, not characters', () => {
    expect(parseTask('a'.repeat(MAX_TASK_BYTES))).toHaveLength(MAX_TASK_BYTES);
    expect(codeOf(() => parseTask('a'.repeat(MAX_TASK_BYTES + 1)))).toBe('invalid_request');
    expect(codeOf(() => parseTask('é'.repeat(MAX_TASK_BYTES / 2 + 1)))).toBe('invalid_request');
  });
});

describe('parseCallbackUrl', () => {
  it.each([
    ['https://ci.example.org/hook', 'https://ci.example.org/hook'],
    ['HTTPS://CI.Example.org', 'https://ci.example.org/'],
    ['http://127.0.0.1:8080/a?b=c', 'http://127.0.0.1:8080/a?b=c'],
    ['http://0x7f.1/', 'http://127.0.0.1/'],
    ['https://bücher.example/ä', 'https://xn--bcher-kva.example/%C3%A4'],
  ])('takes %j as %j', (url, kept) => {
    expect(parseCallbackUrl(url)).toBe(kept);
  });

  it.each([
    '',
    'here',
    '/hook',
    '//ci.example.org/',
    'ftp://ci.example.org/',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'https://',
    'https://ci.example.org/\n',
    'https://ci.example.org/\u202e',
    `https://ci.example.org/${'x'.repeat(MAX_CALLBACK_CHARS)}`,
  ])('refuses %j', (url) => {
    expect(codeOf(() => parseCallbackUrl(url))).toBe('invalid_request');
  });

  it('makes of any text a URL that it takes again, or an error of ours', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webUrl(), fc.string({ unit: 'binary' })), (text) => {
        try {
          const kept = parseCallbackUrl(text);
          expect(parseCallbackUrl(kept)).toBe(kept);
        } catch (error) {
          expect(error).toBeInstanceOf(JobError);
        }
      }),
    );
  });
});
