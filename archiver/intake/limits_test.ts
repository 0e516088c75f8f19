import assert from "node:assert/strict";
import type { Batch, CollectorEvent } from "../../shared/batch/batch.ts";
import { CollectorLimits, type LimitOptions } from "./limits.ts";

const HOUR_US = 3_600_000_000;
const DAY_US = 24 * HOUR_US;
const NOW = 1_758_888_000_000_000;
const OPTIONS: LimitOptions = {
  bytesPerHour: 1000,
  messagesPerHour: 10,
  sessionsPerHour: 10,
  aheadMs: 60_000,
};

function batch(
  parts: {
    name?: string;
    epoch?: number;
    at?: number[];
    messages?: number;
    events?: CollectorEvent[];
  },
): Batch {
  const { name = "alpha", epoch = NOW, at = [], messages = 0, events = [] } = parts;
  const zeros = new Uint32Array(at.length);
  return {
    collector: name,
    epoch,
    number: 0,
    receiptsBefore: 0,
    messages: {
      numbers: new Uint32Array(messages),
      raws: Array.from({ length: messages }, () => new Uint8Array(10)),
    },
    verdicts: { numbers: new Uint32Array(), codes: new Uint8Array() },
    receipts: {
      receivedAt: Float64Array.from(at),
      messages: zeros,
      sessions: zeros,
      flags: new Uint8Array(at.length),
    },
    events,
  };
}

Deno.test("what a collector brings in an hour is bounded, for each by itself, and counts anew in the next", () => {
  const limits = new CollectorLimits(OPTIONS);
  assert.equal(limits.take(batch({ messages: 10 }), NOW), null);
  const over = limits.take(batch({ messages: 1 }), NOW);
  assert.deepEqual(over, {
    code: "over_limit",
    reason: "alpha is over its limit of 10 messages_per_hour",
  });
  assert.equal(limits.take(batch({ name: "beta", messages: 10 }), NOW), null);
  assert.equal(limits.take(batch({ messages: 10 }), NOW + HOUR_US), null);
});

Deno.test("receipts and raw messages count into bytes; a batch that is refused counts for nothing", () => {
  const limits = new CollectorLimits(OPTIONS);
  const many = batch({ at: Array(126).fill(NOW) });
  assert.match(limits.take(many, NOW)!.reason, /1000 bytes_per_hour$/);
  assert.equal(limits.take(batch({ at: Array(125).fill(NOW) }), NOW), null);
  assert.match(limits.take(batch({ messages: 1 }), NOW)!.reason, /1000 bytes_per_hour$/);
});

Deno.test("a collector cannot open runs or days without end", () => {
  const limits = new CollectorLimits({ ...OPTIONS, bytesPerHour: 1_000_000 });
  const reasons = new Set<string>();
  for (let i = 0; i < 1500; i++) {
    const fault = limits.take(batch({ epoch: NOW - i }), NOW) ??
      limits.take(batch({ name: "beta", at: [NOW - i * DAY_US] }), NOW);
    if (fault) reasons.add(fault.reason);
  }
  assert.deepEqual(
    reasons,
    new Set([
      "alpha is over its limit of 1000 runs per hour",
      "beta is over its limit of 400 days per hour",
    ]),
  );
});

Deno.test("no stamp may be further ahead of the archiver's clock than the limit", () => {
  const limits = new CollectorLimits(OPTIONS);
  const late = NOW + 60_000_000;
  assert.equal(limits.take(batch({ at: [late] }), NOW), null);
  const step = (at: number): CollectorEvent => ({ kind: "clock_step", at, step: 1 });
  for (
    const ahead of [
      batch({ at: [late + 1_000_000] }),
      batch({ epoch: late + 1_000_000 }),
      batch({ events: [step(late + 1_000_000)] }),
    ]
  ) {
    assert.deepEqual(limits.take(ahead, NOW), {
      code: "ahead",
      reason: "stamped 61 s ahead of the archiver's clock; limits.ahead is 60 s",
    });
  }
});
