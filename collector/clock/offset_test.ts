import assert from "node:assert/strict";
import fc from "fast-check";
import { bestOffset } from "./offset.ts";

Deno.test("the true offset is within the uncertainty, which is half the shortest round trip", () => {
  const micros = fc.integer({ min: 0, max: 1_000_000 });
  const exchanges = fc.array(fc.tuple(micros, micros, micros), { minLength: 1, maxLength: 9 });
  const truth = fc.integer({ min: -1e9, max: 1e9 });
  fc.assert(fc.property(truth, exchanges, (offset, trips) => {
    const told = trips.map(([start, there, back]) => {
      const asked = 1e15 + start;
      return { asked, answered: asked + there + offset, received: asked + there + back };
    });
    const best = bestOffset(told)!;
    assert.ok(Math.abs(best.offset - offset) <= best.uncertainty);
    const shortest = Math.min(...trips.map(([, there, back]) => there + back));
    assert.equal(best.uncertainty, Math.ceil(shortest / 2));
  }));
});

Deno.test("without an answer there is no offset", () => {
  assert.equal(bestOffset([]), null);
});
