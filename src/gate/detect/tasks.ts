/** Checks that a task runner offers: Make and just. Asked only where a language's own conventions gave no tests. */
import type { CheckKind } from '../../job/gate.ts';
import { collect, type Detection } from './detection.ts';
import { firstPath, type RepoFiles } from '../files.ts';

const TARGETS: readonly (readonly [CheckKind, readonly string[]])[] = [
  ['lint', ['lint']],
  ['types', ['typecheck', 'types']],
  ['test', ['test', 'tests', 'check']],
];

/** Names of targets of a Makefile or recipes of a justfile; assignments are none. */
export function targetsOf(text: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const line of text.split('\n').slice(0, 20_000)) {
    const head = /^@?([A-Za-z0-9_][^:=\n]{0,300})::?(?![=:])/.exec(line)?.[1];
    const words = head?.trim().split(/\s+/) ?? [];
    for (const word of words) names.add(word);
  }
  return names;
}

/** `test`, `check`, `lint` and type-checking targets of a Makefile or a justfile, the Makefile first. */
export async function detectTasks(files: RepoFiles): Promise<Detection> {
  const out = collect();
  const runners = [
    ['make', firstPath(files, ['GNUmakefile', 'makefile', 'Makefile'])],
    ['just', firstPath(files, ['justfile', 'Justfile', '.justfile'])],
  ] as const;
  for (const [tool, path] of runners) {
    const text = path === null ? null : await files.read(path);
    if (path === null || text === null) continue;
    const targets = targetsOf(text);
    for (const [kind, names] of TARGETS) {
      const name = names.find((one) => targets.has(one));
      if (name !== undefined)
        out.add({
          name: `${tool}-${name}`,
          kind,
          command: `${tool} ${name}`,
          what: `${path}: ${name}`,
          why: `its ${name} target`,
        });
    }
    if (out.done().checks.length > 0) break;
  }
  return out.done();
}
