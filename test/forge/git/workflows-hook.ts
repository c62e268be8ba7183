/** A hook that refuses pushes which change workflows: GitHub lets only tokens with a scope of its own do so. */
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const HOOK = `#!/bin/sh
# Refuses a push that changes a workflow.
while read -r old new ref; do
  case $new in *[!0]*) ;; *) continue ;; esac
  case $old in *[!0]*) ;; *) old=$(git merge-base HEAD "$new" 2>/dev/null) || old=4b825dc642cb6eb9a060e54bf8d69288fbee4904 ;; esac
  path=$(git diff --name-only "$old" "$new" -- .github/workflows | head -n 1)
  [ -z "$path" ] && continue
  printf 'refusing to allow this token to create or update workflow \`%s\` without \`workflow\` scope\\n' "$path" >&2
  exit 1
done
`;

/** Writes the hook where it isn't yet, and returns the configuration that puts it to use. */
export function workflowsHook(root: string): Readonly<Record<string, string>> {
  const folder = join(root, 'hooks');
  const file = join(folder, 'pre-receive');
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.new`, HOOK);
    chmodSync(`${file}.new`, 0o755);
    renameSync(`${file}.new`, file);
  }
  return { 'core.hooksPath': folder };
}
