/**
 * How many peers deliver a message, and out of which. Pure.
 *
 * @module
 */
import { type Random, randomInteger } from "../../shared/random.ts";
import { interpolate, ReachSampler } from "./distributions.ts";
import { type GossipType, REAL_RUN } from "./real_run.ts";

/** The real run's peers that share the messages which only 51 to 100 peers deliver. */
const NARROW_LOW = 51;
const NARROW_HIGH = 100;
const NARROW_PEERS = 104;
/** From this reach on a message went everywhere, so that its reach follows the number of peers. */
const WIDE_FROM = 501;
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
}

/** Draws how many peers deliver, and from which they are taken. */
export class ReachPicker {
  readonly #options: ReachOptions;
  readonly #random: Random;
  readonly #sampler = new ReachSampler();
  readonly #narrow: Uint16Array;
  /** Peers by how long they stay, longest first. */
  readonly #order: Uint16Array;
  #active: Uint16Array;

  /** Lays down in which order peers leave. */
  constructor(options: ReachOptions, random: Random) {
    this.#options = options;
    this.#random = random;
    this.#order = Uint16Array.from({ length: options.peers }, (_, i) => i);
    for (let i = options.peers - 1; i > 0; i--) {
      const j = randomInteger(random, i + 1);
      [this.#order[i], this.#order[j]] = [this.#order[j], this.#order[i]];
    }
    const narrow = Math.ceil(options.peers * NARROW_PEERS / REAL_RUN.peers);
    this.#narrow = this.#order.slice(0, narrow);
    this.#active = this.#order.slice();
  }

  /** When each peer leaves, by its index: seconds into the run; Infinity for those that stay. */
  leavingSeconds(): Float64Array {
    const { peers, seconds, peersLeave = false } = this.#options;
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

  /** For a message created `at` seconds into the run. */
  draw(type: GossipType, at: number): { peers: number; from: Uint16Array } {
    const { peers, seconds, peersLeave = false } = this.#options;
    let share = this.#random.next();
    if (peersLeave) {
      const active = Math.round(
        interpolate(ACTIVE_SHARE, at / seconds) * peers,
      );
      // Who has left is not in the first places any more; their order is free.
      if (active < this.#active.length) this.#active = this.#order.slice(0, active);
      // The reach of messages that went everywhere follows the time; the histogram as a whole stays what it is.
      const wide = this.#sampler.below(type, WIDE_FROM);
      if (share > wide) share = wide + (1 - wide) * this.#followTime(1 - at / seconds);
    }
    const real = this.#sampler.at(type, share);
    const from = real >= NARROW_LOW && real <= NARROW_HIGH ? this.#narrow : this.#active;
    const scaled = Math.floor(real * peers / REAL_RUN.peers + this.#random.next());
    return { peers: Math.min(Math.max(1, scaled), from.length), from };
  }

  /** `share` with some noise, folded back into [0, 1): what was uniform stays so. */
  #followTime(share: number): number {
    const noisy = Math.abs(share + (this.#random.next() - 0.5) * 0.1);
    return Math.min(noisy > 1 ? 2 - noisy : noisy, 1 - Number.EPSILON);
  }
}
