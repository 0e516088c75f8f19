// Detector of changes of level, in series of ten minutes: message types, busy nodes and channels, peers, collectors.

import { formatDuration, formatNumber } from "../../format/numbers.ts";
import { messagesSql, receiptsSql, type Subject } from "./finding.ts";
import { findLevels } from "../statistics/levels.ts";
import { qValues } from "../statistics/tails.ts";
import { BIN_MS, originSubject, peerSubject, type World } from "./world.ts";
import { type Detector, MAX_Q } from "./detector.ts";
import sql from "./levels.sql" with { type: "text" };

/** 80 minutes: of two hours, bins cover at least 110 minutes. */
const LEAST_BINS = 8;
/** Smaller changes are none. An origin that doubles has few messages, and may show less. */
const LEAST_FACTOR = 1.75;
const LEAST_ORIGIN_FACTOR = 1.5;
/** A series with fewer per bin is too quiet to have a level, but for origins, which are chosen. */
const LEAST_PER_BIN = 20;
const [TYPE, ORIGIN, PEER] = [0, 1, 2];
const TYPES: Readonly<Record<number, string>> = {
  256: "channel_announcement",
  257: "node_announcement",
  258: "channel_update",
};

/** See `levels.sql`. */
export const levels: Detector = {
  sql,
  columns: 6,
  *detect([what, id, collector, bin, count, usual], world) {
    const bins = Math.floor(world.lengthMs / BIN_MS);
    const found = [];
    let tests = 0;
    for (let from = 0, to = 0; from < what.length; from = to) {
      const [counts, expected] = [new Float64Array(bins), new Float64Array(bins)];
      let sum = 0;
      const isSame = () =>
        what[to] === what[from] && id[to] === id[from] && collector[to] === collector[from];
      for (; to < what.length && isSame(); to++) {
        [counts[bin[to]], expected[bin[to]]] = [count[to], usual[to]];
        sum += count[to];
      }
      if (what[from] !== ORIGIN && sum < LEAST_PER_BIN * (to - from)) continue;
      tests++;
      const leastFactor = what[from] === ORIGIN ? LEAST_ORIGIN_FACTOR : LEAST_FACTOR;
      for (const level of findLevels(counts, expected, { leastBins: LEAST_BINS, leastFactor })) {
        found.push({ at: from, counts, ...level });
      }
    }
    const q = qValues(found.map(({ logP }) => logP), tests);
    for (const [i, { at, counts, observed, expected, ...level }] of found.entries()) {
      if (q[i] > MAX_Q) continue;
      const subject = subjectOf(world, what[at], id[at], collector[at], counts);
      const [fromMs, untilMs] = [level.from * BIN_MS, level.to * BIN_MS];
      const ratio = observed / expected;
      const text =
        `had ${(ratio > 1 ? ratio : 1 / ratio).toFixed(1)} times ${ratio > 1 ? "more" : "fewer"} ` +
        `${what[at] > ORIGIN ? "receipts" : "messages"} than usual for ${
          formatDuration((untilMs - fromMs) / 1000)
        }: ` +
        `${formatNumber(observed)} instead of ${formatNumber(Math.round(expected))}`;
      yield { kind: "level", subject, fromMs, untilMs, observed, expected, q: q[i], text };
    }
  },
};

function subjectOf(
  world: World,
  what: number,
  id: number,
  collector: number,
  counts: Float64Array,
): Subject {
  const bars = [...counts];
  if (what === ORIGIN) return { ...originSubject(world, [id]), bars };
  if (what === PEER) return { ...peerSubject(world, [id], collector), bars };
  const name = world.collectors.get(id) ?? String(id);
  return what === TYPE
    ? {
      name: `type ${TYPES[id]}`,
      bars,
      evidence: (from, to) => messagesSql(`m.type = ${id}`, from, to),
    }
    : {
      name: `collector ${name}`,
      bars,
      collector: name,
      evidence: (from, to) => receiptsSql(`r.collector_id = ${id}`, from, to),
    };
}
