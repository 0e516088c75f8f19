import { deepEqual, equal } from "node:assert/strict";
import { figure, median } from "./figure.ts";

Deno.test("the median is the middle of the sorted values", () => {
  equal(median([3, 1, 2]), 2);
  equal(median([4, 1, 3, 2]), 2.5);
  equal(median([7]), 7);
});

Deno.test("a figure tells its median, its spread and whether it holds", () => {
  deepEqual(figure("cpu", [3.10001, 2.9, 3.2], "ratio", { sense: "<=", limit: 3 }), {
    figure: "cpu",
    value: 3.1,
    unit: "ratio",
    bar: "<= 3",
    holds: false,
    runs: [3.1, 2.9, 3.2],
  });
  equal(figure("rate", [400_000], "receipts/s", { sense: ">=", limit: 400_000 }).holds, true);
});

Deno.test("a figure without a bar holds", () => {
  const { bar, holds } = figure("rss", [5e9], "bytes");
  deepEqual({ bar, holds }, { bar: null, holds: true });
});
