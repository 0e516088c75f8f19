// Follows the replies to our own query_channel_range to their end.
//
// It is lenient where deployed nodes differ. Core Lightning from 24.02 on answers in the order of its store: scids do not
// ascend and lie outside their reply's own range, the first block goes down, and the number of blocks wraps modulo 2^32.
// LDK's replies reach up to, not over, the block of their last channel, and may cover no block at all. LND before 0.12
// repeats the query's own range in each reply and sets the flag in the last.

import type { QueryChannelRange, ReplyChannelRange } from "../../../shared/bolt/queries.ts";
import { equal } from "../graph/columns.ts";

/** LND's own limits, which every implementation keeps. */
const MAX_REPLIES = 500;
const MAX_SCIDS = 100_000;
/** A range beyond it has wrapped. */
const MAX_BLOCKS = 2 ** 32;

/**
 * - `foreign`: a reply of another chain;
 * - `endless`: more replies or scids than any graph needs.
 */
export type ReplyFault = "foreign" | "endless";

/** Follows the answer to one query. */
export class RangeReplies {
  #replies = 0;
  #scids = 0;

  constructor(private readonly query: QueryChannelRange) {}

  /** Takes the next reply: whether more must come, or what is wrong with it. */
  take(reply: ReplyChannelRange): "more" | "complete" | ReplyFault {
    if (!equal(reply.chainHash, this.query.chainHash)) return "foreign";
    this.#scids += reply.scids.length;
    if (++this.#replies > MAX_REPLIES || this.#scids > MAX_SCIDS) return "endless";
    return this.#isComplete(reply) ? "complete" : "more";
  }

  #isComplete(reply: ReplyChannelRange): boolean {
    if (reply.syncComplete) return true;
    const { firstBlock, numberOfBlocks } = this.query;
    const isWhole = reply.firstBlock === firstBlock && reply.numberOfBlocks === numberOfBlocks;
    // The old form, when there is something in it; without, it is how a peer says that it does not know the chain.
    if (isWhole && reply.scids.length > 0) return false;
    const end = endOf(reply);
    return end <= MAX_BLOCKS && end >= endOf(this.query);
  }
}

/** Both are below 2^32, so as numbers their sum is exact. */
function endOf(range: { firstBlock: number; numberOfBlocks: number }): number {
  return range.firstBlock + range.numberOfBlocks;
}
