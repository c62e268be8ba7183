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
// What the folders of a path say, and what its name says: apart, because a folder is looked at once for all its files.
const TEST_FOLDER = /(?:^|\/)(?:tests?|spec|specs|__tests__|testdata|fixtures?)\//;
const GENERATED_FOLDER =
  /(?:^|\/)(?:dist|build|out|vendor|third_party|node_modules|generated|__snapshots__|migrations|locales?|i18n)\//;
const ENTRY = /^(?:index|main|app|cli|server|mod|lib|__init__|__main__|routes|urls)\.\w+$/;
const TEST_NAME = /[._-](?:test|spec)\.\w+$|^test_\w+\.py$|_test\.go$/;
const GENERATED_NAME = /\.min\.\w+$|\.(?:lock|snap|svg|map)$|^package-lock\.json$/;
const MANIFEST =
  /^(?:package\.json|pyproject\.toml|Cargo\.toml|go\.mod|pom\.xml|build\.gradle(?:\.kts)?|composer\.json|Gemfile|mix\.exs|Makefile|justfile|Dockerfile|README(?:\.\w+)?|ARCHITECTURE\.md|CONTRIBUTING\.md)$/;

/** `parseRepoConfig` and `repo_config` as their words, in lower case. */
function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .map((part) => part.toLowerCase())
    .filter((part) => part.length >= MIN_WORD_CHARS);
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

/** What is counted of a folder for each of its files. */
interface FolderScore {
  readonly score: number;
  readonly hasTests: boolean;
  readonly isGenerated: boolean;
}

/** `folder` ends with a slash, or is empty. */
function folderScore(folder: string): FolderScore {
  let score = 0;
  for (let at = folder.indexOf('/'); at >= 0; at = folder.indexOf('/', at + 1)) score -= 0.5;
  return { score, hasTests: TEST_FOLDER.test(folder), isGenerated: GENERATED_FOLDER.test(folder) };
}

function nameScore(name: string, { score, hasTests, isGenerated }: FolderScore, isRoot: boolean): number {
  let sum = score;
  if (ENTRY.test(name)) sum += 2;
  if (isRoot && MANIFEST.test(name)) sum += 4;
  if (hasTests || TEST_NAME.test(name)) sum -= 3;
  if (isGenerated || GENERATED_NAME.test(name)) sum -= 20;
  return sum;
}

/** The name that others import a file by: its own without an ending, or its folder's where it speaks for that. */
function stemOf(path: string, start: number): string {
  const dot = path.lastIndexOf('.');
  const base = path.slice(start, dot > start ? dot : undefined);
  if (start === 0 || (base !== 'index' && base !== 'mod' && base !== '__init__')) return base;
  return path.slice(path.lastIndexOf('/', start - 2) + 1, start - 1);
}

/**
 * How many files use each stem, by how many have it: a stem of many files says little of one. Of a large repository
 * only a part is counted, evenly spread; what is used by many is found there, too.
 */
function useCounts(files: readonly MapFile[], stems: readonly string[]): ReadonlyMap<string, number> {
  const [used, owners] = [new Map<string, number>(), new Map<string, number>()];
  const stride = Math.ceil(files.length / MAX_COUNTED);
  for (let at = 0; at < files.length; at += stride) {
    const about = files[at]?.about ?? '';
    const start = about.indexOf('\t') + 1;
    const uses = start === 0 ? '' : about.slice(start, about.indexOf('\t', start));
    if (uses !== '') for (const stem of uses.split(' ')) used.set(stem, (used.get(stem) ?? 0) + stride);
  }
  for (const own of stems) if (used.has(own)) owners.set(own, (owners.get(own) ?? 0) + 1);
  for (const [stem, count] of used) used.set(stem, count / (owners.get(stem) ?? 1));
  return used;
}

const NO_FILE: MapFile = { path: '', about: '' };

/** Made once for a list of files: the jobs on a commit share the list, and ask with other tasks. */
const alone = new WeakMap<readonly MapFile[], Float64Array>();

/** What files say without a task: where they lie, what they are called, how many use them. */
function scoreByThemselves(files: readonly MapFile[]): Float64Array {
  const known = alone.get(files);
  if (known !== undefined) return known;
  const scores = new Float64Array(files.length);
  const stems: string[] = [];
  // Files come in git's order, so those of a folder come together.
  let [folder, its]: [string, FolderScore] = ['', folderScore('')];
  for (let at = 0; at < files.length; at++) {
    const { path, about } = files[at] ?? NO_FILE;
    const start = path.lastIndexOf('/') + 1;
    if (start !== folder.length || !path.startsWith(folder)) {
      folder = path.slice(0, start);
      its = folderScore(folder);
    }
    stems.push(stemOf(path, start));
    const said = about.endsWith('\t') ? 0 : 1 + Math.min(about.length, 300) / 300;
    scores[at] = nameScore(path.slice(start), its, start === 0) + said;
  }
  const used = useCounts(files, stems);
  for (let at = 0; at < stems.length; at++) {
    const uses = used.get(stems[at] ?? '') ?? 0;
    if (uses > 0) scores[at] = (scores[at] ?? 0) + 3 * Math.log2(1 + uses);
  }
  alone.set(files, scores);
  return scores;
}

/** Many files as one text in lower case: searched once for a word, not once for each file. */
interface Haystack {
  readonly text: string;
  /** Where each begins, and where the last ends. */
  readonly starts: Int32Array;
  /** The place of the first. */
  readonly from: number;
}

/** Files of one text: so many that a search is worth it, so few that the text is small. */
const HAYSTACK_FILES = 2000;

function haystackOf(files: readonly MapFile[], from: number): Haystack {
  const count = Math.min(HAYSTACK_FILES, files.length - from);
  const starts = new Int32Array(count + 1);
  const join = (of: (text: string) => string): string => {
    let whole = '';
    for (let at = 0; at < count; at++) {
      const { path, about } = files[from + at] ?? NO_FILE;
      whole += of(path);
      whole += ' ';
      whole += of(about);
      whole += ' \n';
      starts[at + 1] = whole.length;
    }
    return whole;
  };
  const whole = join((text) => text);
  const text = whole.toLowerCase();
  // Some letters are longer in lower case; then every file is measured by itself.
  return { text: text.length === whole.length ? text : join((part) => part.toLowerCase()), starts, from };
}

/** Adds the files in whose text a word is, by their place. No word holds a line end, so none is found across two. */
function findIn({ text, starts, from }: Haystack, word: string, found: number[]): void {
  let file = 0;
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, starts[file])) {
    while ((starts[file + 1] ?? Infinity) <= at) file++;
    found.push(from + file++);
    if (file >= starts.length - 1) break;
  }
}

/** The files in which each word is. */
function findAll(
  files: readonly MapFile[],
  words: readonly string[],
): ReadonlyMap<string, readonly number[]> {
  const found = new Map(words.map((word): [string, number[]] => [word, []]));
  for (let from = 0; from < files.length; from += HAYSTACK_FILES) {
    const haystack = haystackOf(files, from);
    for (const [word, places] of found) findIn(haystack, word, places);
  }
  return found;
}

/**
 * How much each file matters for a task; more is more. Weights are by judgement: a file that the task names by path
 * comes before one it names by a symbol, that before one that shares its words, and among the rest what many others use
 * comes first. Generated files come last.
 *
 * @param files in git's order, or any other that keeps the files of a folder together, where speed matters
 */
export function scoreFiles(files: readonly MapFile[], task: string): Float64Array {
  const scores = scoreByThemselves(files).slice();
  const { names, words } = wantedBy(task);
  if (names.length === 0 && words.length === 0) return scores;
  const found = findAll(files, [...words, ...names, ...names.map((name) => `:${name} `)]);
  const add = (at: number, score: number): void => {
    scores[at] = (scores[at] ?? 0) + score;
  };
  for (const word of words) {
    const places = found.get(word) ?? [];
    // `user` in 3,000 files tells less than `invoice` in 2.
    const score = 6 * Math.log(1 + files.length / Math.max(1, places.length));
    for (const at of places) add(at, score);
  }
  for (const name of names) {
    for (const at of found.get(name) ?? []) {
      const own = files[at]?.path.toLowerCase() ?? '';
      if (own === name || own.endsWith(`/${name}`) || own.startsWith(`${name}/`)) add(at, 60);
    }
    for (const at of found.get(`:${name} `) ?? []) add(at, 40);
  }
  return scores;
}

/** The order of two files by what they score, the most telling first; equal ones by path. */
export function byRank(files: readonly MapFile[], scores: Float64Array): (a: number, b: number) => number {
  return (a, b) =>
    (scores[b] ?? 0) - (scores[a] ?? 0) || ((files[a]?.path ?? '') < (files[b]?.path ?? '') ? -1 : 1);
}

/** The places of the `count` most telling files, in order. */
export function topFiles(files: readonly MapFile[], scores: Float64Array, count: number): readonly number[] {
  // Numbers sort in a tenth of the time that files take: only those that may be shown are compared as files.
  const least = scores.toSorted().at(-Math.min(count, scores.length)) ?? 0;
  const chosen: number[] = [];
  for (let at = 0; at < scores.length; at++) if ((scores[at] ?? 0) >= least) chosen.push(at);
  return chosen.sort(byRank(files, scores)).slice(0, count);
}
