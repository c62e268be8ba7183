/** Error lines out of a check's output, normalised so that the same error compares equal between two runs. */

// Words that make a line an error line. Compilers, linters and interpreters all use one of them.
const ERROR_WORD =
  /\b(?:error|errors|fail|failed|failure|exception|panic|panicked|fatal|traceback|cannot|can't|undefined|unexpected|invalid|unresolved|not found|no such|missing|mismatch|expected|assertion)\b|\b[A-Z]\w{0,60}(?:Error|Exception)\b/i;
// `src/a.ts:3:5`, `src/a.ts(3,5)`: what compilers and linters put before their findings.
// Some put their own name first: `vet: queue/ring_test.go:14:2: declared and not used: ring`.
const LOCATED =
  /^\s{0,20}(?:-->\s+|[\w-]{1,20}:\s+)?[^\s:()]{1,300}\.\w{1,10}[:(]\d{1,7}(?:[:,]\d{1,7})?\)?(?:[:\s]|$)/;
// ESLint's stylish format: the file stands on a line of its own, the finding is `  3:5  error  text  rule`.
const FINDING = /^\s{1,20}\d{1,7}:\d{1,7}\s+(?:error|warning)\s/;
const FILE_ALONE = /^(?:\/|\.{1,2}\/)?[\w@.+-]{1,200}(?:\/[\w@.+()[\]-]{1,200}){0,30}\.\w{1,10}$/;
// What package managers, make and runners add around an error; it is the same whatever the error is.
const NOISE =
  /^\s{0,20}(?:npm (?:ERR!|error)|ELIFECYCLE|\[?ELIFECYCLE|error Command failed|error: script "|make(?:\[\d+\])?: \*\*\*|Command failed with exit|Exit status|exit status|exited with|Process completed|error: could not compile|error: aborting due to|error: test failed|For more information|\[ERROR\]\s{0,4}(?:->|To see|Re-run|For more|\[Help|$|After correcting|mvn <)|info Visit|warning: build failed|Some errors have detailed|Waiting for|note: run with)/;
// Lines that only count: `Found 3 errors in 2 files`, `2 failed, 3 passed`, `✖ 3 problems (2 errors, 1 warning)`.
const COUNTS =
  /^[\s✖×✗=(]{0,80}(?:Found\s+)?\d+\s+(?:problems?|errors?|warnings?|failed|failures?|failing|tests?|passed|potentially|issues?|files?|would)\b|^\s{0,20}(?:FAILED|ERRORS?|FAIL|OK|Failures?:?|Errors?:?)(?:\s*\((?:failures|errors|skipped)[^)]{0,80}\))?\s*$|^[=_-]{3,}|^Tests?(?: run| Files| Suites)?:|^\[ERROR\]\s+(?:Tests run|Failures:|Errors:)/i;

/**
 * Replaces what differs between two runs of the same error: temporary directories, line and column numbers,
 * durations, addresses, process ids, times of day. Words and other numbers stay.
 */
export function normaliseLine(line: string): string {
  return line
    .replace(/\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?/g, '<time>')
    .replace(/\b\d\d:\d\d:\d\d(?:[.,]\d{1,9})?\b/g, '<time>')
    .replace(
      /(?:\/private)?\/(?:tmp|var\/tmp|var\/folders|dev\/shm)\/[^\s'"`:,)\]]*?(?=\/[^\s/'"`:,)\]]{1,200}(?:[\s'"`:,)\]]|$))/g,
      '<tmp>',
    )
    .replace(/(?:\/private)?\/(?:tmp|var\/tmp|var\/folders|dev\/shm)\/[^\s'"`:,)\]]*/g, '<tmp>')
    .replace(/\/workspace\//g, '')
    .replace(/(^|[\s'"`(])\.\//g, '$1')
    .replace(/\b0x[0-9a-fA-F]+\b/g, '<hex>')
    .replace(/\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{8,64}\b/g, '<hex>')
    .replace(/(\.\w{1,10})(?::\d{1,7}){1,2}(?!\w)/g, '$1:<n>')
    .replace(/(\.\w{1,10})\(\d{1,7}(?:,\d{1,7})?\)/g, '$1:<n>')
    .replace(/^(\s*)\d{1,7}:\d{1,7}(?=\s)/, '$1<n>')
    .replace(/\b(line|column|col|pid|process|thread)(\s+|[=:]\s*|\s+#)\d{1,9}\b/gi, '$1 <n>')
    .replace(/==\d{1,9}==/g, '<pid>')
    .replace(/\b\d+(?:\.\d+)?\s?(?:ms|µs|ns|s|sec|secs|seconds?|minutes?|min|m)\b/g, '<time>')
    .replace(
      /\b\d+ (errors?|warnings?|problems?|failures?|failed|failing|passed|passing|tests?|files?|issues?)\b/gi,
      '<n> $1',
    )
    .replace(/\s+/g, ' ')
    .trim();
}

/** The error lines of an output, normalised; in the order in which they came, duplicates included. */
export function readErrorLines(lines: readonly string[]): readonly string[] {
  const found: string[] = [];
  let file = '';
  for (const line of lines) {
    if (line === '') continue;
    if (FILE_ALONE.test(line)) {
      file = normaliseLine(line);
      continue;
    }
    if (NOISE.test(line) || COUNTS.test(line)) continue;
    if (FINDING.test(line)) found.push(`${file}: ${normaliseLine(line)}`);
    else if (LOCATED.test(line) || ERROR_WORD.test(line)) found.push(normaliseLine(line));
  }
  return found;
}
