import assert from "node:assert/strict";
import { chainHash } from "../../../shared/bolt/chains.ts";
import { RangeReplies } from "./range_replies.ts";

const chain = chainHash("regtest");
const query = { type: 263, chainHash: chain, firstBlock: 100, numberOfBlocks: 10 } as const;

/** What comes of one reply to a query for the blocks 100 to 109. */
function verdict(firstBlock: number, numberOfBlocks: number, blocks: number[] = []) {
  return new RangeReplies(query).take({
    type: 264,
    chainHash: chain,
    firstBlock,
    numberOfBlocks,
    syncComplete: 0,
    scids: blocks.map((block) => BigInt(block) << 40n | 7n),
  });
}

Deno.test("a reply may cover more or less than was asked; what reaches the end of it is the last", () => {
  assert.equal(verdict(0, 101), "more");
  assert.equal(verdict(0, 100), "more");
  assert.equal(verdict(109, 1), "complete");
  assert.equal(verdict(110, 2 ** 32 - 110), "complete");
  assert.equal(verdict(110, 2 ** 32 - 109), "more", "the sum has wrapped");
  assert.equal(verdict(0, 500), "complete");
  assert.equal(verdict(100, 0), "more");
});

Deno.test("channels may lie anywhere, in any order", () => {
  assert.equal(verdict(0, 500, [100, 109]), "complete");
  assert.equal(verdict(0, 105, [110, 99]), "more");
});
