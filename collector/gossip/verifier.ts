// The queue of messages whose signatures are still to be checked, once for each distinct message, worked in small
// slices of time so that sockets are read and pings answered in between.

import { type Verdict, VERDICTS } from "../../shared/batch/batch.ts";
import { MESSAGE_TYPES, messageType } from "../../shared/bolt/message_types.ts";
import { zeros } from "../zeros.ts";
import { ChannelKeys, checkMessage, isSigned } from "./verify.ts";
import type { NodePair } from "./graph/graph_view.ts";
import type { SourcePeer } from "./graph/unconfirmed.ts";
import { FairQueue } from "./fair_queue.ts";
import { type Orphan, Orphans } from "./orphans.ts";

export type Unverified = Orphan;

/** A message that its sender should have kept to itself. */
export interface BadMessage {
  readonly source: number;
  readonly number: number;
  readonly verdict: "invalid" | "malformed";
  /**
   * Whether its own bytes prove that. An update is judged by the keys of announcements, and a liar can announce a
   * false channel, so an honest peer may have brought it.
   */
  readonly proven: boolean;
}

export interface VerifierOptions {
  readonly chain: Uint8Array;
  readonly onVerdict: (number: number, verdict: Verdict) => void;
  /**
   * Gets each message whose signatures hold; of a channel_update also the node id that signed it, in hex, and the one
   * peer that has brought it, null when a second one has.
   */
  readonly onValid?: (
    raw: Uint8Array,
    signer: string | null,
    sourcePeer: SourcePeer | null,
  ) => void;
  readonly nodesOf?: (scid: bigint) => NodePair | null;
  readonly onBad: (bad: BadMessage) => void;
}

export interface VerifierCounts {
  /** Messages by verdict; `unchecked` counts how often the queue had no room for one. */
  readonly verdicts: Readonly<Record<Verdict, number>>;
  readonly queued: number;
  readonly orphans: number;
}

/**
 * Bytes that may wait, messages and bookkeeping. A whole graph is about 75 MB in this measure and comes in over
 * minutes, so half a graph of lead over the checks is plenty for one peer, and two peers may have it.
 */
const QUEUE_LIMITS = { total: 64 * 1024 * 1024, perSource: 32 * 1024 * 1024 };
/** What a waiting message costs beside its bytes. */
const ITEM_OVERHEAD_BYTES = 128;
/** Signature checks in one slice: about 3 ms at 0.15 to 0.25 ms each. */
const SIGNATURES_PER_SLICE = 16;
const CHANNEL_UPDATE = MESSAGE_TYPES.channel_update;
/** Messages in one slice, for those that cost no signature check. */
const MESSAGES_PER_SLICE = 256;

/** Checks messages in the background; see the module. */
export class Verifier implements Disposable {
  #queue = new FairQueue<Unverified>(QUEUE_LIMITS);
  #orphans = new Orphans();
  readonly #keys: ChannelKeys;
  readonly #verdicts = zeros(VERDICTS);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #idle: (() => void)[] = [];

  constructor(private readonly options: VerifierOptions) {
    this.#keys = new ChannelKeys(undefined, options.nodesOf);
  }

  get counts(): VerifierCounts {
    const { length: queued } = this.#queue;
    return { verdicts: { ...this.#verdicts }, queued, orphans: this.#orphans.size };
  }

  isKnownChannel(scid: bigint): boolean {
    return this.#keys.has(scid);
  }

  /**
   * Takes a message that waits for its check; `raw` must not change any more.
   * @returns false when there is no room for it: it may be brought again.
   */
  push(message: Unverified): boolean {
    if (!isSigned(message.raw)) return true;
    const cost = message.raw.length + ITEM_OVERHEAD_BYTES;
    if (!this.#queue.push(message.source, message, cost)) {
      this.#verdicts.unchecked++;
      return false;
    }
    // A timer, not setImmediate: sockets are not polled between immediates.
    this.#timer ??= setTimeout(() => this.#slice(), 0);
    return true;
  }

  /** Resolves when nothing waits in the queue; orphans may. */
  idle(): Promise<void> {
    if (this.#timer === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The end: what still waits for its channel_announcement will not get it. What waits in the queue stays unchecked. */
  finish(): void {
    for (const { number } of this.#orphans.takeAll()) this.#report(number, "unknown_signer");
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  #slice(): void {
    let signatures = 0;
    for (let i = 0; i < MESSAGES_PER_SLICE && signatures < SIGNATURES_PER_SLICE; i++) {
      const message = this.#queue.shift();
      if (message === undefined) break;
      signatures += this.#check(message);
    }
    if (this.#queue.length > 0) this.#timer = setTimeout(() => this.#slice(), 0);
    else this[Symbol.dispose]();
  }

  #check(message: Unverified): number {
    const { verdict, signatures, channel, signer, unknownScid } = checkMessage(
      message.raw,
      this.#keys,
      this.options.chain,
    );
    if (unknownScid !== undefined) {
      const homeless = this.#orphans.add(unknownScid, message);
      if (homeless) this.#report(homeless.number, "unknown_signer");
      return signatures;
    }
    if (channel && this.#keys.add(channel.scid, channel.nodes)) {
      for (const orphan of this.#orphans.take(channel.scid)) this.push(orphan);
    }
    this.#report(message.number, verdict);
    if (verdict === "valid") this.#reportValid(message, signer ?? null);
    if (verdict === "invalid" || verdict === "malformed") {
      const { source, number, raw } = message;
      const proven = verdict === "malformed" || messageType(raw) !== CHANNEL_UPDATE;
      this.options.onBad({ source, number, verdict, proven });
    }
    return signatures;
  }

  #reportValid({ raw, brought }: Unverified, signer: string | null): void {
    if (brought) brought.isValid = true;
    const sourcePeer = brought && !brought.isSeconded ? brought.sourcePeer : null;
    this.options.onValid?.(raw, signer, sourcePeer);
  }

  #report(number: number, verdict: Verdict): void {
    this.#verdicts[verdict]++;
    this.options.onVerdict(number, verdict);
  }
}
