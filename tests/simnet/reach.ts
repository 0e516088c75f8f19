// How many peers deliver a message, and out of which. Pure.

import { type Random, randomInteger, shuffled } from "../../shared/random.ts";
import { interpolate } from "../../query_results/reconciliation/calibration/quantiles.ts";
import { WIDE_SHARE } from "../../query_results/reconciliation/calibration/traces.ts";
import { ReachSampler } from "./distributions.ts";
import { type GossipType, REAL_RUN } from "./real_run.ts";

/** The real run's peers that share the messages which only 51 to 100 peers deliver. */
const NARROW_LOW = 51;
const NARROW_HIGH = 100;
const NARROW_PEERS = 104;
/** From this reach on a message went everywhere, so that its reach follows the number of peers. */
const WIDE_FROM = 501;
/**
 * Peers differ in what they deliver: these shares of the receipts of a wide message, and of a narrower one that more than
 * {@link NARROW_HIGH} peers deliver, are from the peers that stay longest, the others from any.
 * Of the peers that two messages could share beyond chance, they share about as many (median) as in the receipt traces:
 * wide ones .63 there, narrower ones .30.
 */
const STEADY_SHARE = { wide: 0.92, narrower: 0.55 };
/** Reach is drawn evenly within so many messages of a type: an hour has nearly the whole distribution. */
const STRATA = 512;
/** Share of the run, share of the peers that still deliver. */
const ACTIVE_SHARE = REAL_RUN.activePeers.map((active, i, all) =>
  [i / (all.length - 1), active / REAL_RUN.peers] as const
);

/** What of a run's options decides its reach; see `TrafficOptions`. */
export interface ReachOptions {
  /** How many peers deliver. */
  readonly peers: number;
  /** The run's length, in seconds of the network's own time. */
  readonly seconds: number;
  /** Peers leave over the run as they did in the real one; otherwise all stay. */
  readonly peersLeave?: boolean;
  /** No peers share what only 51 to 100 deliver. */
  readonly plain?: boolean;
}

/** Draws how many peers deliver, and which. */
export class ReachPicker {
  readonly #sampler = new ReachSampler();
  readonly #strata = new Map<GossipType, number[]>();
  readonly #narrow: Uint16Array;
  /** Peers by how long they stay, longest first. */
  readonly #order: Uint16Array;
  readonly #drawn: Uint16Array;
  #active: Uint16Array;

  /**
   * Lays down in which order peers leave.
   *
   * @param which chooses the peers, and `random` all else: so equal seeds give equal reach however they are chosen.
   */
  constructor(
    private readonly options: ReachOptions,
    private readonly random: Random,
    private readonly which: Random,
  ) {
    this.#order = Uint16Array.from({ length: options.peers }, (_, i) => i);
    for (let i = options.peers - 1; i > 0; i--) {
      const j = randomInteger(random, i + 1);
      [this.#order[i], this.#order[j]] = [this.#order[j], this.#order[i]];
    }
    const narrow = Math.ceil(options.peers * NARROW_PEERS / REAL_RUN.peers);
    this.#narrow = this.#order.slice(0, narrow);
    this.#active = this.#order.slice();
    this.#drawn = this.#order.slice();
  }

  /** When each peer leaves, by its index: seconds into the run; Infinity for those that stay. */
  leavingSeconds(): Float64Array {
    const { peers, seconds, peersLeave = false } = this.options;
    const left = new Float64Array(peers).fill(Infinity);
    if (!peersLeave) return left;
    for (let rank = 0; rank < peers; rank++) {
      const next = ACTIVE_SHARE.findIndex(([, share]) => share * peers <= rank);
      if (next <= 0) {
        // The real run's last few peers had left by its first look.
        if (next === 0) left[this.#order[rank]] = 0;
        continue;
      }
      const [[from, before], [to, after]] = [ACTIVE_SHARE[next - 1], ACTIVE_SHARE[next]];
      const share = from + (to - from) * (before - rank / peers) / (before - after);
      left[this.#order[rank]] = share * seconds;
    }
    return left;
  }

  /** By peer its place among those that stay longest, from 0. */
  ranks(): Uint16Array {
    const ranks = new Uint16Array(this.#order.length);
    this.#order.forEach((peer, rank) => ranks[peer] = rank);
    return ranks;
  }

  /** The peers that deliver a message created `at` seconds into the run; they hold until the next call. */
  draw(type: GossipType, at: number): Uint16Array {
    const { peers, seconds, peersLeave = false, plain = false } = this.options;
    let share = this.#share(type);
    if (peersLeave) {
      const active = Math.round(interpolate(ACTIVE_SHARE, at / seconds) * peers);
      // Who has left is not in the first places any more; their order is free.
      if (active < this.#active.length) this.#active = this.#order.slice(0, active);
      // The reach of messages that went everywhere follows the time; the histogram as a whole stays what it is.
      const wide = this.#sampler.below(type, WIDE_FROM);
      if (share > wide) share = wide + (1 - wide) * this.#followTime(1 - at / seconds);
    }
    const real = this.#sampler.at(type, share);
    const isNarrow = !plain && real >= NARROW_LOW && real <= NARROW_HIGH;
    const from = isNarrow ? this.#narrow : this.#active;
    const scaled = Math.floor(real * peers / REAL_RUN.peers + this.random.next());
    const count = Math.min(Math.max(1, scaled), from.length);
    return this.#some(count, from, Math.floor(steadyShare(real) * count));
  }

  /** A uniform share, out of a stratum that the type's last messages were not in. */
  #share(type: GossipType): number {
    let left = this.#strata.get(type);
    if (!left?.length) {
      left = shuffled(Array.from({ length: STRATA }, (_, i) => i), this.random);
      this.#strata.set(type, left);
    }
    return (left.pop()! + this.random.next()) / STRATA;
  }

  /** The first `sure` peers of `from`, and random ones of the others: `count` in all. */
  #some(count: number, from: Uint16Array, sure: number): Uint16Array {
    const drawn = this.#drawn;
    drawn.set(from);
    // Fisher–Yates as far as needed.
    for (let i = sure; i < count; i++) {
      const j = i + randomInteger(this.which, from.length - i);
      const peer = drawn[j];
      drawn[j] = drawn[i];
      drawn[i] = peer;
    }
    return drawn.subarray(0, count);
  }

  /** `share` with some noise, folded back into [0, 1): what was uniform stays so. */
  #followTime(share: number): number {
    const noisy = Math.abs(share + (this.random.next() - 0.5) * 0.1);
    return Math.min(noisy > 1 ? 2 - noisy : noisy, 1 - Number.EPSILON);
  }
}

function steadyShare(reach: number): number {
  if (reach <= NARROW_HIGH) return 0;
  return reach < WIDE_SHARE * REAL_RUN.peers ? STEADY_SHARE.narrower : STEADY_SHARE.wide;
}
