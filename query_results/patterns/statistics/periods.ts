// Periods: one gap between messages that returns again and again. Pure.

import { logBinomialTail, medianOf } from "./tails.ts";

export interface Period {
  readonly periodMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Gaps in the span, and those within a tenth of the period. */
  readonly gaps: number;
  readonly regular: number;
  /** By chance alone. */
  readonly expected: number;
  /** Length of the mean unit vector at this period: 1 is a clock without drift, 0 no phase at all (Rayleigh). */
  readonly coherence: number;
  readonly logP: number;
}

/** A gap within this share of the period returns. */
const TOLERANCE = 0.1;
/** Share of gaps that lie so near their median by chance: .07 of a Poisson process, more where messages cluster. */
const BY_CHANCE = 0.12;
/** Fewer repeats are no period. */
export const LEAST_REPEATS = 12;
/** Instants are whole seconds: shorter gaps would often be equal by chance. */
const LEAST_PERIOD_MS = 5000;
/** Share of the span's gaps that must return: fewer is a period with much else, which the median misses. */
const LEAST_SHARE = 0.5;

/** The strongest period of ascending instants, over any span of at least {@link LEAST_REPEATS} gaps; null when there is none. */
export function findPeriod(times: Int32Array): Period | null {
  const gaps = Float64Array.from({ length: times.length - 1 }, (_, i) => times[i + 1] - times[i]);
  let best: Period | null = null, tests = 0;
  for (
    let size = Math.min(LEAST_REPEATS, gaps.length);
    size >= LEAST_REPEATS;
    size = next(size, gaps.length)
  ) {
    const step = Math.max(1, size >> 2);
    for (let from = 0;; from += step) {
      const start = Math.min(from, gaps.length - size);
      tests++;
      const found = judge(times, gaps, start, start + size);
      if (found && found.logP < (best?.logP ?? 0)) best = found;
      if (start < from || start + size >= gaps.length) break;
    }
  }
  // As many spans were tried: Bonferroni.
  return best && { ...best, logP: Math.min(0, best.logP + Math.log(tests)) };
}

function next(size: number, most: number): number {
  return size === most ? 0 : Math.min(most, Math.ceil(size * 1.5));
}

function judge(times: Int32Array, gaps: Float64Array, from: number, to: number): Period | null {
  const periodMs = medianOf(gaps.slice(from, to));
  if (periodMs < LEAST_PERIOD_MS) return null;
  let regular = 0;
  for (let i = from; i < to; i++) {
    if (Math.abs(gaps[i] - periodMs) <= TOLERANCE * periodMs) regular++;
  }
  const count = to - from;
  if (regular < LEAST_SHARE * count || regular < LEAST_REPEATS - 2) return null;
  return {
    periodMs,
    fromMs: times[from],
    untilMs: times[to],
    gaps: count,
    regular,
    expected: BY_CHANCE * count,
    coherence: coherence(times.subarray(from, to + 1), periodMs),
    logP: logBinomialTail(regular, count, BY_CHANCE),
  };
}

/** |Σ e^{2πi t/P}| / n. */
export function coherence(times: Int32Array, periodMs: number): number {
  let x = 0, y = 0;
  for (const time of times) {
    const angle = 2 * Math.PI * ((time / periodMs) % 1);
    x += Math.cos(angle);
    y += Math.sin(angle);
  }
  return Math.hypot(x, y) / times.length;
}
