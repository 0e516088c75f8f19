import { ok } from "node:assert/strict";
import { steadyRun } from "./run_shape.ts";
import { timeline } from "./timeline.ts";
import { traffic } from "./traffic.ts";

Deno.test("a steady run holds its rate, once it has settled, to its end", () => {
  const seconds = 40, rate = 4000;
  const plan = steadyRun({ peers: 200, seconds, seed: 1, receiptsPerSecond: rate });
  const whole = plan.cutSeconds / plan.compression;
  const perStretch = [0, 0, 0, 0];
  for (const { from, count } of timeline(traffic(plan), 10_000)) {
    const stretch = Math.floor((from / 1e6 - (whole - seconds)) / 10);
    if (stretch >= 0 && stretch < perStretch.length) perStretch[stretch] += count / 10;
  }
  for (const found of perStretch) ok(Math.abs(found / rate - 1) < 0.15, `${perStretch}`);
});
