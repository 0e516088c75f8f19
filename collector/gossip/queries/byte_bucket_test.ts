import assert from "node:assert/strict";
import fc from "fast-check";
import { ByteBucket } from "./byte_bucket.ts";

Deno.test("a burst passes at once, then the rate; a debt is paid first", () => {
  const bucket = new ByteBucket({ burstBytes: 1000, bytesPerSecond: 100 });
  bucket.spend(999, 0);
  assert.equal(bucket.readyAt(0), 0);
  bucket.spend(201, 0);
  assert.equal(bucket.readyAt(0), 2_010_000);
  assert.equal(bucket.readyAt(1_000_000), 2_010_000);
  assert.equal(bucket.readyAt(2_010_000), 2_010_000);
  bucket.spend(1, 100_000_000);
  bucket.spend(998, 100_000_000);
  assert.equal(bucket.readyAt(100_000_000), 100_000_000, "full again, and no more than full");
  bucket.spend(1, 100_000_000);
  assert.ok(bucket.readyAt(100_000_000) > 100_000_000);
});

Deno.test("whoever waits until it is ready never gets more than the burst, the rate and one message", () => {
  const rate = { burstBytes: 5000, bytesPerSecond: 1000 };
  fc.assert(fc.property(fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1 }), (sizes) => {
    const bucket = new ByteBucket(rate);
    let now = 0, sent = 0;
    for (const size of sizes) {
      now = bucket.readyAt(now);
      bucket.spend(size, now);
      sent += size;
      const allowed = rate.burstBytes + now / 1_000_000 * rate.bytesPerSecond + size;
      assert.ok(sent <= allowed + 1, `${sent} bytes at ${now}`);
    }
  }));
});
