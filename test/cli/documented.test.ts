/** What the documents say of settings, outcomes and commands is what there is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/cli/main.ts';
import { SETTING_FLAGS } from '../../src/cli/asking/settings.ts';
import { SETTING_NAMES, SETTINGS, type SettingName } from '../../src/config.ts';
import { OUTCOMES } from '../../src/job/status.ts';

function read(path: string): string {
  return readFileSync(join(import.meta.dirname, '../..', path), 'utf8');
}

function row(name: SettingName): string {
  const { fallback, unset, env, project, description }: (typeof SETTINGS)[SettingName] = SETTINGS[name];
  const isUnset = fallback === null || (Array.isArray(fallback) && fallback.length === 0);
  const flag = SETTING_FLAGS.find(([, setting]) => setting === name)?.[0].split(' ')[0];
  const cells = [
    `\`${name}\``,
    isUnset ? unset : `\`${typeof fallback === 'string' ? fallback : JSON.stringify(fallback)}\``,
    flag === undefined ? '' : `\`${flag}\``,
    env === null ? '' : `\`${env}\``,
    project ? 'yes' : '',
    description,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

describe('docs/configuration.md', () => {
  it('lists every setting with its default, flag and variable, in the order of the table', () => {
    const table = [
      '| setting | default | flag | variable | project file | what it is |',
      '|---|---|---|---|---|---|',
      ...SETTING_NAMES.map((name) => row(name)),
    ].join('\n');
    const written = /<!-- settings -->\n([\s\S]*?)\n<!-- end -->/.exec(read('docs/configuration.md'))?.[1];
    expect(written).toBe(table);
  });
});

describe('docs/outcomes.md and README.md', () => {
  it('name every outcome', () => {
    for (const outcome of Object.keys(OUTCOMES)) {
      expect(read('docs/outcomes.md')).toContain(`\`${outcome}\``);
      expect(read('README.md')).toContain(`\`${outcome}\``);
    }
  });

  it('name every command', () => {
    for (const name of Object.keys(COMMANDS))
      expect(read('README.md')).toMatch(new RegExp(`\`[^\`]*\\b${name}\\b`));
  });
});
