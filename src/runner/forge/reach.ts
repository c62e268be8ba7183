/** A remote as one job uses it: its forge, and git that knows who it is there. */
import type { Access, Remote, Visit } from '../../forge/forge.ts';
import type { Git } from '../../workspace/git.ts';
import type { RepoPaths } from '../../workspace/layout.ts';
import { withCredential } from '../../workspace/remote/credential.ts';
import { withPatience } from '../../workspace/remote/patience.ts';
import type { RunnerParts } from '../context.ts';

/** What reaches a remote. */
export interface Reach {
  readonly access: Access;
  /** Git with the forge's credential, where there is one; only for this remote and forks of it. */
  readonly git: Git;
  /** Where it is kept here; what it answered last is kept apart for everybody who asks. */
  readonly repo: RepoPaths;
}

/** Makes the way to a remote. Nothing is asked before it is used. */
export function reachRemote(
  { forge, git, layout }: Pick<RunnerParts, 'forge' | 'git' | 'layout'>,
  remote: Remote,
  visit: Visit,
): Reach {
  const access = forge.access(remote, visit);
  return {
    access,
    git: withPatience(
      access.credential === undefined ? git : withCredential(git, remote.url, access.credential),
    ),
    repo: layout.repo(remote.url, access.reader ?? null),
  };
}
