// Detector of peers that deliver the same narrow messages, which hardly any others do.

import { seededRandom } from "../../../shared/random.ts";
import { formatNumber } from "../../format/numbers.ts";
import { type Finding, messagesSql, peersSql, within } from "./finding.ts";
import {
  communities,
  type Deliveries,
  likeness,
  peerLikeness,
  redrawn,
} from "../statistics/groups.ts";
import { logBinomialTail, medianOf } from "../statistics/tails.ts";
import { barsOf, BIN_MS, peerSubject, startsOf, type World } from "./world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

/** A narrow message has at least this many peers, and at most this share of all. */
const LEAST_PEERS = 8;
const NARROW_SHARE = 0.1;
const HOUR_MS = 3_600_000;
/** Alike below this is alike by chance, whatever the null model gives. */
const LEAST_LIKENESS = 0.3;
const PERMUTATIONS = 2;
/** Messages like it that a message of a group has. */
const LEAST_LIKE = 5;
/** Peers and messages of a group. */
const LEAST_MEMBERS = 10;
const LEAST_MESSAGES = 20;
/** A member delivers this share of the group's messages. */
const MEMBER_SHARE = 0.3;

/** Columns: message, its first sight, peer; by message. */
export const groups: Detector = {
  sql: `WITH narrow AS (
      SELECT message_id, first_ms, CAST(row_number() OVER (ORDER BY first_ms, message_id) - 1 AS INTEGER) AS number
      FROM pattern_messages
      WHERE peers BETWEEN ${LEAST_PEERS} AND ${NARROW_SHARE} * (SELECT count(*) FROM pattern_peers)
    )
    SELECT DISTINCT n.number, n.first_ms, p.peer
    FROM receipts r JOIN narrow n ON n.message_id = r.message_id JOIN pattern_peers p ON p.peer_id = r.peer_id
    WHERE NOT r.is_warmup AND r.received_at >= $window_from AND r.received_at < $window_to
    ORDER BY n.number, p.peer`,
  columns: 3,
  *detect([message, firstMs, peers], world) {
    const count = (message.at(-1) ?? -1) + 1;
    if (count < LEAST_MESSAGES) return;
    const starts = startsOf(message, count);
    const deliveries: Deliveries = { peers, starts, peerCount: world.peers.length };
    const times = Int32Array.from({ length: count }, (_, m) => firstMs[starts[m]]);
    const random = seededRandom("groups");
    const weights = hourlyWeights(world);
    const weightsOf = (m: number) =>
      weights[Math.min(weights.length - 1, Math.floor(times[m] / HOUR_MS))];
    let least = LEAST_LIKENESS;
    for (let i = 0; i < PERMUTATIONS; i++) {
      least = Math.max(least, likeness(redrawn(deliveries, weightsOf, random), random, 1).greatest);
    }
    const { like } = likeness(deliveries, random, least);
    const isAlike = (m: number) => like[m] >= LEAST_LIKE;
    const community = communities(peerLikeness(deliveries, isAlike), world.peers.length);
    yield* groupFindings(world, deliveries, times, isAlike, community);
  },
};

/** By hour: what each peer delivers of all, summed up over the peers. */
function hourlyWeights({ series: [peer, bin, receipts], peers, lengthMs }: World): Float64Array[] {
  const hours = Array.from(
    { length: Math.ceil(lengthMs / HOUR_MS) },
    () => new Float64Array(peers.length),
  );
  peer.forEach((p, i) => hours[Math.floor(bin[i] * BIN_MS / HOUR_MS)][p] += receipts[i]);
  for (const sums of hours) for (let p = 1; p < sums.length; p++) sums[p] += sums[p - 1];
  return hours;
}

function* groupFindings(
  world: World,
  { peers, starts }: Deliveries,
  times: Int32Array,
  isAlike: (message: number) => boolean,
  community: Int32Array,
): Generator<Finding> {
  const peersOf = (m: number) => peers.subarray(starts[m], starts[m + 1]);
  const alike = [...times.keys()].filter(isAlike);
  // The community of the peer in the middle of them all is mostly that of most.
  const mostly = (m: number) => medianOf([...peersOf(m)].map((peer) => community[peer]));
  for (const messages of Map.groupBy(alike, mostly).values()) {
    const delivered = new Int32Array(world.peers.length);
    for (const m of messages) for (const peer of peersOf(m)) delivered[peer]++;
    const members = [...delivered.keys()].filter((peer) =>
      delivered[peer] >= MEMBER_SHARE * messages.length
    )
      .sort((a, b) => delivered[b] - delivered[a]);
    if (members.length < LEAST_MEMBERS || messages.length < LEAST_MESSAGES) continue;
    const isMember = new Set(members);
    const sizes = messages.map((m) => peersOf(m).length);
    const inside = messages.map((m) => peersOf(m).filter((peer) => isMember.has(peer)).length);
    const chance = members.length / world.peers.length;
    const logP = medianOf(inside.map((hits, i) => logBinomialTail(hits, sizes[i], chance)));
    const q = Math.min(1, times.length * Math.exp(logP));
    if (q > MAX_Q) continue;
    const [observed, all] = [inside, sizes].map((values) =>
      values.reduce((sum, value) => sum + value, 0)
    );
    const own = messages.map((m) => times[m]);
    const subject = peerSubject(world, members);
    const theirs = peersSql(members.map((peer) => world.peers[peer].id));
    const narrow = (from: number, to: number) =>
      `${theirs} AND m.message_id IN (SELECT message_id FROM receipts WHERE ${
        within("received_at", from, to + HOUR_MS * 1000)
      } GROUP BY message_id HAVING count(DISTINCT peer_id) <= ${
        NARROW_SHARE * world.peers.length
      })`;
    yield {
      kind: "group",
      subject: {
        ...subject,
        bars: barsOf(world, own),
        evidence: (from, to) => messagesSql(narrow(from, to), from, to),
      },
      fromMs: own[0],
      untilMs: own[own.length - 1] + 1,
      observed,
      expected: chance * all,
      q,
      text:
        `are ${members.length} that share ${
          formatNumber(messages.length)
        } messages which hardly others deliver: ` +
        `${
          (100 * observed / all).toFixed(0)
        } % of their receipts are these peers', by chance it would be ` +
        `${(100 * chance).toFixed(0)} %`,
    };
  }
}
