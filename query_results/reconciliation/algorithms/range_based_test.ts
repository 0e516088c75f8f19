import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import * as v from "valibot";
import { randomInteger, seededRandom } from "../../../shared/random.ts";
import file from "../../../tests/vectors/negentropy.json" with { type: "json" };
import { ReconciliationFault } from "./fault.ts";
import { MIN_FRAME_BYTES, RangeReconciler } from "./range_based.ts";
import { type Item, RangeSet, varint } from "./range_set.ts";

const { vectors } = v.parse(
  v.strictObject({
    protocol: v.literal("negentropy v1 (0x61)"),
    source: v.string(),
    vectors: v.array(v.strictObject({
      name: v.string(),
      common: v.number(),
      only_a: v.number(),
      only_b: v.number(),
      frame_size_limit: v.number(),
      items: v.string(),
      messages: v.array(v.strictObject({ from: v.picklist(["a", "b"]), hex: v.string() })),
      have: v.number(),
      need: v.number(),
      round_trips: v.number(),
      bytes: v.number(),
    })),
  }),
  file,
);

/** Lets a ask b until a has nothing left to ask; every message, and what a learnt. */
function converse(a: RangeReconciler, b: RangeReconciler) {
  const messages: { from: "a" | "b"; hex: string }[] = [];
  const have: string[] = [], need: string[] = [];
  for (let message: Uint8Array | null = a.initiate(); message;) {
    assert.ok(messages.length < 1000, "no end");
    messages.push({ from: "a", hex: message.toHex() });
    const answer = b.reconcile(message);
    assert.deepEqual([answer.have, answer.need], [[], []], "only the initiator learns");
    messages.push({ from: "b", hex: answer.reply!.toHex() });
    const result = a.reconcile(answer.reply!);
    have.push(...result.have.map((id) => id.toHex()));
    need.push(...result.need.map((id) => id.toHex()));
    message = result.reply;
  }
  return { messages, have: have.sort(), need: need.sort() };
}

for (const vector of vectors) {
  Deno.test(`negentropy: ${vector.name}`, () => {
    const { name, common, only_a, only_b, frame_size_limit } = vector;
    const item = (i: number): Item => ({
      timestamp: 1_700_000_000 + 7 * i,
      id: Uint8Array.from(createHash("sha256").update(`${name}:${i}`).digest()),
    });
    const all = Array.from({ length: common + only_a + only_b }, (_, i) => item(i));
    const a = all.slice(0, common + only_a), onlyB = all.slice(common + only_a);
    const { messages, have, need } = converse(
      new RangeReconciler(new RangeSet(a), frame_size_limit),
      new RangeReconciler(new RangeSet([...all.slice(0, common), ...onlyB]), frame_size_limit),
    );
    assert.deepEqual(messages, vector.messages);
    assert.deepEqual(have, a.slice(common).map(({ id }) => id.toHex()).sort());
    assert.deepEqual(need, onlyB.map(({ id }) => id.toHex()).sort());
    assert.deepEqual([have.length, need.length], [vector.have, vector.need]);
    assert.equal(messages.length / 2, vector.round_trips);
    assert.equal(messages.reduce((sum, { hex }) => sum + hex.length / 2, 0), vector.bytes);
  });
}

/** Few timestamps and few different bytes, so that bounds need parts of ids; of a seed, as arrays this long shrink slowly. */
function items(seed: number, count: number): Item[] {
  const random = seededRandom(seed);
  const pool = Array.from({ length: count }, () => ({
    timestamp: randomInteger(random, 10) * 1_000_000,
    id: Uint8Array.from({ length: 32 }, () => randomInteger(random, 3)),
  }));
  return pool;
}

const hexes = (items: readonly Item[]) => items.map(({ id }) => id.toHex()).sort();

Deno.test("the initiator learns both differences, in frames of any allowed size", () => {
  const size = fc.nat(900), frame = fc.constantFrom(0, MIN_FRAME_BYTES, 5000);
  const check = (seed: number, count: number, start: number, end: number, frame: number) => {
    const pool = items(seed, count);
    const a = pool.slice(start % (pool.length + 1)), b = pool.slice(0, end % (pool.length + 1));
    const { have, need, messages } = converse(
      new RangeReconciler(new RangeSet(a), frame),
      new RangeReconciler(new RangeSet(b.toReversed()), frame),
    );
    assert.deepEqual(have, hexes(a.filter((item) => !b.includes(item))));
    assert.deepEqual(need, hexes(b.filter((item) => !a.includes(item))));
    if (frame) assert.ok(messages.every(({ hex }) => hex.length / 2 <= frame));
  };
  fc.assert(fc.property(fc.nat(), size, size, size, frame, check), { numRuns: 100 });
});

Deno.test("any bytes are answered or refused", () => {
  const set = new RangeSet(Array.from({ length: 100 }, (_, i) => ({
    timestamp: i >> 3,
    id: new Uint8Array(32).fill(i + 1),
  })));
  const valid = new RangeReconciler(new RangeSet(set.items.slice(0, 70))).initiate();
  const changed = fc.tuple(fc.nat(), fc.nat(255), fc.nat()).map(([at, value, cut]) => {
    const message = valid.slice(0, cut % 4 === 0 ? cut % valid.length : undefined);
    if (message.length > 0) message[at % message.length] = value;
    return message;
  });
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 80 }),
    fc.uint8Array({ maxLength: 80 }).map((tail) => Uint8Array.of(0x61, ...tail)),
    changed,
  );
  fc.assert(
    fc.property(bytes, fc.boolean(), (bytes, initiator) => {
      const reconciler = new RangeReconciler(set, MIN_FRAME_BYTES);
      if (initiator) reconciler.initiate();
      try {
        const { reply } = reconciler.reconcile(bytes);
        assert.ok(reply === null || reply.length <= MIN_FRAME_BYTES);
      } catch (error) {
        assert.ok(error instanceof ReconciliationFault, String(error));
        assert.ok(["bad_message", "bad_version"].includes(error.code));
      }
    }),
    { numRuns: 1000 },
  );
});

Deno.test("each fault has its code", () => {
  const code = (hex: string) => {
    try {
      new RangeReconciler(new RangeSet([])).reconcile(Uint8Array.fromHex(hex));
    } catch (error) {
      assert.ok(error instanceof ReconciliationFault);
      return error.code;
    }
    return null;
  };
  assert.equal(code(""), "bad_message", "no version");
  assert.equal(code("50"), "bad_version");
  assert.equal(code("62"), null, "a later version is answered with ours");
  assert.equal(code("610000"), "bad_message", "no mode");
  assert.equal(code("61000003"), "bad_message", "mode 3");
  assert.equal(code("6100210000"), "bad_message", "an id of 33 bytes");
  assert.equal(code("61ffffffffffffffff7f"), "bad_message", "a number above 2^53");
  assert.equal(code("61000002ffffff7f"), "bad_message", "more ids than there are bytes");
  const initiator = new RangeReconciler(new RangeSet([]));
  initiator.initiate();
  assert.throws(() => initiator.reconcile(Uint8Array.fromHex("62")), ReconciliationFault);
  assert.throws(() => new RangeReconciler(new RangeSet([]), 100), ReconciliationFault);
});

Deno.test("numbers are written in as many groups as they need", () => {
  assert.deepEqual([0, 127, 128, 16384].map(varint), [[0], [127], [129, 0], [129, 128, 0]]);
});
