import assert from "node:assert/strict";
import fc from "fast-check";
import { scidOf } from "../../../shared/bolt/scid.ts";
import { announcementId, updateId } from "./draft_id.ts";

const scid = (block: number, transaction: number, output: number) =>
  scidOf({ block, transaction, output });

Deno.test("the draft's id holds block, transaction, output, direction and height in that order", () => {
  const parts = fc.record({
    block: fc.integer({ min: 1, max: 0xffffff }),
    transaction: fc.nat(0x7fff),
    output: fc.nat(0x1fff),
    direction: fc.constantFrom<0 | 1>(0, 1),
    height: fc.nat(2_000_000),
  });
  fc.assert(fc.property(parts, ({ block, transaction, output, direction, height }) => {
    const { id } = updateId(scid(block, transaction, output), direction, height);
    const fields = [[block, 24], [transaction, 15], [output, 13], [direction, 1], [
      height % 2016,
      11,
    ]];
    const bits = fields.map(([value, width]) => value.toString(2).padStart(width, "0")).join("");
    assert.equal(id, BigInt(`0b${bits}`));
  }));
  assert.deepEqual(announcementId(scid(1, 2, 3)), updateId(scid(1, 2, 3), 0, 2016));
});

Deno.test("a signed scid as the archive has it is the same", () => {
  const unsigned = scid(0xffffff, 1, 1);
  assert.deepEqual(updateId(BigInt.asIntN(64, unsigned), 1, 5), updateId(unsigned, 1, 5));
});

Deno.test("what does not fit is named", () => {
  assert.deepEqual(updateId(scid(1, 1 << 15, 0), 0, 0), { unfit: "transaction" });
  assert.deepEqual(announcementId(scid(1, 0, 1 << 13)), { unfit: "output" });
  assert.deepEqual(updateId(0n, 0, 2016), { unfit: "zero" });
  assert.ok(updateId(0n, 0, 1).id);
});
