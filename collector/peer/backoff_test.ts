import assert from "node:assert/strict";
import fc from "fast-check";
import { seededRandom } from "../../shared/random.ts";
import { backoffMs, CAUSES, releaseOutcomeOf } from "./backoff.ts";

const least = { next: () => 0 };

Deno.test("waits double from one failure to the next, up to the cause's longest", () => {
  const waits = [1, 2, 3, 4, 50, 5000].map((n) => backoffMs("unreachable", n, least));
  assert.deepEqual(waits, [60_000, 120_000, 240_000, 480_000, 14_400_000, 14_400_000]);
});

Deno.test("an address that three times in a row does not answer act one is left alone for a day", () => {
  const waits = [1, 2, 3, 4, 5000].map((n) => backoffMs("unanswered", n, least) / 60_000);
  assert.deepEqual(waits, [10, 120, 1440, 1440, 1440]);
});

Deno.test("full slots wait for hours, a lost session for seconds, a wrong key for ever", () => {
  assert.equal(backoffMs("full", 1, least), 3_600_000);
  assert.equal(backoffMs("lost", 1, least), 5_000);
  assert.equal(backoffMs("wrong_key", 1, least), Infinity);
});

Deno.test("jitter lengthens a wait by at most half and never shortens it", () => {
  const input = fc.record({
    cause: fc.constantFrom(...CAUSES),
    failures: fc.integer({ min: 1, max: 1e6 }),
    seed: fc.string(),
  });
  fc.assert(fc.property(input, ({ cause, failures, seed }) => {
    const base = backoffMs(cause, failures, least);
    const wait = backoffMs(cause, failures, seededRandom(seed));
    assert.ok(wait >= base && wait <= base * 1.5 && wait > 0);
  }));
});

Deno.test("each cause is held against the address, the node or nobody", () => {
  const seen = CAUSES.map((cause) => {
    const { concerns, blameless, drop, wait } = releaseOutcomeOf(cause, "why", false, least);
    return [cause, concerns, blameless ? "blameless" : "", drop ? "drop" : "", wait(0)];
  });
  assert.deepEqual(seen, [
    ["unreachable", "address", "", "", 60_000],
    ["not_allowed", "address", "", "", Infinity],
    ["our_side", "address", "blameless", "", 120_000],
    ["no_ipv6", "address", "blameless", "", 3_600_000],
    ["handshake", "address", "", "", 600_000],
    ["unanswered", "address", "", "", 600_000],
    ["wrong_key", "address", "", "drop", Infinity],
    ["full", "node", "", "", 3_600_000],
    ["incompatible", "node", "", "", 21_600_000],
    ["misbehaved", "node", "", "", 21_600_000],
    ["lost", "node", "", "", 5_000],
    ["rotated", "node", "blameless", "", 3_600_000],
    ["steered", "node", "blameless", "", 1_000],
  ]);
});
