import assert from "node:assert/strict";
import fc from "fast-check";
import { type Given, OrderedAcks } from "./ordered_acks.ts";

/** Writes down what becomes of its messages. */
class Stream {
  readonly acked: number[] = [];
  readonly refused: number[] = [];

  message(seq: number) {
    return {
      seq,
      ack: () => void this.acked.push(seq),
      nak: () => void this.refused.push(seq),
      working: () => {},
    };
  }
}

Deno.test("whatever the order in which batches are committed, they are acknowledged in the stream's", () => {
  const steps = fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 1, maxLength: 50 });
  fc.assert(fc.property(steps, (order) => {
    const stream = new Stream();
    const acks = new OrderedAcks();
    const given: Given[] = order.map((_, i) => acks.take(stream.message(i + 1)));
    const left = new Set(given);
    for (const at of order) {
      const next = [...left][at % left.size];
      left.delete(next);
      acks.done(next);
      const firstLeft = given.findIndex((one) => left.has(one));
      const count = firstLeft === -1 ? given.length : firstLeft;
      assert.deepEqual(stream.acked, Array.from({ length: count }, (_, i) => i + 1));
      assert.equal(acks.size, given.length - count);
    }
  }));
});

Deno.test("a batch that is given out again takes its place in the order", () => {
  const stream = new Stream();
  const acks = new OrderedAcks();
  const [third, fourth] = [3, 4].map((seq) => acks.take(stream.message(seq)));
  const second = acks.take(stream.message(2));
  const thirdAgain = acks.take(stream.message(3));
  acks.done(fourth);
  acks.done(third);
  assert.deepEqual(stream.acked, []);
  acks.done(second);
  assert.deepEqual(stream.acked, [2, 3]);
  acks.done(thirdAgain);
  assert.deepEqual(stream.acked, [2, 3, 3, 4]);
});

Deno.test("what is given back or forgotten is not acknowledged later", () => {
  const stream = new Stream();
  const acks = new OrderedAcks();
  const first = acks.take(stream.message(1));
  acks.giveBack();
  acks.done(first);
  const second = acks.take(stream.message(2));
  acks.forget();
  acks.done(second);
  assert.deepEqual([stream.acked, stream.refused, acks.size], [[], [1], 0]);
});
