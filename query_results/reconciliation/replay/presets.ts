/**
 * Designs that are replayed: how sketches are sized, and what is done when one fails.
 *
 * @module
 */
import type { Estimator } from "../algorithms/estimators.ts";

export interface Preset {
  readonly bits: number;
  /** `quantile` is the 99.9 % quantile of the first half of all pairs' rounds, judged on the second half. */
  readonly estimator: Estimator | "quantile";
  /** By type: channel_update, node_announcement, channel_announcement. */
  readonly fixed: readonly number[];
  readonly minimum: number;
  readonly most: number;
  /** Growth after a failure; 1: all ids follow at once. */
  readonly retryFactor: number;
  readonly perType: boolean;
}

const DRAFT: Preset = {
  bits: 64,
  estimator: "k+D+c",
  fixed: [512, 384, 32],
  minimum: 8,
  most: 1024,
  retryFactor: 3,
  perType: true,
};

/** By name. The draft leaves its minimum c open; 8 is the simulator's too. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  "draft-bolt": DRAFT,
  /** One sketch of 32-bit salted ids; one extension to twice the capacity, then all ids. */
  "bip330": {
    ...DRAFT,
    bits: 32,
    estimator: "q",
    minimum: 1,
    most: 4096,
    retryFactor: 2,
    perType: false,
  },
  "fixed-512-384-32": { ...DRAFT, estimator: "fixed", retryFactor: 1 },
  "ewma": { ...DRAFT, estimator: "ewma" },
  "quantile": { ...DRAFT, estimator: "quantile", retryFactor: 1 },
};
