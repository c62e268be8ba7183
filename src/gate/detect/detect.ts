/** Finds the repository's own checks. Reads text only; nothing of the repository is executed. */
import { CHECK_KINDS, type Check } from '../../job/gate.ts';
import { detectCompiled } from './compiled.ts';
import { detectNode } from './node.ts';
import { detectPython } from './python.ts';
import { detectScripting } from './scripting.ts';
import { detectTasks } from './tasks.ts';
import type { Detection, Detector } from './detection.ts';
import { filesUnder, type RepoFiles } from '../files.ts';
import { shellWord } from '../../job/text/shell.ts';

export type { Detection } from './detection.ts';

const LANGUAGES: readonly Detector[] = [detectNode, detectPython, detectCompiled, detectScripting];
/** Most folders of the root that are looked into when the root itself has no project. */
const MAX_SUBPROJECTS = 6;
/** Most checks that detection gives; more is a sign that it misread the repository. */
const MAX_CHECKS = 30;

function renamed(detection: Detection, prefix: string, directory: string | null): Detection {
  const rename = (name: string): string => `${prefix}:${name}`;
  return {
    checks: detection.checks.map((check) => ({
      ...check,
      name: rename(check.name),
      command: directory === null ? check.command : `cd ${shellWord(directory)} && ${check.command}`,
    })),
    findings: detection.findings.map((finding) => ({
      what: directory === null ? finding.what : `${directory}/${finding.what}`,
      why: finding.why,
      check: finding.check === null ? null : rename(finding.check),
    })),
  };
}

function join(parts: readonly Detection[]): Detection {
  const names = new Set<string>();
  const checks: Check[] = [];
  const findings: Detection['findings'][number][] = [];
  for (const part of parts) {
    const clash = part.checks.some((check) => names.has(check.name));
    const own = clash ? renamed(part, String(names.size), null) : part;
    for (const check of own.checks) names.add(check.name);
    checks.push(...own.checks);
    findings.push(...own.findings);
  }
  return { checks, findings };
}

async function detectHere(files: RepoFiles): Promise<Detection> {
  const languages = join(await Promise.all(LANGUAGES.map(async (detect) => detect(files))));
  if (languages.checks.some((check) => check.kind === 'test')) return languages;
  // Task runners know what the languages' own conventions did not tell.
  const tasks = await detectTasks(files);
  const fitting =
    languages.checks.length === 0 ? tasks.checks : tasks.checks.filter((check) => check.kind === 'test');
  const kept = new Set(fitting.map((check) => check.name));
  const findings = tasks.findings.filter((finding) => finding.check === null || kept.has(finding.check));
  return join([languages, { checks: fitting, findings }]);
}

/** Folders of the root that could hold a project of their own. */
export function subprojects(files: RepoFiles): readonly string[] {
  const manifest =
    /^([^/]+)\/(?:package\.json|pyproject\.toml|setup\.py|requirements\.txt|Cargo\.toml|go\.mod|pom\.xml|build\.gradle(?:\.kts)?|Gemfile|composer\.json|mix\.exs|[^/]+\.(?:sln|csproj))$/;
  const found = files.paths.map((path) => manifest.exec(path)?.[1]).filter((name) => name !== undefined);
  return [...new Set(found)]
    .filter((name) => !/^(?:\.|-|node_modules$|vendor$|examples?$|docs?$|fixtures?$)/.test(name))
    .sort()
    .slice(0, MAX_SUBPROJECTS);
}

/**
 * Finds the repository's own checks, with the reason for each. Where the root has none, the folders of the
 * root are looked into. Checks come in the order of `CHECK_KINDS`; their names are unique.
 */
export async function detectChecks(files: RepoFiles): Promise<Detection> {
  let found = await detectHere(files);
  if (found.checks.length === 0) {
    const inner = await Promise.all(
      subprojects(files).map(async (name) => renamed(await detectHere(filesUnder(files, name)), name, name)),
    );
    found = join([found, ...inner]);
  }
  const order = (check: Check): number => CHECK_KINDS.indexOf(check.kind);
  const checks = found.checks.toSorted((a, b) => order(a) - order(b)).slice(0, MAX_CHECKS);
  return { checks, findings: found.findings };
}
