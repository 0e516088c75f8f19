// The graph as those see it who read it: answers to peers, the sync, the file. Nothing can be changed through it.
//
// Channels are in the order of their scids and nodes in the order of their ids. A position or a slot holds until the
// graph changes, so who waits in between keeps a scid or node id and looks for its place again. Bytes are views that
// hold as long.

import { channelUpdateChecksum } from "../../../shared/bolt/checksum.ts";
import { type ChannelTable, NO_HANDLE, type NodeTable } from "./tables.ts";
import type { Slab } from "./slab.ts";

/** The node ids of a channel in the order of its announcement, 33 bytes as lower-case hex. */
export type NodePair = readonly [node1: string, node2: string];

/** Node 1 signs direction 0, node 2 direction 1. */
export type Direction = 0 | 1;

/** Reads the tables of a graph. */
export class GraphView {
  constructor(
    private readonly channels: ChannelTable,
    private readonly nodes: NodeTable,
    private readonly slab: Slab,
  ) {}

  get channelCount(): number {
    return this.channels.size;
  }

  get nodeCount(): number {
    return this.nodes.size;
  }

  /** The node ids of a channel, hex: who signs its updates. Null when it is not known. */
  nodesOf(scid: bigint): NodePair | null {
    const slot = this.channels.find(scid);
    if (slot < 0) return null;
    return [this.nodeId(this.nodeOf(slot, 0)).toHex(), this.nodeId(this.nodeOf(slot, 1)).toHex()];
  }

  find(scid: bigint): number {
    return this.channels.find(scid);
  }

  /** The position of the first channel whose scid is not below `scid`; the count when there is none. */
  lowerBound(scid: bigint): number {
    return this.channels.lowerBound(scid);
  }

  at(position: number): number {
    return this.channels.at(position);
  }

  scid(slot: number): bigint {
    return this.channels.scid(slot);
  }

  block(slot: number): number {
    return this.channels.block(slot);
  }

  timestamp(slot: number, direction: Direction): number {
    return this.channels.timestamps[2 * slot + direction];
  }

  isDisabled(slot: number): boolean {
    return this.channels.isDisabled(slot);
  }

  addedAt(slot: number): number {
    return this.channels.addedAt[slot];
  }

  /** When a channel_update came, seconds since the Unix epoch; 0 in an earlier run. */
  receivedAt(slot: number, direction: Direction): number {
    return this.channels.receivedAt[2 * slot + direction];
  }

  /** When a peer named the channel last in this run, by a message or in a list, likewise; 0 for never. */
  namedAt(slot: number): number {
    return this.channels.namedAt[slot];
  }

  announcement(slot: number): Uint8Array {
    return this.slab.get(this.channels.announcements[slot]);
  }

  update(slot: number, direction: Direction): Uint8Array | null {
    return this.#text(this.channels.updates[2 * slot + direction]);
  }

  checksum(slot: number, direction: Direction): number {
    const update = this.update(slot, direction);
    return update ? channelUpdateChecksum(update) : 0;
  }

  nodeOf(slot: number, direction: Direction): number {
    return this.channels.nodes[2 * slot + direction];
  }

  /** The position of the first node whose id is not below `id`; the count when there is none. */
  nodeLowerBound(id: Uint8Array): number {
    return this.nodes.lowerBound(id);
  }

  nodeAt(position: number): number {
    return this.nodes.at(position);
  }

  nodeId(node: number): Uint8Array {
    return this.nodes.id(node);
  }

  nodeTimestamp(node: number): number {
    return this.nodes.timestamps[node];
  }

  nodeReceivedAt(node: number): number {
    return this.nodes.receivedAt[node];
  }

  nodeAnnouncement(node: number): Uint8Array | null {
    return this.#text(this.nodes.announcements[node]);
  }

  #text(handle: number): Uint8Array | null {
    return handle === NO_HANDLE ? null : this.slab.get(handle);
  }
}
