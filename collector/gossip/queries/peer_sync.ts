// Asks one peer for what the graph lacks: query_channel_range, then query_short_channel_ids in chunks. A state machine
// without sockets and timers: messages and instants go in, messages to send come out. What the peer answers goes to
// the verifier like all gossip; here it only counts as progress.
//
// Deployed peers may leave any query without an answer: LDK answers no query_short_channel_ids, Eclair drops one when
// it throttles. So each has a time-out that any progress puts off; after one the next chunk is asked for, after two in
// a row without any progress the peer is left alone.

import { CHANNEL_ANNOUNCEMENT_SIGNED_AT } from "../../../shared/bolt/channel_announcement.ts";
import { type Decoded, HASH_BYTES, SIGNATURE_BYTES } from "../../../shared/bolt/codec.ts";
import type { UpdatePair } from "../../../shared/bolt/encoded_array.ts";
import { BoltFault } from "../../../shared/bolt/fault.ts";
import { decodeMessage, encodeMessage, type Message } from "../../../shared/bolt/message.ts";
import { messageType } from "../../../shared/bolt/message_types.ts";
import {
  QUERY_FLAG,
  type QueryChannelRange,
  RANGE_OPTION,
  type ReplyChannelRange,
} from "../../../shared/bolt/queries.ts";
import type { GraphView } from "../graph/graph_view.ts";
import { MAX_AHEAD_SECONDS, STALE_AFTER_SECONDS } from "../graph/objection.ts";
import { RangeReplies, type ReplyFault } from "./range_replies.ts";

export interface PeerSyncOptions {
  readonly view: GraphView;
  readonly chain: Uint8Array;
  /**
   * Whether the peer offers gossip_queries_ex: then timestamps show which updates are newer than ours, and flags ask
   * for those alone. Other peers are asked for unknown channels only, since they would send all of each.
   */
  readonly extended: boolean;
}

/**
 * - `complete`: every chunk was asked for, and not all in vain;
 * - `silent`: no answer to the first query, to two chunks in a row or to any of them;
 * - `slow`: it took too long as a whole;
 * - `malformed`: a reply that does not decode (or is compressed);
 * - and the {@link ReplyFault}s.
 */
export type SyncEnd = "complete" | "silent" | "slow" | "malformed" | ReplyFault;

const SECOND_US = 1_000_000;
/** Time for the next reply: LND may hold each back for 5 s, Core Lightning flushes within 60. */
const REPLY_TIMEOUT_US = 90 * SECOND_US;
/** Time without progress in a chunk. */
const CHUNK_TIMEOUT_US = 60 * SECOND_US;
/** Time for the whole: a graph is about 48 MB and LND sends 51,200 bytes/s. */
const TOTAL_TIMEOUT_US = 60 * 60 * SECOND_US;
const MAX_SILENT_CHUNKS = 2;
/** Scids per query, as LND asks; at LND's rate the answer takes some 15 s. */
const CHUNK = 500;
/** All blocks, without a sum above 2^32. */
const FIRST_BLOCK = 0;
const ALL_BLOCKS = 0xffff_ffff;
const EVERYTHING = Object.values(QUERY_FLAG).reduce<number>((all, flag) => all | flag, 0);
const UPDATE_SCID_AT = 2 + SIGNATURE_BYTES + HASH_BYTES;

/** One sync with one peer. All instants are µs since the Unix epoch. */
export class PeerSync {
  readonly #replies: RangeReplies;
  /** What is asked for, as an or of {@link QUERY_FLAG}: while replies come, in their order. */
  readonly #missing = new Map<bigint, number>();
  /** The same when all replies are here: ascending (BOLT 7), which replies need not be. */
  #scids: bigint[] = [];
  readonly #named = new Set<bigint>();
  #isNamedComplete = false;
  #state: "range" | "chunks" = "range";
  #from = 0;
  #to = 0;
  /** Of each of its channels: 1 when a channel_announcement came, 2 when a channel_update did. */
  readonly #seen = new Uint8Array(CHUNK);
  #hasProgress = false;
  #silent = 0;
  #answered = 0;
  #timeouts = 0;
  #deadline: number;
  readonly #lastDeadline: number;
  #end: SyncEnd | null = null;
  readonly #query: QueryChannelRange;

  constructor(private readonly options: PeerSyncOptions, now: number) {
    this.#query = {
      type: 263,
      chainHash: options.chain,
      firstBlock: FIRST_BLOCK,
      numberOfBlocks: ALL_BLOCKS,
      ...options.extended && { options: RANGE_OPTION.timestamps },
    };
    this.#replies = new RangeReplies(this.#query);
    this.#deadline = now + REPLY_TIMEOUT_US;
    this.#lastDeadline = now + TOTAL_TIMEOUT_US;
  }

  get first(): Uint8Array {
    return encodeMessage(this.#query);
  }

  get end(): SyncEnd | null {
    return this.#end;
  }

  get wanted(): number {
    return this.#missing.size;
  }

  /** All channels that the peer named, in any order; null before its last reply. */
  get named(): readonly bigint[] | null {
    return this.#isNamedComplete ? [...this.#named] : null;
  }

  get timeouts(): number {
    return this.#timeouts;
  }

  get deadline(): number {
    return Math.min(this.#deadline, this.#lastDeadline);
  }

  receive(raw: Uint8Array, now: number): Uint8Array | null {
    if (this.#end !== null) return null;
    switch (messageType(raw)) {
      case 256:
      case 258:
        this.#notice(raw, now);
        return null;
      case 262:
        return this.#state === "chunks" ? this.#answeredChunk(now) : null;
      case 264:
        return this.#state === "range" ? this.#takeReply(raw, now) : null;
      default:
        return null;
    }
  }

  tick(now: number): Uint8Array | null {
    if (this.#end !== null || now < this.deadline) return null;
    if (now >= this.#lastDeadline) return this.#finish("slow");
    this.#timeouts++;
    if (this.#state === "range") {
      // What did come is still worth asking for.
      return this.#missing.size > 0 ? this.#beginChunks(now) : this.#finish("silent");
    }
    if (this.#hasProgress) return this.#answeredChunk(now);
    return ++this.#silent >= MAX_SILENT_CHUNKS ? this.#finish("silent") : this.#nextChunk(now);
  }

  #takeReply(raw: Uint8Array, now: number): Uint8Array | null {
    let reply: Message;
    try {
      reply = decodeMessage(raw);
    } catch (error) {
      if (error instanceof BoltFault) return this.#finish("malformed");
      throw error;
    }
    if (!reply.known || reply.type !== 264) return null;
    const verdict = this.#replies.take(reply);
    if (verdict !== "more" && verdict !== "complete") return this.#finish(verdict);
    this.#collect(reply, now);
    if (verdict === "complete") {
      this.#isNamedComplete = true;
      return this.#beginChunks(now);
    }
    this.#deadline = now + REPLY_TIMEOUT_US;
    return null;
  }

  #collect({ scids, timestamps }: Decoded<ReplyChannelRange>, now: number): void {
    const { view, extended } = this.options;
    const seconds = Math.floor(now / SECOND_US);
    for (const [i, scid] of scids.entries()) {
      const theirs = extended ? timestamps?.[i] : undefined;
      this.#named.add(scid);
      const flags = missingOf(view, scid, theirs, seconds);
      if (flags !== 0) this.#missing.set(scid, flags | (this.#missing.get(scid) ?? 0));
    }
  }

  #beginChunks(now: number): Uint8Array | null {
    this.#state = "chunks";
    this.#scids = [...BigUint64Array.from(this.#missing.keys()).sort()];
    return this.#nextChunk(now);
  }

  /** Gossip of the chunk asked for extends the time-out, once per channel and type: other news come all the time. */
  #notice(raw: Uint8Array, now: number): void {
    if (this.#state !== "chunks") return;
    const scid = scidIn(raw);
    const index = scid === null ? -1 : this.#indexInChunk(scid);
    if (index < 0) return;
    const seen = messageType(raw) === 256 ? 1 : 2;
    if (this.#seen[index] & seen) return;
    this.#seen[index] |= seen;
    this.#hasProgress = true;
    this.#deadline = now + CHUNK_TIMEOUT_US;
  }

  #indexInChunk(scid: bigint): number {
    let low = this.#from, high = this.#to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#scids[middle] < scid) low = middle + 1;
      else high = middle;
    }
    return low < this.#to && this.#scids[low] === scid ? low - this.#from : -1;
  }

  #answeredChunk(now: number): Uint8Array | null {
    this.#silent = 0;
    this.#answered++;
    return this.#nextChunk(now);
  }

  #nextChunk(now: number): Uint8Array | null {
    // LND leaves an empty query without an answer, so none is sent.
    if (this.#to === this.#scids.length) {
      return this.#finish(this.#to > 0 && this.#answered === 0 ? "silent" : "complete");
    }
    this.#from = this.#to;
    this.#to = Math.min(this.#from + CHUNK, this.#scids.length);
    this.#seen.fill(0);
    this.#hasProgress = false;
    this.#deadline = now + CHUNK_TIMEOUT_US;
    const { chain, extended } = this.options;
    const scids = this.#scids.slice(this.#from, this.#to);
    const flags = scids.map((scid) => this.#missing.get(scid)!);
    return encodeMessage({ type: 261, chainHash: chain, scids, ...extended && { flags } });
  }

  #finish(end: SyncEnd): null {
    this.#end = end;
    return null;
  }
}

/**
 * What to ask for, as an or of {@link QUERY_FLAG}; 0 when there is nothing.
 * @param theirs timestamps of the peer's updates, seconds, 0 where it has none; undefined when it sent none.
 * @param now seconds since the Unix epoch.
 */
function missingOf(
  view: GraphView,
  scid: bigint,
  theirs: UpdatePair | undefined,
  now: number,
): number {
  const slot = view.find(scid);
  if (!theirs) return slot < 0 ? EVERYTHING : 0;
  // The graph would not take what is too old or too far ahead.
  const usable = (timestamp: number) =>
    timestamp >= now - STALE_AFTER_SECONDS && timestamp <= now + MAX_AHEAD_SECONDS;
  if (slot < 0) return theirs.some(usable) ? EVERYTHING : 0;
  let flags = 0;
  for (const direction of [0, 1] as const) {
    const timestamp = theirs[direction];
    if (!usable(timestamp) || timestamp <= view.timestamp(slot, direction)) continue;
    flags |= direction === 0 ? QUERY_FLAG.channelUpdate1 : QUERY_FLAG.channelUpdate2;
  }
  return flags;
}

/** The scid of a channel_announcement or channel_update, unsigned; null of other types and when it is cut short. */
function scidIn(raw: Uint8Array): bigint | null {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  let at: number;
  if (raw[0] === 1 && raw[1] === 2) at = UPDATE_SCID_AT;
  else if (raw[0] === 1 && raw[1] === 0 && raw.length >= CHANNEL_ANNOUNCEMENT_SIGNED_AT + 2) {
    const features = view.getUint16(CHANNEL_ANNOUNCEMENT_SIGNED_AT);
    at = CHANNEL_ANNOUNCEMENT_SIGNED_AT + 2 + features + HASH_BYTES;
  } else return null;
  return raw.length < at + 8 ? null : view.getBigUint64(at);
}
