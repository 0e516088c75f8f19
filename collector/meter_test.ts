import assert from "node:assert/strict";
import fc from "fast-check";
import { Meter } from "./meter.ts";

Deno.test("a meter allows its limit at once and the rest as time goes by", () => {
  const meter = new Meter(10, 1000);
  assert.ok(meter.spend(10, 5_000_000));
  assert.ok(!meter.spend(1, 5_000_099));
  assert.ok(meter.spend(1, 5_000_100));
  assert.ok(!meter.spend(1, 5_000_100));
  assert.ok(!meter.spend(11, 9_000_000), "never more than the limit");
  assert.ok(meter.spend(10, 9_000_000), "a refusal takes nothing");
});

Deno.test("in any span of time a meter allows at most its limit and what fills up in it", () => {
  const spending = fc.array(fc.tuple(fc.nat(50), fc.nat(3000)), { minLength: 1, maxLength: 60 });
  fc.assert(fc.property(spending, (steps) => {
    const meter = new Meter(100, 10_000);
    let now = 1_000_000, spent = 0;
    for (const [amount, wait] of steps) {
      now += wait;
      if (meter.spend(amount, now)) spent += amount;
      assert.ok(spent <= 100 + (now - 1_000_000) / 100 + 1e-6);
    }
  }));
});
