// Reads the replies to our own query_channel_range and gives up on a peer that does not keep to the order, does not
// come to an end or names what was not asked for.
//
// It is lenient where deployed nodes differ: LDK's replies reach up to, not over, the block of their last channel, and
// may cover no block at all; LND before 0.12 repeats the query's own range in each reply and sets the flag in the last.

import type { QueryChannelRange, ReplyChannelRange } from "../../../shared/bolt/range_queries.ts";
import { equal } from "../graph/columns.ts";

/** LND's own limits, which every implementation keeps. */
const MAX_REPLIES = 500;
const MAX_SCIDS = 100_000;

/**
 * - `foreign`: a reply of another chain;
 * - `endless`: more replies or scids than any graph needs;
 * - `outside`: a reply or a channel that is not in the range asked for;
 * - `descending`: a reply that begins before the one it follows, or scids that do not strictly ascend.
 */
export type ReplyFault = "foreign" | "endless" | "outside" | "descending";

/** Follows the answer to one query. */
export class RangeReplies {
  readonly #query: QueryChannelRange;
  #replies = 0;
  #scids = 0;
  #lastFirst = 0;
  #lastScid = -1n;

  constructor(query: QueryChannelRange) {
    this.#query = query;
  }

  /** Takes the next reply: whether more must come, or what is wrong with it. */
  take(reply: ReplyChannelRange): "more" | "complete" | ReplyFault {
    return this.#faultOf(reply) ?? (this.#isComplete(reply) ? "complete" : "more");
  }

  #faultOf(reply: ReplyChannelRange): ReplyFault | null {
    const { firstBlock, numberOfBlocks, scids } = reply;
    const query = this.#query;
    if (!equal(reply.chainHash, query.chainHash)) return "foreign";
    this.#scids += scids.length;
    if (++this.#replies > MAX_REPLIES || this.#scids > MAX_SCIDS) return "endless";
    const end = endOf(query);
    // BOLT 7: each reply must overlap the range; one block's worth for those that cover none.
    const past = firstBlock + Math.max(1, numberOfBlocks);
    if (firstBlock >= end || past <= query.firstBlock) return "outside";
    if (firstBlock < this.#lastFirst) return "descending";
    this.#lastFirst = firstBlock;
    for (const scid of scids) {
      if (scid <= this.#lastScid) return "descending";
      this.#lastScid = scid;
      const block = Number(scid >> 40n);
      if (block < query.firstBlock || block >= end) return "outside";
    }
    return null;
  }

  #isComplete(reply: ReplyChannelRange): boolean {
    if (reply.syncComplete) return true;
    const { firstBlock, numberOfBlocks } = this.#query;
    const isWhole = reply.firstBlock === firstBlock && reply.numberOfBlocks === numberOfBlocks;
    // The old form, when there is something in it; without, it is how a peer says that it does not know the chain.
    if (isWhole && reply.scids.length > 0) return false;
    return endOf(reply) >= endOf(this.#query);
  }
}

/** Both are below 2^32, so as numbers their sum is exact. */
function endOf(range: { firstBlock: number; numberOfBlocks: number }): number {
  return range.firstBlock + range.numberOfBlocks;
}
