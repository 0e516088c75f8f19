import fc from "fast-check";
import assert from "node:assert/strict";
import { adaptiveBinSeconds, checkSettings, useParameters } from "./parameters.ts";
import type { Query } from "./query.ts";

const window = (seconds: number) => ({ from: 0, to: seconds * 1e6 });

Deno.test("a bin is the preferred one unless the window is too short or too long for it", () => {
  assert.equal(adaptiveBinSeconds(900, window(24 * 3600)), 900);
  assert.equal(adaptiveBinSeconds(900, window(24 * 900)), 900);
  // 23 bins are too few; 600 s give 34.
  assert.equal(adaptiveBinSeconds(900, window(23 * 900)), 600);
  assert.equal(adaptiveBinSeconds(900, window(60)), 2);
  assert.equal(adaptiveBinSeconds(900, window(5)), 1);
  assert.equal(adaptiveBinSeconds(60, window(2000 * 60)), 60);
  assert.equal(adaptiveBinSeconds(60, window(2001 * 60)), 120);
  assert.equal(adaptiveBinSeconds(60, window(0)), 1);
});

Deno.test("no window at all has more than 2,000 bins, nor a bin wider than needed", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 600 * 366 * 86_400 }), (seconds) => {
    const bin = adaptiveBinSeconds(60, window(seconds));
    assert.ok(seconds / bin <= 2000);
    if (bin > 1) assert.ok(seconds / bin >= 24);
  }));
});

const query: Query = {
  name: "q",
  title: "",
  section: "",
  order: 0,
  onlyWithRows: false,
  question: "",
  inputs: "",
  pitfalls: [],
  sql: "",
  chart: {},
  parameters: [
    {
      name: "bin_seconds",
      type: "BIGINT",
      bounds: { least: 1, greatest: 1e6 },
      fallback: { preferred: 900 },
      meaning: "a width",
    },
    {
      name: "share",
      type: "DOUBLE",
      bounds: { least: 0.001, greatest: 1 },
      fallback: 0.5,
      meaning: "a share",
    },
  ],
};

Deno.test("what was used says why it is not the default", () => {
  const used = (seconds: number, settings?: Record<string, string>) =>
    useParameters(query, window(seconds), settings).map(({ value, note }) => [value, note]);
  assert.deepEqual(used(86_400), [[900, ""], [0.5, ""]]);
  assert.deepEqual(used(60), [
    [2, "900 s unless the window is too short for that, as here"],
    [0.5, ""],
  ]);
  assert.deepEqual(used(60, { bin_seconds: "7", share: "0.9" }), [
    [7, "set for this run"],
    [0.9, "set for this run"],
  ]);
});

Deno.test("a value outside its bounds is refused, and so is a bin too narrow for the window", () => {
  const use = (settings: Record<string, string>, seconds = 86_400) => () =>
    useParameters(query, window(seconds), settings);
  const share = /^UserError: Cannot set share: ".*" should be a number from 0\.001 to 1$/;
  for (const wrong of ["7", "50", "0", "-1", "1.1", "half", "1e-1"]) {
    assert.throws(use({ share: wrong }), share, wrong);
    assert.throws(() => checkSettings([query], { share: wrong }), share, wrong);
  }
  for (const right of ["1", "0.001", "0.5"]) assert.doesNotThrow(use({ share: right }), right);
  assert.throws(use({ bin_seconds: "0" }), /should be an integer from 1 to 1000000$/);
  assert.doesNotThrow(use({ bin_seconds: "1" }, 20_000));
  assert.throws(
    use({ bin_seconds: "1" }, 8000 * 365 * 86_400),
    /bin_seconds: 1 makes 252,288,000,000 bins of this window; it should be 12614400 or more$/,
  );
});
