/** Names of failing tests, read from the text that runners print for people. */

/** A pattern for one line; group 1 is the name of a failing test. */
interface LineRule {
  readonly runner: string;
  readonly pattern: RegExp;
}

// All are anchored and use classes that do not overlap with what follows, so that a line costs linear time.
const LINE_RULES: readonly LineRule[] = [
  { runner: 'pytest summary', pattern: /^(?:FAILED|ERROR) ([^\s:]+\.py(?:::.*)?)/ },
  { runner: 'pytest -v', pattern: /^([^\s:]+\.py::.*) (?:FAILED|ERROR)(?: +\[ *\d+%\])?$/ },
  { runner: 'pytest-xdist', pattern: /^\[gw\d+\] \[ *\d+%\] (?:FAILED|ERROR) (\S.*)$/ },
  { runner: 'unittest', pattern: /^(?:FAIL|ERROR): (\w+ \([\w.<>]+\).*)$/ },
  { runner: 'cargo', pattern: /^test (\S.*) \.\.\. FAILED$/ },
  {
    runner: 'cargo-nextest',
    pattern: /^\s*(?:FAIL|SIGABRT|TIMEOUT) \[ *[\d.]+s\] (?:\( *\d+\/\d+\) )?(\S.*)$/,
  },
  { runner: 'vitest', pattern: /^\s*FAIL\s+((?:\|[^|]+\|\s+)?\S+ (?:> |\[ ).*)$/ },
  { runner: 'bun', pattern: /^\(fail\) (\S.*)$/ },
  { runner: 'deno', pattern: /^(\S.*) \.\.\. FAILED \(\d+m?s\)$/ },
  { runner: 'ava', pattern: /^\s*✘ \[fail\]: (\S.*)$/ },
  { runner: 'playwright', pattern: /^\s+\d+\) (\[[^\]]+\] › .*)$/ },
  {
    runner: 'surefire 3',
    pattern: /^\[ERROR\] (?!Tests run)(\S+) -- Time elapsed: .*<<< (?:FAILURE|ERROR)!$/,
  },
  {
    runner: 'surefire 2',
    pattern: /^(?:\[ERROR\] )?(\w[^\s(]*\([\w.$]+\)) +Time elapsed: .*<<< (?:FAILURE|ERROR)!$/,
  },
  {
    runner: 'surefire 2.x',
    pattern: /^\[ERROR\] (?!Tests run)([\w.$]+)  +Time elapsed: .*<<< (?:FAILURE|ERROR)!$/,
  },
  { runner: 'gradle', pattern: /^([\w.$]+(?: > \S.*)?(?: > [^>]+)) FAILED$/ },
  { runner: 'dotnet', pattern: /^\s*(?:\[xUnit[^\]]*\]\s+)?Failed ([\w.+]+(?:\(.*\))?) \[[^\]]*\]$/ },
  { runner: 'rspec', pattern: /^rspec ('?\.?\/?\S+_spec\.rb\S* # .*)$/ },
  { runner: 'minitest', pattern: /^([A-Z][\w:]*#test_\S+?)(?: \[[^\]]*\])?:?$/ },
  { runner: 'phpunit', pattern: /^\d+\) ([\w\\]+::\w.*)$/ },
  { runner: 'pest', pattern: /^\s*FAILED {2,}(\S+ > .*)$/ },
  { runner: 'exunit', pattern: /^\s+\d+\) ((?:test|property|doctest) .* \([\w.]+\))$/ },
  { runner: 'ctest', pattern: /^\s*\d+\/\d+ Test +#\d+: (\S+) \.*\*\*\*/ },
];

/** Strips durations, attempt counters, addresses and line numbers from a test's name. */
export function cleanName(name: string): string {
  return name
    .replace(/ - .*$/, (tail, at: number) => (/\.py(?:::|$)/.test(name.slice(0, at)) ? '' : tail))
    .replace(/\s*[([]\s*\d+(?:\.\d+)?\s*(?:ms|µs|us|ns|s|sec|m)\s*[)\]]\s*$/, '')
    .replace(/\s+\d+(?:\.\d+)?\s*(?:ms|µs|s)\s*$/, '')
    .replace(/\s+\(retry x?\d+[^)]*\)$/i, '')
    .replace(/\b0x[0-9a-fA-F]+\b/g, '<hex>')
    .replace(/(\.\w{1,10})(?::\d{1,7}){1,2}(?!\w)/g, '$1')
    .replace(/\(line \d+\)/g, '')
    .replace(/^\/workspace\//, '')
    .replace(/[\s─]+$/, '')
    .replace(/\s+/g, ' ');
}

/**
 * A reader that needs to remember what came before. `null` as an answer means that the line is not its own;
 * `null` as a line that there are no more.
 */
type Reader = (line: string | null) => readonly string[] | null;

/**
 * TAP, with node:test's nesting: a test is named by its parents and, where it says so, by its file. A parent
 * whose subtests failed is none itself.
 */
function tapReader(): Reader {
  const parents: string[] = [];
  const failed: boolean[] = [];
  let waiting: string | null = null;
  const take = (file = ''): readonly string[] => {
    const name = waiting;
    waiting = null;
    return name === null ? [] : [file === '' ? name : `${file}: ${name}`];
  };
  return (line) => {
    if (line === null) return take();
    const subtest = /^( *)# Subtest: (.*)$/.exec(line);
    if (subtest !== null) {
      const depth = Math.min(20, Math.floor((subtest[1] ?? '').length / 4));
      parents.length = Math.min(parents.length, depth);
      while (parents.length < depth) parents.push('');
      parents[depth] = subtest[2] ?? '';
      return take();
    }
    const notOk = /^( *)not ok \d+ ?(?:- )?(.*)$/.exec(line);
    if (notOk !== null) {
      const before = take();
      const name = (notOk[2] ?? '').trim();
      const depth = Math.min(20, Math.floor((notOk[1] ?? '').length / 4));
      const isParent = failed[depth + 1] === true;
      failed.length = Math.min(failed.length, depth + 1);
      if (/# *(?:TODO|SKIP)\b/i.test(name)) return before;
      failed[depth] = true;
      if (!isParent) waiting = [...parents.slice(0, depth), name].filter((part) => part !== '').join(' > ');
      return before;
    }
    const location = /^ *location: '([^']*)'$/.exec(line);
    return location === null || waiting === null ? null : take(location[1]);
  };
}

/** node:test's spec reporter: `test at <file>:3:1` and below it `✖ <name> (1.2ms)`. */
function specReader(): Reader {
  let file: string | null = null;
  return (line) => {
    if (line === null) return null;
    const at = /^test at (\S+?):\d+:\d+$/.exec(line);
    if (at !== null) {
      file = at[1] ?? null;
      return [];
    }
    const named = file === null ? null : /^✖ (.+)$/.exec(line);
    if (named === null) return null;
    const name = `${file}: ${named[1] ?? ''}`;
    file = null;
    return [name];
  };
}

/** go test: a test is named by its package, which comes after it. */
function goReader(): Reader {
  const pending: string[] = [];
  return (line) => {
    if (line === null) return pending.splice(0);
    if (line.startsWith('{"') && line.endsWith('}')) return goEvent(line);
    const test = /^\s*--- FAIL: (\S+)/.exec(line);
    if (test !== null) {
      if (pending.length < 5000) pending.push(test[1] ?? '');
      return [];
    }
    const failed = /^FAIL\s+(\S+)\s+(?:\[([^\]]+)\]|[\d.]+s)$/.exec(line);
    if (failed === null) return null;
    const name = failed[1] ?? '';
    if (failed[2] !== undefined) return [`${name} [${failed[2]}]`];
    const tests = pending.splice(0).map((test) => `${name}: ${test}`);
    return tests.length > 0 ? tests : [name];
  };
}

function goEvent(line: string): readonly string[] | null {
  try {
    const event = JSON.parse(line) as Readonly<Record<string, unknown>>;
    const { Action: action, Package: name, Test: test } = event;
    if (action !== 'fail' || typeof name !== 'string') return null;
    return [typeof test === 'string' ? `${name}: ${test}` : name];
  } catch {
    return null;
  }
}

/** jest: `FAIL <file>` and below it `● <suite> › <test>`. */
function jestReader(): Reader {
  let file = '';
  return (line) => {
    if (line === null) return null;
    const head = /^\s*FAIL\s+(?:\S+\s+)?(\S+\.[cm]?[jt]sx?)(?: \([\d.]+ m?s\))?$/.exec(line);
    if (head !== null) {
      file = `${head[1] ?? ''}: `;
      return [];
    }
    const bullet = /^\s*● (.+)$/.exec(line);
    if (bullet === null) return null;
    const name = bullet[1] ?? '';
    if (/^(?:Console|Validation|Deprecation)\b/.test(name) || name.startsWith('Cannot log after')) return [];
    return [file + name];
  };
}

/** mocha: after `<n> failing`, numbered blocks whose title ends with a colon some lines later. */
function mochaReader(): Reader {
  let title: string[] | null = null;
  let failing = false;
  return (line) => {
    if (line === null) return null;
    if (/^\s*\d+ failing$/.test(line)) failing = true;
    if (!failing) return null;
    const first = /^ {2}\d+\) (\S.*)$/.exec(line);
    if (first !== null) title = [first[1] ?? ''];
    else if (title === null || line.trim() === '' || !/^ {5,}/.test(line) || title.length > 10) {
      title = null;
      return null;
    } else title.push(line.trim());
    if (!line.endsWith(':')) return [];
    const name = title.join(' ').slice(0, -1);
    title = null;
    return [name];
  };
}

const COUNTED =
  /\b\d+ (?:failed|failing|passed|passing)\b|^(?:ℹ|#) (?:tests|fail) \d+|^\s*Tests?(?: Files)?:? /;
const MARK = /^\s*[✖×✕✗] (?!\d+ problems?\b)(?!failing tests:)(\S.*)$/;

/**
 * Names of failing tests, cleaned; duplicates included.
 *
 * @param lines the lines of an output, without escape sequences and cut to a bounded length
 */
export function readTestNames(lines: readonly string[]): readonly string[] {
  const readers = [tapReader(), specReader(), goReader(), jestReader(), mochaReader()];
  const named: string[] = [];
  const marked: string[] = [];
  let counted = false;
  for (const line of lines) {
    if (line === '') continue;
    counted ||= COUNTED.test(line);
    for (const { pattern } of LINE_RULES) {
      const name = pattern.exec(line)?.[1];
      if (name !== undefined) named.push(name);
    }
    for (const read of readers) named.push(...(read(line) ?? []));
    const mark = MARK.exec(line)?.[1];
    if (mark !== undefined) marked.push(mark);
  }
  for (const read of readers) named.push(...(read(null) ?? []));
  // A bare mark is also how linters draw a finding: it names a test only where tests are counted.
  const names = named.length > 0 || !counted ? named : marked;
  return names.map(cleanName);
}
