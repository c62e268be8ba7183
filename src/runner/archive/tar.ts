/**
 * Archives of plain files in the form of POSIX tar (ustar), so that `tar tf` shows what is in one. Written for what we
 * put in and no more: no links, no folders, no devices, no names longer than 100 characters. What is read may come from
 * anybody: anything else is refused, and nothing is unpacked by its name.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { JobError } from '../../job/error.ts';

const BLOCK_BYTES = 512;
const NAME_BYTES = 100;
const CHUNK_BYTES = 1024 * 1024;
/** The last member: the SHA-256 of every other, as `sha256sum --check` reads it. */
export const SUMS = 'SHA256SUMS';

/** A file in an archive, and where its bytes begin. */
export interface Member {
  readonly name: string;
  readonly bytes: number;
  readonly start: number;
}

/** Whether a name fits into an archive of ours. */
export function isMemberName(name: string): boolean {
  return (
    name.length <= NAME_BYTES && /^[A-Za-z0-9_][A-Za-z0-9._-]*(?:\/[A-Za-z0-9_][A-Za-z0-9._-]*)*$/.test(name)
  );
}

function octal(value: number, digits: number): string {
  return `${value.toString(8).padStart(digits, '0')}\0`;
}

function sumOf(header: Buffer): number {
  let sum = 0;
  // The field of the sum itself counts as blanks.
  for (const [at, byte] of header.entries()) sum += at >= 148 && at < 156 ? 32 : byte;
  return sum;
}

function headerOf(name: string, bytes: number): Buffer {
  if (!isMemberName(name))
    throw new JobError('bug', `archive: ${JSON.stringify(name)} is no name of a member`);
  const header = Buffer.alloc(BLOCK_BYTES);
  const fields: readonly [number, string][] = [
    [0, name],
    [100, octal(0o600, 7)],
    [108, octal(0, 7)],
    [116, octal(0, 7)],
    [124, octal(bytes, 11)],
    [136, octal(0, 11)],
    [156, '0'],
    [257, 'ustar\u000000'],
  ];
  for (const [at, text] of fields) header.write(text, at, 'latin1');
  header.write(`${octal(sumOf(header), 6)} `, 148, 'latin1');
  return header;
}

/** Writes an archive into an open file, member after member. */
export interface ArchiveWriter {
  add(name: string, data: Buffer): Promise<void>;
  /** Adds the first `bytes` of a file, which has as many. */
  addFile(name: string, path: string, bytes: number): Promise<void>;
  /** Adds the sums and the end. */
  finish(): Promise<void>;
}

/** Begins an archive. */
export function writeArchive(file: FileHandle): ArchiveWriter {
  const sums: string[] = [];
  const pad = async (bytes: number): Promise<void> => {
    const rest = bytes % BLOCK_BYTES;
    if (rest > 0) await file.write(Buffer.alloc(BLOCK_BYTES - rest));
  };
  const add = async (name: string, data: Buffer): Promise<void> => {
    await file.write(headerOf(name, data.length));
    await file.write(data);
    await pad(data.length);
    sums.push(`${createHash('sha256').update(data).digest('hex')}  ${name}\n`);
  };
  return {
    add,
    async addFile(name, path, bytes) {
      await file.write(headerOf(name, bytes));
      const hash = createHash('sha256');
      let written = 0;
      if (bytes > 0) {
        for await (const chunk of createReadStream(path, { end: bytes - 1, highWaterMark: CHUNK_BYTES })) {
          const part = chunk as Buffer;
          hash.update(part);
          await file.write(part);
          written += part.length;
        }
      }
      // Its length stands before it, so a file that shrinks meanwhile leaves nothing to mend.
      if (written !== bytes) throw new JobError('infra_failed', `export: ${path} changed while it was read`);
      await pad(bytes);
      sums.push(`${hash.digest('hex')}  ${name}\n`);
    },
    async finish() {
      await add(SUMS, Buffer.from(sums.join('')));
      await file.write(Buffer.alloc(2 * BLOCK_BYTES));
    },
  };
}

function field(header: Buffer, from: number, length: number): string {
  const text = header.toString('latin1', from, from + length);
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}

function number(text: string): number | null {
  const digits = text.trim();
  return /^[0-7]{1,12}$/.test(digits) ? Number.parseInt(digits, 8) : null;
}

function memberOf(header: Buffer, at: number, refuse: (why: string) => JobError): Member {
  const name = field(header, 0, NAME_BYTES);
  const shown = JSON.stringify(name.slice(0, NAME_BYTES));
  if (header.toString('latin1', 257, 262) !== 'ustar' || number(field(header, 148, 8)) !== sumOf(header))
    throw refuse(`no header of a member at byte ${at}`);
  if (!['0', '\0'].includes(header.toString('latin1', 156, 157)))
    throw refuse(`${shown} is no plain file (links, folders and devices are refused)`);
  const bytes = number(field(header, 124, 12));
  if (bytes === null) throw refuse(`the size of ${shown} is no number`);
  if (!isMemberName(name) || field(header, 345, 155) !== '') throw refuse(`the name ${shown} is not allowed`);
  return { name, bytes, start: at + BLOCK_BYTES };
}

/**
 * Lists what an archive holds; only headers are read.
 *
 * @param refuse makes the error of what is wrong
 * @throws what `refuse` makes, for what is no archive of ours, is cut off, or has more than `maxMembers`
 */
export async function listArchive(
  file: FileHandle,
  maxMembers: number,
  refuse: (why: string) => JobError,
): Promise<ReadonlyMap<string, Member>> {
  const { size } = await file.stat();
  const members = new Map<string, Member>();
  const header = Buffer.alloc(BLOCK_BYTES);
  for (let at = 0; ;) {
    const { bytesRead } = await file.read(header, 0, BLOCK_BYTES, at);
    if (bytesRead < BLOCK_BYTES) throw refuse('it is cut off');
    if (header.every((byte) => byte === 0)) return members;
    const member = memberOf(header, at, refuse);
    if (member.start + member.bytes > size) throw refuse(`it is cut off in ${member.name}`);
    if (members.has(member.name)) throw refuse(`${member.name} comes twice`);
    if (members.size === maxMembers) throw refuse(`more than ${maxMembers} files are too many`);
    members.set(member.name, member);
    at = member.start + Math.ceil(member.bytes / BLOCK_BYTES) * BLOCK_BYTES;
  }
}

/** The bytes of a member as they are read. */
export async function* chunksOf(file: FileHandle, { start, bytes }: Member): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes;) {
    const part = Buffer.alloc(Math.min(CHUNK_BYTES, bytes - at));
    const { bytesRead } = await file.read(part, 0, part.length, start + at);
    if (bytesRead === 0) throw new JobError('infra_failed', 'import: the file changed while it was read');
    yield part.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** A member as a whole; the caller has looked at its size. */
export async function readMember(file: FileHandle, member: Member): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of chunksOf(file, member)) parts.push(part);
  return Buffer.concat(parts);
}

/** Checks every member against the sums. @throws what `refuse` makes */
export async function checkSums(
  file: FileHandle,
  members: ReadonlyMap<string, Member>,
  refuse: (why: string) => JobError,
): Promise<void> {
  const listed = members.get(SUMS);
  if (listed === undefined || listed.bytes > members.size * 200) throw refuse(`there is no ${SUMS}`);
  const sums = new Map<string, string>();
  const text = (await readMember(file, listed)).toString('latin1');
  for (const [, sum = '', name = ''] of text.matchAll(/^([0-9a-f]{64}) {2}(\S{1,100})$/gm))
    sums.set(name, sum);
  for (const [name, member] of members) {
    if (name === SUMS) continue;
    const hash = createHash('sha256');
    for await (const chunk of chunksOf(file, member)) hash.update(chunk);
    if (sums.get(name) !== hash.digest('hex')) throw refuse(`${name} is not what ${SUMS} says`);
  }
  if (sums.size !== members.size - 1) throw refuse(`${SUMS} names files that are not there`);
}
