/**
 * What people see on the forge, from real runs: a pull request that is green, a draft with findings, and an issue that
 * is told of a refusal. `npm run examples` writes them into docs/github.md; a test holds them against it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { JobResult } from '../../../src/job/result.ts';
import { ROOT } from '../cli.ts';
import { openForgePlace, type ForgePlace } from './place.ts';

const PAGE = join(ROOT, 'docs/github.md');

/** An agent, as a command: what it changes, and what it says of it. */
function agent(change: string, summary: string): Readonly<Record<string, string>> {
  return { AGENT_CMD: `${change}\nprintf '%s\\n' '${summary}' > "$AGENT_RUNNER_OUT/summary.md"` };
}

/** What differs from run to run, made the same. */
function evened(text: string, { forge }: ForgePlace): string {
  return text
    .replaceAll(forge.url, 'https://github.com')
    .replace(/job-[0-9a-f]{12}/g, 'job-0123456789ab')
    .replace(/\b[0-9a-f]{40}\b/g, '3f786850e387550fdab836ed7e6dc881de23001b')
    .replace(/(at `)[0-9a-f]{12}`/g, '$13f786850e387`')
    .replace(/\b\d+\.\d s\b/g, '0.4 s')
    .replace(/\b\d+ s of work/g, '1 s of work')
    .replace(/"agent_ms": \d+/g, '"agent_ms": 950');
}

async function run(
  place: ForgePlace,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<JobResult> {
  const ran = await place.bench.run(['run', '--agent', 'command', '--json', ...args], place.env(env));
  if (ran.stdout === '') throw new Error(ran.stderr);
  return JSON.parse(ran.stdout) as JobResult;
}

function bodyOf(place: ForgePlace, result: JobResult): string {
  const pull = place.forge
    .repo('ann', 'tool')
    .pulls.find(({ number }) => result.pr_url?.endsWith(`/${number}`));
  return evened(pull?.body ?? `${result.outcome}: ${result.error?.message}`, place);
}

/** The examples by their names, as Markdown. */
export async function renderExamples(): Promise<Readonly<Record<string, string>>> {
  const place = await openForgePlace();
  try {
    const green = await run(
      place,
      ['Let sum take any number of terms', '--repo', 'ann/tool'],
      agent(
        "printf 'export const sum = (...terms) => terms.reduce((all, one) => all + one, 0);\\n' > sum.mjs",
        'sum takes any number of terms now; without any it is 0.',
      ),
    );
    const draft = await run(
      place,
      ['Make the test of sum quicker', '--repo', 'ann/tool', '--on-tamper', 'draft'],
      agent("sed -i 's/^test(/test.skip(/' sum.test.mjs", 'The test takes no time any more.'),
    );
    await place.asOwner('POST', '/repos/ann/tool/issues', {
      title: 'Sum what the shop sells',
      body: 'By its API.',
    });
    const refused = await run(
      place,
      ['--issue', 'ann/tool#3'],
      agent(
        "echo \"export const key = 'AKIA$(printf 'IOSFODNN7%s' 'QWERTYU')';\" > key.mjs",
        'The key is in key.mjs.',
      ),
    );
    if (refused.outcome !== 'refused') throw new Error(`${refused.outcome}: ${refused.error?.message}`);
    const comment = place.forge.repo('ann', 'tool').comments[0]?.body ?? '';
    const told = `${refused.error?.message ?? ''}\n→ ${refused.error?.hint ?? ''}`;
    return {
      green: bodyOf(place, green),
      draft: bodyOf(place, draft),
      refused: evened(comment.split('\n').slice(1).join('\n'), place),
      told: evened(`\`\`\`text\n${told}\n\`\`\``, place),
    };
  } finally {
    await place.close();
  }
}

/** The page with these examples in it, as quotations. */
export function withExamples(page: string, examples: Readonly<Record<string, string>>): string {
  return Object.entries(examples).reduce((text, [name, body]) => {
    const quoted = body.split('\n').map((line) => (line === '' ? '>' : `> ${line}`));
    const marked = new RegExp(`(<!-- shown: ${name} -->\n)[^]*?(<!-- end -->)`);
    if (!marked.test(text)) throw new Error(`docs/github.md has no place for ${name}`);
    return text.replace(
      marked,
      (_, open: string, close: string) => `${open}\n${quoted.join('\n')}\n\n${close}`,
    );
  }, page);
}

/** The page as it is. */
export function readGithubPage(): string {
  return readFileSync(PAGE, 'utf8');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(PAGE, withExamples(readGithubPage(), await renderExamples()));
}
