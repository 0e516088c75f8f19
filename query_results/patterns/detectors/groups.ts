// Detector of peers that deliver the same narrow messages, which hardly any others do.

import { seededRandom } from "../../../shared/random.ts";
import { formatNumber } from "../../format/numbers.ts";
import { factor, type Finding, receiptsSql } from "../finding.ts";
import {
  communities,
  type Deliveries,
  likeness,
  peerLikeness,
  permuted,
} from "../statistics/groups.ts";
import { logBinomialTail, medianOf, qValues } from "../statistics/tails.ts";
import { sparkOf, startsOf, type World } from "../world.ts";
import { type Detector, MAX_Q } from "./detector.ts";

/** A narrow message has at least this many peers, and at most this share of all. */
const LEAST_PEERS = 8;
const NARROW_SHARE = 0.1;
/** Alike below this is alike by chance, whatever the permutations give. */
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
  kind: "group",
  sql: `WITH narrow AS (
      SELECT message_id, first_ms, CAST(row_number() OVER (ORDER BY first_ms, message_id) - 1 AS INTEGER) AS number
      FROM pattern_messages
      WHERE peers BETWEEN ${LEAST_PEERS} AND ${NARROW_SHARE} * (SELECT count(*) FROM pattern_peers)
    )
    SELECT DISTINCT n.number, n.first_ms, p.peer
    FROM receipts r JOIN narrow n ON n.message_id = r.message_id JOIN pattern_peers p ON p.peer_id = r.peer_id
    WHERE NOT r.is_warmup ORDER BY n.number, p.peer`,
  columns: 3,
  detect([message, firstMs, peers], world) {
    const count = (message.at(-1) ?? -1) + 1;
    if (count < LEAST_MESSAGES) return [];
    const starts = startsOf(message, count);
    const deliveries: Deliveries = { peers, starts, peerCount: world.peers.length };
    const times = Int32Array.from({ length: count }, (_, m) => firstMs[starts[m]]);
    const random = seededRandom("groups");
    const hours = times.map((ms) => Math.floor(ms / 3_600_000));
    let least = LEAST_LIKENESS;
    for (let i = 0; i < PERMUTATIONS; i++) {
      least = Math.max(least, likeness(permuted(deliveries, hours, random), random, 1).greatest);
    }
    const { like } = likeness(deliveries, random, least);
    const isAlike = (m: number) => like[m] >= LEAST_LIKE;
    const community = communities(peerLikeness(deliveries, isAlike), world.peers.length);
    return groupFindings(world, deliveries, times, isAlike, community);
  },
};

function groupFindings(
  world: World,
  { peers, starts }: Deliveries,
  times: Int32Array,
  isAlike: (message: number) => boolean,
  community: Int32Array,
): Finding[] {
  const messagesOf = new Map<number, number[]>();
  for (let m = 0; m < times.length; m++) {
    if (!isAlike(m)) continue;
    const votes = new Map<number, number>();
    for (let i = starts[m]; i < starts[m + 1]; i++) {
      votes.set(community[peers[i]], (votes.get(community[peers[i]]) ?? 0) + 1);
    }
    const [first, share] = [...votes].reduce((a, b) => b[1] > a[1] ? b : a);
    if (2 * share > starts[m + 1] - starts[m]) {
      (messagesOf.get(first) ?? messagesOf.set(first, []).get(first)!).push(m);
    }
  }
  const found = [...messagesOf].flatMap(([, messages]) => {
    const delivered = new Int32Array(world.peers.length);
    for (const m of messages) for (let i = starts[m]; i < starts[m + 1]; i++) delivered[peers[i]]++;
    const members = [...delivered.keys()].filter((p) =>
      delivered[p] >= MEMBER_SHARE * messages.length
    )
      .sort((a, b) => delivered[b] - delivered[a]);
    if (members.length < LEAST_MEMBERS || messages.length < LEAST_MESSAGES) return [];
    const isMember = new Set(members);
    const inside = messages.map((m) =>
      peers.subarray(starts[m], starts[m + 1]).filter((p) => isMember.has(p)).length
    );
    const sizes = messages.map((m) => starts[m + 1] - starts[m]);
    const chance = members.length / world.peers.length;
    const logP = medianOf(inside.map((hits, i) => logBinomialTail(hits, sizes[i], chance)));
    return [{ members, messages, inside, sizes, chance, logP }];
  });
  const q = qValues(found.map(({ logP }) => logP), found.length * times.length);
  return found.flatMap(({ members, messages, inside, sizes, chance }, i) => {
    if (q[i] > MAX_Q) return [];
    const sum = (values: number[]) => values.reduce((sum, value) => sum + value, 0);
    const [observed, all] = [sum(inside), sum(sizes)];
    const own = messages.map((m) => times[m]);
    const [fromMs, untilMs] = [own[0], own[own.length - 1]];
    const [fromUs, untilUs] = [fromMs, untilMs + 1].map(world.toUs);
    const narrow = `m.message_id IN (SELECT message_id FROM receipts GROUP BY message_id ` +
      `HAVING count(DISTINCT peer_id) BETWEEN ${LEAST_PEERS} AND ${
        Math.ceil(NARROW_SHARE * world.peers.length)
      })`;
    return {
      kind: "group",
      entity: `peers like ${world.peers[members[0]].node}`,
      fromUs,
      untilUs,
      observed,
      expected: chance * all,
      q: q[i],
      effect: factor(observed, chance * all),
      sentence:
        `${members.length} peers share ${
          formatNumber(messages.length)
        } messages that hardly others deliver: ` +
        `${
          (100 * observed / all).toFixed(0)
        } % of these messages' receipts are theirs, by chance it would be ` +
        `${(100 * chance).toFixed(0)} %`,
      evidence: receiptsSql(narrow, fromUs, untilUs, members.map((p) => world.peers[p].id)),
      spark: sparkOf(world, own, fromMs, untilMs, "messages of the group over the window"),
      peers: members,
    };
  });
}
