/**
 * The messages of this epoch: their numbers, the newest texts, and what their own time says.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type GossipFacts, gossipFacts } from "../../shared/bolt/facts.ts";
import type { Random } from "../../shared/random.ts";
import { MessageIndex } from "./message_index.ts";
import { STAND_IN_TYPE } from "./stand_in.ts";
import { RecentTexts } from "./recent_texts.ts";

/** How much is remembered; whatever is more than that is forgotten oldest first. */
export interface KnownMessagesLimits {
  /** Base-2 logarithm of the messages whose numbers are kept, 42 bytes each: 2^19 is 29 hours of mainnet, 22 MiB. */
  readonly messagesLog2: number;
  /** Bytes of text kept, to be told again: 32 MiB is seven hours of mainnet. */
  readonly textBytes: number;
  /** Base-2 logarithm of the texts kept; not above {@link messagesLog2}. */
  readonly textsLog2: number;
}

/** What is recorded in place of a message that a peer (node id) brings at an instant (µs); null for the message itself. */
export type StandInFor = (facts: GossipFacts, nodeId: string, now: number) => Uint8Array | null;

/** Where a message has no time of its own. */
const NO_TIME = 0xffff_ffff;

/** Deals out numbers and knows them again. */
export class KnownMessages {
  readonly #index: MessageIndex;
  readonly #texts: RecentTexts;
  /** Where a SHA-256 is read as words. */
  readonly #digest = new Uint32Array(8);
  /** Own timestamps in seconds, by number modulo their size. */
  readonly #ownTimes: Uint32Array;
  readonly #standInFor: StandInFor;
  #identified: Uint8Array = new Uint8Array(0);

  /** Knows none. @throws {RangeError} when texts would be kept of messages that are forgotten. */
  constructor(
    limits: KnownMessagesLimits,
    random: Random,
    standInFor: StandInFor = () => null,
  ) {
    if (limits.textsLog2 > limits.messagesLog2) {
      throw new RangeError("textsLog2 should not be above messagesLog2");
    }
    this.#index = new MessageIndex(limits.messagesLog2, random);
    this.#texts = new RecentTexts(limits.textBytes, limits.textsLog2);
    this.#ownTimes = new Uint32Array(this.#index.capacity);
    this.#standInFor = standInFor;
  }

  /** How many numbers were dealt out, which is also the next. */
  get count(): number {
    return this.#index.next;
  }

  /** How many of them are forgotten. */
  get forgotten(): number {
    return this.#index.oldest;
  }

  /** What {@link identify} gave a number to at last: the message that came, or what stands in for it. */
  get identified(): Uint8Array {
    return this.#identified;
  }

  /**
   * The message's number; a new one when it is equal to {@link count} before the call.
   *
   * @param nodeId of the peer that brings it, @param now when, µs: both for what may stand in for a new one.
   */
  identify(raw: Uint8Array, nodeId: string, now: number): number {
    this.#identified = raw;
    const recent = this.#texts.find(raw);
    return recent >= 0 ? recent : this.#lookUp(raw, nodeId, now);
  }

  #lookUp(raw: Uint8Array, nodeId: string, now: number): number {
    const digest = this.#digest;
    new Uint8Array(digest.buffer).set(createHash("sha256").update(raw).digest());
    const known = this.#index.find(digest);
    if (known >= 0) {
      this.#texts.guess(known, raw);
      return known;
    }
    const facts = gossipFacts(raw);
    const standIn = facts.type === STAND_IN_TYPE ? null : this.#standInFor(facts, nodeId, now);
    if (standIn) return this.identify(standIn, nodeId, now);
    const number = this.#index.add(digest);
    this.#texts.add(number, raw);
    this.#ownTimes[number & (this.#index.capacity - 1)] = facts.ownTimestamp ?? NO_TIME;
    return number;
  }

  /** The message's own time in seconds since the Unix epoch; `undefined` when it has none. Not for forgotten ones. */
  ownTime(number: number): number | undefined {
    const time = this.#ownTimes[number & (this.#index.capacity - 1)];
    return time === NO_TIME ? undefined : time;
  }

  /** Whether the number was dealt out and is not forgotten. */
  has(number: number): boolean {
    return number >= this.#index.oldest && number < this.#index.next;
  }

  /** The message's text as a view that holds until the next {@link identify}, or null when it is no longer kept. */
  text(number: number): Uint8Array | null {
    return this.#texts.get(number);
  }
}
