import assert from "node:assert/strict";
import { OVER_QUOTA, withinQuota } from "./quota.ts";

const quota = { burst: 3, intervalSeconds: 60 };

Deno.test("a burst passes, then one an interval, and a long silence fills the bucket and no more", () => {
  let fullAt = 0;
  const asks = (now: number) => {
    const next = withinQuota(quota, fullAt, now);
    if (next !== OVER_QUOTA) fullAt = next;
    return next !== OVER_QUOTA;
  };
  assert.deepEqual([1000, 1000, 1000, 1000].map(asks), [true, true, true, false]);
  assert.deepEqual([1059, 1060, 1060, 1119, 1120].map(asks), [false, true, false, false, true]);
  assert.deepEqual([9000, 9000, 9000, 9000].map(asks), [true, true, true, false]);
});
