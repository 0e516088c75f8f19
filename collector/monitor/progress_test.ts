import assert from "node:assert/strict";
import fc from "fast-check";
import { type Figures, statusLine } from "./progress.ts";

const FIGURES: Figures = {
  peers: 497,
  target: 500,
  receipts: 12_345_678,
  rate: 1953.4,
  messages: 416_427,
  waiting: 3,
  spoolBytes: 1_500_000,
  delivered: 8123,
  trouble: null,
};

Deno.test("a wide terminal gets all there is to tell", () => {
  assert.equal(
    statusLine(FIGURES, 200),
    "497/500 peers | 12,345,678 receipts | 1,953/s | 416,427 messages | 3 in spool (1.4 MiB) | " +
      "8,123 delivered | uplink ok",
  );
});

Deno.test("a narrow one gets what matters most", () => {
  assert.equal(
    statusLine(FIGURES, 79),
    "497/500 peers | 12,345,678 receipts | 1,953/s | uplink ok",
  );
  assert.equal(
    statusLine({ ...FIGURES, trouble: "unreachable" }, 50),
    "497/500 peers | 1,953/s | uplink: unreachable",
  );
  assert.equal(statusLine(FIGURES, 30), "497/500 peers | 1,953/s");
  assert.equal(statusLine(FIGURES, 5), "");
});

Deno.test("the uplink is not called ok before it delivered anything", () => {
  assert.match(statusLine({ ...FIGURES, delivered: 0 }, 200), /\| nothing delivered yet$/);
  const refused = { ...FIGURES, delivered: 0, trouble: "refused" } as const;
  assert.match(statusLine(refused, 200), /\| uplink: refused$/);
});

Deno.test("sizes are in the unit that suits them", () => {
  const spool = (spoolBytes: number) =>
    /\((.*?)\)/.exec(statusLine({ ...FIGURES, spoolBytes }, 200))?.[1];
  assert.deepEqual([0, 1023, 1024, 150_000, 2 ** 40, 2 ** 52].map(spool), [
    "0 B",
    "1023 B",
    "1.0 KiB",
    "146 KiB",
    "1.0 TiB",
    "4096 TiB",
  ]);
});

Deno.test("no line is wider than it may be", () => {
  const count = fc.nat({ max: 2 ** 50 });
  const figures = fc.record({
    peers: count,
    target: count,
    receipts: count,
    rate: fc.double({ min: 0, max: 1e9, noNaN: true }),
    messages: count,
    waiting: count,
    spoolBytes: count,
    delivered: count,
    trouble: fc.constantFrom(null, "unreachable" as const),
  });
  fc.assert(fc.property(figures, fc.nat(200), (figures, width) => {
    assert.ok(statusLine(figures, width).length <= width);
  }));
});
