/** How a repository's dependencies are prepared, found from its lock and project files. */
import { baseName, depthOf, filesUnder, firstPath, type RepoFiles } from '../files.ts';
import { mavenGoal, mavenProgram } from '../detect/compiled.ts';
import { subprojects } from '../detect/detect.ts';
import { setUpNode } from './node.ts';
import { setUpPython } from './python.ts';
import type { SetupPlan } from './plan.ts';
import { shellWord } from '../../job/text/shell.ts';

export type { SetupPlan } from './plan.ts';

function rust(files: RepoFiles): SetupPlan | null {
  if (!files.paths.includes('Cargo.toml')) return null;
  return {
    // Without a lock file cargo writes one from the index, which a later offline run does again from its cache.
    commands: [files.paths.includes('Cargo.lock') ? 'cargo fetch --locked' : 'cargo fetch'],
    keep: [],
    homeCaches: ['.cargo/registry', '.cargo/git'],
    lockFiles: files.paths.filter(
      (path) =>
        ['Cargo.toml', 'Cargo.lock'].includes(baseName(path)) || /^rust-toolchain(?:\.toml)?$/.test(path),
    ),
    toolVersions: ['cargo --version'],
    withoutScripts: [files.paths.includes('Cargo.lock') ? 'cargo fetch --locked' : 'cargo fetch'],
    runsOwnCode: false,
    why: 'Cargo.toml',
  };
}

function go(files: RepoFiles): SetupPlan | null {
  const rooted = firstPath(files, ['go.work', 'go.mod']);
  if (rooted === null || files.paths.includes('vendor/modules.txt')) return null;
  const modules = files.paths.filter(
    (path) => baseName(path) === 'go.mod' && depthOf(path) <= 3 && !path.includes('testdata/'),
  );
  // vet compiles the standard library and what is imported, and runs nothing: that takes most of the time of a
  // first `go vet` or `go test` (18 of 23 s on gorilla/mux), and the gate's fresh checkouts would each pay it.
  // -modcacherw: Go makes folders of modules read-only, and then only root can remove a checkout.
  const prepare = 'go mod download -modcacherw && { go vet ./... >/dev/null 2>&1 || true; }';
  const commands = (rooted === 'go.work' ? modules : ['go.mod']).map((path) => {
    const directory = path.slice(0, -'/go.mod'.length);
    return path === 'go.mod' ? prepare : `cd ${shellWord(directory)} && ${prepare}`;
  });
  return {
    commands,
    keep: [],
    homeCaches: ['go/pkg/mod', '.cache/go-build'],
    lockFiles: files.paths.filter((path) =>
      ['go.mod', 'go.sum', 'go.work', 'go.work.sum'].includes(baseName(path)),
    ),
    toolVersions: ['go version'],
    withoutScripts: commands,
    runsOwnCode: false,
    why: rooted,
  };
}

async function maven(files: RepoFiles): Promise<SetupPlan | null> {
  const pom = await files.read('pom.xml');
  if (pom === null) return null;
  const mvn = mavenProgram(files);
  // The check's own goal, with tests stopped after a second: it loads what that goal needs, the provider included
  // that Surefire looks up just before it runs tests, and nothing of reports or releases. `dependency:go-offline`
  // loads those too and fails when one can't be had (commons-cli names a plugin in the version RELEASE), or when
  // modules need each other; so it comes second, for code that does not compile, and project dependencies third.
  const stopped =
    '-Dsurefire.timeout=1 -Dfailsafe.timeout=1 -Dmaven.test.failure.ignore=true -Djacoco.haltOnFailure=false';
  const ways = [`--fail-at-end ${stopped} ${mavenGoal(pom)}`, 'dependency:go-offline', 'dependency:resolve'];
  return {
    commands: [ways.map((way) => `${mvn} -B -q ${way}`).join(' || ')],
    keep: [],
    homeCaches: ['.m2/repository', '.m2/wrapper'],
    lockFiles: files.paths.filter((path) => baseName(path) === 'pom.xml' || path.startsWith('.mvn/')),
    toolVersions: ['java -version', `${mvn} --version`],
    withoutScripts: null,
    runsOwnCode: true,
    why: 'pom.xml',
  };
}

function gradle(files: RepoFiles): SetupPlan | null {
  const build = firstPath(files, [
    'build.gradle',
    'build.gradle.kts',
    'settings.gradle',
    'settings.gradle.kts',
  ]);
  if (build === null || files.paths.includes('pom.xml')) return null;
  const tool = files.paths.includes('gradlew') ? 'sh ./gradlew' : 'gradle';
  return {
    // Compiling and filtering to nothing resolves what tests need; whether it compiles is the gate's business.
    commands: [
      `${tool} --no-daemon --console=plain -q dependencies`,
      `${tool} --no-daemon --console=plain -q test --tests NoSuchTestToLoadTheProvider || true`,
    ],
    keep: [],
    homeCaches: ['.gradle/caches', '.gradle/wrapper'],
    lockFiles: files.paths.filter((path) =>
      /\.gradle(?:\.kts)?$|(?:^|\/)gradle\.(?:lockfile|properties)$|^gradle\//.test(path),
    ),
    toolVersions: ['java -version'],
    withoutScripts: null,
    runsOwnCode: true,
    why: build,
  };
}

function dotnet(files: RepoFiles): SetupPlan | null {
  const projects = files.paths.filter((path) => /\.(?:cs|fs|vb)proj$/.test(path) && depthOf(path) <= 4);
  if (projects.length === 0) return null;
  const solution = files.paths.some((path) => /^[^/]+\.slnx?$/.test(path));
  const commands = solution
    ? ['dotnet restore']
    : projects.slice(0, 20).map((path) => `dotnet restore ${shellWord(path)}`);
  return {
    commands,
    keep: projects.map((path) =>
      path.includes('/') ? `${path.slice(0, path.lastIndexOf('/'))}/obj` : 'obj',
    ),
    homeCaches: ['.nuget/packages'],
    lockFiles: files.paths.filter((path) =>
      /\.(?:cs|fs|vb)proj$|(?:^|\/)(?:packages\.lock\.json|Directory\.[\w.]+\.props|global\.json|nuget\.config)$/i.test(
        path,
      ),
    ),
    toolVersions: ['dotnet --version'],
    withoutScripts: commands,
    // Restoring evaluates the project, and whatever targets of the repository it imports.
    runsOwnCode: true,
    why: projects[0] ?? '',
  };
}

function ruby(files: RepoFiles): SetupPlan | null {
  if (!files.paths.includes('Gemfile')) return null;
  const commands = ['bundle config set --local path vendor/bundle', 'bundle install'];
  const lockFiles = files.paths.filter(
    (path) => ['Gemfile', 'Gemfile.lock', '.ruby-version'].includes(path) || /^[^/]+\.gemspec$/.test(path),
  );
  return {
    commands,
    keep: ['vendor/bundle', '.bundle'],
    homeCaches: [],
    lockFiles,
    toolVersions: ['ruby --version', 'bundle --version'],
    withoutScripts: null,
    runsOwnCode: true,
    why: 'Gemfile',
  };
}

function php(files: RepoFiles): SetupPlan | null {
  if (!files.paths.includes('composer.json')) return null;
  const command = 'composer install --no-interaction --no-progress';
  const lockFiles = files.paths.filter((path) => ['composer.json', 'composer.lock'].includes(path));
  return {
    commands: [command],
    keep: ['vendor'],
    homeCaches: [],
    lockFiles,
    toolVersions: ['php --version', 'composer --version'],
    withoutScripts: [`${command} --no-scripts --no-plugins`],
    runsOwnCode: true,
    why: 'composer.json',
  };
}

function elixir(files: RepoFiles): SetupPlan | null {
  if (!files.paths.includes('mix.exs')) return null;
  const commands = [
    'mix local.hex --force',
    'mix local.rebar --force',
    'mix deps.get',
    'MIX_ENV=test mix deps.compile',
  ];
  const lockFiles = files.paths.filter((path) => ['mix.exs', 'mix.lock'].includes(path));
  return {
    commands,
    keep: ['deps', '_build'],
    homeCaches: ['.mix', '.hex'],
    lockFiles,
    toolVersions: ['elixir --version'],
    withoutScripts: null,
    runsOwnCode: true,
    why: 'mix.exs',
  };
}

function unique(items: readonly string[]): readonly string[] {
  return [...new Set(items)];
}

function merge(parts: readonly SetupPlan[]): SetupPlan | null {
  if (parts.length === 0) return null;
  const scriptless = parts.map((part) => part.withoutScripts);
  return {
    commands: parts.flatMap((part) => part.commands),
    keep: unique(parts.flatMap((part) => part.keep)),
    homeCaches: unique(parts.flatMap((part) => part.homeCaches)),
    lockFiles: unique(parts.flatMap((part) => part.lockFiles)),
    toolVersions: unique(parts.flatMap((part) => part.toolVersions)),
    // What can be installed without scripts is, and the rest as it is: better than all with scripts.
    withoutScripts: scriptless.every((one) => one === null)
      ? null
      : parts.flatMap((part) => part.withoutScripts ?? part.commands),
    runsOwnCode: parts.some((part) => part.runsOwnCode),
    why: parts.map((part) => part.why).join(', '),
  };
}

function below(part: SetupPlan, directory: string): SetupPlan {
  const inside = (command: string): string => `cd ${shellWord(directory)} && ${command}`;
  const path = (one: string): string => `${directory}/${one}`;
  return {
    ...part,
    commands: part.commands.map(inside),
    keep: part.keep.map(path),
    lockFiles: part.lockFiles.map(path),
    withoutScripts: part.withoutScripts?.map(inside) ?? null,
    why: part.why.split(', ').map(path).join(', '),
  };
}

async function partsOf(files: RepoFiles): Promise<readonly SetupPlan[]> {
  const parts = [
    await setUpNode(files),
    await setUpPython(files),
    rust(files),
    go(files),
    await maven(files),
    gradle(files),
    dotnet(files),
    ruby(files),
    php(files),
    elixir(files),
  ];
  return parts.filter((part) => part !== null);
}

/**
 * How the repository's dependencies are prepared, or `null` when there is nothing to prepare. Where the root
 * has no project, the folders of the root are looked into, as `detectChecks` does.
 */
export async function detectSetup(files: RepoFiles): Promise<SetupPlan | null> {
  const parts = await partsOf(files);
  if (parts.length > 0) return merge(parts);
  const inner = await Promise.all(
    subprojects(files).map(async (name) =>
      (await partsOf(filesUnder(files, name))).map((part) => below(part, name)),
    ),
  );
  return merge(inner.flat());
}
