// Range-based set reconciliation (Meyer, SRDS 2023) in the negentropy protocol v1
// (https://github.com/hoytech/negentropy): ranges with different fingerprints are split until their ids are listed.

import { refuse } from "./fault.ts";
import {
  type Bound,
  FINGERPRINT_BYTES,
  ID_BYTES,
  type Item,
  type RangeSet,
  varint,
} from "./range_set.ts";

/** The first byte of every message. */
const VERSION = 0x61;
const SKIP = 0, FINGERPRINT = 1, ID_LIST = 2;
/** A range is split into this many; fewer than twice as many items are listed instead. */
const BUCKETS = 16;
const END: Bound = { timestamp: Infinity, id: new Uint8Array() };

/** The protocol's smallest frame limit. */
export const MIN_FRAME_BYTES = 4096;
/** Kept free for the last range of a full frame. */
const FRAME_RESERVE = 200;

export interface Reconciled {
  /** The message to send; null when the initiator is done. */
  readonly reply: Uint8Array | null;
  /** Newly found ids that the other side lacks; only the initiator learns them. */
  readonly have: readonly Uint8Array[];
  /** Newly found ids that we lack. */
  readonly need: readonly Uint8Array[];
}

/** One side of a reconciliation. */
export class RangeReconciler {
  /** Ids already returned: after a full frame, the other side may list them again. */
  readonly #reported = new Set<string>();
  #initiator = false;

  /**
   * Several may share a set.
   *
   * @param frameBytes the longest message to write; 0 for no limit.
   * @throws {ReconciliationFault} `too_large` for a frame under {@link MIN_FRAME_BYTES}.
   */
  constructor(private readonly set: RangeSet, private readonly frameBytes = 0) {
    if (frameBytes !== 0 && !(frameBytes >= MIN_FRAME_BYTES)) {
      refuse(
        "too_large",
        `cannot limit frames to ${frameBytes} bytes: 0 or at least ${MIN_FRAME_BYTES} is allowed`,
      );
    }
  }

  /** Starts as the initiator; returns its first message. */
  initiate(): Uint8Array {
    this.#initiator = true;
    const out = new Writer();
    this.#split(out, 0, this.set.items.length, END);
    return out.message();
  }

  /**
   * Handles a message from the other side.
   *
   * @throws {ReconciliationFault} `bad_version` or `bad_message`.
   */
  reconcile(message: Uint8Array): Reconciled {
    const reader = new Reader(message), out = new Writer();
    const have: Uint8Array[] = [], need: Uint8Array[] = [];
    const version = reader.bytes(1)[0];
    if (version !== VERSION) {
      const known = version >= 0x60 && version <= 0x6f;
      // A responder answers with its own version; an initiator gives up.
      if (known && !this.#initiator) return { reply: out.message(), have, need };
      refuse("bad_version", `cannot read negentropy version ${version}: ${VERSION} is supported`);
    }
    const { items } = this.set;
    let lower = 0, written = 0, skipped = false;
    let bound: Bound = { timestamp: 0, id: new Uint8Array() };
    while (!reader.done) {
      const from = bound, kept = out.length;
      bound = reader.bound();
      const mode = reader.mode();
      let upper = this.set.indexOf(bound, lower);
      /** Writes that everything up to this range agrees, if ranges were left out. */
      const closeSkipped = () => {
        if (skipped) out.bound(from, SKIP);
        skipped = false;
      };
      if (mode === SKIP) skipped = true;
      else if (mode === FINGERPRINT) {
        const theirs = reader.bytes(FINGERPRINT_BYTES).toHex();
        if (theirs === this.set.fingerprint(lower, upper).toHex()) skipped = true;
        else {
          closeSkipped();
          this.#split(out, lower, upper, bound);
        }
      } else if (this.#initiator) {
        skipped = true;
        const theirs = reader.ids();
        for (const { id } of items.slice(lower, upper)) {
          if (!theirs.delete(id.toHex())) this.#report(have, id);
        }
        for (const id of theirs.values()) this.#report(need, id);
      } else {
        reader.ids();
        closeSkipped();
        // List what fits the frame; the rest is fingerprinted below.
        const end = Math.min(upper, lower + this.#room(kept));
        out.ids(end < upper ? items[end] : bound, items.slice(lower, end));
        upper = end;
      }
      if (this.frameBytes !== 0 && out.length > this.frameBytes - FRAME_RESERVE) {
        // One fingerprint for everything not yet written. (The reference omits the range that did not fit.)
        if (mode === ID_LIST) written = upper;
        else out.truncate(kept);
        out.fingerprint(END, this.set.fingerprint(written, items.length));
        break;
      }
      if (out.length > kept) written = upper;
      lower = upper;
    }
    return { reply: this.#initiator && out.length === 1 ? null : out.message(), have, need };
  }

  /** How many ids fit the frame after `length` bytes: as in the reference, the one that fills it, too. */
  #room(length: number): number {
    if (this.frameBytes === 0) return Infinity;
    return Math.max(0, Math.floor((this.frameBytes - FRAME_RESERVE - length) / ID_BYTES) + 1);
  }

  #report(ids: Uint8Array[], id: Uint8Array): void {
    if (!this.#reported.has(id.toHex())) ids.push(id);
    this.#reported.add(id.toHex());
  }

  #split(out: Writer, lower: number, upper: number, end: Bound): void {
    const count = upper - lower;
    if (count < 2 * BUCKETS) return out.ids(end, this.set.items.slice(lower, upper));
    for (let i = 0, from = lower; i < BUCKETS; i++) {
      const until = from + Math.floor(count / BUCKETS) + (i < count % BUCKETS ? 1 : 0);
      const bound = until === upper ? end : this.set.boundBefore(until);
      out.fingerprint(bound, this.set.fingerprint(from, until));
      from = until;
    }
  }
}

/** Writes ranges. Timestamps are 1 + the difference to the last, or 0 for infinity. */
class Writer {
  readonly #bytes = [VERSION];
  #timestamp = 0;

  get length(): number {
    return this.#bytes.length;
  }

  bound({ timestamp, id }: Bound, mode: number): void {
    const end = timestamp === Infinity;
    this.#bytes.push(...varint(end ? 0 : 1 + timestamp - this.#timestamp), ...varint(id.length));
    this.#bytes.push(...id, mode);
    if (!end) this.#timestamp = timestamp;
  }

  fingerprint(bound: Bound, fingerprint: Uint8Array): void {
    this.bound(bound, FINGERPRINT);
    this.#bytes.push(...fingerprint);
  }

  ids(bound: Bound, items: readonly Item[]): void {
    this.bound(bound, ID_LIST);
    this.#bytes.push(...varint(items.length));
    for (const { id } of items) this.#bytes.push(...id);
  }

  /** Drops what follows `length`. Only infinity may be written next, as it needs no previous timestamp. */
  truncate(length: number): void {
    this.#bytes.length = length;
  }

  message(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }
}

/** Reads ranges; throws `bad_message` when they are truncated. */
class Reader {
  #at = 0;
  #timestamp = 0;

  constructor(private readonly message: Uint8Array) {}

  get done(): boolean {
    return this.#at === this.message.length;
  }

  bytes(length: number): Uint8Array {
    const left = this.message.length - this.#at;
    if (length > left) {
      refuse(
        "bad_message",
        `cannot read a negentropy message: ${left} of ${length} bytes are left`,
      );
    }
    return this.message.slice(this.#at, this.#at += length);
  }

  varint(): number {
    let value = 0, byte;
    do {
      [byte] = this.bytes(1);
      value = value * 128 + byte % 128;
      if (value > Number.MAX_SAFE_INTEGER) {
        refuse("bad_message", "cannot read a negentropy number above 2^53 − 1");
      }
    } while (byte >= 128);
    return value;
  }

  mode(): number {
    const mode = this.varint();
    if (mode <= ID_LIST) return mode;
    refuse("bad_message", `cannot read negentropy mode ${mode}: 0, 1 or 2 is allowed`);
  }

  bound(): Bound {
    const offset = this.varint();
    const timestamp = offset === 0 ? Infinity : this.#timestamp += offset - 1;
    const length = this.varint();
    if (length > ID_BYTES || timestamp < Infinity && timestamp > Number.MAX_SAFE_INTEGER) {
      refuse(
        "bad_message",
        `cannot read a negentropy bound: ${length} bytes of id, timestamp ${timestamp}`,
      );
    }
    return { timestamp, id: this.bytes(length) };
  }

  /** A list of ids, keyed by hex. */
  ids(): Map<string, Uint8Array> {
    const ids = new Map<string, Uint8Array>();
    for (let left = this.varint(); left > 0; left--) {
      const id = this.bytes(ID_BYTES);
      ids.set(id.toHex(), id);
    }
    return ids;
  }
}
