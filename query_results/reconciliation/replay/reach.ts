// What a node gets from k peers, who is slow, and what peers never deliver. Pure.

import { type Cell, type Table, tableOf } from "../../format/table.ts";
import { ascending, spearman, varianceShares } from "../calibration/statistics.ts";
import { WIDE_SHARE } from "../calibration/traces.ts";
import { meanDelays, onlyOneShare, type Pair, quantiles } from "./pairs.ts";
import { NEVER, receiptsOf, type Recording } from "./recording.ts";
import { KINDS, TYPES } from "./rounds.ts";

/** Peers that a node might have. */
const PEER_COUNTS = [1, 2, 3, 5, 8, 10, 20, 50];
/** Later first receipts are re-broadcasts, as in the queries. */
const CAP_SECONDS = 3600;
/** Bins of a second. */
const BINS = CAP_SECONDS + 1;
/** Wide messages that the additive model takes at most, spread evenly. */
const MOST_WIDE = 400;
const BY_PAIR = [0.05, 0.5, 0.95];

/** The measured messages' indices. */
function measured({ firstMs, fromMs, untilMs, messages }: Recording): number[] {
  return Array.from({ length: messages }, (_, m) => m)
    .filter((m) => firstMs[m] >= fromMs && firstMs[m] < untilMs);
}

/**
 * Questions 6 and 7: the share of a peer's deliveries that k others had made earlier; and seconds from a message's first sight until the first of k random peers delivers it, over all messages and
 * choices of k peers: exact, as the chance that none of k peers is among the first i is C(n − i, k) / C(n, k).
 */
export function delayWithPeers(recording: Recording): Table {
  const n = recording.features.length, { firstMs, receivedMs, messages } = recording;
  const chosen = measured(recording);
  const counts = PEER_COUNTS.filter((k) => k < n);
  const bins = counts.map(() => new Float64Array(BINS));
  const missed = new Float64Array(counts.length), had = new Float64Array(counts.length);
  let deliveries = 0;
  const delays = new Int32Array(n);
  for (const m of chosen) {
    let delivered = 0;
    for (let peer = 0; peer < n; peer++) {
      const at = receivedMs[peer * messages + m];
      if (at !== NEVER && at - firstMs[m] <= 1000 * CAP_SECONDS) {
        delays[delivered++] = at - firstMs[m];
      }
    }
    const sorted = delays.subarray(0, delivered).sort();
    deliveries += delivered;
    counts.forEach((k, i) => {
      let none = 1, noneEarlier = 1;
      for (let rank = 0; rank < delivered && none > 0; rank++) {
        const left = none * Math.max(0, n - rank - k) / (n - rank);
        bins[i][Math.floor(sorted[rank] / 1000)] += none - left;
        none = left;
      }
      // The peer itself is not among the k others.
      for (let rank = 0; rank < delivered; rank++) {
        had[i] += 1 - noneEarlier;
        noneEarlier *= Math.max(0, n - 1 - rank - k) / (n - 1 - rank);
      }
      missed[i] += none;
    });
  }
  const rows = counts.map((k, i) => {
    const total = bins[i].reduce((a, b) => a + b, 0);
    const at = (share: number) => {
      let sum = 0, second = 0;
      while (second < BINS - 1 && sum + bins[i][second] < share * total) sum += bins[i][second++];
      return second + (bins[i][second] === 0 ? 0 : (share * total - sum) / bins[i][second]);
    };
    return [
      k,
      chosen.length,
      at(0.05),
      at(0.5),
      at(0.95),
      missed[i] / chosen.length,
      had[i] / deliveries,
    ];
  });
  const names = "peers messages delay_p5 delay_p50 delay_p95 missed_share already_had_share";
  return tableOf(names, rows);
}

/** Question 9: shares of the variance of wide messages' delays, and how well a peer's mean delay predicts itself. */
export function slowPeers(recording: Recording): Table {
  const { firstMs, receivedMs, messages, features } = recording;
  const n = features.length;
  const wide = measured(recording).filter((m) => {
    let delivered = 0;
    for (let peer = 0; peer < n; peer++) if (receivedMs[peer * messages + m] !== NEVER) delivered++;
    return delivered >= WIDE_SHARE * n;
  });
  const step = Math.max(1, Math.ceil(wide.length / MOST_WIDE));
  const rows = wide.filter((_, i) => i % step === 0).map((m) =>
    Float64Array.from({ length: n }, (_, peer) => {
      const delay = (receivedMs[peer * messages + m] - firstMs[m]) / 1000;
      return receivedMs[peer * messages + m] === NEVER || delay > CAP_SECONDS ? NaN : delay;
    })
  );
  const halves = [meanDelays(recording, 0, 2), meanDelays(recording, 1, 2)];
  const table: Cell[][] = [[
    "rank correlation, odd and even",
    spearman([halves[0], ascending(halves[0])], [halves[1], ascending(halves[1])]),
    messages,
  ]];
  if (rows.length > 1) {
    const [message, peer, rest] = varianceShares(rows);
    table.unshift(
      ["variance between messages", message, rows.length],
      ["variance between peers", peer, rows.length],
      ["the rest of the variance", rest, rows.length],
    );
  }
  return tableOf("figure:text share messages", table);
}

/** Question 10: the share of messages that only one of two peers ever delivers; and what peers lack of wide messages. */
export function missingMessages(recording: Recording, pairs: readonly Pair[]): Table {
  const types: (number | null)[] = [...TYPES, null];
  const rows: Cell[][] = types.map((type, kind) => {
    const shares = pairs.map((pair) => onlyOneShare(recording, pair, type));
    return [`one of two: ${KINDS[kind]}`, ...quantiles(shares, BY_PAIR)];
  });
  const all = measured(recording);
  const half = all.filter((m) => 2 * recording.reach[m] >= recording.eligiblePeers);
  const lacking = recording.features.map((_, peer) => {
    const received = receiptsOf(recording, peer);
    return half.filter((m) => received[m] === NEVER).length / half.length;
  });
  rows.push(["a peer lacks of what half sent", ...quantiles(lacking, BY_PAIR)]);
  const known = rows.filter(([, middle]) => !Number.isNaN(middle));
  return tableOf("figure:text share_p5 share_p50 share_p95", known);
}
