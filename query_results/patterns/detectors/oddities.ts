// Rarities found by rule rather than by test: stale (zombie) and future timestamps, large messages, rare feature bits.

import { featureBits } from "../../../shared/bolt/features.ts";
import { formatPlural } from "../../format/numbers.ts";
import { anySql, type Finding, messagesSql } from "./finding.ts";
import { barsOf, originName, originWhere, peerSubject, type World } from "./world.ts";
import query from "./oddities.sql" with { type: "text" };

/** Named in one finding. */
const MOST_NAMED = 3;
/** A feature bit is rare when at most this share of the peers sets it; there must be enough peers to say so. */
const RARE_SHARE = 0.005;
const LEAST_PEERS = 200;

const SAYS: Readonly<Record<string, string>> = {
  "stale timestamp":
    "more than two weeks old by their own timestamp, as of pruned (zombie) channels",
  "future timestamp": "more than ten minutes ahead of their receipt by their own timestamp",
  "large message": "half as large again as 99.9 % of their type",
};

/** One finding per kind and message type, and one per rare feature bit. */
export async function oddities(world: World): Promise<Finding[]> {
  const rows = await world.rows(query);
  const groups = Map.groupBy(
    rows,
    ([kind, type]) => `${kind} ${type === 257 ? "of nodes" : "of channels"}`,
  );
  return [...[...groups].map(([name, own]) => ofRows(world, name, own)), ...rareFeatures(world)];
}

function ofRows(world: World, name: string, rows: Awaited<ReturnType<World["rows"]>>): Finding {
  const most = rows.toSorted((a, b) => Number(b[4]) - Number(a[4]));
  const names = most.slice(0, MOST_NAMED).map(([, , scid, node]) => originName(scid, node)).join(
    ", ",
  );
  const where = anySql(most.map(([, type, scid, node]) => `(${originWhere(type, scid, node)})`));
  const [from, until] = [5, 6].map((column) => rows.map((row) => Number(row[column])));
  const kind = String(rows[0][0]);
  return {
    kind,
    subject: {
      name,
      bars: barsOf(world, from),
      evidence: (from, to) => messagesSql(where, from, to),
    },
    fromMs: Math.min(...from),
    untilMs: Math.max(...until) + 1,
    observed: rows.reduce((sum, row) => sum + Number(row[4]), 0),
    expected: 0,
    q: null,
    text: `: messages ${SAYS[kind]}, from ${formatPlural(rows.length, "origin")}, such as ${names}`,
  };
}

function* rareFeatures(world: World): Generator<Finding> {
  const setBy = new Map<number, number[]>();
  world.peers.forEach(({ features }, peer) => {
    if (!/^([0-9a-f]{2})*$/.test(features)) return;
    for (const bit of featureBits(Uint8Array.fromHex(features))) {
      setBy.set(bit, [...setBy.get(bit) ?? [], peer]);
    }
  });
  const expected = RARE_SHARE * world.peers.length;
  for (const [bit, peers] of world.peers.length < LEAST_PEERS ? [] : setBy) {
    if (peers.length > expected) continue;
    const text = ` is set in init by ${peers.length} of ${world.peers.length} peers: ` +
      peers.slice(0, MOST_NAMED).map((peer) => world.peers[peer].node).join(", ");
    yield {
      ...{
        kind: "rare feature",
        subject: { ...peerSubject(world, peers), name: `feature bit ${bit}` },
      },
      ...{ fromMs: 0, untilMs: world.lengthMs, observed: peers.length, expected, q: null, text },
    };
  }
}
