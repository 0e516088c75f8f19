// Detectors on a sample of wide messages: slow and fast peers and origins, peers in lockstep, origins that peers never deliver.

import { formatNumber, formatPlural } from "../../format/numbers.ts";
import { anySql, type Finding, messagesSql } from "./finding.ts";
import { linked } from "../statistics/groups.ts";
import {
  lockstep,
  missingOrigins,
  NEVER,
  outliers,
  polish,
  rankScores,
  type Sample,
} from "../statistics/wide.ts";
import {
  logBinomialTail,
  logNegativeBinomialTail,
  logNormalTail,
  medianOf,
  qValues,
} from "../statistics/tails.ts";
import { originSubject, peerSubject, type World } from "./world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

/** Messages sampled, in all and of one origin; fewer of an origin show nothing. */
const MOST_MESSAGES = 16_000;
const MOST_OF_ORIGIN = 8;
const LEAST_OF_ORIGIN = 6;
/** The peers of the run of 2025-09-26 were from 36 times as fast as the median to 2.8 times as slow. */
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
const LEAST_PEERS = 8;

/** Columns: message, origin, first sight, peer, delay in ms. */
export const wide: Detector = {
  sql: `WITH ranked AS (
      SELECT message_id, origin, first_ms, row_number() OVER (PARTITION BY origin ORDER BY hash(message_id)) AS nth,
        count(*) OVER (PARTITION BY origin) AS messages
      FROM pattern_events WHERE peers >= (SELECT max(peers) / 2 FROM pattern_events)
    ), chosen AS (
      SELECT message_id, origin, first_ms, CAST(row_number() OVER (ORDER BY origin, nth) - 1 AS INTEGER) AS number
      FROM ranked WHERE messages >= ${LEAST_OF_ORIGIN} AND nth <= ${MOST_OF_ORIGIN} QUALIFY number < ${MOST_MESSAGES}
    )
    SELECT c.number, c.origin, c.first_ms, p.peer,
      CAST((epoch_us(r.received_at) - epoch_us($window_from)) // 1000 - c.first_ms AS INTEGER)
    FROM receipts r JOIN chosen c ON c.message_id = r.message_id JOIN pattern_peers p ON p.peer_id = r.peer_id
    WHERE NOT r.is_repeat AND NOT r.is_warmup AND r.received_at >= $window_from AND r.received_at < $window_to`,
  columns: 5,
  *detect([number, origin, firstMs, peer, delay], world) {
    const count = number.reduce((most, n) => Math.max(most, n), -1) + 1;
    const peers = world.peers.length;
    if (count < LEAST_COMMON || peers < LEAST_PEERS) return;
    const column = () => new Int32Array(count);
    const delayMs = new Int32Array(peers * count).fill(NEVER);
    const sample: Sample = { peers, origin: column(), firstMs: column(), delayMs };
    for (const [i, m] of number.entries()) {
      [sample.origin[m], sample.firstMs[m]] = [origin[i], firstMs[i]];
      const cell = peer[i] * count + m;
      const ms = Math.max(0, delay[i]);
      delayMs[cell] = delayMs[cell] === NEVER ? ms : Math.min(delayMs[cell], ms);
    }
    yield* slowAndFast(sample, world);
    yield* inLockstep(sample, world);
    yield* neverDelivered(sample, world);
  },
};

function* slowAndFast(sample: Sample, world: World): Generator<Finding> {
  const { peers, messages } = polish(sample);
  const isFar = (effect: number) =>
    effect > Math.log(SLOW_FACTOR) ||
    world.peers.length >= LEAST_FOR_FAST && effect < -Math.log(FAST_FACTOR);
  for (const { i, effect, logP } of outliers(peers)) {
    const q = Math.min(1, peers.length * Math.exp(logP));
    if (isFar(effect) && q <= MAX_Q) {
      yield late(world, "peer", peerSubject(world, [i]), effect, q, "the median peer");
    }
  }
  const scores = rankScores(messages, (m) => world.origins[sample.origin[m]].type);
  const origins = [...Map.groupBy(sample.origin.keys(), (m) => sample.origin[m])].flatMap(
    ([origin, all]) => {
      const own = all.filter((m) => Number.isFinite(messages[m]));
      const z = own.reduce((sum, m) => sum + scores[m].z, 0) / Math.sqrt(own.length);
      return own.length === 0
        ? []
        : [{ origin, z, effect: medianOf(own.map((m) => scores[m].effect)) }];
    },
  );
  const q = qValues(origins.map(({ z }) => logNormalTail(z)), origins.length);
  for (const [i, { origin, effect }] of origins.entries()) {
    if (q[i] > MAX_Q || Math.abs(effect) < Math.log(ORIGIN_FACTOR)) continue;
    yield late(
      world,
      "messages",
      originSubject(world, [origin]),
      effect,
      q[i],
      "others of its type, by the same peers",
    );
  }
}

function late(
  world: World,
  what: string,
  subject: Finding["subject"],
  effect: number,
  q: number,
  than: string,
): Finding {
  const times = Math.exp(Math.abs(effect));
  const [kind, word] = effect > 0 ? ["slow", "later"] : ["fast", "earlier"];
  const text = `is delivered or delivers ${times.toFixed(1)} times ${word} than ${than}`
    .replace(what === "peer" ? "is delivered or " : " or delivers", "");
  const rest = { fromMs: 0, untilMs: world.lengthMs, observed: Math.exp(effect), expected: 1 };
  return { kind: `${kind} ${what}`, subject, ...rest, q, times, text };
}

function* inLockstep(sample: Sample, world: World): Generator<Finding> {
  const subnets = world.peers.map(({ address }) => address.match(/^(\d+\.\d+\.\d+)\.\d+:/)?.[1]);
  const pairs = lockstep(sample).filter(({ a, b, common, together }) => {
    const isSubnet = subnets[a] !== undefined && subnets[a] === subnets[b];
    return common >= LEAST_COMMON &&
      together >= (isSubnet ? TOGETHER_IN_SUBNET : TOGETHER) * common;
  });
  const logP = pairs.map(({ common, together }) =>
    logBinomialTail(together, common, TOGETHER_BY_CHANCE)
  );
  const q = qValues(logP, world.peers.length * (world.peers.length - 1) / 2);
  const close = pairs.filter((_, i) => q[i] <= MAX_Q);
  for (const peers of linked(close.map(({ a, b }) => [a, b]))) {
    const own = close.filter(({ a }) => peers.includes(a));
    const [common, observed] = (["common", "together"] as const).map((of) =>
      own.reduce((sum, pair) => sum + pair[of], 0)
    );
    const isSubnet = new Set(peers.map((peer) => subnets[peer])).size === 1 && subnets[peers[0]];
    const text =
      `are ${peers.length} in lockstep${isSubnet ? `, all in ${subnets[peers[0]]}.0/24` : ""}: ` +
      `${
        (100 * observed / common).toFixed(0)
      } % of what two of them have came within 50 ms; one operator may run them`;
    yield {
      ...{
        kind: "lockstep",
        subject: peerSubject(world, peers),
        fromMs: 0,
        untilMs: world.lengthMs,
      },
      ...{ observed, expected: TOGETHER_BY_CHANCE * common, q: Math.min(...q), text },
    };
  }
}

function* neverDelivered(sample: Sample, world: World): Generator<Finding> {
  const missing = missingOrigins(sample, world.spans, LEAST_OF_ORIGIN);
  const logP = missing.map(({ origins, expected }) =>
    logNegativeBinomialTail(origins.size, expected)
  );
  const q = qValues(logP, world.peers.length);
  const odd = missing.map((own, i) => ({ ...own, q: q[i] }))
    .filter(({ origins, q }) => origins.size >= LEAST_MISSING && q <= MAX_Q);
  // Peers that lack about the same origins are one finding.
  const pairs = odd.flatMap((a, i) =>
    odd.slice(i).filter((b) =>
      2 * a.origins.intersection(b.origins).size >= a.origins.union(b.origins).size
    )
      .map((b) => [a.peer, b.peer] as const)
  );
  for (const peers of linked(pairs)) {
    const own = odd.filter(({ peer }) => peers.includes(peer));
    const origins = [
      ...own.reduce((all, { origins }) => all.intersection(origins), own[0].origins),
    ];
    const names = origins.slice(0, 2).map((origin) => world.origins[origin].name);
    const where = anySql(origins.map((origin) => `(${world.origins[origin].where})`));
    yield {
      kind: "never delivered",
      subject: {
        ...peerSubject(world, peers),
        evidence: (from, to) => messagesSql(where, from, to),
      },
      ...{
        fromMs: 0,
        untilMs: world.lengthMs,
        observed: own[0].origins.size,
        expected: own[0].expected,
        q: own[0].q,
      },
      text: `never delivered ${formatPlural(origins.length, "origin")} that most peers ` +
        `do, such as ${names.join(" and ")}: none of ${
          formatNumber(own[0].messages)
        } sampled messages ` +
        `(${formatPlural(peers.length, "peer")})`,
    };
  }
}
