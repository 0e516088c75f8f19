import assert from "node:assert/strict";
import fc from "fast-check";
import {
  FRAME_OVERHEAD_BYTES,
  HEADER_BYTES,
  MAX_MESSAGE_BYTES,
  ReceivingCipher,
  SendingCipher,
} from "./cipher.ts";
import { FrameReader, ReadBuffer } from "./frames.ts";

const KEY = new Uint8Array(32).fill(1);
const CHAINING_KEY = new Uint8Array(32).fill(2);

/** The frames of `messages` as one stream. */
function stream(messages: readonly Uint8Array[]): Uint8Array {
  const cipher = new SendingCipher(KEY, CHAINING_KEY);
  const total = messages.reduce((sum, m) => sum + m.length + FRAME_OVERHEAD_BYTES, 0);
  const bytes = new Uint8Array(total);
  let at = 0;
  for (const message of messages) at = cipher.seal(message, bytes, at);
  assert.equal(at, total);
  return bytes;
}

/** A reader that is fed in chunks, each at most as long as the buffer has room, as a socket's reads are. */
function feeder() {
  const buffer = new ReadBuffer();
  const frames = new FrameReader(new ReceivingCipher(KEY, CHAINING_KEY), buffer);
  const feed = (bytes: Uint8Array) => {
    const messages: Uint8Array[] = [];
    while (bytes.length > 0) {
      const room = buffer.room();
      assert.ok(room.length > 0 || frames.fault, "the buffer is full and gives no message");
      if (room.length === 0) break;
      const chunk = bytes.subarray(0, room.length);
      room.set(chunk);
      buffer.filled(chunk.length);
      messages.push(...frames.messages().map((message) => message.slice()));
      bytes = bytes.subarray(chunk.length);
    }
    return messages;
  };
  return { feed, frames, buffer };
}

const message = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.nat(MAX_MESSAGE_BYTES).map((length) => new Uint8Array(length).fill(length)),
);

Deno.test("any chunking of a valid stream yields the same messages", () => {
  fc.assert(
    fc.property(
      fc.array(message, { maxLength: 12 }),
      fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })), {
        minLength: 1,
        maxLength: 20,
      }),
      (messages, sizes) => {
        const bytes = stream(messages);
        const { feed, frames } = feeder();
        const got: Uint8Array[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          // A chunk of a byte or so is for the shape of the stream, not for a hundred thousand bytes of it.
          const size = i < 500 ? sizes[i % sizes.length] : bytes.length;
          got.push(...feed(bytes.subarray(at, at + size)));
          at += size;
        }
        assert.deepEqual(got, messages);
        assert.equal(frames.fault, null);
        assert.equal(frames.insideFrame, false);
      },
    ),
  );
});

Deno.test("a stream split at each single byte yields its messages", () => {
  const messages = [new Uint8Array(0), new Uint8Array([1]), new Uint8Array(300).fill(7)];
  const bytes = stream(messages);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const { feed } = feeder();
    assert.deepEqual([...feed(bytes.subarray(0, cut)), ...feed(bytes.subarray(cut))], messages);
  }
});

Deno.test("a stream over many rotations yields its messages", () => {
  const messages = Array.from({ length: 2300 }, (_, i) => new Uint8Array(2).fill(i));
  assert.deepEqual(feeder().feed(stream(messages)), messages);
});

Deno.test("any bytes in any chunking yield a typed fault once a header is complete, and no message", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 200 })), (chunks) => {
    const { feed, frames } = feeder();
    const total = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    for (const chunk of chunks) assert.deepEqual(feed(chunk), []);
    assert.equal(frames.fault?.code, total >= HEADER_BYTES ? "bad_mac" : undefined);
    assert.equal(frames.insideFrame, total > 0);
  }));
});

Deno.test("one changed byte yields the messages before its frame, then the fault, then nothing", () => {
  const messages = Array.from({ length: 5 }, (_, i) => new Uint8Array(20 * i).fill(i));
  const bytes = stream(messages);
  const ends: number[] = [];
  for (const m of messages) ends.push((ends.at(-1) ?? 0) + m.length + FRAME_OVERHEAD_BYTES);
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice();
    changed[at] ^= 0x40;
    const { feed, frames } = feeder();
    assert.deepEqual(feed(changed), messages.slice(0, ends.findIndex((end) => at < end)));
    assert.equal(frames.fault?.code, "bad_mac");
    assert.deepEqual(feed(bytes), []);
  }
});

Deno.test("a buffer grows for the longest message, to hold one frame, and is small again after it", () => {
  const longest = new Uint8Array(MAX_MESSAGE_BYTES).fill(9);
  const { feed, buffer } = feeder();
  const { length: least } = buffer.bytes;
  const bytes = stream([longest, longest, new Uint8Array(9)]);
  assert.deepEqual(feed(bytes.subarray(0, -43)), [longest, longest]);
  assert.equal(buffer.bytes.length, MAX_MESSAGE_BYTES + FRAME_OVERHEAD_BYTES);
  assert.deepEqual(feed(bytes.subarray(-43)), [new Uint8Array(9)]);
  assert.equal(buffer.room().length, least);
});
