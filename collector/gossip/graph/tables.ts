// The channels and the nodes of the graph as columns: which messages there are and where, and what of them is needed
// often. A channel takes about 50 bytes here, a node 50.

import { KEY_BYTES } from "../../../shared/bolt/codec.ts";
import { longer, SlotPool, SortedSlots } from "./columns.ts";

/** Where a column of handles has none. */
export const NO_HANDLE = 0xffff_ffff;

const FIRST_CAPACITY = 1024;

export interface NewChannel {
  readonly scid: bigint;
  readonly announcement: number;
  readonly addedAt: number;
  readonly node1: number;
  readonly node2: number;
}

/** Channels by slot, and slots by scid. Columns with two values a channel have them at 2 × slot + direction. */
export class ChannelTable {
  announcements: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  /** When a channel_announcement was taken in, seconds since the Unix epoch. */
  addedAt: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  nodes: Uint32Array<ArrayBuffer> = new Uint32Array(2 * FIRST_CAPACITY);
  /** Handles of channel_updates, or {@link NO_HANDLE}. */
  updates: Uint32Array<ArrayBuffer> = new Uint32Array(2 * FIRST_CAPACITY);
  /** Timestamps of channel_updates in seconds; 0 where there is none. */
  timestamps: Uint32Array<ArrayBuffer> = new Uint32Array(2 * FIRST_CAPACITY);
  /** When channel_updates came, seconds since the Unix epoch; 0 in an earlier run. */
  receivedAt: Uint32Array<ArrayBuffer> = new Uint32Array(2 * FIRST_CAPACITY);
  /** When a peer named the channel last in this run, likewise; 0 for never. */
  namedAt: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  disabled: Uint8Array<ArrayBuffer> = new Uint8Array(2 * FIRST_CAPACITY);
  quotas: Uint32Array<ArrayBuffer> = new Uint32Array(2 * FIRST_CAPACITY);
  #high = new Uint32Array(FIRST_CAPACITY);
  #low = new Uint32Array(FIRST_CAPACITY);
  readonly #order = new SortedSlots();
  readonly #pool = new SlotPool();

  get size(): number {
    return this.#order.length;
  }

  find(scid: bigint): number {
    return this.#order.find(this.#orderOf(scid));
  }

  lowerBound(scid: bigint): number {
    return this.#order.lowerBound(this.#orderOf(scid));
  }

  at(position: number): number {
    return this.#order.at(position);
  }

  scid(slot: number): bigint {
    return BigInt(this.#high[slot]) << 32n | BigInt(this.#low[slot]);
  }

  block(slot: number): number {
    return this.#high[slot] >>> 8;
  }

  add(channel: NewChannel): number {
    const position = this.lowerBound(channel.scid);
    const slot = this.#pool.take();
    if (slot === this.#high.length) this.#grow();
    this.#order.insert(position, slot);
    this.#high[slot] = highWord(channel.scid);
    this.#low[slot] = lowWord(channel.scid);
    this.announcements[slot] = channel.announcement;
    this.addedAt[slot] = channel.addedAt;
    this.nodes.set([channel.node1, channel.node2], 2 * slot);
    this.updates.fill(NO_HANDLE, 2 * slot, 2 * slot + 2);
    this.timestamps.fill(0, 2 * slot, 2 * slot + 2);
    this.receivedAt.fill(0, 2 * slot, 2 * slot + 2);
    this.namedAt[slot] = 0;
    this.disabled.fill(0, 2 * slot, 2 * slot + 2);
    this.quotas.fill(0, 2 * slot, 2 * slot + 2);
    return slot;
  }

  remove(slot: number): void {
    this.#order.remove(this.lowerBound(this.scid(slot)));
    this.#pool.giveBack(slot);
  }

  isDisabled(slot: number): boolean {
    return this.disabled[2 * slot] + this.disabled[2 * slot + 1] > 0;
  }

  #orderOf(scid: bigint): (slot: number) => number {
    const high = highWord(scid), low = lowWord(scid);
    return (slot) => this.#high[slot] - high || this.#low[slot] - low;
  }

  #grow(): void {
    const length = 2 * this.#high.length;
    this.#high = longer(this.#high, length);
    this.#low = longer(this.#low, length);
    this.announcements = longer(this.announcements, length);
    this.addedAt = longer(this.addedAt, length);
    this.nodes = longer(this.nodes, 2 * length);
    this.updates = longer(this.updates, 2 * length);
    this.timestamps = longer(this.timestamps, 2 * length);
    this.receivedAt = longer(this.receivedAt, 2 * length);
    this.namedAt = longer(this.namedAt, length);
    this.disabled = longer(this.disabled, 2 * length);
    this.quotas = longer(this.quotas, 2 * length);
  }
}

/** Nodes by slot, and slots by node id. */
export class NodeTable {
  announcements: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  timestamps: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  /** When node_announcements came, seconds since the Unix epoch; 0 in an earlier run. */
  receivedAt: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  channels: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  quotas: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  #ids = new Uint8Array(FIRST_CAPACITY * KEY_BYTES);
  readonly #order = new SortedSlots();
  readonly #pool = new SlotPool();

  get size(): number {
    return this.#order.length;
  }

  find(id: Uint8Array): number {
    return this.#order.find(this.#orderOf(id));
  }

  lowerBound(id: Uint8Array): number {
    return this.#order.lowerBound(this.#orderOf(id));
  }

  at(position: number): number {
    return this.#order.at(position);
  }

  /** A node's id, as a view that holds until the next {@link add}. */
  id(slot: number): Uint8Array {
    return this.#ids.subarray(slot * KEY_BYTES, (slot + 1) * KEY_BYTES);
  }

  add(id: Uint8Array): number {
    const position = this.lowerBound(id);
    const slot = this.#pool.take();
    if (slot === this.channels.length) this.#grow();
    this.#order.insert(position, slot);
    this.#ids.set(id, slot * KEY_BYTES);
    this.announcements[slot] = NO_HANDLE;
    this.timestamps[slot] = 0;
    this.receivedAt[slot] = 0;
    this.channels[slot] = 0;
    this.quotas[slot] = 0;
    return slot;
  }

  remove(slot: number): void {
    this.#order.remove(this.lowerBound(this.id(slot)));
    this.#pool.giveBack(slot);
  }

  #orderOf(id: Uint8Array): (slot: number) => number {
    return (slot) => {
      const at = slot * KEY_BYTES;
      for (let i = 0; i < KEY_BYTES; i++) {
        const difference = this.#ids[at + i] - id[i];
        if (difference !== 0) return difference;
      }
      return 0;
    };
  }

  #grow(): void {
    const length = 2 * this.channels.length;
    this.announcements = longer(this.announcements, length);
    this.timestamps = longer(this.timestamps, length);
    this.receivedAt = longer(this.receivedAt, length);
    this.channels = longer(this.channels, length);
    this.quotas = longer(this.quotas, length);
    this.#ids = longer(this.#ids, length * KEY_BYTES);
  }
}

function highWord(scid: bigint): number {
  return Number(BigInt.asUintN(32, scid >> 32n));
}

function lowWord(scid: bigint): number {
  return Number(BigInt.asUintN(32, scid));
}
