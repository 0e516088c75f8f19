// Lists of nodes, channels and addresses: file names and lines, without headers.

import { formatNodeAddress, type NodeAddress } from "../addresses/endpoint.ts";
import type { NodePair } from "../gossip/graph/graph_view.ts";

/** The default; the collector's permission set opens it. */
export const DUMP_FOLDER = "gossip_dump";

export const DUMP_FILES = {
  /** One node id per line. */
  nodes: "node_list.csv",
  /** `scid,node_one,node_two`. */
  channels: "channel_list.csv",
  /** `pubkey@host:port`. */
  addresses: "node_addresses.txt",
  clearnet: "node_addrs_clearnet.txt",
  onion: "node_addrs_onion.txt",
} as const;

/** A line of the node list. */
export function nodeLine(nodeId: string): string {
  return `${nodeId}\n`;
}

/** A line of the channel list; the scid in decimal. */
export function channelLine(scid: bigint, [nodeOne, nodeTwo]: NodePair): string {
  return `${BigInt.asUintN(64, scid)},${nodeOne},${nodeTwo}\n`;
}

/** A line of the address list. @param timestamp seconds, of the node's newest announcement. */
export function addressLine(address: NodeAddress, timestamp?: number): string {
  const dated = timestamp === undefined ? "" : `,${timestamp}`;
  return `${formatNodeAddress(address)}${dated}\n`;
}
