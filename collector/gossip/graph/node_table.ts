/**
 * The nodes of the graph as columns: those that a channel names, each with its node_announcement if there is one.
 *
 * @module
 */
import { KEY_BYTES } from "../../../shared/bolt/codec.ts";
import { NO_HANDLE } from "./channel_table.ts";
import { longer, SlotPool } from "./columns.ts";
import { SortedSlots } from "./sorted_slots.ts";

const FIRST_CAPACITY = 1024;

/** Nodes by slot, and slots by node id. */
export class NodeTable {
  /** Handles of node_announcements, or {@link NO_HANDLE}. */
  announcements: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  /** Timestamps of node_announcements in seconds; 0 where there is none. */
  timestamps: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  /** How many channels of the graph a node has. */
  channels: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  /** What the quota remembers of a node, see `spendToken`. */
  quotas: Uint32Array<ArrayBuffer> = new Uint32Array(FIRST_CAPACITY);
  #ids = new Uint8Array(FIRST_CAPACITY * KEY_BYTES);
  readonly #order = new SortedSlots();
  readonly #pool = new SlotPool();

  /** Nodes. */
  get size(): number {
    return this.#order.length;
  }

  /** The slot of a node, or -1. `id` is 33 bytes. */
  find(id: Uint8Array): number {
    return this.#order.find(this.#orderOf(id));
  }

  /** The position of the first node whose id is not below `id`; {@link size} when there is none. */
  lowerBound(id: Uint8Array): number {
    return this.#order.lowerBound(this.#orderOf(id));
  }

  /** The slot at a position in the order of ids, below {@link size}. */
  at(position: number): number {
    return this.#order.at(position);
  }

  /** A node's id, as a view that holds until the next {@link add}. */
  id(slot: number): Uint8Array {
    return this.#ids.subarray(slot * KEY_BYTES, (slot + 1) * KEY_BYTES);
  }

  /** Adds a node that is not there yet, without channels; gives its slot. */
  add(id: Uint8Array): number {
    const position = this.lowerBound(id);
    const slot = this.#pool.take();
    if (slot === this.channels.length) this.#grow();
    this.#order.insert(position, slot);
    this.#ids.set(id, slot * KEY_BYTES);
    this.announcements[slot] = NO_HANDLE;
    this.timestamps[slot] = 0;
    this.channels[slot] = 0;
    this.quotas[slot] = 0;
    return slot;
  }

  /** Takes a node out. */
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
    this.channels = longer(this.channels, length);
    this.quotas = longer(this.quotas, length);
    this.#ids = longer(this.#ids, length * KEY_BYTES);
  }
}
