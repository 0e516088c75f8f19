import assert from "node:assert/strict";
import { DialTally } from "./dial_tally.ts";

Deno.test("a tally tells each pair of outcome and address once, then begins anew", () => {
  const tally = new DialTally(100);
  assert.equal(tally.take(150), null);
  tally.add("refused", "onion");
  tally.add("connected", "ipv4");
  tally.add("refused", "ipv4");
  tally.add("refused", "onion");
  assert.deepEqual(tally.take(200), {
    kind: "dial_outcomes",
    since: 150,
    at: 200,
    dials: [
      { outcome: "connected", address: "ipv4", count: 1 },
      { outcome: "refused", address: "ipv4", count: 1 },
      { outcome: "refused", address: "onion", count: 2 },
    ],
  });
  assert.equal(tally.take(250), null);
});
