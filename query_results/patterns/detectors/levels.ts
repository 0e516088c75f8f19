// Detector of changes of level, in series of ten minutes: message types, busy nodes and channels, peers, collectors.

import { formatDuration, formatNumber } from "../../format/numbers.ts";
import { factor, type Finding, peersSql, receiptsSql, spanSql } from "../finding.ts";
import { findLevels, type Level } from "../statistics/levels.ts";
import { qValues } from "../statistics/tails.ts";
import { BIN_MS, type World } from "../world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

/** A quieter origin cannot show that it doubled within two hours. */
const LEAST_PER_HOUR = 30;
/** 80 minutes: of two hours, bins cover at least 110 minutes. */
const OPTIONS = { leastBins: 8, leastFactor: 1.5 };
/** A peer with fewer receipts per bin is too quiet to have a level. */
const LEAST_PER_BIN = 20;

const [TYPE, ORIGIN, PEER] = [0, 1, 2];
const TYPE_NAMES: Readonly<Record<number, string>> = {
  256: "channel_announcement",
  257: "node_announcement",
  258: "channel_update",
};

interface Series {
  readonly counts: Float64Array;
  readonly expected: Float64Array;
  readonly name: string;
  readonly what: string;
  readonly evidence: (fromUs: number, untilUs: number) => string;
  readonly about: Pick<Finding, "origins" | "peers" | "collector">;
}

/** Columns: what, id, collector, bin, count. */
export const levels: Detector = {
  kind: "level",
  sql:
    `SELECT ${TYPE}, type, 0, first_ms // ${BIN_MS}, CAST(count(*) AS INTEGER) FROM pattern_messages GROUP BY ALL
    UNION ALL
    SELECT ${ORIGIN}, origin, 0, first_ms // ${BIN_MS}, CAST(count(*) AS INTEGER)
    FROM pattern_events WHERE origin IN (SELECT origin FROM pattern_origins
      WHERE messages >= ${LEAST_PER_HOUR} * (epoch_us($window_to) - epoch_us($window_from)) / 3.6e9) GROUP BY ALL
    UNION ALL
    SELECT ${PEER}, peer, collector_id, bin, receipts FROM pattern_series`,
  columns: 5,
  detect(columns, world) {
    const bins = Math.floor(world.lengthMs / BIN_MS);
    if (bins < 2 * OPTIONS.leastBins) return [];
    const all = [...seriesOf(columns, world, bins)];
    const found = all.flatMap((series) =>
      findLevels(series.counts, series.expected, OPTIONS).map((level) => ({ series, level }))
    );
    const q = qValues(found.map(({ level }) => level.logP), all.length);
    return found.flatMap(({ series, level }, i) =>
      q[i] > MAX_Q ? [] : finding(world, series, level, q[i])
    );
  },
};

function* seriesOf(columns: readonly Int32Array[], world: World, bins: number): Generator<Series> {
  const counts = new Map<string, Float64Array>();
  const [what, id, collector, bin, count] = columns;
  for (let i = 0; i < what.length; i++) {
    if (bin[i] < 0 || bin[i] >= bins) continue;
    const key = `${what[i]} ${id[i]} ${collector[i]}`;
    let own = counts.get(key);
    if (!own) counts.set(key, own = new Float64Array(bins));
    own[bin[i]] += count[i];
  }
  const network = new Float64Array(bins);
  const receipts = new Map<number, Float64Array>();
  for (const [key, own] of counts) {
    const [what, , collector] = key.split(" ").map(Number);
    const total = what === TYPE
      ? network
      : what === PEER
      ? receipts.get(collector) ?? receipts.set(collector, new Float64Array(bins)).get(collector)!
      : null;
    if (total) own.forEach((value, i) => total[i] += value);
  }
  const settled = settledPeers(world, bins);
  for (const [key, own] of counts) {
    const [what, id, collector] = key.split(" ").map(Number);
    if (what === TYPE) {
      const name = TYPE_NAMES[id];
      const evidence = (from: number, until: number) => receiptsSql(`m.type = ${id}`, from, until);
      yield {
        counts: own,
        expected: new Float64Array(bins).fill(1),
        name: `type ${name}`,
        what: "messages",
        evidence,
        about: {},
      };
    } else if (what === ORIGIN) {
      // What all origins of its type send more of is no matter of this one.
      const { name, where, type } = world.origins[id];
      const expected = counts.get(`${TYPE} ${type} 0`)!.map((value) => value + 1);
      const evidence = (from: number, until: number) => receiptsSql(where, from, until);
      yield { counts: own, expected, name, what: "messages", evidence, about: { origins: [id] } };
    } else {
      // What all peers of a collector send more of is no matter of this one.
      const { per, of } = settled.get(collector)!;
      const total = receipts.get(collector)!;
      const expected = total.map((sum, i) => of.get(id)?.[i] && per[i] > 2 ? sum / per[i] : 0);
      const usual = own.reduce((sum, value) => sum + value, 0) /
        expected.filter((value) => value > 0).length;
      if (!(usual >= LEAST_PER_BIN)) continue;
      const { id: peerId, node } = world.peers[id];
      const evidence = (from: number, until: number) =>
        spanSql(`${peersSql([peerId])} AND r.collector_id = ${collector}`, from, until);
      const about = { peers: [id], collector: world.collectors.get(collector) };
      yield { counts: own, expected, name: `peer ${node}`, what: "receipts", evidence, about };
    }
  }
  for (const [collector, total] of receipts) {
    const { per } = settled.get(collector)!;
    const expected = total.map((_, i) => per[i] > 2 ? per[i] * network[i] : 0);
    const name = world.collectors.get(collector) ?? String(collector);
    const evidence = (from: number, until: number) =>
      spanSql(`r.collector_id = ${collector}`, from, until);
    yield {
      counts: total,
      expected,
      name: `collector ${name}`,
      what: "receipts per peer and message",
      evidence,
      about: { collector: name },
    };
  }
}

/** By collector: how many peers were connected and past warm-up for the whole of each bin, and which. */
function settledPeers(world: World, bins: number) {
  const settled = new Map<number, { per: Float64Array; of: Map<number, Uint8Array> }>();
  for (const { peer, collector, settledMs, toMs } of world.spans) {
    let own = settled.get(collector);
    if (!own) settled.set(collector, own = { per: new Float64Array(bins), of: new Map() });
    let held = own.of.get(peer);
    if (!held) own.of.set(peer, held = new Uint8Array(bins));
    for (let bin = Math.ceil(settledMs / BIN_MS); (bin + 1) * BIN_MS <= toMs && bin < bins; bin++) {
      if (held[bin] === 0) own.per[bin]++;
      held[bin] = 1;
    }
  }
  return settled;
}

function finding(world: World, series: Series, level: Level, q: number): Finding {
  const { from, to, observed, expected } = level;
  const [fromUs, untilUs] = [from * BIN_MS, to * BIN_MS].map(world.toUs);
  const effect = factor(observed, expected);
  return {
    kind: "level",
    entity: series.name,
    fromUs,
    untilUs,
    observed,
    expected,
    q,
    effect,
    sentence:
      `${series.name}: ${series.what} were ${effect.toFixed(1)} times ${
        observed > expected ? "as many as" : "fewer than"
      } usual for ${formatDuration((to - from) * BIN_MS / 1000)} (${
        formatNumber(observed)
      } instead of ` +
      `${formatNumber(Math.round(expected))})`,
    evidence: series.evidence(fromUs, untilUs),
    spark: {
      values: [...series.counts],
      from,
      to,
      label: `${series.what} of ${series.name} in bins of ten minutes`,
    },
    ...series.about,
  };
}
