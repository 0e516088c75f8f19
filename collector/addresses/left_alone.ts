// Which peers of the operator's file are not dialled for a while, or were never reached, and why.

import { formatNodeAddress, type NodeAddress } from "./endpoint.ts";
import type { NodeRecord } from "./node_table.ts";

const MINUTE_US = 60_000_000;
/** Shorter waits are over before anyone looks. */
const LONG_US = 10 * MINUTE_US;

/**
 * One line per such peer, in the order of `peers`; one that was not dialled yet has none.
 * @param refusalOf why the config forbids a peer, or null.
 * @param now µs since the Unix epoch.
 */
export function leftAloneLines(
  peers: readonly NodeAddress[],
  records: Iterable<NodeRecord>,
  refusalOf: (peer: NodeAddress) => string | null,
  now: number,
): string[] {
  const states = new Map<string, string>();
  for (const { nodeId, notBefore, addresses } of records) {
    for (const { end, lastFailure, lastWorked, ...address } of addresses) {
      const waitUs = Math.max(notBefore, address.notBefore) - now;
      const parts: string[] = [];
      if (lastWorked === null && lastFailure !== null) parts.push("never reached");
      if (waitUs >= LONG_US) parts.push(`left alone for ${durationText(waitUs)}`);
      if (parts.length === 0) continue;
      const why = lastFailure ?? "the reason was not kept";
      states.set(formatNodeAddress({ nodeId, end }), `${parts.join(", ")}: ${why}`);
    }
  }
  return peers.flatMap((peer) => {
    const name = formatNodeAddress(peer);
    const refusal = refusalOf(peer);
    const state = refusal === null ? states.get(name) : `never dialled: ${refusal}`;
    return state === undefined ? [] : [`${name}: ${state}`];
  });
}

function durationText(us: number): string {
  const minutes = Math.ceil(us / MINUTE_US);
  if (minutes === Infinity) return "this run";
  return minutes < 120 ? `${minutes} minutes` : `${Math.round(minutes / 60)} hours`;
}
