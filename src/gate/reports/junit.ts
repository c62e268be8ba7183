/**
 * JUnit XML as every runner writes it: pytest, vitest, jest-junit, mocha, Surefire, Gradle, gotestsum,
 * cargo-nextest, phpunit, rspec. A scanner of our own reads just tags and attributes: it knows no entities but
 * the five of XML and numbers, refuses a document type, and its time is linear in the text.
 */
import { cleanName } from '../failures/test-names.ts';
import { NAME_SEPARATOR, type Tally, type TestState } from './ran.ts';

/** Deepest nesting of suites that is read. */
const MAX_DEPTH = 50;

interface Tag {
  readonly name: string;
  readonly attributes: string;
  readonly opens: boolean;
  readonly closes: boolean;
}

/** Where a tag ends: at the first `>` that no quotes hold; -1 when it does not end. */
function endOfTag(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (character === '>') return at;
    if (character !== '"' && character !== "'") continue;
    const close = text.indexOf(character, at + 1);
    if (close < 0) return -1;
    at = close;
  }
  return -1;
}

/** The tags of a text, one after the other. Comments, CDATA and processing instructions are passed over. */
function* tagsOf(text: string): Generator<Tag> {
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const skipped = skip(text, at);
    if (skipped < 0) return;
    if (skipped > at) {
      at = skipped;
      continue;
    }
    const end = endOfTag(text, at + 1);
    if (end < 0) return;
    const inner = text.slice(at + 1, end);
    const name = /^\/?([\w.:-]{1,100})/.exec(inner)?.[1] ?? '';
    const closing = inner.startsWith('/');
    yield {
      name,
      attributes: closing ? '' : inner.slice(name.length),
      opens: !closing,
      closes: closing || inner.endsWith('/'),
    };
    at = end + 1;
  }
}

/** The index after what is no tag, `at` itself when it is one, and -1 when nothing more can be read. */
function skip(text: string, at: number): number {
  for (const [open, close] of [
    ['<!--', '-->'],
    ['<![CDATA[', ']]>'],
    ['<?', '?>'],
  ] as const) {
    if (!text.startsWith(open, at)) continue;
    const end = text.indexOf(close, at + open.length);
    return end < 0 ? -1 : end + close.length;
  }
  return text.startsWith('<!', at) ? -1 : at;
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-fA-F]{1,6})|(\w{2,4}));/g, (whole, decimal, hex, name) => {
    if (typeof name === 'string') return ENTITIES[name] ?? whole;
    const code = typeof decimal === 'string' ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code > 0 && code <= 0x10_ff_ff ? String.fromCodePoint(code) : '';
  });
}

function attribute(tag: Tag, name: string): string {
  // Found by scanning from attribute to attribute: a value may hold text that looks like another one.
  for (const [, key, double, single] of tag.attributes.matchAll(
    /([\w.:-]{1,100})\s*=\s*(?:"([^"]*)"|'([^']*)')/g,
  ))
    if (key === name) return decode(double ?? single ?? '');
  return '';
}

/** Whether a name begins with another one, as `pkg.Class` does with `pkg`. */
function beginsWith(name: string, start: string): boolean {
  return name === start || (name.startsWith(start) && /^[^\w]/.test(name.slice(start.length)));
}

/** Suites, file or class, test. A suite that only repeats what the others begin with is left out. */
function nameOf(suites: readonly string[], tag: Tag): string {
  const holder = (attribute(tag, 'classname') || attribute(tag, 'file')).trim();
  const name = attribute(tag, 'name').trim();
  const outer = suites.map((suite) => suite.trim()).filter((suite) => suite !== 'pytest');
  const kept = outer.filter((suite) => !beginsWith(holder, suite) && !beginsWith(name, suite));
  const parts = beginsWith(name, holder) ? [...kept, name] : [...kept, holder, name];
  return parts.filter((part) => part !== '').join(NAME_SEPARATOR);
}

function stateOf(tag: Tag): TestState {
  const said = `${attribute(tag, 'status')} ${attribute(tag, 'result')}`;
  return /\b(?:skipped|notrun|disabled|ignored|pending)\b/i.test(said) ? 'skipped' : 'passed';
}

/**
 * Reads the test cases of a JUnit XML text. What can't be read is passed over; a document type ends the text.
 *
 * @param tally receives every test case
 */
export function readJunit(text: string, tally: Tally): void {
  const suites: string[] = [];
  let open: { readonly name: string; state: TestState } | null = null;
  for (const tag of tagsOf(text)) {
    switch (tag.name) {
      case 'testsuite':
        if (tag.opens && !tag.closes && suites.length < MAX_DEPTH) suites.push(attribute(tag, 'name'));
        else if (!tag.opens) suites.pop();
        break;
      case 'testcase':
        if (tag.opens) open = { name: cleanName(nameOf(suites, tag)), state: stateOf(tag) };
        if (tag.closes && open !== null) {
          tally.add(open.state, open.name);
          open = null;
        }
        break;
      case 'failure':
      case 'error':
        if (open !== null && tag.opens) open.state = 'failed';
        break;
      case 'skipped':
        if (open !== null && tag.opens && open.state !== 'failed') open.state = 'skipped';
        break;
      default:
    }
  }
}
