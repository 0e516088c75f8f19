import assert from "node:assert/strict";
import {
  calibrate,
  CALIBRATION_ROWS,
} from "../../query_results/reconciliation/calibration/rows.ts";
import { MAX_SETS, wideSets } from "../../query_results/reconciliation/calibration/traces.ts";
import { type PlanStatistics, planStatistics } from "./plan_statistics.ts";
import { planTraces } from "./plan_traces.ts";
import { GOSSIP_TYPES, REACH, REAL_RUN } from "./real_run.ts";
import {
  leavingSeconds,
  messageCount,
  peerTimers,
  traffic,
  type TrafficOptions,
} from "./traffic.ts";

/** An hour of the real run at its full width: about 7 M deliveries. */
const HOUR: TrafficOptions = { seed: "statistics", peers: REAL_RUN.peers, seconds: 3600 };
let measured: PlanStatistics | null = null;
const hour = () => measured ??= planStatistics(traffic(HOUR), HOUR.peers);

/** Asserts that `found` is within `tolerance` of `expected`, as a share of it. */
function near(what: string, found: number, expected: number, tolerance: number): void {
  const off = Math.abs(found / expected - 1);
  assert.ok(off <= tolerance, `${what}: ${found}, not ${expected} within ${100 * tolerance} %`);
}

Deno.test("an hour of traffic has the real run's number of messages and shares of types", () => {
  const { all, byType } = hour();
  assert.equal(all.messages, messageCount(HOUR));
  near("messages a minute", all.messages / 60, 297.6, 0.001);
  for (const type of GOSSIP_TYPES) {
    const share = REAL_RUN.messagesByType[type] / REAL_RUN.messages;
    near(`share of ${type}`, byType[type].messages / all.messages, share, 0.001);
  }
});

Deno.test("an hour of traffic has the real run's peers a message, by type and as a histogram", () => {
  const { all, byType, reach } = hour();
  near("peers a message", all.receipts / all.messages, REAL_RUN.receipts / REAL_RUN.messages, 0.02);
  near("channel_announcement", byType[256].receipts / byType[256].messages, 8.2, 0.2);
  near("node_announcement", byType[257].receipts / byType[257].messages, 407.6, 0.03);
  near("channel_update", byType[258].receipts / byType[258].messages, 447.8, 0.02);
  const bounds = [1, 10, 50, 100, 500, 900, Infinity];
  const published = [7.8, 11.1, 2.0, 18.3, 11.5, 48.0, 1.2];
  bounds.forEach((high, i) => {
    const low = i === 0 ? 0 : bounds[i - 1];
    const share = 100 * reach.filter((peers) => peers > low && peers <= high).length / reach.length;
    assert.ok(Math.abs(share - published[i]) < 1, `${low + 1} to ${high} peers: ${share} %`);
  });
});

Deno.test("an hour of traffic has the real run's delays within 5 %", () => {
  const { convergence } = hour();
  REAL_RUN.convergence.forEach(([share, seconds], i) => {
    near(`delay to ${100 * share} % of the peers`, convergence[i], seconds, 0.05);
  });
});

let calibrated: ReturnType<typeof calibrate> | null = null;
const rows = () => {
  const plan: TrafficOptions = { ...HOUR, seed: "calibration", peersLeave: true };
  return calibrated ??= calibrate(wideSets(planTraces(traffic(plan), plan)));
};

for (const [i, { name }] of CALIBRATION_ROWS.entries()) {
  Deno.test(`an hour of traffic is like real receipts between peers: ${name}`, () => {
    const { found, holds } = rows()[i];
    assert.ok(holds, `${found}`);
  });
}

Deno.test("where no peer leaves, traffic is like real receipts between peers as well", () => {
  const sets = wideSets(planTraces(traffic(HOUR), HOUR));
  assert.equal(sets.length, MAX_SETS);
  for (const { name, found, holds } of calibrate(sets)) assert.ok(holds, `${name}: ${found}`);
});

Deno.test("the real run's shares of late receipts hold by type, and they come before the cut", () => {
  const options: TrafficOptions = { ...HOUR, seed: "late", cutSeconds: 80_000 };
  const late = { 256: 0, 257: 0, 258: 0 };
  const all = { 256: 0, 257: 0, 258: 0 };
  for (const { type, createdAt, deliveries, times } of traffic(options)) {
    all[type] += deliveries - 1;
    for (const time of times.subarray(0, deliveries)) if (time - createdAt > 3600e6) late[type]++;
  }
  near("channel_update", late[258] / all[258], 0.0018, 0.1);
  near("node_announcement", late[257] / all[257], 0.0078, 0.1);
  near("channel_announcement", late[256] / all[256], 0.172, 0.1);
  const { receipts } = planStatistics(traffic({ ...options, cutSeconds: 30_000 }), HOUR.peers).all;
  near("receipts with an earlier cut", receipts, all[256] + all[257] + all[258], 0.01);
});

Deno.test("messages come in bursts, and no fewer or more of them", () => {
  const perTenSeconds = new Float64Array(360);
  for (const { createdAt } of traffic({ seed: "bursty", peers: 1, seconds: 3600 })) {
    perTenSeconds[Math.min(359, Math.floor(createdAt / 10e6))]++;
  }
  // Channel announcements are dense at first: the rest of the hour shows how the others come.
  const steady = perTenSeconds.subarray(30);
  const mean = steady.reduce((a, b) => a + b) / steady.length;
  const variance = steady.reduce((sum, n) => sum + (n - mean) ** 2, 0) / steady.length;
  // 1 when they come one by one.
  assert.ok(variance / mean > 2.5, `Fano factor ${variance / mean}`);
});

Deno.test("messages that go everywhere reach nearly all peers that have not left", () => {
  const options: TrafficOptions = { ...HOUR, seed: "nearly all", peersLeave: true };
  const left = leavingSeconds(options);
  let reached = 0;
  let connected = 0;
  for (const { createdAt, deliveries } of traffic(options)) {
    if (deliveries <= 500) continue;
    reached += deliveries;
    connected += left.reduce((sum, at) => sum + (at > createdAt / 1e6 ? 1 : 0), 0);
  }
  assert.ok(reached / connected > 0.85, `${reached / connected}`);
});

Deno.test("two wide messages share the peers that deliver nearly everything, as real ones do", () => {
  const plan: TrafficOptions = { ...HOUR, seed: "coverage", peersLeave: true };
  const [set] = wideSets(planTraces(traffic(plan), plan));
  const delivered = set.map(({ delays }) => [...delays.keys()].filter((i) => !isNaN(delays[i])));
  const shared = delivered.flatMap((peers, i) =>
    delivered.slice(i + 1).map((others) => {
      const chance = peers.length * others.length / HOUR.peers;
      const common = new Set(peers).intersection(new Set(others)).size;
      return (common - chance) / (Math.min(peers.length, others.length) - chance);
    })
  ).sort((a, b) => a - b);
  // Median of the receipt traces' 44 wide messages; 0 when peers are drawn at random.
  assert.ok(Math.abs(shared[shared.length >> 1] - 0.63) < 0.1, `${shared[shared.length >> 1]}`);
});

Deno.test("an hour of traffic has the real run's sizes and a few repeats", () => {
  const { all, byType, repeats } = hour();
  // The real run left out the type's two bytes.
  near("bytes a message", all.bytes / all.messages, REAL_RUN.meanSize + 2, 0.01);
  assert.equal(byType[256].bytes / byType[256].messages, 432);
  near("node_announcement", byType[257].bytes / byType[257].messages, 416, 0.02);
  near("channel_update", byType[258].bytes / byType[258].messages, 139, 0.01);
  near("repeats", repeats / all.receipts, 0.004, 0.1);
});

Deno.test("over a whole day few channels and nodes make most of the messages, as in the real run", () => {
  // Origins do not depend on the number of peers.
  const plan = traffic({ seed: "origins", peers: 1, seconds: REAL_RUN.seconds });
  const { origins, all } = planStatistics(plan, 1);
  assert.equal(all.messages, REAL_RUN.messages);
  const counts = (type: number) => {
    const byOrigin = new Map<number, number>();
    for (const message of origins) {
      if (message.type !== type) continue;
      byOrigin.set(message.origin, (byOrigin.get(message.origin) ?? 0) + 1);
    }
    return [...byOrigin.values()].sort((a, b) => b - a);
  };
  const topShare = (sorted: readonly number[]) => {
    const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
    return sum(sorted.slice(0, Math.round(sorted.length / 100))) / sum(sorted);
  };
  const updates = counts(258);
  near("channels", updates.length, REAL_RUN.scids, 0.05);
  near("updated again", updates.filter((n) => n > 1).length, REAL_RUN.scidsUpdatedAgain, 0.05);
  near("top 1 % of the channels", topShare(updates), REAL_RUN.topScidShare, 0.05);
  near("most updates of one channel", updates[0], REAL_RUN.mostUpdates, 0.15);
  near("top 1 % of the nodes", topShare(counts(257)), REAL_RUN.topNodeShare, 0.05);
  assert.equal(new Set(counts(256)).size, 1, "each channel is announced once");
});

Deno.test("a channel's announcement comes before most of its updates", () => {
  const announced = new Set<number>();
  let early = 0;
  let updates = 0;
  for (const message of traffic({ seed: "early", peers: 1, seconds: 3600 })) {
    if (message.type === 256) announced.add(message.origin);
    if (message.type !== 258) continue;
    updates++;
    if (!announced.has(message.origin)) early++;
  }
  assert.ok(
    early / updates < 0.1,
    `${early} of ${updates} updates have no announcement before them`,
  );
});

Deno.test("equal seeds give equal traffic, others do not", () => {
  const lines = (seed: string) =>
    Array.from(
      traffic({ seed, peers: 50, seconds: 60 }),
      (m) => `${m.type} ${m.origin} ${m.createdAt} ${m.times.slice(0, m.deliveries)}`,
    );
  assert.deepEqual(lines("a"), lines("a"));
  assert.notDeepEqual(lines("a"), lines("b"));
});

Deno.test("compression squeezes all times and changes nothing else", () => {
  const options = { seed: "squeezed", peers: 30, seconds: 600 };
  const plain = Array.from(
    traffic(options),
    (m) => ({ ...m, times: m.times.slice(0, m.deliveries) }),
  );
  let i = 0;
  for (const m of traffic({ ...options, compression: 60 })) {
    const before = plain[i++];
    assert.equal(m.createdAt, Math.round(before.createdAt / 60));
    assert.deepEqual([m.type, m.origin, m.size], [before.type, before.origin, before.size]);
    assert.deepEqual(
      m.times.slice(0, m.deliveries),
      before.times.map((time) => Math.round(time / 60)),
    );
  }
});

Deno.test("deliveries come in bursts at each peer's own times: LND every 5 s, CLN and Eclair every 60 s", () => {
  const options: TrafficOptions = { seed: "bursts", peers: 200, seconds: 1200 };
  const timers = peerTimers(options);
  const seconds = { lnd: 5, cln: 60, eclair: 60, ldk: 0 };
  const sent = new Map<number, Map<number, number>>();
  for (const { deliveries, peers, times } of traffic(options)) {
    for (let i = 0; i < deliveries; i++) {
      const at = sent.get(peers[i]) ?? new Map<number, number>();
      at.set(times[i], (at.get(times[i]) ?? 0) + 1);
      sent.set(peers[i], at);
    }
  }
  const present = new Set<string>();
  for (const [peer, at] of sent) {
    const { implementation, phase } = timers[peer];
    present.add(implementation);
    const step = seconds[implementation] * 1e6;
    if (step === 0) continue;
    for (const time of at.keys()) {
      assert.ok((time - phase) % step === 0, `${implementation} at ${time}`);
    }
    const burst = [...at.values()].reduce((a, b) => a + b, 0) / at.size;
    assert.ok(burst > 3, `${implementation} sends ${burst} messages a burst`);
  }
  assert.equal(present.size, 4);
});

Deno.test("a quiet LND flushes every 90 s", () => {
  const options: TrafficOptions = { seed: "quiet", peers: 40, seconds: 3600, messages: 300 };
  const timers = peerTimers(options);
  for (const { deliveries, peers, times } of traffic(options)) {
    for (let i = 0; i < deliveries; i++) {
      const { implementation, phase } = timers[peers[i]];
      if (implementation === "lnd") assert.ok((times[i] - phase) % 90e6 === 0);
    }
  }
});

Deno.test("nothing is delivered after the cut, nor before its creation", () => {
  const options = { seed: "cut", peers: 40, seconds: 600, cutSeconds: 700 };
  for (const { createdAt, deliveries, times } of traffic(options)) {
    for (const time of times.subarray(0, deliveries)) {
      assert.ok(time >= createdAt && time <= 700e6);
    }
  }
});

Deno.test("peers that leave deliver no message that is younger, and the histogram stays", () => {
  const options = { seed: "leave", peers: 978, seconds: 1800, peersLeave: true };
  const late = new Set<number>();
  let receipts = 0;
  let messages = 0;
  for (const { createdAt, deliveries, peers } of traffic(options)) {
    messages++;
    receipts += deliveries;
    if (createdAt > 1700e6) peers.subarray(0, deliveries).forEach((peer) => late.add(peer));
  }
  assert.ok(late.size < 700 && late.size > 600, `${late.size} peers deliver at the end`);
  near("peers a message", receipts / messages, REAL_RUN.receipts / REAL_RUN.messages, 0.04);
});

Deno.test("peers deliver what came into being before they left, and nothing else", () => {
  const options = { seed: "leaving", peers: 200, seconds: 3600, peersLeave: true };
  const left = leavingSeconds(options);
  const latest = new Float64Array(options.peers);
  for (const { createdAt, deliveries, peers } of traffic(options)) {
    for (const peer of peers.subarray(0, deliveries)) latest[peer] = createdAt / 1e6;
  }
  let stayed = 0;
  for (const [peer, at] of left.entries()) {
    if (at === Infinity) stayed++;
    // A share of a peer is rounded to one that leaves a little later or sooner.
    else assert.ok(latest[peer] <= at + 60, `peer ${peer} left at ${at} and has ${latest[peer]}`);
  }
  assert.equal(stayed, Math.round(options.peers * 644 / REAL_RUN.peers));
  assert.deepEqual(new Set(leavingSeconds({ ...options, peersLeave: false })), new Set([Infinity]));
});

Deno.test("the histogram's data add up to the published totals", () => {
  const sums = GOSSIP_TYPES.map((_, i) => REACH.reduce((sum, row) => sum + row.messages[i], 0));
  assert.deepEqual(sums, GOSSIP_TYPES.map((type) => REAL_RUN.messagesByType[type]));
});

Deno.test("too many peers and none at all are refused", () => {
  assert.throws(() => peerTimers({ seed: 1, peers: 0, seconds: 1 }), RangeError);
  assert.throws(() => peerTimers({ seed: 1, peers: 65_536, seconds: 1 }), RangeError);
});
