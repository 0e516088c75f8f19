import assert from "node:assert/strict";
import fc from "fast-check";
import { BoltFault } from "../../shared/bolt/fault.ts";
import { decodeMessage, encodeMessage } from "../../shared/bolt/message.ts";
import { answerTo, pongFor } from "./answers.ts";

const chainHash = new Uint8Array(32).fill(7);
const answer = (raw: Uint8Array) => {
  const reply = answerTo(decodeMessage(raw));
  return reply && decodeMessage(reply);
};

Deno.test("a pong has exactly the size that was asked for, and none is sent from 65,532 on", () => {
  for (const size of [0, 1, 65_531]) assert.equal(pongFor(size)!.length, 4 + size);
  for (const size of [65_532, 65_535]) assert.equal(pongFor(size), null);
});

Deno.test("a channel open is refused under its temporary channel id", () => {
  for (const type of [32, 64]) {
    const raw = new Uint8Array(300).fill(9);
    raw.set([0, type]);
    const reply = answer(raw);
    assert.ok(reply?.known && reply.type === 17);
    assert.deepEqual(reply.channelId, new Uint8Array(32).fill(9));
    assert.equal(answer(raw.subarray(0, 65)), null, "too short to have one");
    assert.equal(answer(raw.fill(0, 34, 66)), null, "all zero would mean the connection");
  }
});

Deno.test("a range query gets an empty, complete reply on exactly its range", () => {
  const query = {
    type: 263,
    chainHash,
    firstBlock: 4_000_000_000,
    numberOfBlocks: 0xffffffff,
  } as const;
  const reply = answer(encodeMessage({ ...query, options: 3 }));
  assert.ok(reply?.known && reply.type === 264);
  assert.equal(reply.firstBlock, query.firstBlock);
  assert.equal(reply.numberOfBlocks, query.numberOfBlocks);
  assert.equal(reply.syncComplete, 1);
  assert.deepEqual(reply.scids, []);
  assert.deepEqual(reply.chainHash, chainHash);
});

Deno.test("a query for channels gets its end at once", () => {
  const reply = answer(encodeMessage({ type: 261, chainHash, scids: [1n, 2n] }));
  assert.ok(reply?.known && reply.type === 262);
  assert.equal(reply.fullInformation, 0);
});

Deno.test("no bytes of any kind get gossip for an answer", () => {
  const message = fc.tuple(fc.constantFrom(1, 17, 18, 32, 64, 261, 263, 264, 265), fc.uint8Array())
    .map(([type, rest]) => new Uint8Array([type >> 8, type & 255, ...rest]));
  fc.assert(fc.property(message, (raw) => {
    try {
      const reply = answer(raw);
      assert.ok(reply === null || [17, 262, 264].includes(reply.type));
    } catch (error) {
      assert.ok(error instanceof BoltFault, String(error));
    }
  }));
});
