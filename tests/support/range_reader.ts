/**
 * A reader of answers to query_channel_range that is as strict as the strictest of the deployed ones, together: LND's
 * limits and continuity, Core Lightning's u32 sums, BOLT 7's order.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { UpdatePair } from "../../shared/bolt/encoded_array.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import type { QueryChannelRange } from "../../shared/bolt/range_queries.ts";
import { toHex } from "../../shared/text.ts";

const U32_MAX = 0xffff_ffff;
const MAX_REPLIES = 500;
const MAX_SCIDS = 100_000;

/** What was told of one channel. */
export interface ToldChannel {
  /** Unsigned. */
  readonly scid: bigint;
  /** Where timestamps were told. */
  readonly timestamps?: UpdatePair;
  /** Where checksums were told. */
  readonly checksums?: UpdatePair;
}

/** The last block that a range covers, as LND reckons. */
function lastBlock(range: { firstBlock: number; numberOfBlocks: number }): number {
  return Math.min(U32_MAX, range.firstBlock + range.numberOfBlocks - 1);
}

/** Reads the replies to one query, in order, and fails on the first that any of those readers would refuse. */
export class RangeReader {
  /** What was told, in order. */
  readonly channels: ToldChannel[] = [];
  /** Whether the answer is at its end. */
  isComplete = false;
  /** Replies so far. */
  replies = 0;
  #previousLast = -1;
  #previousFirst = -1;

  /** Reads answers to `query`. */
  constructor(private readonly query: QueryChannelRange) {}

  /** The next reply. @throws {assert.AssertionError} when it is not acceptable. */
  take(raw: Uint8Array): void {
    const { query } = this;
    const reply = decodeMessage(raw);
    assert.ok(reply.known && reply.type === 264, "not a reply_channel_range");
    assert.ok(!this.isComplete, "a reply after the end");
    assert.equal(toHex(reply.chainHash), toHex(query.chainHash));
    const { firstBlock, numberOfBlocks, scids, timestamps, checksums } = reply;
    const first = firstBlock, last = lastBlock(reply), end = lastBlock(query);
    const place =
      `reply ${this.replies} of blocks ${first} to ${last} for ${query.firstBlock} to ${end}`;
    assert.ok(numberOfBlocks > 0, place);
    assert.ok(first >= query.firstBlock && last <= end, place);
    // Core Lightning adds in 32 bits; only an answer to a query whose own sum is above may be.
    const fits = query.firstBlock + query.numberOfBlocks <= U32_MAX;
    assert.ok(!fits || firstBlock + numberOfBlocks <= U32_MAX, place);
    if (this.replies === 0) assert.equal(first, query.firstBlock);
    else {
      const follows = first === this.#previousLast || first === this.#previousLast + 1;
      assert.ok(follows && first >= this.#previousFirst, `${place} after ${this.#previousLast}`);
    }
    for (const [i, scid] of scids.entries()) {
      const block = Number(scid >> 40n);
      assert.ok(block >= first && block <= last, `${place} names a channel in block ${block}`);
      const before = this.channels.at(-1)?.scid ?? -1n;
      assert.ok(scid > before, `${place}: ${scid} after ${before}`);
      this.channels.push({
        scid,
        ...timestamps && { timestamps: timestamps[i] },
        ...checksums && { checksums: checksums[i] },
      });
    }
    const { options = 0 } = query;
    assert.equal(timestamps !== undefined, (options & 1) > 0);
    assert.equal(checksums !== undefined, (options & 2) > 0);
    this.replies++;
    assert.ok(this.replies <= MAX_REPLIES && this.channels.length <= MAX_SCIDS);
    this.#previousFirst = first;
    this.#previousLast = last;
    // LND goes by the heights, Core Lightning and Eclair by the flag.
    assert.equal(reply.syncComplete, last === end ? 1 : 0, place);
    this.isComplete = last === end;
  }
}
