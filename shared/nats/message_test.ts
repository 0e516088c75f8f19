import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeClockReply, decodeHeartbeat, encodeMessage, MessageFault } from "./message.ts";

const HEARTBEAT = { at: 2, epoch: 1, version: "0.1.0", peers: 3, receipts: 4, spool_bytes: 5 };

Deno.test("messages come back as they were, without what a newer program adds", () => {
  assert.deepEqual(decodeHeartbeat(encodeMessage(HEARTBEAT)), HEARTBEAT);
  const newer = { ...HEARTBEAT, more: true };
  assert.deepEqual(decodeHeartbeat(encodeMessage(newer)), HEARTBEAT);
  assert.deepEqual(decodeClockReply(encodeMessage({ at: 7 })), { at: 7 });
});

Deno.test("any bytes are a message or refused", () => {
  const json = fc.oneof(
    fc.json(),
    fc.record({ at: fc.anything(), epoch: fc.nat(), version: fc.string() }).map((value) =>
      JSON.stringify(value) ?? ""
    ),
  ).map((text) => new TextEncoder().encode(text));
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 5000 }), json), (bytes) => {
    for (const decode of [decodeHeartbeat, decodeClockReply]) {
      try {
        const { at } = decode(bytes);
        assert.ok(Number.isSafeInteger(at) && at >= 0);
      } catch (error) {
        if (!(error instanceof MessageFault)) throw error;
      }
    }
  }));
  assert.throws(
    () => decodeHeartbeat(encodeMessage({ ...HEARTBEAT, version: "x".repeat(5000) })),
    (error) => error instanceof MessageFault && error.code === "too_large",
  );
  assert.throws(
    () => decodeHeartbeat(encodeMessage({ ...HEARTBEAT, peers: -1 })),
    (error) => error instanceof MessageFault && error.code === "bad_message",
  );
});
