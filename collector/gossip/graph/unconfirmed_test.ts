import assert from "node:assert/strict";
import fc from "fast-check";
import { Unconfirmed } from "./unconfirmed.ts";

Deno.test("whatever is added and deleted, the counts are those of a list, and the heaviest has most", () => {
  const step = fc.tuple(fc.nat(20), fc.constantFrom("a", "b", "c", null));
  fc.assert(fc.property(fc.array(step), (steps) => {
    const self = new Unconfirmed();
    const model = new Map<number, string>();
    for (const [slot, nodeId] of steps) {
      self.delete(slot);
      model.delete(slot);
      if (nodeId === null) continue;
      self.add(slot, nodeId);
      model.set(slot, nodeId);
    }
    const has = (nodeId: string) => [...model.values()].filter((id) => id === nodeId).length;
    const counts = ["a", "b", "c"].map(has);
    assert.deepEqual(["a", "b", "c"].map((id) => self.count(id)), counts);
    assert.equal(self.size, model.size);
    const heaviest = self.heaviest();
    assert.equal(heaviest?.count ?? 0, Math.max(...counts));
    if (heaviest) assert.equal(has(model.get(heaviest.slot)!), heaviest.count);
    for (let slot = 0; slot <= 20; slot++) assert.equal(self.sourcePeer(slot), model.get(slot));
  }));
});
