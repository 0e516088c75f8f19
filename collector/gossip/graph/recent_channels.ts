// The channels that came since the graph was saved, appended to a file as they come: a killed collector's next life still
// knows whose signature their updates bear. A record is u32 length and u32 CRC-32 (zlib's) of the rest, u32 when the
// channel_announcement was taken in (seconds since the Unix epoch), and the message; little-endian.

import { crc32 } from "node:zlib";
import { errorText, UserError } from "../../../shared/errors.ts";
import { logger } from "../../../shared/log.ts";
import type { Graph } from "./graph.ts";

/** A whole graph's announcements are 20 MB; only a flood brings more between two savings. */
const MAX_BYTES = 64 * 1024 * 1024;
const PREFIX_BYTES = 8;
const HEAD_BYTES = 12;

const log = logger("collector", "gossip");

/** The file beside a graph's. What is written survives SIGKILL, not the loss of power. Disposing closes it. */
export class RecentChannels implements Disposable {
  readonly #path: string;
  #file: Deno.FsFile | null = null;
  #bytes = 0;
  /** Whole records of an earlier life: what is appended after a torn one could not be read. */
  #wholeBytes: number | null = null;
  #hasFailed = false;

  /** `path` is the graph file's. */
  constructor(path: string) {
    this.#path = `${path}.recent`;
  }

  /** What is being saved, until it is. */
  get #oldPath(): string {
    return `${this.#path}.old`;
  }

  /** Puts what the files hold into the graph; how many channels. @throws {UserError} when one cannot be read. */
  restore(graph: Graph): number {
    let restored = 0;
    for (const path of [this.#oldPath, this.#path]) {
      const bytes = readFile(path);
      let whole = 0;
      for (const { raw, addedAt, end } of records(bytes)) {
        if (graph.restore(raw, addedAt) === "added") restored++;
        whole = end;
      }
      if (path === this.#path) this.#wholeBytes = whole;
    }
    return restored;
  }

  /** Adds a channel_announcement that the graph took. Logs the first failure. */
  append(raw: Uint8Array, addedAt: number): void {
    if (this.#bytes + HEAD_BYTES + raw.length > MAX_BYTES) return;
    const record = new Uint8Array(HEAD_BYTES + raw.length);
    const view = new DataView(record.buffer);
    view.setUint32(0, record.length - PREFIX_BYTES, true);
    view.setUint32(8, addedAt, true);
    record.set(raw, HEAD_BYTES);
    view.setUint32(4, crc32(record.subarray(PREFIX_BYTES)), true);
    try {
      this.#file ??= this.#open();
      for (let at = 0; at < record.length;) at += this.#file.writeSync(record.subarray(at));
      this.#bytes += record.length;
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The graph is about to be saved: what comes from now on goes into a new file. */
  rotate(): void {
    this[Symbol.dispose]();
    try {
      // After a saving that failed the old one is still needed; this one then goes with the next saving.
      if (exists(this.#path) && !exists(this.#oldPath)) Deno.renameSync(this.#path, this.#oldPath);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The graph is saved: what came before {@link rotate} is in it. */
  settle(): void {
    try {
      if (exists(this.#oldPath)) Deno.removeSync(this.#oldPath);
      this.#hasFailed = false;
    } catch (error) {
      this.#fail(error);
    }
  }

  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = null;
    this.#bytes = 0;
  }

  #open(): Deno.FsFile {
    const file = Deno.openSync(this.#path, { append: true, create: true });
    if (this.#wholeBytes !== null && file.statSync().size > this.#wholeBytes) {
      file.truncateSync(this.#wholeBytes);
    }
    this.#wholeBytes = null;
    return file;
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    log.error("Cannot write {path}: {reason}; SIGKILL would lose the newest channels", {
      path: this.#path,
      reason: errorText(error),
    });
  }
}

/** The records that are whole, up to the first that is not: a torn end. */
function* records(bytes: Uint8Array): Generator<{ raw: Uint8Array; addedAt: number; end: number }> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEAD_BYTES <= bytes.length;) {
    const start = at + PREFIX_BYTES;
    const end = start + view.getUint32(at, true);
    if (end < at + HEAD_BYTES || end > bytes.length) return;
    if (crc32(bytes.subarray(start, end)) !== view.getUint32(at + 4, true)) return;
    yield { addedAt: view.getUint32(start, true), raw: bytes.subarray(at + HEAD_BYTES, end), end };
    at = end;
  }
}

/** Empty when there is no file. */
function readFile(path: string): Uint8Array {
  try {
    const { size } = Deno.statSync(path);
    if (size > MAX_BYTES) throw new Error(`${size} bytes are too many`);
    return Deno.readFileSync(path);
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return new Uint8Array();
    throw new UserError(`Cannot read graph file ${path}: ${errorText(cause)}`, { cause });
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
