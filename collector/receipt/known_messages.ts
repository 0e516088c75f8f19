// The messages of this epoch: their numbers, the newest ones' bytes, and their own timestamps.

import { createHash } from "node:crypto";
import { decodeDigest, encodeDigest } from "../../shared/batch/digest.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import type { Random } from "../../shared/random.ts";
import { MessageIndex } from "./message_index.ts";
import type { RawQuotas } from "./raw_quotas.ts";
import { RecentRaws } from "./recent_raws.ts";

/** How much is remembered; beyond it the oldest is forgotten first. */
export interface KnownMessagesLimits {
  /** Base-2 logarithm of the messages whose numbers are kept, 42 bytes each: 2^19 is 29 hours of mainnet, 22 MiB. */
  readonly messagesLog2: number;
  /** Bytes of messages kept, to be sent again: 32 MiB is seven hours of mainnet. */
  readonly rawBytes: number;
  /** Base-2 logarithm of the messages whose bytes are kept; not above {@link messagesLog2}. */
  readonly rawsLog2: number;
}

export interface Identified {
  readonly number: number;
  readonly isNew: boolean;
  /** What is recorded for it: its bytes, a digest of it, or a stand-in. */
  readonly raw: Uint8Array;
  readonly isStandIn: boolean;
}

const NO_TIMESTAMP = 0xffff_ffff;

/** Numbers messages and recognizes them. */
export class KnownMessages {
  readonly #index: MessageIndex;
  readonly #raws: RecentRaws;
  readonly #digest = new Uint32Array(8);
  /** Own timestamps in seconds, by number modulo their size. */
  readonly #timestamps: Uint32Array;

  /** @throws {RangeError} when bytes would be kept of messages that are forgotten. */
  constructor(limits: KnownMessagesLimits, random: Random, private readonly quotas?: RawQuotas) {
    if (limits.rawsLog2 > limits.messagesLog2) {
      throw new RangeError("rawsLog2 should not be above messagesLog2");
    }
    this.#index = new MessageIndex(limits.messagesLog2, random);
    this.#raws = new RecentRaws(limits.rawBytes, limits.rawsLog2);
    this.#timestamps = new Uint32Array(this.#index.capacity);
  }

  /** The message's number. A new message is held against the quotas of the peer (`nodeId`) that brings it at `now`, µs. */
  identify(raw: Uint8Array, nodeId: string, now: number): Identified {
    const number = this.#raws.find(raw);
    return number >= 0
      ? { number, isNew: false, raw, isStandIn: false }
      : this.#lookUp(raw, nodeId, now);
  }

  #lookUp(raw: Uint8Array, nodeId: string, now: number): Identified {
    const digest = this.#digest;
    new Uint8Array(digest.buffer).set(createHash("sha256").update(raw).digest());
    const known = this.#index.find(digest);
    if (known >= 0) {
      this.#raws.guess(known, raw);
      return { number: known, isNew: false, raw, isStandIn: false };
    }
    // A log may only name a message: then it comes as a digest.
    const named = decodeDigest(raw);
    const facts = named?.facts ?? gossipFacts(raw);
    const judged = this.quotas?.judge(facts, nodeId, now) ?? "raw";
    if (typeof judged !== "string") {
      return { ...this.identify(judged, nodeId, now), isStandIn: true };
    }
    const number = this.#index.add(digest);
    this.#raws.add(number, raw);
    this.#timestamps[number & (this.#index.capacity - 1)] = facts.ownTimestamp ?? NO_TIMESTAMP;
    if (judged === "raw" || named) return { number, isNew: true, raw, isStandIn: false };
    const sha256 = new Uint8Array(digest.buffer);
    return { number, isNew: true, raw: encodeDigest({ sha256, facts }), isStandIn: false };
  }

  /** The message's own timestamp, seconds since the Unix epoch; `undefined` without one. Not for forgotten ones. */
  ownTimestamp(number: number): number | undefined {
    const timestamp = this.#timestamps[number & (this.#index.capacity - 1)];
    return timestamp === NO_TIMESTAMP ? undefined : timestamp;
  }

  has(number: number): boolean {
    return number >= this.#index.oldest && number < this.#index.next;
  }

  /** The message as a view that holds until the next {@link identify}; null when its bytes are no longer kept. */
  raw(number: number): Uint8Array | null {
    return this.#raws.get(number);
  }
}
