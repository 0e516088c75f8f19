import assert from "node:assert/strict";
import { planStatistics } from "../../simnet/plan_statistics.ts";
import { traffic } from "../../simnet/traffic.ts";
import { deviations } from "./generator_figures.ts";

const OPTIONS = { seed: "deviations", peers: 978, seconds: 600 };

Deno.test("planned traffic is near the real run, and seen to be far from it where it is", () => {
  const statistics = planStatistics(traffic(OPTIONS), OPTIONS.peers);
  const near = deviations(statistics);
  assert.ok(near.delays < 0.1 && near.reach < 0.3 && near.shares < 0.3, JSON.stringify(near));

  const late = statistics.convergence.with(3, 2 * statistics.convergence[3]);
  assert.ok(deviations({ ...statistics, convergence: late }).delays > 0.9);
  const narrow = statistics.reach.map((peers) => Math.min(peers, 100));
  assert.equal(deviations({ ...statistics, reach: narrow }).reach >= 1, true);
  const { byType } = statistics;
  const swapped = { 256: byType[258], 257: byType[257], 258: byType[256] };
  assert.ok(deviations({ ...statistics, byType: swapped }).shares > 1);
});
