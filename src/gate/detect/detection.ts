/** What detection finds, and how a language's detector reports it. */
import type { Check, CheckKind } from '../../job/gate.ts';
import type { RepoFiles } from '../files.ts';

/** Seconds a check may take when nobody says otherwise (SPEC §4). */
export const DEFAULT_CHECK_TIMEOUT_S = 600;

/** Something that detection looked at, and what came of it. */
export interface Finding {
  /** A file, a script or a setting. */
  readonly what: string;
  readonly why: string;
  /** The check that it became; `null` when it was left out on purpose. */
  readonly check: string | null;
}

/** What was found, so that a person can be told why. */
export interface Detection {
  readonly checks: readonly Check[];
  readonly findings: readonly Finding[];
}

/** One language's part; every detector returns its own checks and never throws for a broken file. */
export type Detector = (files: RepoFiles) => Promise<Detection>;

/** Collects a detector's checks and findings. */
export interface Collector {
  /** Adds a check, with the reason a person is given. */
  add(check: {
    readonly name: string;
    readonly kind: CheckKind;
    readonly command: string;
    readonly what: string;
    readonly why: string;
  }): void;
  /** Notes what was seen and left out. */
  skip(what: string, why: string): void;
  done(): Detection;
}

/** A new, empty collector. */
export function collect(): Collector {
  const checks: Check[] = [];
  const findings: Finding[] = [];
  return {
    add({ name, kind, command, what, why }) {
      checks.push({ name, kind, command, timeout_s: DEFAULT_CHECK_TIMEOUT_S });
      findings.push({ what, why, check: name });
    },
    skip: (what, why) => void findings.push({ what, why, check: null }),
    done: () => ({ checks, findings }),
  };
}
