import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { answerToOpen, pongFor } from "./control.ts";

const answer = (raw: Uint8Array) => {
  const reply = answerToOpen(raw[0] * 256 + raw[1], raw);
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

Deno.test("any bytes get an error about one channel for an answer, or none", () => {
  const message = fc.tuple(fc.integer({ min: 0, max: 65_535 }), fc.uint8Array({ maxLength: 99 }));
  fc.assert(fc.property(message, ([type, rest]) => {
    const reply = answer(new Uint8Array([type >> 8, type & 255, ...rest]));
    assert.ok(reply === null || reply.type === 17);
  }));
});
