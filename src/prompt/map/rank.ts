/** Which files of a repository matter for a task: those it names, those that others use, and where programs begin. */

/** What is known of a file. Structurally what the workspace extracts. */
export interface MapFile {
  readonly path: string;
  /**
   * Its summary, the stems of what it imports, and `kind:line:name` of what it defines; lists separated by spaces,
   * the three by tabs. Of tens of thousands of files some hundred are taken apart.
   */
  readonly about: string;
}

/** The parts of what is known of a file. */
export function partsOf({ about }: MapFile): {
  readonly summary: string;
  readonly uses: string;
  readonly defines: string;
} {
  const [summary = '', uses = '', defines = ''] = about.split('\t');
  return { summary, uses, defines };
}

/** A file and how much it matters; more is more. */
export interface Ranked {
  readonly file: MapFile;
  readonly score: number;
}

/** Words of a task that are looked for. */
const MAX_WORDS = 200;
const MIN_WORD_CHARS = 3;
/** Files whose imports are counted. */
const MAX_COUNTED = 6000;
/** Words that stand in every task and name nothing. */
const COMMON = new Set(
  'the and for with from that this into when then than not are was has have should must can could would add fix use make new all any its out our test tests file files code change update implement support function class method return value error src lib index main'.split(
    ' ',
  ),
);
const ENTRY = /(?:^|\/)(?:index|main|app|cli|server|mod|lib|__init__|__main__|routes|urls)\.\w+$/;
const MANIFEST =
  /^(?:package\.json|pyproject\.toml|Cargo\.toml|go\.mod|pom\.xml|build\.gradle(?:\.kts)?|composer\.json|Gemfile|mix\.exs|Makefile|justfile|Dockerfile|README(?:\.\w+)?|ARCHITECTURE\.md|CONTRIBUTING\.md)$/;
const TESTS =
  /(?:^|\/)(?:tests?|spec|specs|__tests__|testdata|fixtures?)\/|[._-](?:test|spec)\.\w+$|(?:^|\/)test_\w+\.py$|_test\.go$/;
const GENERATED =
  /(?:^|\/)(?:dist|build|out|vendor|third_party|node_modules|generated|__snapshots__|migrations|locales?|i18n)\/|\.min\.\w+$|\.(?:lock|snap|svg|map)$|(?:^|\/)package-lock\.json$/;

/** `parseRepoConfig` and `repo_config` as their words, in lower case. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .map((part) => part.toLowerCase())
    .filter((part) => part.length >= MIN_WORD_CHARS);
}

function pathScore(path: string): number {
  let score = 0;
  for (let at = path.indexOf('/'); at >= 0; at = path.indexOf('/', at + 1)) score -= 0.5;
  if (ENTRY.test(path)) score += 2;
  if (MANIFEST.test(path)) score += 4;
  if (TESTS.test(path)) score -= 3;
  if (GENERATED.test(path)) score -= 20;
  return score;
}

/** What a task names: paths and identifiers as they are written, and the words they are made of. */
interface Wanted {
  readonly names: readonly string[];
  readonly words: readonly string[];
}

function wantedBy(task: string): Wanted {
  const named = task.match(/[\p{L}\p{N}_$][\p{L}\p{N}_$./-]*/gu) ?? [];
  const names = new Set<string>();
  const words = new Set<string>();
  for (const raw of named) {
    const name = raw.replace(/[./-]+$/, '');
    // A name is what no sentence has by itself: a path, an ending, two humps or an underscore.
    if (/[/_.]|[a-z][A-Z]/.test(name)) names.add(name.toLowerCase());
    for (const word of wordsOf(name)) if (!COMMON.has(word)) words.add(word.replace(/s$/, ''));
    if (words.size >= MAX_WORDS) break;
  }
  return { names: [...names], words: [...words] };
}

function stemOf(path: string): string {
  const start = path.lastIndexOf('/') + 1;
  const dot = path.lastIndexOf('.');
  const base = path.slice(start, dot > start ? dot : undefined);
  if (start === 0 || (base !== 'index' && base !== 'mod' && base !== '__init__')) return base;
  return path.slice(path.lastIndexOf('/', start - 2) + 1, start - 1);
}

/**
 * How many files use each stem, by how many have it: a stem of many files says little of one. Of a large repository
 * only a part is counted, evenly spread; what is used by many is found there, too.
 */
function useCounts(files: readonly MapFile[]): ReadonlyMap<string, number> {
  const [used, owners] = [new Map<string, number>(), new Map<string, number>()];
  const stride = Math.ceil(files.length / MAX_COUNTED);
  for (let at = 0; at < files.length; at += stride) {
    const file = files[at];
    const uses = file === undefined ? '' : partsOf(file).uses;
    if (uses !== '') for (const stem of uses.split(' ')) used.set(stem, (used.get(stem) ?? 0) + stride);
  }
  for (const { path } of files) {
    const own = stemOf(path);
    if (used.has(own)) owners.set(own, (owners.get(own) ?? 0) + 1);
  }
  for (const [stem, count] of used) used.set(stem, count / (owners.get(stem) ?? 1));
  return used;
}

/** What a file's path and names share with the task. */
interface Shared {
  readonly words: readonly string[];
  /** Score of what the task names as it is written. */
  readonly named: number;
}

const NONE: Shared = { words: [], named: 0 };

/** What the files of a commit are whatever the task, by path. */
interface Weighed {
  readonly file: MapFile;
  /** Path and what is known, in lower case, to be searched. */
  readonly text: string;
  /** Score before any task. */
  readonly score: number;
}

/** Made once for a list of files: the jobs on a commit share the list, and ask with other tasks. */
const weighed = new WeakMap<readonly MapFile[], readonly Weighed[]>();

function weigh(files: readonly MapFile[]): readonly Weighed[] {
  const known = weighed.get(files);
  if (known !== undefined) return known;
  const used = useCounts(files);
  const all = files.map((file): Weighed => {
    const { path, about } = file;
    let score = pathScore(path) + 3 * Math.log2(1 + (used.get(stemOf(path)) ?? 0));
    if (!about.endsWith('\t')) score += 1 + Math.min(about.length, 300) / 300;
    return { file, text: `${path} ${about} `.toLowerCase(), score };
  });
  all.sort((a, b) => (a.file.path < b.file.path ? -1 : 1));
  weighed.set(files, all);
  return all;
}

function sharedBy({ file: { path }, text }: Weighed, { names, words }: Wanted): Shared {
  const found: string[] = [];
  for (const word of words) if (text.includes(word)) found.push(word);
  let named = 0;
  for (const name of names) {
    if (!text.includes(name)) continue;
    const own = text.slice(0, path.length);
    if (own === name || own.endsWith(`/${name}`) || own.startsWith(`${name}/`)) named += 60;
    if (text.includes(`:${name} `)) named += 40;
  }
  return found.length === 0 && named === 0 ? NONE : { words: found, named };
}

/**
 * Ranks files, the most telling first; equal ones by path. Weights are by judgement: a file that the task names by
 * path comes before one it names by a symbol, that before one that shares its words, and among the rest what many
 * others use comes first. Generated files come last.
 */
export function rankFiles(files: readonly MapFile[], task: string): readonly Ranked[] {
  const wanted = wantedBy(task);
  const all = weigh(files);
  const shared = all.map((one) => sharedBy(one, wanted));
  const counts = new Map<string, number>();
  for (const { words } of shared) for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const ranked = all.map(({ file, score: before }, at): Ranked => {
    const { words, named } = shared[at] ?? NONE;
    let score = before + named;
    // `user` in 3,000 files tells less than `invoice` in 2.
    for (const word of words) score += 6 * Math.log(1 + files.length / (counts.get(word) ?? 1));
    return { file, score };
  });
  // Equal ones stay as they are, by path.
  return ranked.sort((a, b) => b.score - a.score);
}
