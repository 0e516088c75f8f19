// Delays as between real peers. Peers are slow or fast and keep so, messages are slow or fast, and a peer scatters around
// its own pace the more the slower it is:
//
//   delay(m, p) = s_m · (a_p + w_p · e), w_p = (j₀ + j₁ · a_p) · u_p
//
// with e drawn anew for each receipt. Delays count from a message's first receipt at any peer.

import type { Random } from "../../../shared/random.ts";
import fitted from "./delay_model.json" with { type: "json" };
import { interpolate, type Knot, lookUp, quantileTable } from "./quantiles.ts";
import type { Traces } from "./traces.ts";

export interface DelayModel {
  /** By message type: median of s_m in seconds, and the standard deviation of its logarithm. */
  readonly speeds: Readonly<Record<"257" | "258", { median: number; spread: number }>>;
  /** a_p over the peers: 1 is about the pace of the median receipt. */
  readonly slowness: readonly Knot[];
  /** j₀ and j₁. */
  readonly jitter: readonly number[];
  /** u_p over the peers: below 1 is steadier than others of that slowness. */
  readonly unsteadiness: readonly Knot[];
  /** e. */
  readonly rest: readonly Knot[];
  /** The share of wide messages that a peer delivers, over the peers. */
  readonly coverage: readonly Knot[];
}

/** What `deno task lab calibrate --fit` printed for the receipt traces of 2025-09-26. */
export const FITTED_DELAYS: DelayModel = fitted as unknown as DelayModel;

/** Steps of {@link deal}, independent of each other. */
const SLOWNESS_STEP = (Math.sqrt(5) - 1) / 2;
const UNSTEADINESS_STEP = Math.SQRT2 - 1;
const COVERAGE_STEP = Math.sqrt(3) - 1;

/** Draws s_m, in seconds. */
export function messageSpeed(type: 257 | 258, random: Random, model = FITTED_DELAYS): number {
  const { median, spread } = model.speeds[type];
  // About normal, deviation 1: the sum of three uniform numbers.
  const normal = 2 * (random.next() + random.next() + random.next() - 1.5);
  return median * Math.exp(spread * normal);
}

/** Peers that keep their pace. Any run of neighbours among them is about as slow and fast as all are. */
export class PeerDelays {
  readonly #slowness: Float64Array;
  readonly #widths: Float64Array;
  readonly #rest: Float64Array;

  constructor(peers: number, random: Random, model: DelayModel = FITTED_DELAYS) {
    this.#slowness = deal(peers, random, SLOWNESS_STEP, model.slowness);
    const unsteadiness = deal(peers, random, UNSTEADINESS_STEP, model.unsteadiness);
    const [constant, perSlowness] = model.jitter;
    this.#widths = this.#slowness.map((a, peer) =>
      (constant + perSlowness * a) * unsteadiness[peer]
    );
    this.#rest = quantileTable(model.rest);
  }

  /** Seconds until `peer` delivers a message of `speed` (s_m). */
  delay(peer: number, speed: number, random: Random): number {
    const pace = this.#slowness[peer] + this.#widths[peer] * lookUp(this.#rest, random.next());
    return Math.max(0, speed * pace);
  }
}

/** Wide messages as the model makes them. */
export function generatedTraces(
  size: { peers: number; updates: number; nodes: number },
  random: Random,
  model: DelayModel = FITTED_DELAYS,
): Traces {
  const { peers, updates, nodes } = size;
  const delays = new PeerDelays(peers, random, model);
  const coverage = deal(peers, random, COVERAGE_STEP, model.coverage);
  const messages = Array.from({ length: updates + nodes }, (_, i) => {
    const type = i < updates ? 258 : 257;
    const speed = messageSpeed(type, random, model);
    const raw = coverage.map((share, peer) =>
      random.next() < share ? delays.delay(peer, speed, random) : NaN
    );
    const first = raw.reduce((least, delay) => delay < least ? delay : least, Infinity);
    return { type, delays: raw.map((delay) => delay === first ? 0 : delay) };
  });
  return { peers, messages };
}

/** A value per peer by an additive recurrence (Weyl): any neighbours have nearly the whole distribution. */
function deal(peers: number, random: Random, step: number, knots: readonly Knot[]): Float64Array {
  const start = random.next();
  return Float64Array.from({ length: peers }, (_, i) => interpolate(knots, (start + i * step) % 1));
}
