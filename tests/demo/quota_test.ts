import assert from "node:assert/strict";
import { RawQuotas } from "../../collector/receipt/raw_quotas.ts";
import { gossipFacts } from "../../shared/bolt/facts.ts";
import { seededRandom } from "../../shared/random.ts";
import { MessageFactory } from "../simnet/messages.ts";
import { squeezedRun } from "../simnet/run_shape.ts";
import { originCounts, traffic } from "../simnet/traffic.ts";
import { Universe } from "../simnet/universe.ts";

const STARTED_AT = 1_758_844_800;

Deno.test("of the nodes that a demo of 40 minutes announces in 20 hours of network time, nothing is folded together", () => {
  const plan = squeezedRun({ peers: 20, seconds: 2400, seed: "1" });
  const universe = new Universe(plan.seed, originCounts(plan));
  // Signatures take most of the time, and no quota looks at them.
  const factory = new MessageFactory({ universe, startedAt: STARTED_AT, sign: false });
  const quotas = new RawQuotas({ random: seededRandom(1) });
  const judged = { raw: 0, digest: 0, folded: 0 };
  for (const planned of traffic(plan)) {
    // Nodes are the busiest things: one announces itself 3,369 times a day.
    if (planned.type !== 257) continue;
    const raw = factory.make(planned);
    if (planned.deliveries === 0) continue;
    const times = planned.times.subarray(0, planned.deliveries);
    const first = times.indexOf(Math.min(...times));
    const now = STARTED_AT * 1_000_000 + times[first];
    const judgement = quotas.judge(gossipFacts(raw), `peer ${planned.peers[first]}`, now);
    judged[typeof judgement === "string" ? judgement : "folded"]++;
  }
  assert.equal(judged.folded, 0);
  assert.ok(judged.digest > 0, "some are past the quota for bytes");
  assert.ok(judged.raw > 50_000, JSON.stringify(judged));
});
