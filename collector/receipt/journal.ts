/**
 * The journal of the open batch: what goes into the batch goes into a file as well, before its turn of the event loop
 * ends, so that a killed collector's next life can close the batch in its place. From then on a receipt is **stamped**.
 *
 * A journal is a row of chunks: u32 length of the payload, u32 CRC-32 (zlib's) of it, the payload. A payload is items:
 *
 * | first byte | item |
 * |---|---|
 * | 1 | a batch begins, what came before it is closed: u32 length, JSON of a {@link BatchHead} |
 * | 2 | receipt: f64 received at, u32 message, u32 session, u8 flags |
 * | 3 | message: u32 number, u32 length, its bytes |
 * | 4 | verdict: u32 number, u8 code |
 * | 5 | event: u32 length, JSON |
 * | 6 | receipt out of a log: as 2, then f64 log, f64 file, f64 offset of a {@link Place} |
 *
 * All integers are little-endian.
 */
import { crc32 } from "node:zlib";
import type { Batch } from "../../shared/batch/batch.ts";

export type BatchHead = Pick<Batch, "collector" | "epoch" | "number" | "receiptsBefore">;

/** Up to where a log was read when a receipt out of it was stamped. */
export interface Place {
  /** Which source; see `sources/places.ts` for both numbers. */
  readonly log: number;
  readonly file: number;
  /** Of the first byte after. */
  readonly offset: number;
}

/** Where chunks go. Neither may throw: a journal that cannot be written costs an open batch at SIGKILL, no more. */
export interface JournalSink {
  append(chunk: Uint8Array): void;
  clear(): void;
}

export const ITEM = { head: 1, receipt: 2, raw: 3, verdict: 4, event: 5, placed: 6 } as const;
/** Bytes before a chunk's payload. */
export const CHUNK_PREFIX_BYTES = 8;
export const RECEIPT_ITEM_BYTES = 18;
export const PLACED_ITEM_BYTES: number = RECEIPT_ITEM_BYTES + 24;
export const VERDICT_ITEM_BYTES = 6;
/** Bytes of a head or an event before its JSON. */
export const JSON_ITEM_BYTES = 5;
/** Bytes of a message before its own. */
export const RAW_ITEM_BYTES = 9;

/** A chunk of this length is written at once, even within a turn. */
const CHUNK_BYTES = 64 * 1024;

/** Writes a journal. */
export class Journal {
  #bytes = new Uint8Array(2 * CHUNK_BYTES);
  #view = new DataView(this.#bytes.buffer);
  #length = CHUNK_PREFIX_BYTES;
  /** The length at which there is nothing to write: a head is written with its first item. */
  #idleLength = CHUNK_PREFIX_BYTES;
  #willWrite = false;
  /** Between {@link begin} and {@link settle}: the batch before may still be needed where it is written. */
  #isClosing = false;
  #hasPlaces = false;

  constructor(private readonly sink: JournalSink) {}

  /** The batch so far is closed, another one begins; {@link settle} is to follow in the same turn. */
  begin({ collector, epoch, number, receiptsBefore }: BatchHead): void {
    // Places have to be on disk before the batch is anywhere: else a log would be read twice after a crash.
    if (this.#hasPlaces) this.flush();
    this.#isClosing = true;
    this.#length = CHUNK_PREFIX_BYTES;
    const head: BatchHead = { collector, epoch, number, receiptsBefore };
    const json = new TextEncoder().encode(JSON.stringify(head));
    this.#putJson(this.#reserve(JSON_ITEM_BYTES + json.length), ITEM.head, json);
    this.#idleLength = this.#length;
  }

  /** The closed batch is safe elsewhere: what is written of it may go. */
  settle(): void {
    this.#isClosing = false;
    this.sink.clear();
  }

  receipt(
    receivedAt: number,
    message: number,
    session: number,
    flags: number,
    place?: Place,
  ): void {
    const at = this.#room(place ? PLACED_ITEM_BYTES : RECEIPT_ITEM_BYTES);
    const view = this.#view;
    this.#bytes[at] = place ? ITEM.placed : ITEM.receipt;
    view.setFloat64(at + 1, receivedAt, true);
    view.setUint32(at + 9, message, true);
    view.setUint32(at + 13, session, true);
    this.#bytes[at + 17] = flags;
    if (!place) return;
    this.#hasPlaces = true;
    view.setFloat64(at + 18, place.log, true);
    view.setFloat64(at + 26, place.file, true);
    view.setFloat64(at + 34, place.offset, true);
  }

  raw(number: number, raw: Uint8Array): void {
    const at = this.#room(RAW_ITEM_BYTES + raw.length);
    this.#bytes[at] = ITEM.raw;
    this.#view.setUint32(at + 1, number, true);
    this.#view.setUint32(at + 5, raw.length, true);
    this.#bytes.set(raw, at + RAW_ITEM_BYTES);
  }

  verdict(number: number, code: number): void {
    const at = this.#room(VERDICT_ITEM_BYTES);
    this.#bytes[at] = ITEM.verdict;
    this.#view.setUint32(at + 1, number, true);
    this.#bytes[at + 5] = code;
  }

  event(json: Uint8Array): void {
    this.#putJson(this.#room(JSON_ITEM_BYTES + json.length), ITEM.event, json);
  }

  #putJson(at: number, item: number, json: Uint8Array): void {
    this.#bytes[at] = item;
    this.#view.setUint32(at + 1, json.length, true);
    this.#bytes.set(json, at + JSON_ITEM_BYTES);
  }

  #room(bytes: number): number {
    if (this.#length + bytes > CHUNK_BYTES && !this.#isClosing) this.flush();
    if (!this.#willWrite) {
      this.#willWrite = true;
      queueMicrotask(() => {
        this.#willWrite = false;
        this.flush();
      });
    }
    return this.#reserve(bytes);
  }

  #reserve(bytes: number): number {
    const at = this.#length;
    this.#length += bytes;
    // Items are at most an event with 64 KiB of features, 128 KiB in hex.
    if (this.#length > this.#bytes.length) this.#grow();
    return at;
  }

  #grow(): void {
    const bytes = new Uint8Array(2 * this.#length);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  /** Writes what there is at once, without waiting for the turn's end. */
  flush(): void {
    if (this.#length === this.#idleLength) return;
    const chunk = this.#bytes.subarray(0, this.#length);
    const payload = chunk.subarray(CHUNK_PREFIX_BYTES);
    this.#hasPlaces = false;
    this.#length = this.#idleLength = CHUNK_PREFIX_BYTES;
    this.#view.setUint32(0, payload.length, true);
    this.#view.setUint32(4, crc32(payload), true);
    this.sink.append(chunk);
  }
}
