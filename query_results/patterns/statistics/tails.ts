// Tail probabilities as natural logarithms, so that the smallest keep their order, and false discovery rates. Pure.

/** Lanczos' coefficients for g = 7. */
const LANCZOS = [
  0.99999999999980993,
  676.5203681218851,
  -1259.1392167224028,
  771.32342877765313,
  -176.61502916214059,
  12.507343278686905,
  -0.13857109526572012,
  9.9843695780195716e-6,
  1.5056327351493116e-7,
];
/** Above this size a negative binomial is a Poisson distribution to eight digits. */
const POISSON_FROM = 1e8;
const ENOUGH = 1e-12;

/** ln Γ(x), x > 0. */
export function logGamma(x: number): number {
  const t = x + 6.5;
  const sum = LANCZOS.reduce((sum, c, i) => i === 0 ? c : sum + c / (x + i - 1), 0);
  return (x - 0.5) * Math.log(t) - t + Math.log(Math.sqrt(2 * Math.PI) * sum);
}

/** ln P(X ≥ count) of a negative binomial: variance mean + mean²/size; Infinity makes it Poisson. */
export function logNegativeBinomialTail(count: number, mean: number, size = Infinity): number {
  if (count <= mean || count <= 0) return 0;
  if (!(mean > 0)) return -Infinity;
  const isPoisson = size > POISSON_FROM;
  const odds = isPoisson ? 0 : mean / (mean + size);
  const first = isPoisson
    ? count * Math.log(mean) - mean - logGamma(count + 1)
    : logGamma(count + size) - logGamma(size) - logGamma(count + 1) +
      size * Math.log1p(-odds) + count * Math.log(odds);
  const ratio = (x: number) => isPoisson ? mean / (x + 1) : (x + size) / (x + 1) * odds;
  return Math.min(0, first + Math.log(tailSum(count, Infinity, ratio)));
}

/** ln P(X ≥ hits) of `trials` with probability `chance` each. */
export function logBinomialTail(hits: number, trials: number, chance: number): number {
  if (hits <= trials * chance || hits <= 0) return 0;
  const first = logGamma(trials + 1) - logGamma(hits + 1) - logGamma(trials - hits + 1) +
    hits * Math.log(chance) + (trials - hits) * Math.log1p(-chance);
  const odds = chance / (1 - chance);
  return Math.min(0, first + Math.log(tailSum(hits, trials, (x) => (trials - x) / (x + 1) * odds)));
}

/** 1 + ratio(from) + ratio(from)·ratio(from + 1) + …, beyond the mode: terms that only fall. */
function tailSum(from: number, to: number, ratio: (x: number) => number): number {
  let sum = 1, term = 1;
  for (let x = from; x < to && term > ENOUGH * sum; x++) sum += term *= ratio(x);
  return sum;
}

/** ln P(|Z| ≥ z) of a standard normal variable, to three digits (Abramowitz and Stegun 26.2.17, and its asymptote). */
export function logNormalTail(z: number): number {
  const x = Math.abs(z);
  if (x > 6) return Math.log(2 / Math.sqrt(2 * Math.PI)) - x * x / 2 - Math.log(x);
  const t = 1 / (1 + 0.2316419 * x);
  const poly = t * (0.31938153 + t * (-0.356563782 +
        t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return Math.log(2 * poly / Math.sqrt(2 * Math.PI)) - x * x / 2;
}

/** The value that a standard normal variable does not exceed with probability `share` (Abramowitz and Stegun 26.2.23). */
export function normalQuantile(share: number): number {
  const t = Math.sqrt(-2 * Math.log(Math.min(share, 1 - share)));
  const z = t - (2.515517 + t * (0.802853 + t * 0.010328)) /
      (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
  return share < 0.5 ? -z : z;
}

/**
 * Benjamini and Hochberg's q-values.
 * @param logP of the tests that could matter, as natural logarithms.
 * @param tests how many were made in all.
 */
export function qValues(logP: ArrayLike<number>, tests: number): Float64Array {
  const order = Array.from(logP, (_, i) => i).sort((a, b) => logP[b] - logP[a]);
  const q = new Float64Array(logP.length);
  let least = 0;
  order.forEach((i, place) => {
    const rank = order.length - place;
    least = Math.min(least, logP[i] + Math.log(tests / rank));
    q[i] = Math.exp(least);
  });
  return q;
}

/** The median of numbers, which are sorted in place; NaN of none. */
export function medianOf(values: Float64Array | number[]): number {
  if (Array.isArray(values)) values.sort((a, b) => a - b);
  else values.sort();
  const middle = values.length >> 1;
  return values.length % 2 === 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}
