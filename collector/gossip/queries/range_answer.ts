// The answer to query_channel_range (BOLT 7): which channels we know in a range of blocks.
//
// It suits the strictest readers. LND demands replies that lie inside its query, each beginning at the block where the
// one before ended or at the next, at most 500 of them with at most 100,000 scids, strictly ascending; and a reply that
// reaches the query's last block is the last one to it. Core Lightning before 0.10 demands replies that do not overlap.
// So a block is never split: of one with more channels than a reply holds, which mainnet is far from, the first are named.

import type { UpdatePair } from "../../../shared/bolt/encoded_array.ts";
import { encodeMessage } from "../../../shared/bolt/message.ts";
import { type QueryChannelRange, RANGE_OPTION } from "../../../shared/bolt/queries.ts";
import type { GraphView } from "../graph/graph_view.ts";
import { ANSWER_LIMITS } from "./question.ts";

export interface RangeLimits {
  readonly reply?: number;
  /** Scids of all replies; the channels with the greatest scids are left out. */
  readonly answer?: number;
}

/** With timestamps and checksums 48 KB of the 65 that a message can have. */
const SCIDS_PER_REPLY = 2000;

/** Heights above this do not fit a scid. */
const HIGHEST_BLOCK = 0xff_ffff;

/** Whether an answer may contain the channel of a slot. */
export type MayAnswer = (slot: number) => boolean;

interface Wish {
  /** The first scid; null for no channels. */
  readonly from: bigint | null;
  readonly end: number;
  readonly room: number;
  readonly options: number;
  readonly mayAnswer: MayAnswer;
}

interface Chunk {
  readonly scids: bigint[];
  readonly timestamps: UpdatePair[];
  readonly checksums: UpdatePair[];
  /** The first channel that found no place, or null when there is none left. */
  next: bigint | null;
}

/**
 * The replies to a query of our chain, encoded. The graph may change between them; the scids ascend all the same.
 * @param mayAnswer channels for which it returns false are left out.
 */
export function* answerRange(
  query: QueryChannelRange,
  view: GraphView,
  mayAnswer: MayAnswer,
  { reply = SCIDS_PER_REPLY, answer = ANSWER_LIMITS.answerChannels }: RangeLimits = {},
): Generator<Uint8Array> {
  const { chainHash, firstBlock, numberOfBlocks, options = 0 } = query;
  // Both are below 2^32, so as numbers their sum is exact.
  const end = firstBlock + numberOfBlocks;
  let from: bigint | null = firstBlock > HIGHEST_BLOCK ? null : BigInt(firstBlock) << 40n;
  let first = firstBlock;
  for (let named = 0;;) {
    const room = Math.min(reply, answer - named);
    const chunk = collect(view, { from, end, room, options, mayAnswer });
    named += chunk.scids.length;
    const { scids, timestamps, checksums } = chunk;
    const isLast = chunk.next === null || named === answer;
    // The next reply begins at the block of the next channel, which none of this one's channels is in.
    const next = isLast ? end : Number(chunk.next! >> 40n);
    yield encodeMessage({
      type: 264,
      chainHash,
      firstBlock: first,
      numberOfBlocks: next - first,
      syncComplete: isLast ? 1 : 0,
      scids,
      ...options & RANGE_OPTION.timestamps && { timestamps },
      ...options & RANGE_OPTION.checksums && { checksums },
    });
    if (isLast) return;
    first = next;
    from = chunk.next;
  }
}

/** The channels from a scid on, below the block `end`, as many as there is room for, in whole blocks. */
function collect(view: GraphView, { from, end, room, options, mayAnswer }: Wish): Chunk {
  const chunk: Chunk = { scids: [], timestamps: [], checksums: [], next: null };
  if (from === null) return chunk;
  let lastBlock = -1, lastBlockAt = 0;
  for (let position = view.lowerBound(from); position < view.channelCount; position++) {
    const slot = view.at(position);
    const block = view.block(slot);
    if (block >= end) break;
    if (!mayAnswer(slot)) continue;
    if (chunk.scids.length === room) {
      if (block === lastBlock && lastBlockAt === 0) continue;
      chunk.next = view.scid(slot);
      if (block === lastBlock) cut(chunk, lastBlockAt);
      break;
    }
    if (block !== lastBlock) {
      lastBlock = block;
      lastBlockAt = chunk.scids.length;
    }
    chunk.scids.push(view.scid(slot));
    if (options & RANGE_OPTION.timestamps) {
      chunk.timestamps.push([view.timestamp(slot, 0), view.timestamp(slot, 1)]);
    }
    if (options & RANGE_OPTION.checksums) {
      chunk.checksums.push([view.checksum(slot, 0), view.checksum(slot, 1)]);
    }
  }
  return chunk;
}

/** Leaves the channels from index `at` on to the next reply. */
function cut(chunk: Chunk, at: number): void {
  chunk.next = chunk.scids[at];
  for (const list of [chunk.scids, chunk.timestamps, chunk.checksums]) list.splice(at);
}
