// The collected graph: of each channel the announcement and the newest update of each direction, of each node the
// newest announcement, as the bytes that came, in a few large buffers.
//
// Nothing here looks up the funding output: a channel is what four signatures say, and a liar can sign any number. So a
// channel that one peer alone has brought is unconfirmed, and gives way to others, see {@link GraphLimits}. The first
// announcement of a scid stays until it is pruned; one under other nodes is refused and counted, unless two peers have
// brought that one and one peer the first.

import type { Verdict } from "../../../shared/batch/batch.ts";
import type { ChannelAnnouncement } from "../../../shared/bolt/channel_announcement.ts";
import type { ChannelUpdate } from "../../../shared/bolt/channel_update.ts";
import type { NodeAnnouncement } from "../../../shared/bolt/node_announcement.ts";
import type { Clock } from "../../../shared/clock.ts";
import { equal } from "./columns.ts";
import { ChannelTable, NO_HANDLE, NodeTable } from "./tables.ts";
import { type Direction, GraphView } from "./graph_view.ts";
import { HeldUpdates } from "./held_updates.ts";
import {
  GRAPH_LIMITS,
  type GraphLimits,
  type GraphOutcome,
  MAX_STORED_MESSAGE_BYTES,
  OUTCOMES,
} from "./limits.ts";
import { graphMessage, objection, STALE_AFTER_SECONDS } from "./objection.ts";
import { OVER_QUOTA, spendToken } from "../../meter.ts";
import { zeros } from "../../zeros.ts";
import { Slab } from "./slab.ts";
import { type SourcePeer, Unconfirmed } from "./unconfirmed.ts";

export interface GraphOptions {
  readonly chain: Uint8Array;
  readonly clock: Clock;
  readonly limits?: Partial<GraphLimits>;
}

export interface GraphCounts {
  readonly channels: number;
  readonly updates: number;
  readonly nodes: number;
  readonly nodeAnnouncements: number;
  readonly bytes: number;
  readonly held: number;
  readonly heldDropped: number;
  readonly adopted: number;
  readonly unconfirmed: number;
  readonly evicted: number;
  readonly pruned: number;
  readonly outcomes: Readonly<Record<GraphOutcome, number>>;
}

/** The graph; see the module. */
export class Graph {
  readonly view: GraphView;
  readonly #limits: GraphLimits;
  readonly #slab = new Slab();
  readonly #channels = new ChannelTable();
  readonly #nodes = new NodeTable();
  readonly #held: HeldUpdates;
  readonly #unconfirmed = new Unconfirmed();
  #evicted = 0;
  readonly #outcomes = zeros(OUTCOMES);
  #updates = 0;
  #nodeAnnouncements = 0;
  #adopted = 0;
  #pruned = 0;
  #changes = 0;

  /** Starts empty. @throws {RangeError} when messages may be longer than the file can hold. */
  constructor(private readonly options: GraphOptions) {
    this.#limits = { ...GRAPH_LIMITS, ...options.limits };
    if (this.#limits.messageBytes > MAX_STORED_MESSAGE_BYTES) {
      throw new RangeError(`messageBytes should not be above ${MAX_STORED_MESSAGE_BYTES}`);
    }
    this.#held = new HeldUpdates(this.#limits.held);
    this.view = new GraphView(this.#channels, this.#nodes, this.#slab);
  }

  get chain(): Uint8Array {
    return this.options.chain;
  }

  get changes(): number {
    return this.#changes;
  }

  get counts(): GraphCounts {
    return {
      channels: this.#channels.size,
      updates: this.#updates,
      nodes: this.#nodes.size,
      nodeAnnouncements: this.#nodeAnnouncements,
      bytes: this.#slab.bytes,
      held: this.#held.size,
      heldDropped: this.#held.dropped,
      adopted: this.#adopted,
      unconfirmed: this.#unconfirmed.size,
      evicted: this.#evicted,
      pruned: this.#pruned,
      outcomes: { ...this.#outcomes },
    };
  }

  /**
   * Takes a message whose signatures were checked. Its bytes are copied.
   * @param signer of a channel_update: the node id under which its signature holds, hex.
   * @param sourcePeer the one peer that has brought it; null when several have, or it does not matter.
   */
  accept(
    raw: Uint8Array,
    verdict: Verdict,
    signer: string | null = null,
    sourcePeer: SourcePeer | null = null,
  ): GraphOutcome {
    const outcome = verdict === "valid" ? this.#take(raw, signer, sourcePeer) : "unverified";
    this.#outcomes[outcome]++;
    return outcome;
  }

  /**
   * Takes a message that a graph like this one held: the same but for quotas and age, see {@link prune}.
   * @param addedAt of a channel_announcement: when it was first taken in, seconds since the Unix epoch.
   */
  restore(raw: Uint8Array, addedAt: number): GraphOutcome {
    const message = graphMessage(raw, this.options.chain);
    switch (message?.type) {
      case 256:
        return this.#addChannel(message, raw, addedAt, null);
      case 257:
        return this.#putNode(message, raw, null);
      case 258:
        return this.#putUpdate(message, raw, null);
      default:
        return "foreign";
    }
  }

  /**
   * Forgets the channels of which a direction was not updated for two weeks (BOLT 7, pruning), and the nodes that are
   * left without a channel. A direction that never had an update counts from the channel's announcement.
   * @returns how many channels went.
   */
  prune(): number {
    const oldest = this.#now() - STALE_AFTER_SECONDS;
    const { timestamps, addedAt } = this.#channels;
    const before = this.#channels.size;
    for (let position = before - 1; position >= 0; position--) {
      const slot = this.#channels.at(position);
      const since1 = timestamps[2 * slot] || addedAt[slot];
      const since2 = timestamps[2 * slot + 1] || addedAt[slot];
      if (since1 < oldest || since2 < oldest) this.#removeChannel(slot);
    }
    const gone = before - this.#channels.size;
    this.#pruned += gone;
    this.#changes += gone;
    return gone;
  }

  /** Channels that a peer named in a list. @returns how many of them the graph has. */
  named(scids: readonly bigint[]): number {
    const now = this.#now();
    let count = 0;
    for (const scid of scids) {
      const slot = this.#channels.find(scid);
      if (slot < 0) continue;
      this.#channels.namedAt[slot] = now;
      count++;
    }
    return count;
  }

  /** Drops the channels that no peer named since an instant, seconds since the Unix epoch. @returns how many went. */
  dropUnnamed(since: number): number {
    const before = this.#channels.size;
    for (let position = before - 1; position >= 0; position--) {
      const slot = this.#channels.at(position);
      if (this.#channels.namedAt[slot] < since) this.#removeChannel(slot);
    }
    const gone = before - this.#channels.size;
    this.#changes += gone;
    return gone;
  }

  #take(raw: Uint8Array, signer: string | null, sourcePeer: SourcePeer | null): GraphOutcome {
    if (raw.length > this.#limits.messageBytes) return "too_long";
    const message = graphMessage(raw, this.options.chain);
    if (!message) return "foreign";
    const now = this.#now();
    const refusal = objection(message, now);
    if (refusal) return refusal;
    switch (message.type) {
      case 256: {
        const outcome = this.#addChannel(message, raw, now, sourcePeer);
        // Not where a file of an earlier run names it: it may have closed since.
        if (outcome === "added" || outcome === "known") {
          this.#channels.namedAt[this.#channels.find(message.scid)] = now;
        }
        if (outcome === "added") this.#adopt(message.scid, sourcePeer);
        return outcome;
      }
      case 257:
        return this.#putNode(message, raw, now);
      case 258:
        return signer === null
          ? "unverified"
          : this.#signedUpdate(message, raw, { signer, now, sourcePeer });
    }
  }

  #addChannel(
    message: ChannelAnnouncement,
    raw: Uint8Array,
    addedAt: number,
    sourcePeer: SourcePeer | null,
  ): GraphOutcome {
    const { scid, nodeId1, nodeId2 } = message;
    const known = this.#channels.find(scid);
    if (known >= 0) {
      const same = equal(nodeId1, this.view.nodeId(this.view.nodeOf(known, 0))) &&
        equal(nodeId2, this.view.nodeId(this.view.nodeOf(known, 1)));
      if (same) {
        this.#confirm(known, sourcePeer);
        return "known";
      }
      if (sourcePeer !== null || this.#unconfirmed.sourcePeer(known) === undefined) {
        return "conflicting";
      }
      this.#evict(known);
    }
    const ids = [nodeId1, nodeId2];
    const refusal = this.#makePlace(ids, raw, sourcePeer);
    if (refusal) return refusal;
    const [node1, node2] = ids.map((id) => {
      const found = this.#nodes.find(id);
      const node = found >= 0 ? found : this.#nodes.add(id);
      this.#nodes.channels[node]++;
      return node;
    });
    const announcement = this.#slab.put(raw);
    const slot = this.#channels.add({ scid, announcement, addedAt, node1, node2 });
    if (sourcePeer) this.#unconfirmed.add(slot, sourcePeer.nodeId);
    this.#changes++;
    return "added";
  }

  /** Finds a place for a channel, at the cost of unconfirmed ones when there is none; or why there is none for it. */
  #makePlace(
    ids: readonly Uint8Array[],
    raw: Uint8Array,
    sourcePeer: SourcePeer | null,
  ): "full" | "source_full" | null {
    const { channels, nodes, unconfirmed } = this.#limits;
    const own = sourcePeer ? this.#unconfirmed.count(sourcePeer.nodeId) : 0;
    const isAsked = sourcePeer !== null && sourcePeer.askedUntil > this.options.clock.now();
    if (sourcePeer && !isAsked && own >= unconfirmed) return "source_full";
    for (;;) {
      const strangers = ids.filter((id) => this.#nodes.find(id) < 0).length;
      const hasPlace = this.#channels.size < channels && this.#nodes.size + strangers <= nodes;
      if (hasPlace && this.#hasRoom(raw)) return null;
      const heaviest = this.#unconfirmed.heaviest();
      if (!heaviest) return "full";
      if (sourcePeer && own + 1 >= heaviest.count) return "source_full";
      this.#evict(heaviest.slot);
    }
  }

  /** Finds bytes for an update; unconfirmed channels give up theirs when the update's own is confirmed. */
  #makeRoom(raw: Uint8Array, slot: number): boolean {
    const isConfirmed = this.#unconfirmed.sourcePeer(slot) === undefined;
    while (!this.#hasRoom(raw)) {
      const heaviest = isConfirmed ? this.#unconfirmed.heaviest() : null;
      if (!heaviest) return false;
      this.#evict(heaviest.slot);
    }
    return true;
  }

  #confirm(slot: number, sourcePeer: SourcePeer | null): void {
    const first = this.#unconfirmed.sourcePeer(slot);
    if (first !== undefined && first !== sourcePeer?.nodeId) this.#unconfirmed.delete(slot);
  }

  #evict(slot: number): void {
    this.#removeChannel(slot);
    this.#evicted++;
    this.#changes++;
  }

  #signedUpdate(
    message: ChannelUpdate,
    raw: Uint8Array,
    { signer, now, sourcePeer }: { signer: string; now: number; sourcePeer: SourcePeer | null },
  ): GraphOutcome {
    const direction = (message.channelFlags & 1) as Direction;
    const { scid, timestamp } = message;
    const slot = this.#channels.find(scid);
    if (slot < 0) {
      return this.#held.put(scid, direction, { raw, signer, timestamp }) ? "held" : "known";
    }
    const owner = this.view.nodeId(this.view.nodeOf(slot, direction));
    if (signer !== owner.toHex()) return "conflicting";
    this.#confirm(slot, sourcePeer);
    this.#channels.namedAt[slot] = now;
    return this.#putUpdate(message, raw, now);
  }

  /** `now` is null when no quota applies; so in {@link Graph.#putNode}. */
  #putUpdate(message: ChannelUpdate, raw: Uint8Array, now: number | null): GraphOutcome {
    const table = this.#channels;
    const slot = table.find(message.scid);
    if (slot < 0) return "unannounced";
    const at = 2 * slot + (message.channelFlags & 1);
    const old = table.updates[at];
    // BOLT 7: only a greater timestamp replaces.
    if (old !== NO_HANDLE && message.timestamp <= table.timestamps[at]) return "known";
    if (!this.#makeRoom(raw, slot)) return "full";
    if (now !== null && !this.#spend(table.quotas, at, now)) return "spam";
    table.updates[at] = this.#replace(old, raw);
    table.timestamps[at] = message.timestamp;
    table.receivedAt[at] = now ?? 0;
    table.disabled[at] = message.channelFlags >> 1 & 1;
    if (old === NO_HANDLE) this.#updates++;
    return old === NO_HANDLE ? "added" : "replaced";
  }

  #putNode(message: NodeAnnouncement, raw: Uint8Array, now: number | null): GraphOutcome {
    const table = this.#nodes;
    const node = table.find(message.nodeId);
    if (node < 0) return "unannounced";
    const old = table.announcements[node];
    if (old !== NO_HANDLE && message.timestamp <= table.timestamps[node]) return "known";
    if (!this.#hasRoom(raw)) return "full";
    if (now !== null && !this.#spend(table.quotas, node, now)) return "spam";
    table.announcements[node] = this.#replace(old, raw);
    table.timestamps[node] = message.timestamp;
    table.receivedAt[node] = now ?? 0;
    if (old === NO_HANDLE) this.#nodeAnnouncements++;
    return old === NO_HANDLE ? "added" : "replaced";
  }

  #adopt(scid: bigint, sourcePeer: SourcePeer | null): void {
    for (const { raw, signer } of this.#held.take(scid)) {
      // Which peers brought them is forgotten, so they are not a second witness.
      if (this.#take(raw, signer, sourcePeer) === "added") this.#adopted++;
    }
  }

  #removeChannel(slot: number): void {
    for (const direction of [0, 1] as const) {
      const update = this.#channels.updates[2 * slot + direction];
      if (update !== NO_HANDLE) {
        this.#slab.free(update);
        this.#updates--;
      }
      this.#leaveNode(this.#channels.nodes[2 * slot + direction]);
    }
    this.#slab.free(this.#channels.announcements[slot]);
    this.#unconfirmed.delete(slot);
    this.#channels.remove(slot);
  }

  #leaveNode(node: number): void {
    if (--this.#nodes.channels[node] > 0) return;
    const announcement = this.#nodes.announcements[node];
    if (announcement !== NO_HANDLE) {
      this.#slab.free(announcement);
      this.#nodeAnnouncements--;
    }
    this.#nodes.remove(node);
  }

  #replace(old: number, raw: Uint8Array): number {
    if (old !== NO_HANDLE) this.#slab.free(old);
    this.#changes++;
    return this.#slab.put(raw);
  }

  #spend(quotas: Uint32Array, at: number, now: number): boolean {
    const fullAt = spendToken(this.#limits.quota, quotas[at], now);
    if (fullAt !== OVER_QUOTA) quotas[at] = fullAt;
    return fullAt !== OVER_QUOTA;
  }

  #hasRoom(raw: Uint8Array): boolean {
    return this.#slab.bytes + raw.length <= this.#limits.bytes;
  }

  #now(): number {
    return Math.floor(this.options.clock.now() / 1_000_000);
  }
}
