import assert from "node:assert/strict";
import { isRefusal, retryDelayMs } from "./failure.ts";

Deno.test("values that cannot be stored are told from a world that fails", () => {
  assert.ok(isRefusal(new Error("Conversion Error: timestamp out of range")));
  assert.ok(isRefusal(new Error("Constraint Error: NOT NULL constraint failed")));
  assert.ok(isRefusal(new RangeError("The number 1.5 cannot be converted to a BigInt")));
  assert.ok(!isRefusal(new Error("IO Error: No space left on device")));
  assert.ok(!isRefusal(new Error("FATAL Error: Failed to create checkpoint")));
  assert.ok(!isRefusal(new Error("TransactionContext Error: Failed to commit: Could not write")));
  assert.ok(!isRefusal(new RangeError("Array buffer allocation failed")));
  assert.ok(!isRefusal(new Error("cannot read a.parquet: Invalid Input Error: No magic bytes")));
  assert.ok(!isRefusal("no error at all"));
});

Deno.test("retries back off up to a limit", () => {
  assert.deepEqual([0, 1, 2, 100].map(retryDelayMs), [250, 500, 1000, 5000]);
});
