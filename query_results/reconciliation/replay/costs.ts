// Questions 17 and 18: computing time, and bytes per node and day, by number of links. Pure.

import {
  CODED_SYMBOL_BYTES,
  codedSymbols,
  FRAME_BYTES,
  HEADER_BYTES,
  ID_BYTES,
  OLD_ELEMENTS,
  rangeCost,
  wireBytes,
} from "../algorithms/wire.ts";
import { type Cell, type Table, tableOf } from "../../format/table.ts";
import type { DesignCost } from "./estimation.ts";
import { NEVER, type Recording } from "./recording.ts";

const DAY_SECONDS = 86_400;
/** LND asks 3 peers for gossip, CLN 5 to 10; big nodes have hundreds of links. */
export const LINKS = [3, 5, 8, 10, 20, 50, 100];
/** Links that still flood in the hybrid. */
const FLOODED_LINKS = 2;
/** A backup finds what flooding missed, and need not be quick. */
const BACKUP_SECONDS = 600;

/** What a peer delivers in a day, and what several do together. */
export interface DayTraffic {
  readonly messages: number;
  readonly bytes: number;
  /** By number of peers as in {@link LINKS}: bytes of what any of that many random peers delivers, framed. */
  readonly together: ReadonlyMap<number, number>;
}

/** The measured part of a recording, scaled to a day and averaged over peers. */
export function dayTraffic(recording: Recording): DayTraffic {
  const { firstMs, fromMs, untilMs, messages, sizeBytes, receivedMs, features } = recording;
  const perDay = DAY_SECONDS * 1000 / (untilMs - fromMs), peers = features.length;
  const together = new Map(LINKS.map((links) => [links, 0]));
  let delivered = 0, bytes = 0;
  for (let m = 0; m < messages; m++) {
    if (firstMs[m] < fromMs || firstMs[m] >= untilMs) continue;
    let deliverers = 0;
    for (let peer = 0; peer < peers; peer++) {
      if (receivedMs[peer * messages + m] !== NEVER) deliverers++;
    }
    delivered += deliverers;
    bytes += deliverers * sizeBytes[m];
    for (const [links, sum] of together) {
      const missed = chanceOfNone(peers, deliverers, links);
      together.set(links, sum + perDay * (1 - missed) * (sizeBytes[m] + FRAME_BYTES));
    }
  }
  return { messages: perDay * delivered / peers, bytes: perDay * bytes / peers, together };
}

/** The chance that `links` random peers of all are none of the deliverers: C(n − d, k) / C(n, k). */
function chanceOfNone(peers: number, deliverers: number, links: number): number {
  if (links >= peers) return deliverers === 0 ? 1 : 0;
  let none = 1;
  for (let i = 0; i < links && none > 0; i++) {
    none *= Math.max(0, peers - deliverers - i) / (peers - i);
  }
  return none;
}

/** Bytes that a node receives per day with `links` links. */
export function protocolBytes(
  traffic: DayTraffic,
  links: number,
  draft: DesignCost,
): [string, number][] {
  const once = traffic.together.get(links)!;
  const flooded = traffic.bytes + FRAME_BYTES * traffic.messages;
  const rounds = DAY_SECONDS / draft.syncSeconds;
  // A difference's ids go over the link once, in one message per round.
  const wanted = wireBytes(HEADER_BYTES + ID_BYTES * draft.differencesPerRound);
  const sketched = rounds * (draft.bytesPerRound[0] + wanted);
  const difference = Math.ceil(draft.differencesPerRound);
  const riblt = rounds *
    (wireBytes(HEADER_BYTES + CODED_SYMBOL_BYTES * codedSymbols(difference)) + wanted);
  const { bytes, ways } = rangeCost(OLD_ELEMENTS + draft.elementsPerRound, difference);
  const ranges = rounds * (bytes + ways * FRAME_BYTES + wanted);
  const backup = DAY_SECONDS / BACKUP_SECONDS * (draft.bytesPerRound[0] + wanted);
  const flood = Math.min(links, FLOODED_LINKS);
  return [
    ["flood", links * flooded],
    ["inv", once + links * traffic.messages * (ID_BYTES + FRAME_BYTES)],
    ["draft-bolt", once + links * sketched],
    ["fan-out 2 + sketch", Math.max(once, flood * flooded) + (links - flood) * sketched],
    ["flood, sketch as backup", links * (flooded + backup)],
    ["riblt", once + links * riblt],
    ["range-based", once + links * ranges],
  ];
}

/** The table of question 18. */
export function bytesTable(recording: Recording, draft: DesignCost): Table {
  const traffic = dayTraffic(recording);
  const rows = LINKS.flatMap((links): Cell[][] => {
    const all = protocolBytes(traffic, links, draft);
    return all.map(([protocol, bytes]) => [protocol, links, bytes, bytes / all[0][1]]);
  });
  return tableOf("protocol:text links:integer bytes_per_day share_of_flood", rows);
}

/** The table of question 17: seconds of one core per day. */
export function cpuTable(designs: readonly DesignCost[]): Table {
  const rows = designs.flatMap(({ preset, syncSeconds, machineMs }) =>
    LINKS.flatMap((links) =>
      ["server", "Raspberry Pi 5"].map((machine, i) => {
        const perDay = DAY_SECONDS / syncSeconds * links * machineMs[i] / 1000;
        return [preset, syncSeconds, machine, links, machineMs[i], perDay];
      })
    )
  );
  const names = "preset:text sync_seconds machine:text links:integer ms_per_round";
  return tableOf(`${names} cpu_seconds_per_day`, rows);
}
