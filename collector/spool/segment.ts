// One file of the spool: records one after the other, only ever appended to, read once from front to back.

import { holdsRecord, MAX_SEARCHED_BYTES } from "./damage.ts";
import {
  type BatchNumber,
  RECORD_HEADER_BYTES,
  RECORD_PREFIX_BYTES,
  recordLength,
  recordNumber,
} from "./record.ts";

/** A segment: its file, how much of it is records, and how far they are read and done with. */
export class Segment {
  bytes = 0;
  records = 0;
  done = 0;

  newest: BatchNumber | null = null;
  readonly path: string;
  #writer: Deno.FsFile | null = null;
  #reader: Deno.FsFile | null = null;
  #readAt = 0;
  #read = 0;

  private constructor(path: string) {
    this.path = path;
  }

  static create(path: string): Segment {
    const segment = new Segment(path);
    segment.#writer = Deno.openSync(path, { createNew: true, append: true });
    return segment;
  }

  /**
   * Takes over a segment of an earlier process, sealed. Bytes after its last whole record, the torn end of a last
   * write, are cut off and counted; `onDamaged` is called before that, when it is more than a torn end. Throws what
   * the file system throws.
   */
  static recover(path: string, onDamaged: () => void): { segment: Segment; tornBytes: number } {
    const segment = new Segment(path);
    try {
      const { size } = Deno.statSync(path);
      for (const { length, number } of segment.#walk(0, size)) {
        segment.bytes += length;
        segment.records++;
        segment.newest = number;
      }
      if (segment.bytes < size) {
        const length = Math.min(size - segment.bytes, MAX_SEARCHED_BYTES);
        if (holdsRecord(segment.#bytesAt(segment.bytes, length))) onDamaged();
        Deno.truncateSync(path, segment.bytes);
      }
      return { segment, tornBytes: size - segment.bytes };
    } finally {
      segment.seal();
    }
  }

  get isSealed(): boolean {
    return this.#writer === null;
  }

  get isDone(): boolean {
    return this.done === this.records;
  }

  get hasUnread(): boolean {
    return this.#read < this.records;
  }

  /**
   * Appends a record.
   *
   * Throws what the file system throws, such as a full disk; then the segment is as it was, and sealed when even that
   * could not be made sure.
   */
  append(record: Uint8Array): void {
    const writer = this.#writer!;
    try {
      for (let at = 0; at < record.length;) at += writer.writeSync(record.subarray(at));
    } catch (error) {
      try {
        writer.truncateSync(this.bytes);
      } catch {
        this.seal();
      }
      throw error;
    }
    this.bytes += record.length;
    this.records++;
    this.newest = recordNumber(record);
  }

  /**
   * Reads the next record. Null when its length is damaged or the file is gone: then this record and all after it
   * count as read, for it is unknown where they begin, and {@link done} grows by them. Throws what else the file
   * system throws, such as too many open files; then nothing is read.
   */
  read(): Uint8Array | null {
    const length = this.#lengthAt(this.#readAt);
    if (length === null || this.#readAt + length > this.bytes) {
      this.done += this.records - this.#read;
      this.#read = this.records;
      return null;
    }
    const record = this.#bytesAt(this.#readAt, length);
    this.#readAt += length;
    this.#read++;
    return record;
  }

  *unreadNumbers(): Generator<BatchNumber> {
    for (const { number } of this.#walk(this.#readAt, this.bytes)) yield number;
  }

  /** Ends appending and lets go of the file; a later {@link read} opens it again. Harmless twice. */
  seal(): void {
    this.#writer?.close();
    this.#writer = null;
    this.#reader?.close();
    this.#reader = null;
  }

  remove(): void {
    this.seal();
    Deno.removeSync(this.path);
  }

  /** Lengths and numbers of the records from `start` to `end`, as far as they are whole. */
  *#walk(start: number, end: number): Generator<{ length: number; number: BatchNumber }> {
    for (let at = start; at + RECORD_HEADER_BYTES <= end;) {
      const header = this.#bytesAt(at, RECORD_HEADER_BYTES);
      const length = recordLength(header);
      if (length === null || at + length > end) return;
      yield { length, number: recordNumber(header) };
      at += length;
    }
  }

  #lengthAt(offset: number): number | null {
    try {
      return recordLength(this.#bytesAt(offset, RECORD_PREFIX_BYTES));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  }

  /** Bytes of the file; zeros where it is shorter than it was, which no record's check lets through. */
  #bytesAt(offset: number, length: number): Uint8Array {
    this.#reader ??= Deno.openSync(this.path);
    this.#reader.seekSync(offset, Deno.SeekMode.Start);
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length;) {
      const read = this.#reader.readSync(bytes.subarray(at));
      if (read === null) break;
      at += read;
    }
    return bytes;
  }
}
