/**
 * What an agent can plant in its working copy to be run, followed or misread by whoever looks at it afterwards.
 * Each is a shell script that runs in the working copy; `mark` is a file that only a command on the host can
 * make, `canary` a file of the host with a text that must never travel.
 */

/** A trap. */
export interface Vector {
  readonly name: string;
  /** Whether git as a person uses it (`status`, `add`, `diff`, `commit`, `push`) runs it: the trap is real. */
  readonly firesNaively: boolean;
  readonly plant: (mark: string, canary: string) => string;
}

/** A word for a POSIX shell. */
function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

function config(...settings: (readonly [name: string, value: string])[]): string {
  return settings.map(([name, value]) => `git config ${quoted(name)} ${quoted(value)}`).join('\n');
}

const HOOKS = [
  'applypatch-msg',
  'commit-msg',
  'fsmonitor-watchman',
  'post-checkout',
  'post-commit',
  'post-index-change',
  'post-rewrite',
  'pre-auto-gc',
  'pre-commit',
  'pre-push',
  'prepare-commit-msg',
  'reference-transaction',
  'update',
];

function hooks(folder: string, mark: string): string {
  return [
    `mkdir -p ${folder}`,
    ...HOOKS.map(
      (hook) =>
        `printf '#!/bin/sh\\ntouch %s\\n' ${quoted(mark)} > ${folder}/${hook}; chmod +x ${folder}/${hook}`,
    ),
  ].join('\n');
}

/** The 17 ways that git itself offers, all of them in files an agent may write. */
export const GIT_VECTORS: readonly Vector[] = [
  {
    name: 'core.fsmonitor',
    firesNaively: true,
    plant: (mark) => config(['core.fsmonitor', `touch ${mark} #`]),
  },
  { name: 'hooks', firesNaively: true, plant: (mark) => hooks('.git/hooks', mark) },
  {
    name: 'core.hooksPath',
    firesNaively: true,
    plant: (mark) => `${hooks('.husky', mark)}\n${config(['core.hooksPath', '.husky'])}`,
  },
  {
    name: 'filter.clean and smudge',
    firesNaively: true,
    plant: (mark) =>
      `echo '* filter=x' > .gitattributes\n${config(
        ['filter.x.clean', `touch ${mark}; cat`],
        ['filter.x.smudge', `touch ${mark}; cat`],
      )}`,
  },
  {
    name: 'filter.process',
    firesNaively: true,
    plant: (mark) =>
      `echo '* filter=x' > .gitattributes\n${config(['filter.x.process', `touch ${mark}; cat`])}`,
  },
  {
    name: 'diff.external',
    firesNaively: true,
    plant: (mark) => config(['diff.external', `touch ${mark} #`]),
  },
  {
    name: 'diff.textconv',
    firesNaively: true,
    plant: (mark) =>
      `echo '*.txt diff=x' > .gitattributes\n${config(['diff.x.textconv', `touch ${mark}; cat`])}`,
  },
  {
    name: 'diff.command',
    firesNaively: true,
    plant: (mark) => `echo '*.txt diff=x' > .gitattributes\n${config(['diff.x.command', `touch ${mark} #`])}`,
  },
  {
    name: 'core.sshCommand',
    firesNaively: true,
    plant: (mark) =>
      config(['core.sshCommand', `touch ${mark} #`], ['url.ssh://git@nowhere.invalid/.insteadOf', '/']),
  },
  {
    // Fires only against a server that asks for a password.
    name: 'credential.helper',
    firesNaively: false,
    plant: (mark) => config(['credential.helper', `!touch ${mark};`], ['core.askPass', `touch ${mark} #`]),
  },
  {
    name: 'remote.origin.receivepack',
    firesNaively: true,
    plant: (mark) =>
      config(
        ['remote.origin.receivepack', `touch ${mark}; git-receive-pack`],
        ['remote.origin.uploadpack', `touch ${mark}; git-upload-pack`],
      ),
  },
  {
    name: 'ext:: by insteadOf',
    firesNaively: true,
    plant: (mark) =>
      config(['protocol.ext.allow', 'always'], [`url.ext::sh -c touch% ${mark} #.insteadOf`, '/']),
  },
  {
    name: 'gpg.program',
    firesNaively: true,
    plant: (mark) =>
      config(['commit.gpgSign', 'true'], ['push.gpgSign', 'if-asked'], ['gpg.program', `.git/gpg`]) +
      `\nprintf '#!/bin/sh\\ntouch %s\\n' ${quoted(mark)} > .git/gpg; chmod +x .git/gpg`,
  },
  {
    name: 'include.path',
    firesNaively: true,
    plant: (mark) =>
      `printf '[core]\\n\\tfsmonitor = "touch %s #"\\n' ${quoted(mark)} > more.cfg\n${config(['include.path', '../more.cfg'])}`,
  },
  {
    name: 'a .git file',
    firesNaively: true,
    plant: (mark) =>
      `mv .git elsewhere\necho 'gitdir: elsewhere' > .git\n${config(['core.fsmonitor', `touch ${mark} #`])}`,
  },
  {
    // Seen to do nothing on push; planted all the same.
    name: 'core.alternateRefsCommand',
    firesNaively: false,
    plant: (mark) => config(['core.alternateRefsCommand', `touch ${mark} #`]),
  },
  {
    // Runs nothing: it makes `git add` read another folder of the host.
    name: 'core.worktree',
    firesNaively: false,
    plant: (_mark, canary) => config(['core.worktree', canary.slice(0, canary.lastIndexOf('/'))]),
  },
];

/** What lies about as files: links, names, nested repositories, attributes, things that are no files. */
export const FILE_VECTORS: readonly Vector[] = [
  {
    name: 'AGENTS.md as a link to a file of the host',
    firesNaively: false,
    plant: (_mark, canary) =>
      `for name in AGENTS.md CLAUDE.md .agent-runner.yml README.md; do rm -f "$name"; ln -s ${quoted(canary)} "$name"; done`,
  },
  {
    name: 'a folder as a link out of the tree',
    firesNaively: false,
    plant: (_mark, canary) =>
      `rm -rf dir; ln -s ${quoted(canary.slice(0, canary.lastIndexOf('/')))} dir; ln -s / root; ln -s .. up; ln -s . here`,
  },
  {
    name: 'links named like lock files',
    firesNaively: false,
    plant: (_mark, canary) =>
      `for name in package-lock.json yarn.lock uv.lock .git/index.lock .git/config.lock .git/HEAD.lock; do rm -rf "$name"; ln -s ${quoted(canary)} "$name"; done`,
  },
  {
    name: '.git as a link to a folder of the host',
    firesNaively: false,
    plant: (_mark, canary) => `rm -rf .git; ln -s ${quoted(canary.slice(0, canary.lastIndexOf('/')))} .git`,
  },
  { name: 'no .git at all', firesNaively: false, plant: () => 'rm -rf .git' },
  {
    name: 'attributes and LFS',
    firesNaively: true,
    plant: (mark) =>
      [
        `printf '* filter=lfs diff=lfs merge=lfs -text export-subst ident working-tree-encoding=UTF-16\\n' > .gitattributes`,
        `printf '[lfs]\\n\\turl = ext::sh -c touch%% %s\\n\\tconcurrenttransfers = 1\\n' ${quoted(mark)} > .lfsconfig`,
        config(['filter.lfs.clean', `touch ${mark}; cat`], ['filter.lfs.required', 'true']),
      ].join('\n'),
  },
  {
    name: 'submodules with hostile URLs and paths',
    firesNaively: false,
    plant: (mark) =>
      [
        `printf '[submodule "a"]\\n\\tpath = sub\\n\\turl = ext::sh -c touch%% %s\\n\\tupdate = !touch %s\\n' ${quoted(mark)} ${quoted(mark)} > .gitmodules`,
        // CVE-2018-17456 (an option as URL) and CVE-2025-48384 (a path that ends with a carriage return).
        `printf '[submodule "b"]\\n\\tpath = -u./x\\n\\turl = -u./x\\n[submodule "c"]\\n\\tpath = "dir/d\\r"\\n\\turl = ./x\\n[submodule "../../hooks"]\\n\\tpath = e\\n\\turl = ./x\\n' >> .gitmodules`,
        'git init --quiet sub && echo x > sub/in-sub.txt',
      ].join('\n'),
  },
  {
    name: 'nested repositories with traps of their own',
    firesNaively: false,
    plant: (mark) =>
      [
        'for dir in inner inner/deeper; do git init --quiet "$dir"; done',
        'echo nested > inner/file.txt; echo deeper > inner/deeper/file.txt',
        `(cd inner; ${config(['core.fsmonitor', `touch ${mark} #`])})`,
        hooks('inner/.git/hooks', mark),
        'git init --quiet --bare bare.git',
        `git --git-dir=bare.git config core.fsmonitor ${quoted(`touch ${mark} #`)}`,
      ].join('\n'),
  },
  {
    name: 'names that differ in case, and names that mean .git elsewhere',
    firesNaively: false,
    plant: (mark) =>
      [
        'echo 1 > case.txt; echo 2 > CASE.TXT',
        `mkdir -p .GIT .Git/hooks 'git~1' '.git ' '.git.'`,
        `printf '[core]\\n\\tfsmonitor = "touch %s #"\\n' ${quoted(mark)} | tee .GIT/config > 'git~1/config'`,
        `printf 'x' > "$(printf '.g\\342\\200\\214it')"`,
        `printf 'x' > "$(printf 'e\\314\\201.txt')"; printf 'y' > "$(printf '\\303\\251.txt')"`,
      ].join('\n'),
  },
  {
    name: 'names that look like options, magic or commands',
    firesNaively: false,
    plant: (mark) =>
      [
        `for name in -rf --upload-pack=x --exec=x -c -- ':(top)x' ':!x' '*' '?' '[a' '~' '$(touch x)' '%s%n' 'a;b' 'a|b' 'a b' 'HEAD' '@' 'refs'; do printf x > "./$name"; done`,
        `printf x > "./$(printf 'new\\nline')"; printf x > "./$(printf 'tab\\there')"; printf x > "./$(printf '\\033[31mred')"`,
        `mkdir -p './-d'; printf x > './-d/--output=${mark.replaceAll('/', '_')}'`,
      ].join('\n'),
  },
  {
    name: 'names that reorder text, and names that are no UTF-8',
    firesNaively: false,
    plant: () =>
      `printf x > "$(printf 'bidi\\342\\200\\256txt.exe')"; printf x > "$(printf 'zero\\342\\200\\213width')"; printf x > "$(printf 'latin\\351.txt')"; printf x > "$(printf '\\377\\376')"`,
  },
  {
    name: 'pipes, sockets and folders nobody may read',
    firesNaively: false,
    plant: () =>
      'mkfifo pipe .gitattributes.fifo; rm -f .gitignore; mkfifo .gitignore; mkdir closed; echo x > closed/x; chmod 000 closed; echo x > unreadable; chmod 000 unreadable; chmod 000 .git',
  },
  {
    name: 'a path longer than the system takes',
    firesNaively: false,
    plant: () =>
      'at=$PWD; long=$(printf "%0200d" 0); n=0; while [ $n -lt 30 ]; do mkdir "$long" && cd -P "$long" || break; n=$((n+1)); done; echo x > deep.txt; cd "$at"',
  },
  {
    name: 'links in a circle and links to devices',
    firesNaively: false,
    plant: () =>
      'ln -s b a; ln -s a b; ln -s /dev/zero zero; ln -s /dev/tty tty; ln -s /proc/self/environ environ; ln -s /proc/1/root proc-root',
  },
  {
    name: 'objects and refs of the inner repository, replaced',
    firesNaively: false,
    plant: (_mark, canary) =>
      [
        `echo ${quoted(canary.slice(0, canary.lastIndexOf('/')))} > .git/objects/info/alternates`,
        'for id in $(git rev-list --all 2>/dev/null | head -3); do mkdir -p .git/refs/replace; echo $id > .git/refs/replace/$id; done',
        'echo garbage > .git/index; echo garbage > .git/packed-refs; echo "ref: ../../../etc/passwd" > .git/HEAD',
      ].join('\n'),
  },
];
