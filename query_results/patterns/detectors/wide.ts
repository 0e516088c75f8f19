// Detectors on a sample of wide messages: slow and fast peers and origins, peers in lockstep, origins that peers never deliver.

import { formatNumber, formatPlural } from "../../format/numbers.ts";
import { factor, type Finding, peersSql, receiptsSql, spanSql } from "../finding.ts";
import { lockstep, missingOrigins, NEVER, polish, type Sample } from "../statistics/wide.ts";
import {
  logBinomialTail,
  logNegativeBinomialTail,
  logNormalTail,
  medianOf,
  normalQuantile,
  qValues,
} from "../statistics/tails.ts";
import { sparkOf, type World } from "../world.ts";
import { type Detector, MAX_Q } from "./detector.ts";
import { ofOrigin } from "./origins.ts";

/** Messages sampled, in all and of one origin; fewer of an origin show nothing. */
const MOST_MESSAGES = 16_000;
const MOST_OF_ORIGIN = 8;
const LEAST_OF_ORIGIN = 6;
/** Deviations of a peer from the median peer, by the median absolute deviation. */
const FAR = 5;
/** And as a factor of time: the peers of the run of 2025-09-26 were from 36 times as fast to 2.8 times as slow. */
const SLOW_FACTOR = 4;
const FAST_FACTOR = 50;
/** Among fewer peers a fast one is mostly the first itself, from which delays count. */
const LEAST_FOR_FAST = 200;
/** A smaller factor of an origin's messages is no line worth. */
const ORIGIN_FACTOR = 1.3;
/** Share of their common messages that two peers deliver within 50 ms: of any, and of one /24. */
const TOGETHER = 0.7;
const TOGETHER_IN_SUBNET = 0.5;
/** Chance of that at most, for peers that flush on equal timers. */
const TOGETHER_BY_CHANCE = 0.4;
const LEAST_COMMON = 50;
/** Origins that a peer never delivers. */
const LEAST_MISSING = 3;

/** Columns: message, origin, first sight, peer, delay in ms. */
export const wide: Detector = {
  kind: "wide messages",
  sql: `WITH ranked AS (
      SELECT message_id, origin, first_ms, row_number() OVER (PARTITION BY origin ORDER BY hash(message_id)) AS nth,
        count(*) OVER (PARTITION BY origin) AS messages
      FROM pattern_events WHERE peers >= (SELECT max(peers) / 2 FROM pattern_events)
    ), chosen AS (
      SELECT message_id, origin, first_ms, CAST(row_number() OVER (ORDER BY origin, nth) - 1 AS INTEGER) AS number
      FROM ranked WHERE messages >= ${LEAST_OF_ORIGIN} AND nth <= ${MOST_OF_ORIGIN}
      QUALIFY number < ${MOST_MESSAGES}
    )
    SELECT c.number, c.origin, c.first_ms, p.peer,
      CAST((epoch_us(r.received_at) - epoch_us($window_from)) // 1000 - c.first_ms AS INTEGER)
    FROM receipts r JOIN chosen c ON c.message_id = r.message_id JOIN pattern_peers p ON p.peer_id = r.peer_id
    WHERE NOT r.is_repeat AND NOT r.is_warmup`,
  columns: 5,
  detect([number, origin, firstMs, peer, delay], world) {
    const count = number.reduce((most, n) => Math.max(most, n), -1) + 1;
    const peers = world.peers.length;
    if (count < LEAST_COMMON || peers < 8) return [];
    const sample: Sample = {
      peers,
      origin: new Int32Array(count),
      firstMs: new Int32Array(count),
      delayMs: new Int32Array(peers * count).fill(NEVER),
    };
    for (let i = 0; i < number.length; i++) {
      sample.origin[number[i]] = origin[i];
      sample.firstMs[number[i]] = firstMs[i];
      const cell = peer[i] * count + number[i];
      const before = sample.delayMs[cell];
      if (before === NEVER || delay[i] < before) sample.delayMs[cell] = Math.max(0, delay[i]);
    }
    return [
      ...slowAndFast(sample, world),
      ...inLockstep(sample, world),
      ...neverDelivered(sample, world),
    ];
  },
};

function* slowAndFast(sample: Sample, world: World): Generator<Finding> {
  const { peers, messages } = polish(sample);
  for (const { i, effect, q } of outliers(peers)) {
    const { id, node } = world.peers[i];
    const times = Math.exp(Math.abs(effect));
    yield {
      ...ofPeers(world, effect > 0 ? "slow peer" : "fast peer", `peer ${node}`, [i]),
      observed: Math.exp(effect),
      expected: 1,
      q,
      effect: times,
      sentence: `peer ${node} delivers ${times.toFixed(1)} times as ${
        effect > 0 ? "late" : "early"
      } as the median peer`,
      evidence: spanSql(peersSql([id]), world.window.from, world.window.to),
      spark: histogram(peers, effect, "peers by how late they deliver"),
    };
  }
  const byOrigin = [...Map.groupBy(sample.origin.keys(), (m) => sample.origin[m])];
  const scores = normalScores(messages, (m) => world.origins[sample.origin[m]].type);
  const origins = byOrigin.flatMap(([origin, all]) => {
    const own = all.filter((m) => Number.isFinite(messages[m]));
    const sum = own.reduce((sum, m) => sum + scores.values[m], 0);
    return own.length === 0 ? [] : [{ origin, own, z: sum / Math.sqrt(own.length) }];
  });
  const q = qValues(origins.map(({ z }) => logNormalTail(z)), origins.length);
  for (const [i, { origin, own }] of origins.entries()) {
    const effect = medianOf(own.map((m) => messages[m])) -
      scores.medians.get(world.origins[origin].type)!;
    const times = Math.exp(Math.abs(effect));
    if (q[i] > MAX_Q || times < ORIGIN_FACTOR) continue;
    yield ofOrigin(
      world,
      origin,
      effect > 0 ? "slow messages" : "fast messages",
      0,
      world.lengthMs,
      {
        observed: Math.exp(effect),
        expected: 1,
        q: q[i],
        effect: times,
        sentence:
          `is delivered ${times.toFixed(1)} times as ${
            effect > 0 ? "late" : "early"
          } as others of its type, by the ` +
          `same peers (median of ${own.length} messages)`,
      },
    );
  }
}

/** Ranks within each kind as quantiles of a normal distribution, and each kind's median; NaN stays out. */
function normalScores(effects: Float64Array, kindOf: (m: number) => number) {
  const values = new Float64Array(effects.length);
  const medians = new Map<number, number>();
  for (const [kind, own] of Map.groupBy(effects.keys(), kindOf)) {
    const order = own.filter((m) => Number.isFinite(effects[m])).sort((a, b) =>
      effects[a] - effects[b]
    );
    order.forEach((m, rank) => values[m] = normalQuantile((rank + 0.5) / order.length));
    medians.set(kind, effects[order[order.length >> 1]]);
  }
  return { values, medians };
}

/** What lies far from the median, on both scales. */
function outliers(effects: Float64Array): { i: number; effect: number; q: number }[] {
  const known = [...effects.keys()].filter((i) => Number.isFinite(effects[i]));
  const middle = medianOf(known.map((i) => effects[i]));
  const deviation = 1.4826 * medianOf(known.map((i) => Math.abs(effects[i] - middle)));
  const z = known.map((i) => (effects[i] - middle) / Math.max(deviation, 0.05));
  const q = qValues(z.map(logNormalTail), known.length);
  return known.flatMap((i, at) => {
    const effect = effects[i] - middle;
    if (effect < 0 && known.length < LEAST_FOR_FAST) return [];
    const isFar = Math.abs(z[at]) >= FAR &&
      Math.abs(effect) >= Math.log(effect > 0 ? SLOW_FACTOR : FAST_FACTOR);
    return isFar && q[at] <= MAX_Q ? [{ i, effect, q: q[at] }] : [];
  });
}

function* inLockstep(sample: Sample, world: World): Generator<Finding> {
  const subnets = world.peers.map(({ address }) =>
    address.match(/^(\d+\.\d+\.\d+)\.\d+:/)?.[1] ?? null
  );
  const pairs = lockstep(sample).filter(({ a, b, common, together }) => {
    const isSubnet = subnets[a] !== null && subnets[a] === subnets[b];
    return common >= LEAST_COMMON &&
      together >= (isSubnet ? TOGETHER_IN_SUBNET : TOGETHER) * common;
  });
  const q = qValues(
    pairs.map(({ common, together }) => logBinomialTail(together, common, TOGETHER_BY_CHANCE)),
    world.peers.length * (world.peers.length - 1) / 2,
  );
  const close = pairs.map((pair, i) => ({ ...pair, q: q[i] })).filter(({ q }) => q <= MAX_Q);
  for (const members of linked(close)) {
    const own = close.filter(({ a }) => members.includes(a));
    const [common, together] = [
      own.map(({ common }) => common),
      own.map(({ together }) => together),
    ]
      .map((values) => values.reduce((sum, value) => sum + value, 0));
    const nets = new Set(members.map((peer) => subnets[peer]));
    const where = nets.size === 1 && !nets.has(null) ? `, all in ${[...nets][0]}.0/24` : "";
    const ids = members.map((peer) => world.peers[peer].id);
    yield {
      ...ofPeers(world, "lockstep", `peers like ${world.peers[members[0]].node}`, members),
      observed: together,
      expected: TOGETHER_BY_CHANCE * common,
      q: Math.min(...own.map(({ q }) => q)),
      effect: factor(together, 0.01 * common),
      sentence:
        `${members.length} peers deliver in lockstep${where}: ${
          (100 * together / common).toFixed(0)
        } % of what two ` +
        "of them have came within 50 ms; one operator may be behind them",
      evidence: spanSql(peersSql(ids), world.window.from, world.window.to),
    };
  }
}

function linked(pairs: readonly { a: number; b: number }[]): number[][] {
  const of = new Map<number, Set<number>>();
  for (const { a, b } of pairs) {
    const all = new Set([...of.get(a) ?? [a], ...of.get(b) ?? [b]]);
    for (const peer of all) of.set(peer, all);
  }
  return [...new Set(of.values())].map((set) => [...set].sort((a, b) => a - b));
}

function* neverDelivered(sample: Sample, world: World): Generator<Finding> {
  const missing = missingOrigins(sample, world.spans, LEAST_OF_ORIGIN);
  const q = qValues(
    missing.map(({ origins, expected }) => logNegativeBinomialTail(origins.length, expected)),
    world.peers.length,
  );
  const odd = missing.map((own, i) => ({ ...own, q: q[i], set: new Set(own.origins) }))
    .filter(({ origins, q }) => origins.length >= LEAST_MISSING && q <= MAX_Q);
  // Peers that lack about the same origins are one finding.
  const pairs = odd.flatMap((a, i) =>
    odd.slice(i).filter((b) => 2 * a.set.intersection(b.set).size >= a.set.union(b.set).size)
      .map((b) => ({ a: a.peer, b: b.peer }))
  );
  for (const peers of linked(pairs)) {
    const own = odd.filter(({ peer }) => peers.includes(peer));
    const origins = [...own.reduce((all, { set }) => all.intersection(set), own[0].set)];
    const [messages, expected] = [
      own[0].messages,
      Math.max(...own.map(({ expected }) => expected)),
    ];
    const where = origins.slice(0, 50).map((origin) => `(${world.origins[origin].where})`).join(
      " OR ",
    );
    const names = origins.slice(0, 2).map((origin) => world.origins[origin].name).join(", ");
    yield {
      ...ofPeers(world, "never delivered", `peer ${world.peers[peers[0]].node}`, peers),
      observed: own[0].origins.length,
      expected,
      q: Math.min(...own.map(({ q }) => q)),
      effect: factor(own[0].origins.length, expected),
      sentence:
        `${formatPlural(peers.length, "peer")} never delivered ${
          formatPlural(origins.length, "origin")
        } that most ` +
        `others do (${names}${origins.length > 2 ? ", …" : ""}): none of ${
          formatNumber(messages)
        } sampled messages`,
      evidence: receiptsSql(`(${where})`, world.window.from, world.window.to),
    };
  }
}

function ofPeers(world: World, kind: string, entity: string, peers: readonly number[]) {
  const { from, to } = world.window;
  const spans = world.spans.filter(({ peer }) => peers.includes(peer));
  const label = "connected peers among them over the window";
  const hour = (span: { settledMs: number; toMs: number }) =>
    Array.from({ length: 72 }, (_, i) => i / 72 * world.lengthMs).filter((ms) =>
      ms >= span.settledMs && ms < span.toMs
    );
  return {
    kind,
    entity,
    fromUs: from,
    untilUs: to,
    peers,
    spark: sparkOf(world, spans.flatMap(hour), 0, world.lengthMs, label),
  };
}

const HISTOGRAM_BARS = 40;

function histogram(effects: Float64Array, effect: number, label: string) {
  const known = [...effects].filter(Number.isFinite);
  const middle = medianOf(known.slice());
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const bar = (value: number) =>
    Math.min(
      HISTOGRAM_BARS - 1,
      Math.floor((value - least) / Math.max(1e-9, most - least) * HISTOGRAM_BARS),
    );
  const values = new Array<number>(HISTOGRAM_BARS).fill(0);
  for (const value of known) values[bar(value)]++;
  const at = bar(middle + effect);
  return { values, from: at, to: at + 1, label };
}
