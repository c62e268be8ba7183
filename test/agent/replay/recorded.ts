/** Recordings for tests: real trees in a real bare repository. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordedTurn } from '../../../src/job/recording/recording.ts';
import { sh, write } from '../../workspace/scene.ts';

/** A turn that changes nothing and says so. */
export const TURN: RecordedTurn = {
  version: 1,
  phase: 'build',
  number: 1,
  why: 'task',
  agent: 'command',
  model: null,
  answer: null,
  prompt: { sha256: '0'.repeat(64), chars: 1 },
  started_at: '2026-11-21T10:00:00.000Z',
  ended_at: '2026-11-21T10:00:01.000Z',
  trees: null,
  events: [],
  ending: { ok: true, summary: 'did it', question: null, session_id: null },
  usage: { cost_usd: 1.5, tokens_in: 10, tokens_out: 2, turns: 3 },
  cut: [],
};

/** A bare repository that trees are written into. */
export interface TreeHouse {
  readonly repository: string;
  /** Writes files, or what `change` makes of them in a shell, as a tree; returns its id. */
  tree(files: Readonly<Record<string, string>>, change?: string): string;
  remove(): void;
}

export function openTreeHouse(): TreeHouse {
  const root = mkdtempSync(join(tmpdir(), 'agent-runner-trees-'));
  const repository = join(root, 'repository.git');
  mkdirSync(repository);
  sh(repository, 'init', '--quiet', '--bare');
  let count = 0;
  return {
    repository,
    tree(files, change = '') {
      const folder = join(root, `files-${++count}`);
      mkdirSync(folder);
      write(folder, files);
      execFileSync('sh', ['-e', '-c', change], { cwd: folder });
      const git = [`--git-dir=${repository}`, `--work-tree=${folder}`];
      sh(folder, ...git, 'read-tree', '--empty');
      sh(folder, ...git, 'add', '--all', '--force');
      return sh(folder, ...git, 'write-tree');
    },
    remove: () => rmSync(root, { recursive: true, force: true }),
  };
}
