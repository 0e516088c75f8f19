/**
 * The files that lists of nodes, channels and addresses go into: their names and their lines, none of which is a
 * header.
 *
 * @module
 */
import { formatNodeAddress, type NodeAddress } from "../addresses/endpoint.ts";

/** The folder that lists go to unless told otherwise; the collector's permission set has it. */
export const DUMP_FOLDER = "gossip_dump";

/** Where a dump of the graph goes, in a folder of its own. */
export const DUMP_FILES = {
  /** One node id a line. */
  nodes: "node_list.csv",
  /** `scid,node_one,node_two`. */
  channels: "channel_list.csv",
  /** `pubkey@host:port`. */
  addresses: "node_addresses.txt",
  /** Of these, those reached straight. */
  clearnet: "node_addrs_clearnet.txt",
  /** Of these, onion services. */
  onion: "node_addrs_onion.txt",
} as const;

/** A channel of the graph. */
export interface DumpChannel {
  /** Its short_channel_id. */
  readonly scid: bigint;
  /** node_id_1, in hex. */
  readonly nodeOne: string;
  /** node_id_2, in hex. */
  readonly nodeTwo: string;
}

/** A line of the node list. */
export function nodeLine(nodeId: string): string {
  return `${nodeId}\n`;
}

/** A line of the channel list; the scid is one decimal number. */
export function channelLine({ scid, nodeOne, nodeTwo }: DumpChannel): string {
  return `${BigInt.asUintN(64, scid)},${nodeOne},${nodeTwo}\n`;
}

/** A line of the address list. @param timestamp of the node's newest announcement, in seconds; left out when undefined. */
export function addressLine(address: NodeAddress, timestamp?: number): string {
  const dated = timestamp === undefined ? "" : `,${timestamp}`;
  return `${formatNodeAddress(address)}${dated}\n`;
}
