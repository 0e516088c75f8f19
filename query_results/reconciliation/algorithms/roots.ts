// Root finding by Berlekamp's trace algorithm ("Factoring polynomials over large finite fields", 1970).

import type { Field } from "./field.ts";

/**
 * The roots of a monic polynomial, or null unless it has as many distinct ones as its degree. Multipliers are a basis of
 * the field, not random: `bits` traces separate any two elements, so the running time is bounded for any input.
 *
 * @param polynomial coefficients from the constant up, without the leading 1.
 */
export function findRoots(
  field: Field,
  polynomial: BigUint64Array<ArrayBuffer>,
): BigUint64Array<ArrayBuffer> | null {
  const degree = polynomial.length;
  if (degree === 1) return polynomial;
  const { bits } = field, half = degree >> 1, row = 8 * degree;
  // In memory: f, X^k for even k ≥ degree, X^(2^i), traces, four work polynomials and the multipliers.
  const f = field.reserve(degree * (1 + half + bits + 1 + bits + 4) + bits + 5);
  const powers = f + row, frobenius = powers + half * row, traces = frobenius + (bits + 1) * row;
  const work = traces + bits * row, space = row + 8;
  const { words } = field;
  words.set(polynomial, f / 8);
  evenPowers(field, f, degree, powers, work);
  if (!frobeniusPowers(field, degree, powers, frobenius, work)) return null;

  let known = 0;
  const multipliers = work + 4 * space;
  /** Tr(x^level·X) mod f: the conjugates of x^level times X^(2^i), summed. */
  const trace = (level: number): number => {
    const at = traces + level * row;
    if (level === known) {
      words[multipliers / 8] = 1n << BigInt(level);
      field.square(multipliers + 8, 8, multipliers, bits - 1);
      words.fill(0n, at / 8, at / 8 + degree);
      field.combine(at, frobenius, row, degree, multipliers, bits);
      known++;
    }
    return at;
  };

  // A monic factor takes as many words as its degree, so factors split in place until each word is a root.
  const split = (at: number, size: number, level: number): void => {
    if (size === 1) return;
    const [a, b, product, scratch] = [0, 1, 2, 3].map((i) => work + i * space);
    for (;; level++) {
      copyMonic(words, product, at, size);
      words.copyWithin(b / 8, trace(level) / 8, trace(level) / 8 + degree);
      divide(field, b, degree, product, size);
      copyMonic(words, a, at, size);
      const common = gcd(field, a, size, b, scratch);
      if (common.degree === 0 || common.degree === size) continue;
      divide(field, product, size + 1, common.at, common.degree);
      words.copyWithin(at / 8, common.at / 8, common.at / 8 + common.degree);
      const rest = at + 8 * common.degree;
      words.copyWithin(rest / 8, product / 8 + common.degree, product / 8 + size);
      split(at, common.degree, level + 1);
      split(rest, size - common.degree, level + 1);
      return;
    }
  };
  split(f, degree, 0);
  return words.slice(f / 8, f / 8 + degree);
}

/** X^k mod f for even k from the degree on. */
function evenPowers(field: Field, f: number, degree: number, powers: number, work: number): void {
  const { words } = field;
  const power = work / 8 + 1, top = work / 8;
  words.copyWithin(power, f / 8, f / 8 + degree);
  for (let k = degree, to = powers / 8; k <= 2 * degree - 2; k++) {
    if (k % 2 === 0) {
      words.copyWithin(to, power, power + degree);
      to += degree;
    }
    words[top] = words[power + degree - 1];
    words.copyWithin(power + 1, power, power + degree - 1);
    words[power] = 0n;
    field.combine(8 * power, f, 0, degree, 8 * top, 1);
  }
}

/**
 * X^(2^i) mod f for i = 0…bits, by squaring coefficients and replacing X^j by X^(2j).
 *
 * @returns whether the last is X: then f divides X^(2^bits) − X, so it splits into distinct linear factors.
 */
function frobeniusPowers(
  field: Field,
  degree: number,
  powers: number,
  frobenius: number,
  work: number,
): boolean {
  const { bits, words } = field, row = 8 * degree, low = (degree + 1) >> 1, high = degree - low;
  words.fill(0n, frobenius / 8, frobenius / 8 + (bits + 1) * degree);
  words[frobenius / 8 + 1] = 1n;
  for (let from = frobenius, i = 0; i < bits; i++, from += row) {
    field.square(from + row, 16, from, low);
    field.square(work, 8, from + 8 * low, high);
    field.combine(from + row, powers, row, degree, work, high);
  }
  const last = frobenius / 8 + bits * degree;
  return words.subarray(last, last + degree).every((c, k) => c === (k === 1 ? 1n : 0n));
}

function copyMonic(words: BigUint64Array, to: number, from: number, degree: number): void {
  words.copyWithin(to / 8, from / 8, from / 8 + degree);
  words[to / 8 + degree] = 1n;
}

/** Divides a's n words by a monic g: the remainder is left in the first `degree` words, the quotient above. */
function divide(field: Field, a: number, n: number, g: number, degree: number): void {
  for (let i = n - 1; i >= degree; i--) {
    field.combine(a + 8 * (i - degree), g, 0, degree, a + 8 * i, 1);
  }
}

/** The monic gcd of a monic a and a b of lower degree; overwrites both. */
function gcd(
  field: Field,
  a: number,
  aDegree: number,
  b: number,
  scratch: number,
): { at: number; degree: number } {
  const { words } = field;
  for (;;) {
    let degree = aDegree - 1;
    while (degree >= 0 && words[b / 8 + degree] === 0n) degree--;
    if (degree < 0) return { at: a, degree: aDegree };
    if (degree === 0) return { at: b, degree: 0 };
    if (words[b / 8 + degree] !== 1n) {
      // b + (1/lead + 1)·b is b/lead.
      field.invert(scratch, b + 8 * degree);
      words[scratch / 8] ^= 1n;
      field.combine(b, b, 0, degree + 1, scratch, 1);
    }
    divide(field, a, aDegree + 1, b, degree);
    [a, b, aDegree] = [b, a, degree];
  }
}
