/** The repository map: what is where, as much as its token budget allows. */
import { cutToTokens, estimateTokens } from '../budget.ts';
import { fence, oneLine } from '../untrusted.ts';
import { partsOf, scoreFiles, topFiles, type MapFile } from './rank.ts';
import { renderTree } from './tree.ts';

/** Share of a model's window that a map may take, unless another is asked for. */
const MAP_SHARE = 0.05;
/** Most tokens of a map, unless more are asked for: a window of a million is no reason to pay for a long one. */
const MAX_MAP_TOKENS = 10_000;
/** Share of the map's tokens that the tree may take; the rest, and what the tree leaves, is for symbols. */
const TREE_SHARE = 0.5;
/** Symbols of one file that are named. */
const MAX_SYMBOLS = 12;
/** Files whose symbols are looked at: no budget has room for more. */
const MAX_FILES = 400;
/** Tokens of the headings, the fence and its label. */
const FRAME_TOKENS = 120;

/** Tokens that a map may take, for a model that reads `windowTokens` at once. */
export function mapTokensFor(windowTokens: number): number {
  return Math.min(MAX_MAP_TOKENS, Math.floor(windowTokens * MAP_SHARE));
}

/** `function:12:parse` as `function parse:12`. */
function symbolText(defined: string): string {
  const [kind = '', line = '', ...name] = defined.split(':');
  return `${kind} ${oneLine(name.join(':'), 80)}:${line}`;
}

function symbolsLine(file: MapFile): string {
  const all = partsOf(file).defines.split(' ');
  const names = all.slice(0, MAX_SYMBOLS).map(symbolText);
  const more = all.length - names.length;
  return `${oneLine(file.path)}: ${names.join(', ')}${more > 0 ? `, … ${more} more` : ''}`;
}

/**
 * Renders the map of a repository for a task: its tree with a line about each entry, then the symbols of the files
 * that matter most, each with its line. Empty where there is no room or no file.
 *
 * @param maxTokens most estimated tokens that it takes
 */
export function renderMap(files: readonly MapFile[], task: string, maxTokens: number): string {
  const room = Math.floor(maxTokens) - FRAME_TOKENS;
  if (room <= 0 || files.length === 0) return '';
  const scores = scoreFiles(files, task);
  const tree = cutToTokens(renderTree(files, scores).join('\n'), Math.floor(room * TREE_SHARE));
  let left = room - estimateTokens(tree);
  const lines: string[] = [];
  for (const at of topFiles(files, scores, MAX_FILES)) {
    const file = files[at];
    if (file === undefined || file.about.endsWith('\t') || file.about === '') continue;
    const line = symbolsLine(file);
    const cost = estimateTokens(`${line}\n`);
    if (cost > left) break;
    left -= cost;
    lines.push(line);
  }
  const symbols =
    lines.length === 0 ? [] : ['', 'symbols of the files that matter most, with their lines:', ...lines];
  return [
    '## Map of the repository',
    'As its base has it; where it says less than you need, look.',
    fence('tree and symbols', [tree, ...symbols].join('\n')),
  ].join('\n');
}
