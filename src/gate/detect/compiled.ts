/** Checks of compiled languages: Rust, Go, Java (Maven, Gradle) and .NET. Their tools know the tests themselves. */
import { collect, type Collector, type Detection } from './detection.ts';
import { ciText, firstPath, type RepoFiles } from '../files.ts';
import { shellWord } from '../../job/text/shell.ts';
import { hasTable, parseToml } from '../project/toml.ts';

async function addRust(files: RepoFiles, ci: string, out: Collector): Promise<void> {
  const manifest = await files.read('Cargo.toml');
  if (manifest === null) return;
  const workspace = hasTable(parseToml(manifest), 'workspace') ? ' --workspace' : '';
  const rustfmt = firstPath(files, ['rustfmt.toml', '.rustfmt.toml']);
  if (rustfmt !== null || /cargo fmt/.test(ci)) {
    out.add({
      name: 'cargo-fmt',
      kind: 'format',
      command: 'cargo fmt --all --check',
      what: rustfmt ?? 'cargo fmt',
      why: 'it is configured, or the CI runs it',
    });
  }
  const clippy = firstPath(files, ['clippy.toml', '.clippy.toml']);
  if (clippy !== null || /cargo clippy/.test(ci)) {
    const deny = /clippy[^\n]*-D warnings/.test(ci) ? ' -- -D warnings' : '';
    const command = `cargo clippy${workspace} --all-targets --offline${deny}`;
    out.add({
      name: 'cargo-clippy',
      kind: 'lint',
      command,
      what: clippy ?? 'cargo clippy',
      why: 'it is configured, or the CI runs it',
    });
  }
  // Every test binary runs, so that all failing tests are named.
  const command = `cargo test${workspace} --offline --no-fail-fast`;
  out.add({ name: 'cargo-test', kind: 'test', command, what: 'Cargo.toml', why: 'a Rust package' });
}

/** Modules of a `go.work`, or the root's own. */
async function goPatterns(files: RepoFiles): Promise<string | null> {
  const work = await files.read('go.work');
  if (work === null) return files.paths.includes('go.mod') ? './...' : null;
  const used = [...work.matchAll(/^\s*(?:use\s+)?(\.\/?[\w./-]*|\w[\w./-]*\/[\w./-]*)\s*$/gm)].map(
    (match) => match[1] ?? '',
  );
  const modules = used
    .map((path) => path.replace(/^\.\//, '').replace(/\/$/, ''))
    .filter((path) => files.paths.includes(path === '.' || path === '' ? 'go.mod' : `${path}/go.mod`));
  return (
    modules.map((path) => (path === '.' || path === '' ? './...' : shellWord(`./${path}/...`))).join(' ') ||
    null
  );
}

async function addGo(files: RepoFiles, out: Collector): Promise<void> {
  const patterns = await goPatterns(files);
  if (patterns === null) return;
  out.add({
    name: 'go-vet',
    kind: 'lint',
    command: `go vet ${patterns}`,
    what: 'go.mod',
    why: 'a Go module',
  });
  out.add({
    name: 'go-test',
    kind: 'test',
    command: `go test -v ${patterns}`,
    what: 'go.mod',
    why: 'a Go module',
  });
}

/** The program that builds a Maven project: its wrapper, where it has one. */
export function mavenProgram(files: RepoFiles): string {
  return files.paths.includes('mvnw') ? 'sh ./mvnw' : 'mvn';
}

/** The goal that runs a Maven project's tests. Integration tests only run in `verify`. */
export function mavenGoal(pom: string): 'test' | 'verify' {
  return /maven-failsafe-plugin/.test(pom) ? 'verify' : 'test';
}

async function addMaven(files: RepoFiles, out: Collector): Promise<void> {
  const pom = await files.read('pom.xml');
  if (pom === null) return;
  const goal = mavenGoal(pom);
  // --fail-at-end: one module's red tests do not hide another's.
  const command = `${mavenProgram(files)} -B -o -q --fail-at-end ${goal}`;
  out.add({
    name: `maven-${goal}`,
    kind: 'test',
    command,
    what: firstPath(files, ['mvnw']) ?? 'pom.xml',
    why: 'a Maven project',
  });
}

function addGradle(files: RepoFiles, out: Collector): void {
  const build = firstPath(files, [
    'build.gradle',
    'build.gradle.kts',
    'settings.gradle',
    'settings.gradle.kts',
  ]);
  if (build === null) return;
  const wrapper = firstPath(files, ['gradlew']);
  const command = `${wrapper === null ? 'gradle' : 'sh ./gradlew'} --offline --no-daemon --console=plain --continue test`;
  out.add({ name: 'gradle-test', kind: 'test', command, what: wrapper ?? build, why: 'a Gradle project' });
}

function addDotnet(files: RepoFiles, out: Collector): void {
  const solution = files.paths.find((path) => /^[^/]+\.slnx?$/.test(path));
  const project = files.paths.find((path) => /^(?:[^/]+\/){0,3}[^/]+\.(?:cs|fs|vb)proj$/.test(path));
  const target = solution ?? project;
  if (target === undefined) return;
  const command = `dotnet test --nologo${solution === undefined ? ` ${shellWord(target)}` : ''}`;
  out.add({ name: 'dotnet-test', kind: 'test', command, what: target, why: 'a .NET solution or project' });
}

/** Checks of Rust, Go, Java and .NET. All run offline, after setup has fetched what they need. */
export async function detectCompiled(files: RepoFiles): Promise<Detection> {
  const out = collect();
  await addRust(files, await ciText(files), out);
  await addGo(files, out);
  await addMaven(files, out);
  if (!files.paths.includes('pom.xml')) addGradle(files, out);
  addDotnet(files, out);
  return out.done();
}
