/** Where things lie below AGENT_RUNNER_HOME. One place, so that nothing else joins these paths. */
import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';

/** Paths that belong to one repository, shared by all its jobs. */
export interface RepoPaths {
  /** Bare mirror; jobs borrow its objects, nothing a job can reach ever writes to it. */
  readonly mirror: string;
  /** Bare repository that holds saved work with all it reaches; never borrowed from. */
  readonly saved: string;
  /** Packs with the history of one base each, for the agent's own `.git`. */
  readonly history: string;
  /** Trees of bases, one folder a commit: the lower layer of copy-on-write working copies. */
  readonly warm: string;
  /** What its files define, by blob: one file, for the repository map. */
  readonly symbols: string;
  /** What the remote answered in the last seconds, one file a question. */
  readonly listed: string;
  /** Where what is replaced or evicted goes by one rename, before it is removed. */
  readonly trash: string;
}

/** Paths that belong to one job. */
export interface JobPaths {
  readonly root: string;
  /** The working copy the agent edits. */
  readonly tree: string;
  /** The runner's GIT_DIR for it, outside what the agent can write. */
  readonly git: string;
  /** HOME of the agent. */
  readonly home: string;
  /** What was written to a copy-on-write working copy and HOME, and what they are made of. */
  readonly layers: string;
  readonly logs: string;
  /** Conversations of agents that run in our own process. */
  readonly conversations: string;
  /** What its agent did, one file a turn. */
  readonly turns: string;
  /** Clean checkouts for setup and gate; each is removed after use. */
  readonly checkouts: string;
  /** The proposal as a patch file. */
  readonly patch: string;
  /** Names the process that works here, for what has no lease. */
  readonly owner: string;
}

/** Paths that belong to one recording, made anew when they are missing. */
export interface ReplayPaths {
  readonly root: string;
  /** Bare repository with the base and the trees. */
  readonly repository: string;
  readonly recording: string;
}

/** The layout of a home folder. */
export interface Layout {
  readonly home: string;
  readonly database: string;
  /** The key that tokens of jobs are sealed with. */
  readonly sealKey: string;
  /** Prepared dependencies, one folder a fingerprint. */
  readonly dependencies: string;
  /** Where what is replaced or evicted goes by one rename, before it is removed. */
  readonly trash: string;
  /** The last copies of the database. */
  readonly backups: string;
  /** Files that a process touches to wake the others. */
  readonly bell: string;
  /** When changes were asked of forges, one file an account, so that all processes keep one pace. */
  readonly pace: string;
  /** @param reader who asks the remote, where answers are kept apart; absent or `null`: this machine's user */
  repo(url: string, reader?: string | null): RepoPaths;
  /** Bare repository with the state of a folder that has no git of its own. */
  folder(path: string): string;
  /** A recorded job as it is played back: its repository at its base, with the trees of its turns. */
  replay(id: string): ReplayPaths;
  job(jobId: string): JobPaths;
  /** What is kept of a session between its jobs. */
  session(sessionId: string): string;
}

/** Longest readable part of a repository's folder name; the hash behind it makes it unique. */
const MAX_NAME_CHARS = 40;

function folderName(url: string): string {
  const name = basename(url.replace(/\/+$/, '').replace(/(\/|\\)?\.git$/, ''));
  const readable = name.replace(/[^A-Za-z0-9_-]+/g, '-').slice(0, MAX_NAME_CHARS) || 'repository';
  return `${readable}-${createHash('sha256').update(url).digest('hex').slice(0, 12)}`;
}

/**
 * The layout below a home folder.
 *
 * @param home absolute path of AGENT_RUNNER_HOME
 * @param database absolute path of the database; below `home` by default
 */
export function createLayout(home: string, database: string | null = null): Layout {
  return {
    home,
    database: database ?? join(home, 'agent-runner.db'),
    sealKey: join(home, 'seal.key'),
    dependencies: join(home, 'dependencies'),
    trash: join(home, 'trash'),
    backups: join(home, 'backups'),
    bell: join(home, 'bell'),
    pace: join(home, 'pace'),
    session: (sessionId) => join(home, 'sessions', folderName(sessionId)),
    repo(url, reader = null) {
      const name = folderName(url);
      return {
        mirror: join(home, 'mirrors', `${name}.git`),
        saved: join(home, 'saved', `${name}.git`),
        history: join(home, 'history', name),
        warm: join(home, 'warm', name),
        symbols: join(home, 'symbols', name, 'symbols'),
        listed: join(home, 'mirrors', `${name}.listed`, ...(reader === null ? [] : [reader])),
        trash: join(home, 'trash'),
      };
    },
    folder: (path) => join(home, 'folders', `${folderName(path)}.git`),
    replay(id) {
      const root = join(home, 'replays', id);
      return { root, repository: join(root, 'repository.git'), recording: join(root, 'recording.json') };
    },
    job(jobId) {
      const root = join(home, 'jobs', jobId);
      return {
        root,
        tree: join(root, 'tree'),
        git: join(root, 'git'),
        home: join(root, 'home'),
        layers: join(root, 'layers'),
        logs: join(root, 'logs'),
        conversations: join(root, 'conversations'),
        turns: join(root, 'logs', 'turns'),
        checkouts: join(root, 'checkouts'),
        patch: join(root, 'proposal.patch'),
        owner: join(root, 'owner'),
      };
    },
  };
}
