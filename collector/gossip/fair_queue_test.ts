import assert from "node:assert/strict";
import fc from "fast-check";
import { FairQueue } from "./fair_queue.ts";

function drain<T>(queue: FairQueue<T>): T[] {
  const items: T[] = [];
  for (let item = queue.shift(); item !== undefined; item = queue.shift()) items.push(item);
  return items;
}

Deno.test("sources are served in turn, each in its own order", () => {
  const queue = new FairQueue<string>({ total: 100, perSource: 100 });
  for (const item of ["a1", "a2", "a3", "a4"]) queue.push(1, item, 1);
  for (const item of ["b1", "b2"]) queue.push(2, item, 1);
  queue.push(3, "c1", 1);
  assert.deepEqual(drain(queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
  assert.equal(queue.length, 0);
});

Deno.test("a source that has used up its share leaves room for the others", () => {
  const queue = new FairQueue<number>({ total: 10, perSource: 6 });
  const taken = [1, 2, 3, 4, 5, 6, 7, 8].filter((item) => queue.push(1, item, 1));
  assert.deepEqual(taken, [1, 2, 3, 4, 5, 6]);
  assert.ok(queue.push(2, 20, 4));
  assert.ok(!queue.push(3, 30, 1), "the whole is full");
  assert.equal(queue.shift(), 1);
  assert.ok(queue.push(3, 30, 1), "what is taken makes room");
});

Deno.test("whatever is pushed and shifted, nothing is lost, doubled, reordered or over the limits", () => {
  const step = fc.oneof(
    fc.record({ source: fc.nat(4), cost: fc.integer({ min: 1, max: 5 }) }),
    fc.constant("shift" as const),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 6000, size: "max" }), (steps) => {
      const limits = { total: 400, perSource: 150 };
      const queue = new FairQueue<{ source: number; cost: number; id: number }>(limits);
      const waiting = new Map<number, { id: number; cost: number }[]>();
      const line = (source: number) => {
        if (!waiting.has(source)) waiting.set(source, []);
        return waiting.get(source)!;
      };
      const cost = (items: { cost: number }[]) => items.reduce((sum, item) => sum + item.cost, 0);
      let id = 0;
      for (const step of steps) {
        if (step === "shift") {
          const item = queue.shift();
          const all = [...waiting.values()].flat();
          if (item === undefined) assert.equal(all.length, 0);
          else assert.equal(line(item.source).shift()?.id, item.id);
        } else {
          const item = { ...step, id: id++ };
          const fits = cost([...waiting.values()].flat()) + step.cost <= limits.total &&
            cost(line(step.source)) + step.cost <= limits.perSource;
          assert.equal(queue.push(step.source, item, step.cost), fits);
          if (fits) line(step.source).push(item);
        }
      }
      assert.equal(queue.length, [...waiting.values()].flat().length);
    }),
    { numRuns: 20 },
  );
});
