/** Whether a part of the gate's chain, as it is on head, can still fail for what failed it on base. */
import { unwrapped, type ShellCommand } from '../shell/fates.ts';
import { squeezed, type Step } from './step.ts';

/** What is wrong, and where in head's file. */
export interface Gutted {
  readonly line: number;
  readonly why: string;
}

/** Programmes that judge nothing: their failure is of no matter to a gate. */
const INERT = new Set(['true', ':', 'false', 'echo', 'printf', 'cd', 'pushd', 'popd', 'pwd', 'export', 'set', 'unset', 'trap', 'exit', 'return', 'shift', 'read', 'local', 'readonly', 'declare', 'typeset', 'source', '.', 'rm', 'mkdir', 'rmdir', 'cp', 'mv', 'touch', 'ln', 'chmod', 'chown', 'cat', 'tee', 'sleep', 'wait', 'kill', 'pkill', 'killall', 'date', 'which', 'type', 'umask', 'ulimit', 'let', 'shopt', 'basename', 'dirname', 'curl', 'wget', 'tar', 'unzip', 'apt-get', 'apt', 'brew', 'pip', 'pip3', 'tput', 'clear', 'break', 'continue', 'mktemp', 'head', 'tail', 'sort', 'sed', 'awk', 'cut', 'tr', 'wc', 'ls', 'find', 'docker', 'docker-compose', 'git', 'yes', 'hash', 'id', 'uname', 'whoami', 'nproc', 'seq', 'xargs', 'test', '[', '[[']); // prettier-ignore
const INSTALLS = /^(?:npm|pnpm|yarn|bun|composer|bundle|poetry|pdm|uv|cargo|go|mix|gem)$/;
const INSTALL_VERB =
  /^(?:ci|i|install|add|fetch|sync|prune|dedupe|audit|cache|config|set|mod|deps\.get|download|update|upgrade|exec|link|fund|login|whoami|version)$/;

function programOf(words: readonly string[]): string {
  return (words[0] ?? '').replace(/^.*\//, '');
}

/** Whether a command could be one that tests or checks. */
export function isJudging(command: ShellCommand): boolean {
  const [program = '', verb = ''] = command.words;
  if (program === '' || program.startsWith('$') || program.startsWith('((')) return program.startsWith('$');
  if (INERT.has(programOf(command.words))) return false;
  if (/^(?:node|python3?|ruby|php|perl|sh|bash)$/.test(program) && /^-[ecr]$/.test(verb))
    return !/^(?:\s*|0|1|pass|true|(?:process|sys)\.exit\(0?\)|exit\(?0?\)?)$/.test(command.words[2] ?? '');
  return !(INSTALLS.test(program) && INSTALL_VERB.test(verb));
}

const SUBCOMMANDS =
  /^(?:npm|pnpm|yarn|bun|make|gmake|just|cargo|go|mix|composer|npx|bundle|poetry|uv|pdm|hatch|python[\d.]*|node|sh|bash|dotnet|mvn|gradle|deno|rake|tox|ruff|php|ruby)$/;

/** What a command is about: its programme, and for those with many trades the first word after it. */
function subjectOf(command: ShellCommand): string {
  const words = unwrapped(command.words).filter((word) => word !== 'run' && word !== 'run-script');
  const program = programOf(words);
  if (!SUBCOMMANDS.test(program)) return program;
  const rest = words.slice(1).filter((word) => !word.startsWith('-') || word === '--test');
  return `${program} ${rest[0] === 'exec' ? (rest[1] ?? '') : (rest[0] ?? '')}`;
}

/** Options with which a command passes or runs nothing; seen on a command that tests or checks. */
const FORGIVING =
  /^(?:--pass-?with-?no-?tests(?:=true)?|--listTests|--list-tests|--collect-only|--co|--exit-zero|--exit-code=0|--issues-exit-code=0|-DskipTests(?:=true)?|-Dmaven\.test\.skip(?:=true)?|-Dmaven\.test\.failure\.ignore(?:=true)?|-DskipITs|--fail-never|-fn|--no-run|--no-bail|--noCheck|--dry-run|--permit-no-files|--setup-plan|--setup-only|--suppress-no-test-exit-code|--version|--help|--just-print|--ignore-errors|--showConfig|--exit-zero-even-if-changed)$/i;
/** The same of one programme only. */
const FORGIVING_OF: readonly (readonly [program: RegExp, options: RegExp])[] = [
  [/^(?:gmake|make)$/, /^-[A-Za-z]*[int][A-Za-z]*$/],
  [/^golangci-lint$/, /^--issues-exit-code$/],
  [/^go$/, /^(?:-list(?:=.*)?|-run=(?:\^\$|NONE|XXX))$/],
  [/^(?:gradle|gradlew)$/, /^-m$/],
  [/^(?:mvn|mvnw)$/, /^-fn$/],
];

function forgivingWord(command: ShellCommand): string | null {
  const program = programOf(command.words);
  const own = FORGIVING_OF.find(([name]) => name.test(program))?.[1];
  const { words } = command;
  const at = words.findIndex((word, index) => {
    if (index === 0) return false;
    if (word === '--exit-code' || word === '-run' || word === '-x')
      return /^(?:--exit-code 0|-run (?:\^\$|NONE|XXX)|-x test)$/.test(`${word} ${words[index + 1] ?? ''}`);
    // `npm test -- --version` is for the script; `go test -run x --version` too.
    return FORGIVING.test(word) || own?.test(word) === true;
  });
  return at < 0 ? null : (words[at] ?? null);
}

/** A forgiving option that no command on base has. */
function newOption(before: readonly ShellCommand[], after: readonly ShellCommand[]): Gutted | null {
  const known = new Set(before.map(forgivingWord));
  for (const command of after) {
    const word = isJudging(command) ? forgivingWord(command) : null;
    if (word !== null && !known.has(word)) return { line: command.line, why: `${word} lets it pass: ${command.words.join(' ').slice(0, 120)}` }; // prettier-ignore
  }
  return null;
}

const COMMON = 0.5;
const MAX_COUNTED = 300;
/** Whether two commands of one subject are the same one, edited. */
function isSame(one: ShellCommand, other: ShellCommand): boolean {
  if (subjectOf(one) !== subjectOf(other)) return false;
  const [a, b] = [new Set(one.words), new Set(other.words)];
  const shared = [...a].filter((word) => b.has(word)).length;
  return shared / Math.min(a.size, b.size) >= COMMON;
}

/** Whether commands of a shell text that could fail it on base can't any more. */
function guttedShell(base: Step, head: Step): Gutted | null {
  const counted = base.commands
    .filter((one) => one.fate === 'counts' && isJudging(one))
    .slice(0, MAX_COUNTED);
  if (counted.length === 0) return null;
  for (const one of counted) {
    const same = head.commands.filter((other) => isSame(one, other));
    const [first] = same;
    if (first !== undefined && same.every((other) => other.fate === 'lost'))
      return { line: first.line, why: first.why };
  }
  const left = head.commands.filter(isJudging);
  if (left.some((one) => one.fate !== 'lost')) return newOption(base.commands, head.commands);
  // A target that only has prerequisites runs nothing itself.
  if (head.commands.length === 0 && head.references.some((one) => one.tool === 'make' || one.tool === 'just'))
    return null;
  const own = head.commands.at(-1)?.line ?? head.lines[0]?.line ?? 1;
  return { line: left[0]?.line ?? own, why: left[0]?.why ?? 'nothing that it runs can fail' };
}

const CAN_FAIL =
  /process\.exit\((?!\s*0?\s*\))|process\.exitCode\s*=(?!\s*0\s*;?\s*$)|\bthrow\b|\bassert|\braise\b(?!\s+SystemExit\(\s*0?\s*\))|sys\.exit\((?!\s*0?\s*\))|\bexit\s*\(?\s*[1-9]|\bexit\((?!\s*0?\s*\))|\babort\b|\bdie\b|check_call|check=True|execSync|execFileSync|spawnSync|\.status\b|returncode|Deno\.exit\([1-9]|os\._exit\((?!0)/m;
const ENDS_WELL =
  /^(?:(?:globalThis\.)?process\.exit\(\s*0?\s*\)|process\.exitCode\s*=\s*0|sys\.exit\(\s*0?\s*\)|os\._exit\(\s*0\s*\)|raise SystemExit(?:\(\s*0?\s*\))?|exit!?\s*\(?\s*0?\s*\)?|quit\(\s*\)|Deno\.exit\(\s*0?\s*\))\s*;?\s*(?:#.*|\/\/.*)?$/;
const IS_OVERRIDDEN =
  /\bprocess\.(?:exit|reallyExit)\s*=(?!=)|Object\.defineProperty\(\s*process\s*,\s*['"]exit(?:Code)?['"]|\bsys\.exit\s*=(?!=)|process\.on\(\s*['"]exit['"][^\n]{0,200}exitCode\s*=\s*0/;

const MAX_ENDING_CHARS = 300;

/** Lines of a programme that end it well, or keep it from failing, whatever came before. */
function endings(source: string): readonly Gutted[] {
  return source.split('\n').flatMap((text, at) => {
    // What is indented happens only sometimes; a long line would take long to read.
    if (/^\s/.test(text) || text.length > MAX_ENDING_CHARS) return [];
    if (ENDS_WELL.test(squeezed(text)))
      return [{ line: at + 1, why: `it ends well whatever it found: ${text.trim()}` }];
    return IS_OVERRIDDEN.test(text)
      ? [{ line: at + 1, why: `how it ends is replaced: ${text.trim().slice(0, 100)}` }]
      : [];
  });
}

function guttedProgram(before: string, after: string): Gutted | null {
  const known = new Set(before.split('\n').map((line) => line.trim()));
  const fresh = endings(after).find(({ line }) => !known.has((after.split('\n')[line - 1] ?? '').trim()));
  if (fresh !== undefined && CAN_FAIL.test(before)) return fresh;
  if (!CAN_FAIL.test(before) || CAN_FAIL.test(after)) return null;
  // What imports or calls other things may fail by them: only a programme that does nothing of it surely can't.
  if (after.trim() !== '' && /\b(?:import|require|from)\b|\w\(/.test(after.replaceAll(/(?:console|process|sys)\.[\w.]+\(/g, '')) && !/exitCode\s*=\s*0/.test(after)) return null; // prettier-ignore
  return { line: 1, why: 'nothing in it can fail any more' };
}

/** Where head's version of a part of the chain surely lets pass what base's did not; `null` when that is not sure. */
export function guttedIn(base: Step, head: Step): Gutted | null {
  if (base.program !== null && head.program !== null) {
    // Long runs of white space would take long to read.
    const [before, after] = [base.program, head.program].map((text) => text.replaceAll(/[ \t]+/g, ' '));
    return guttedProgram(before ?? '', after ?? '');
  }
  if (base.commands.length === 0) return null;
  return guttedShell(base, head);
}
