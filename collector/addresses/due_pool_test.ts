import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../shared/random.ts";
import { DuePool } from "./due_pool.ts";

Deno.test("only what is due is chosen, and all of that is", () => {
  const random = seededRandom(1);
  const pool = new DuePool<number>();
  for (let item = 0; item < 1000; item++) pool.set(item, item);
  for (const now of [0, 3, 999]) {
    const chosen = new Set(Array.from({ length: 20_000 }, () => pool.choose(now, random)));
    assert.equal(chosen.size, now + 1);
    assert.ok([...chosen].every((item) => item! <= now));
  }
  assert.equal(pool.choose(-1, random), undefined);
  assert.equal(pool.soonest(), 0);
});

Deno.test("each that is due is chosen about as often as any other", () => {
  const random = seededRandom(2);
  const pool = new DuePool<number>();
  // One in a hundred is due: guesses mostly fail.
  for (let item = 0; item < 1000; item++) pool.set(item, item % 100 === 0 ? 0 : 1);
  const times = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) {
    const item = pool.choose(0, random)!;
    times.set(item, (times.get(item) ?? 0) + 1);
  }
  assert.equal(times.size, 10);
  for (const count of times.values()) assert.ok(count > 850 && count < 1150, `${count}`);
});

Deno.test("whatever is put in, moved and taken out, the pool holds what a list would", () => {
  const step = fc.tuple(fc.nat(9), fc.oneof(fc.nat(20), fc.constant(Infinity), fc.constant(null)));
  fc.assert(fc.property(fc.array(step, { maxLength: 100 }), fc.nat(20), (steps, now) => {
    const pool = new DuePool<string>();
    const list = new Map<string, number>();
    for (const [name, due] of steps) {
      if (due === null || due === Infinity) list.delete(`item ${name}`);
      else list.set(`item ${name}`, due);
      if (due === null) pool.delete(`item ${name}`);
      else pool.set(`item ${name}`, due);
    }
    assert.equal(pool.size, list.size);
    assert.equal(pool.soonest(), Math.min(...list.values()));
    const random = seededRandom(now);
    const chosen = new Set(Array.from({ length: 300 }, () => pool.choose(now, random)));
    const due = [...list].filter(([, due]) => due <= now).map(([item]) => item);
    assert.deepEqual(chosen, new Set(due.length > 0 ? due : [undefined]));
  }));
});
