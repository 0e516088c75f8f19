import fc from "fast-check";
import assert from "node:assert/strict";
import type { Batch } from "../../../shared/batch/batch.ts";
import { MessageTypes } from "./message_types.ts";
import { RATE_SECONDS, Rates } from "./rates.ts";
import { Recent } from "./recent.ts";

const START = 1_758_844_800;
const US = 1_000_000;

/** Bytes of a type that floods. */
function raw(type: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(20).fill(seed);
  new DataView(bytes.buffer).setUint16(0, type);
  return bytes;
}

interface Receipt {
  readonly second: number;
  readonly message: number;
  readonly session: number;
  readonly flags?: number;
}

function batch(number: number, raws: readonly [number, Uint8Array][], receipts: Receipt[]): Batch {
  return {
    collector: "alpha",
    epoch: START * US,
    number,
    receiptsBefore: 0,
    messages: {
      numbers: Uint32Array.from(raws, ([number]) => number),
      raws: raws.map(([, bytes]) => bytes),
    },
    verdicts: { numbers: new Uint32Array(), codes: new Uint8Array() },
    receipts: {
      receivedAt: Float64Array.from(receipts, ({ second }) => (START + second) * US),
      messages: Uint32Array.from(receipts, ({ message }) => message),
      sessions: Uint32Array.from(receipts, ({ session }) => session),
      flags: Uint8Array.from(receipts, ({ flags }) => flags ?? 0),
    },
    events: [],
  };
}

const at = (second: number) => (START + second) * US;
const total = (recent: Recent) => {
  const { counts } = recent.rates.all();
  return Object.fromEntries(
    Object.entries(counts).map(([name, types]) => [
      name,
      types.map((seconds) => seconds.reduce((sum, count) => sum + count, 0)),
    ]),
  );
};

Deno.test("receipts are counted by collector, type and second, warm-up and repeats included", () => {
  const recent = new Recent();
  recent.add(
    batch(0, [[0, raw(258, 1)], [1, raw(256, 2)]], [
      { second: 0, message: 0, session: 0 },
      { second: 0, message: 1, session: 0, flags: 2 },
      { second: 2, message: 0, session: 0, flags: 1 },
      { second: 2, message: 7, session: 0 },
    ]),
    at(3),
  );
  assert.deepEqual(total(recent), { alpha: [1, 1, 0, 2] });
  const { from, counts } = recent.rates.takeChanges();
  assert.equal(from, START);
  assert.deepEqual(counts.alpha[3], [1, 0, 1, 0]);
  // What follows changed nothing before it.
  recent.add(batch(1, [], [{ second: 4, message: 1, session: 0 }]), at(4));
  assert.deepEqual(recent.rates.takeChanges(), {
    from: START + 3,
    counts: { alpha: [[0, 0], [0, 1], [0, 0], [0, 0]] },
  });
});

Deno.test("what is too old for the ring is counted apart, and the ring forgets", () => {
  const recent = new Recent();
  recent.add(batch(0, [], [{ second: 0, message: 0, session: 0 }]), at(RATE_SECONDS));
  assert.equal(recent.rates.late, 1);
  recent.add(batch(1, [], [{ second: RATE_SECONDS, message: 0, session: 0 }]), at(RATE_SECONDS));
  assert.deepEqual(total(recent), { alpha: [1, 0, 0, 0] });
  recent.rates.advance(START + 2 * RATE_SECONDS);
  assert.deepEqual(total(recent), { alpha: [0, 0, 0, 0] });
});

Deno.test("further collectors share one line, and a clock ahead counts as now", () => {
  const rates = new Rates();
  rates.advance(START);
  for (let i = 0; i < 40; i++) {
    rates.add(`c${i}`, Float64Array.of((START + 3600) * US), 0, new Uint8Array(1));
  }
  const { counts } = rates.all();
  assert.equal(Object.keys(counts).length, 33);
  assert.equal(counts["further collectors"][0].at(-1), 8);
});

Deno.test("a message that comes as news is followed from peer to peer, at every collector", () => {
  const recent = new Recent();
  const message = raw(258, 1);
  recent.add(
    batch(0, [[0, message]], [
      { second: 0, message: 0, session: 0 },
      { second: 4, message: 0, session: 1 },
      { second: 5, message: 0, session: 1, flags: 1 },
    ]),
    at(6),
  );
  const beta = { ...batch(0, [[9, message]], [{ second: 2, message: 9, session: 5 }]) };
  recent.add({ ...beta, collector: "beta" }, at(6));
  const [spread] = recent.spreads.list();
  assert.equal(spread.peers, 3);
  assert.equal(spread.type, "channel_update");
  assert.deepEqual(spread.points, [[0, 1], [2, 2], [4, 3]]);
  assert.equal(spread.half_seconds, 2);
});

Deno.test("backlog is not followed, and a fixed number is", () => {
  const recent = new Recent();
  recent.add(
    batch(0, [[0, raw(258, 1)]], [{ second: 0, message: 0, session: 0, flags: 2 }]),
    at(0),
  );
  assert.deepEqual(recent.spreads.list(), []);
  for (let i = 1; i < 100; i++) {
    const receipt = { second: 30 * i, message: i, session: 0 };
    recent.add(batch(i, [[i, raw(256, i)]], [receipt]), at(30 * i));
  }
  const spreads = recent.spreads.list();
  assert.equal(spreads.length, 12);
  assert.equal(spreads[0].number, 98);
});

Deno.test("types of a run that began earlier are learnt once", () => {
  const recent = new Recent();
  recent.add(batch(5, [], []), at(0));
  assert.deepEqual(recent.takeEarlier(), [["alpha", START * US]]);
  assert.deepEqual(recent.takeEarlier(), []);
  recent.learn("alpha", START * US, 70_000, 257);
  recent.add(batch(6, [], [{ second: 0, message: 70_000, session: 0 }]), at(1));
  assert.deepEqual(total(recent), { alpha: [0, 0, 1, 0] });
});

Deno.test("message types are those last set, or 0 once they are far behind", () => {
  const number = fc.integer({ min: 0, max: 2 ** 22 });
  const sets = fc.array(fc.tuple(number, fc.integer({ min: 1, max: 255 })), { maxLength: 50 });
  fc.assert(fc.property(sets, number, (sets, asked) => {
    const types = new MessageTypes();
    const known = new Map<number, number>();
    for (const [number, code] of sets) {
      types.set(number, code);
      known.set(number, code);
    }
    const newest = Math.max(...known.keys());
    for (const [number, code] of [...known, [asked, known.get(asked) ?? 0]]) {
      const got = types.get(number);
      if (newest - number < 2 ** 20 && got !== code) {
        // Set when it was far behind already, or forgotten and not set since: 0.
        const index = sets.findLastIndex(([set]) => set === number);
        const before = Math.max(...sets.slice(0, index).map(([set]) => set), 0);
        assert.ok(got === 0 && before - number >= 2 ** 14, `${number}: ${got}, not ${code}`);
      } else if (newest - number >= 2 ** 20) assert.equal(got, 0);
    }
  }));
});
