/** The dashboard's built files: found once, read when they are asked for, and sent with headers that fit each. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';

/** The pages, as a server shows them. */
export interface Dashboard {
  /** One of the built files; `null` where the path names none. */
  file(request: Request): Promise<Response | null>;
  /** The page that all routes of the dashboard begin with. */
  page(request: Request): Promise<Response>;
}

interface BuiltFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer> | null;
  readonly etag: string;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};
/** Nothing from anywhere else, no script and no style in the page itself, and no page around it. */
const POLICY =
  "default-src 'self'; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'none'";
/** A worker goes by the policy that its script came with: it may load more scripts from here, and speak with nobody. */
const SCRIPT_POLICY = "default-src 'none'; script-src 'self'";
/** Files that are looked at; a build has about thirty. */
const MAX_FILES = 500;
/** Names with a hash of their content in them never mean anything else. */
const FOR_EVER = 'public, max-age=31536000, immutable';
const PAGE = '/index.html';

const compress = promisify(gzip);

async function readBuilt(path: string): Promise<BuiltFile> {
  const bytes = new Uint8Array(await readFile(path));
  const gzipped = new Uint8Array(await compress(bytes));
  const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  return { bytes, gzipped: gzipped.length < bytes.length ? gzipped : null, etag };
}

function takesGzip(accepted: string): boolean {
  return /\bgzip\b/i.test(accepted) && !/\bgzip\s*;\s*q=0(\.0*)?\s*(,|$)/i.test(accepted);
}

function respond(request: Request, name: string, { bytes, gzipped, etag }: BuiltFile): Response {
  const headers = new Headers({
    'content-type': TYPES[extname(name)] ?? 'application/octet-stream',
    'cache-control': name.startsWith('/assets/') ? FOR_EVER : 'no-cache',
    vary: 'accept-encoding',
    etag,
  });
  if (name === PAGE) headers.set('content-security-policy', POLICY);
  if (extname(name) === '.js') headers.set('content-security-policy', SCRIPT_POLICY);
  // A proxy that compresses on its own makes a weak one of it (`W/"…"`), and a browser may name several.
  const isKnown = request.headers.get('if-none-match')?.includes(etag) === true;
  if (isKnown) return new Response(null, { status: 304, headers });
  const isGzipped = gzipped !== null && takesGzip(request.headers.get('accept-encoding') ?? '');
  if (isGzipped) headers.set('content-encoding', 'gzip');
  return new Response(isGzipped ? gzipped : bytes, { headers });
}

/**
 * Opens the built dashboard.
 *
 * @param folder where the build wrote it
 * @returns `null` where none was built
 */
export async function openDashboard(folder: string): Promise<Dashboard | null> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = found
    .filter((entry) => entry.isFile())
    .slice(0, MAX_FILES)
    .map((entry) => join(entry.parentPath, entry.name));
  const known = new Map(paths.map((path) => [`/${relative(folder, path).split(sep).join('/')}`, path]));
  const page = known.get(PAGE);
  if (page === undefined) return null;
  const read = new Map<string, Promise<BuiltFile>>();
  const builtAt = (name: string, path: string): Promise<BuiltFile> => {
    const reading = read.get(name) ?? readBuilt(path);
    read.set(name, reading);
    // A build that is just being written is there at the next try.
    reading.catch(() => read.delete(name));
    return reading;
  };
  return {
    async file(request) {
      const name = new URL(request.url).pathname;
      const path = known.get(name);
      return path === undefined || name === PAGE ? null : respond(request, name, await builtAt(name, path));
    },
    page: async (request) => respond(request, PAGE, await builtAt(PAGE, page)),
  };
}
