// From power sums to the set: Berlekamp–Massey, then root finding.

import type { Field } from "./field.ts";
import { findRoots } from "./roots.ts";

/**
 * The ids, or why there are none. Both failures nearly always mean more differences than capacity:
 *
 * - `too_many`: the recurrence is longer than allowed;
 * - `no_such_set`: its polynomial does not split into distinct linear factors.
 */
export type Decoded =
  | { readonly ids: BigUint64Array<ArrayBuffer>; readonly failure?: undefined }
  | { readonly ids?: undefined; readonly failure: "too_many" | "no_such_set" };

/** Decodes the odd power sums s1, s3, … into at most `maxElements` ids, ascending. */
export function decodeSums(field: Field, oddSums: BigUint64Array, maxElements: number): Decoded {
  if (oddSums.every((sum) => sum === 0n)) return { ids: new BigUint64Array() };
  const polynomial = berlekampMassey(field, oddSums, Math.min(maxElements, oddSums.length));
  if (!polynomial) return { failure: "too_many" };
  // A constant term of 0 would make 0, which is not an element, a root.
  const ids = polynomial[0] === 0n ? null : findRoots(field, polynomial);
  return ids ? { ids: ids.sort() } : { failure: "no_such_set" };
}

/**
 * The shortest linear recurrence of s1, …, s2c (Massey, "Shift-register synthesis and BCH decoding", 1969) as a monic
 * polynomial without its leading 1; its roots are the elements. Null above `maxDegree`.
 */
function berlekampMassey(
  field: Field,
  oddSums: BigUint64Array,
  maxDegree: number,
): BigUint64Array<ArrayBuffer> | null {
  const count = 2 * oddSums.length, room = maxDegree + 2;
  const sums = field.reserve(count + 3 * room + 2), { words } = field;
  words.fill(0n, sums / 8, sums / 8 + count + 3 * room);
  // s2i = si² in characteristic 2.
  for (let k = 1; k <= count; k++) {
    const at = sums + 8 * (k - 1);
    if (k % 2 === 1) words[at / 8] = oddSums[k >> 1];
    else field.square(at, 8, sums + 8 * (k / 2 - 1), 1);
  }
  const current = sums + 8 * count;
  let former = current + 8 * room, spare = former + 8 * room;
  const discrepancy = sums + 8 * (count + 3 * room), inverse = discrepancy + 8;
  let length = 0, formerLength = 0, shift = 1;
  words[current / 8] = words[former / 8] = 1n;
  // Every second discrepancy is zero in characteristic 2 (Berlekamp), so take two steps at once.
  for (let n = 0; n < count; n += 2, shift += 2) {
    if (!field.dot(discrepancy, current, sums + 8 * n, length + 1)) continue;
    const grows = 2 * length <= n;
    if (grows) {
      if (n + 1 - length > maxDegree) return null;
      words.fill(0n, spare / 8, spare / 8 + length + 1);
      field.invert(inverse, discrepancy);
      field.combine(spare, current, 0, length + 1, inverse, 1);
    }
    field.combine(current + 8 * shift, former, 0, formerLength + 1, discrepancy, 1);
    if (grows) {
      [former, spare] = [spare, former];
      [length, formerLength, shift] = [n + 1 - length, length, 0];
    }
  }
  return words.slice(current / 8 + 1, current / 8 + 1 + length).reverse();
}
