import assert from "node:assert/strict";
import fc from "fast-check";
import { byteMeter, Meter, OVER_QUOTA, spendToken } from "./meter.ts";

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

const quota = { burst: 3, intervalSeconds: 60 };

Deno.test("a burst passes, then one an interval, and a long silence fills the bucket and no more", () => {
  let fullAt = 0;
  const asks = (now: number) => {
    const next = spendToken(quota, fullAt, now);
    if (next !== OVER_QUOTA) fullAt = next;
    return next !== OVER_QUOTA;
  };
  assert.deepEqual([1000, 1000, 1000, 1000].map(asks), [true, true, true, false]);
  assert.deepEqual([1059, 1060, 1060, 1119, 1120].map(asks), [false, true, false, false, true]);
  assert.deepEqual([9000, 9000, 9000, 9000].map(asks), [true, true, true, false]);
});

Deno.test("a burst passes at once, then the rate; a debt is paid first", () => {
  const bucket = byteMeter({ burstBytes: 1000, bytesPerSecond: 100 });
  bucket.take(999, 0);
  assert.equal(bucket.readyAt(0), 0);
  bucket.take(201, 0);
  assert.equal(bucket.readyAt(0), 2_010_000);
  assert.equal(bucket.readyAt(1_000_000), 2_010_000);
  assert.equal(bucket.readyAt(2_010_000), 2_010_000);
  bucket.take(1, 100_000_000);
  bucket.take(998, 100_000_000);
  assert.equal(bucket.readyAt(100_000_000), 100_000_000, "full again, and no more than full");
  bucket.take(1, 100_000_000);
  assert.ok(bucket.readyAt(100_000_000) > 100_000_000);
});

Deno.test("whoever waits until it is ready never gets more than the burst, the rate and one message", () => {
  const rate = { burstBytes: 5000, bytesPerSecond: 1000 };
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (sizes) => {
    const bucket = byteMeter(rate);
    let now = 0, sent = 0;
    for (const size of sizes) {
      now = bucket.readyAt(now);
      bucket.take(size, now);
      sent += size;
      const allowed = rate.burstBytes + now / 1_000_000 * rate.bytesPerSecond + size;
      assert.ok(sent <= allowed + 1, `${sent} bytes at ${now}`);
    }
  }));
});

Deno.test("the last of any limit can be spent one by one", () => {
  for (let limit = 1; limit < 300; limit++) {
    const meter = new Meter(limit, 1_000_003);
    for (let i = 0; i < limit; i++) assert.ok(meter.spend(1, 7), `${i} of ${limit}`);
    assert.ok(!meter.spend(1, 7));
  }
});
