// The files of a log: the one that is written, and those that were rotated out, compressed or not.

import { Buffer } from "node:buffer";
import { basename, dirname, join } from "node:path";
import { ifThere, readFull } from "../../shared/files.ts";
import { INSTANT } from "../../shared/node_logs/instant.ts";
import { fingerprint } from "./places.ts";

/** A file of a log, and from where to read it. Offsets are those of the uncompressed bytes. */
export interface LogPart {
  readonly path: string;
  readonly file: number;
  readonly offset: number;
  readonly isZipped: boolean;
  readonly isActive: boolean;
}

export interface LeftToRead {
  readonly parts: readonly LogPart[];
  /** The file in which to go on is gone, and with it what it held after that place. */
  readonly isGap: boolean;
}

export interface Stopped {
  readonly file: number;
  readonly offset: number;
  /** Nothing was left in the file. */
  readonly isDrained: boolean;
}

/** Where the first time of a log is, or as distinct as one. */
const HEAD_BYTES = 4096;
/** LND keeps 10. */
const MAX_ROTATED = 100;

/**
 * The files to read, oldest first. @param stopped null at the very first: then only the file that is written counts.
 * @param since when that was, ms since the Unix epoch: files last written before it hold nothing new.
 */
export async function leftToRead(
  path: string,
  stopped: Stopped | null,
  since: number,
): Promise<LeftToRead> {
  if (stopped === null) return { parts: activeParts(path, await headOf(path)), isGap: false };
  const { head, rotated } = await filesOf(path);
  const active = activeParts(path, head);
  const all = [...rotated, ...active];
  const at = all.findLastIndex(({ file }) => file === stopped.file);
  if (at >= 0) {
    const [first, ...later] = all.slice(at);
    return { parts: [{ ...first, offset: stopped.offset }, ...later], isGap: false };
  }
  const parts = [...rotated.filter(({ writtenAt }) => writtenAt > since), ...active];
  return { parts, isGap: parts.length > 0 && !stopped.isDrained };
}

/** The fingerprint of a file's first lines; null while it has none, or when there is no file. */
export async function headOf(path: string): Promise<number | null> {
  using file = await ifThere(Deno.open(path));
  return file && await headOfFile(file);
}

/** {@link headOf} of an open file, which is left at another place. */
export async function headOfFile(file: Deno.FsFile): Promise<number | null> {
  return fingerprintOf(await plainHead(file));
}

/** The uncompressed bytes of a file. Returning early closes it. */
export async function* unzipped(path: string): AsyncGenerator<Uint8Array> {
  const file = await Deno.open(path);
  const bytes = file.readable.pipeThrough(new DecompressionStream("gzip"));
  for await (const chunk of bytes) yield chunk;
}

interface RotatedFile extends LogPart {
  readonly writtenAt: number;
  /** The first time in it, as text. */
  readonly begins: string;
}

function activeParts(path: string, head: number | null): LogPart[] {
  return head === null ? [] : [{ path, file: head, offset: 0, isZipped: false, isActive: true }];
}

/**
 * The fingerprint of the file that is written, and the others. One that is renamed or compressed while the folder is read
 * must not be missed, nor stand behind what was written after it: then all is read again.
 */
async function filesOf(
  path: string,
): Promise<{ head: number | null; rotated: readonly RotatedFile[] }> {
  for (;;) {
    const head = await headOf(path);
    const names = await rotatedNames(path);
    const rotated = await ifThere(readRotated(dirname(path), names, head));
    const now = await rotatedNames(path);
    const isStill = now.join("/") === names.join("/") && await headOf(path) === head;
    if (rotated !== null && isStill) return { head, rotated };
  }
}

async function rotatedNames(path: string): Promise<string[]> {
  const base = basename(path);
  const names: string[] = [];
  for await (const { name, isFile } of Deno.readDir(dirname(path))) {
    const isRotated = name.startsWith(base) && /^[.-][\w.-]+$/.test(name.slice(base.length));
    if (isFile && isRotated) names.push(name);
  }
  return names.sort();
}

/** @throws {Deno.errors.NotFound} when one of them has vanished. */
async function readRotated(
  folder: string,
  names: readonly string[],
  active: number | null,
): Promise<RotatedFile[]> {
  const named: { path: string; writtenAt: number }[] = [];
  for (const name of names) {
    const file = join(folder, name);
    const { mtime } = await Deno.stat(file);
    if (mtime) named.push({ path: file, writtenAt: mtime.getTime() });
  }
  named.sort((a, b) => a.writtenAt - b.writtenAt);
  const found = new Map<number, RotatedFile>();
  for (const { path, writtenAt } of named.slice(-MAX_ROTATED)) {
    const isZipped = path.endsWith(".gz");
    const head = await headBytes(path, isZipped).catch((error) => {
      // One that is still being compressed; the other is there, too.
      if (error instanceof TypeError) return new Uint8Array();
      throw error;
    });
    const file = fingerprintOf(head);
    // While a file is compressed it is there twice: the one that is whole counts.
    if (file === null || file === active || found.get(file)?.isZipped === false) continue;
    const begins = firstTime(head) ?? new Date(writtenAt).toISOString().replace("T", " ");
    found.set(file, { path, file, offset: 0, isZipped, isActive: false, writtenAt, begins });
  }
  // Compressing changes when a file was written last.
  return [...found.values()].sort((a, b) => a.begins < b.begins ? -1 : 1);
}

/** The same form for both implementations, so that it sorts. */
function firstTime(head: Uint8Array): string | undefined {
  return latin1(head).match(INSTANT)?.[0].replace("T", " ");
}

async function headBytes(path: string, isZipped: boolean): Promise<Uint8Array> {
  if (!isZipped) {
    using file = await Deno.open(path);
    return await plainHead(file);
  }
  const head = new Uint8Array(HEAD_BYTES);
  let length = 0;
  for await (const chunk of unzipped(path)) {
    const part = chunk.subarray(0, HEAD_BYTES - length);
    head.set(part, length);
    length += part.length;
    if (length === HEAD_BYTES) break;
  }
  return head.subarray(0, length);
}

async function plainHead(file: Deno.FsFile): Promise<Uint8Array> {
  await file.seek(0, Deno.SeekMode.Start);
  return await readFull(file, new Uint8Array(HEAD_BYTES));
}

/** Up to the end of the first line with a time: LND may begin a file in the middle of a dump. */
function fingerprintOf(head: Uint8Array): number | null {
  const text = latin1(head);
  const time = text.search(INSTANT);
  const end = time < 0 ? -1 : text.indexOf("\n", time);
  if (end < 0 && head.length < HEAD_BYTES) return null;
  return fingerprint(end < 0 ? head : head.subarray(0, end));
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}
