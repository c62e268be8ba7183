import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const rules = JSON.parse(readFileSync('lint.json', 'utf8'));
const files = rules.folders
  .flatMap((folder) => readdirSync(folder, { recursive: true }).map((name) => join(folder, name)))
  .filter((path) => path.endsWith('.js') && !rules.ignore.includes(path))
  .sort();

let problems = 0;
for (const path of files) {
  readFileSync(path, 'utf8')
    .split('\n')
    .forEach((line, at) => {
      const found = rules.forbidden.find((word) => line.includes(word));
      if (found !== undefined) report(path, at, `error: ${found} is forbidden`);
      if (line.length > rules.max_line_length) report(path, at, `error: ${line.length} characters`);
    });
}
process.exitCode = problems > 0 ? 1 : 0;

function report(path, at, text) {
  problems += 1;
  process.stdout.write(`${path}:${at + 1}: ${text}\n`);
}
