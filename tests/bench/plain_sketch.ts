// PinSketch decoding without WebAssembly, to measure ours against: the same steps over any representation of a field.

/** An array of elements. */
export interface Vector<T> {
  [index: number]: T;
  /** In elements. */
  readonly length: number;
}

/** A field's arithmetic on numbers or bigints. */
export interface PlainField<T extends number | bigint> {
  readonly bits: number;
  readonly zero: T;
  readonly one: T;
  /** A vector of zeros. */
  zeros(length: number): Vector<T>;
  /** x^n, in the field's own variable. */
  basis(n: number): T;
  add(a: T, b: T): T;
  multiply(a: T, b: T): T;
  /** `to[toAt + i] += scalar · from[fromAt + i]` for n elements. */
  combine(to: Vector<T>, toAt: number, from: Vector<T>, fromAt: number, n: number, scalar: T): void;
}

/** GF(2^32) in numbers, with the same tables of 4-bit windows. */
export function numberField(): PlainField<number> {
  const timesX = (a: number) => ((a << 1) ^ (a >>> 31) * 0x8d) >>> 0;
  const windows = new Uint32Array(128);
  const prepare = (scalar: number) => {
    for (let bit = 0; bit < 32; bit++, scalar = timesX(scalar)) {
      const table = bit >> 2 << 4, step = 1 << (bit & 3);
      for (let i = 0; i < step; i++) windows[table + step + i] = windows[table + i] ^ scalar;
    }
  };
  const product = (y: number) =>
    windows[y & 15] ^ windows[16 + (y >>> 4 & 15)] ^ windows[32 + (y >>> 8 & 15)] ^
    windows[48 + (y >>> 12 & 15)] ^ windows[64 + (y >>> 16 & 15)] ^
    windows[80 + (y >>> 20 & 15)] ^ windows[96 + (y >>> 24 & 15)] ^ windows[112 + (y >>> 28)];
  return {
    bits: 32,
    zero: 0,
    one: 1,
    zeros: (length) => new Uint32Array(length),
    basis: (n) => (1 << n) >>> 0,
    add: (a, b) => (a ^ b) >>> 0,
    multiply(a, b) {
      prepare(a);
      return product(b) >>> 0;
    },
    combine(to, toAt, from, fromAt, n, scalar) {
      if (scalar === 0) return;
      prepare(scalar);
      for (let i = 0; i < n; i++) to[toAt + i] ^= product(from[fromAt + i]);
    },
  };
}

/** GF(2^64) in bigints, likewise. */
export function bigintField(): PlainField<bigint> {
  const windows: bigint[] = new Array(256).fill(0n);
  const prepare = (scalar: bigint) => {
    for (let bit = 0; bit < 64; bit++) {
      const table = bit >> 2 << 4, step = 1 << (bit & 3);
      for (let i = 0; i < step; i++) windows[table + step + i] = windows[table + i] ^ scalar;
      scalar = BigInt.asUintN(64, scalar << 1n) ^ (scalar >> 63n) * 0x1bn;
    }
  };
  const product = (y: bigint) => {
    let sum = 0n;
    for (let half = 0; half < 2; half++) {
      let rest = Number(half === 0 ? y & 0xffffffffn : y >> 32n);
      for (let table = half * 128; rest !== 0; table += 16, rest >>>= 4) {
        sum ^= windows[table + (rest & 15)];
      }
    }
    return sum;
  };
  return {
    bits: 64,
    zero: 0n,
    one: 1n,
    zeros: (length) => new BigUint64Array(length),
    basis: (n) => 1n << BigInt(n),
    add: (a, b) => a ^ b,
    multiply(a, b) {
      prepare(a);
      return product(b);
    },
    combine(to, toAt, from, fromAt, n, scalar) {
      if (scalar === 0n) return;
      prepare(scalar);
      for (let i = 0; i < n; i++) to[toAt + i] ^= product(from[fromAt + i]);
    },
  };
}

/** 1/a as a^(2^bits − 2). */
function inverse<T extends number | bigint>(field: PlainField<T>, a: T): T {
  let result = field.one, square = a;
  for (let i = 1; i < field.bits; i++) {
    square = field.multiply(square, square);
    result = field.multiply(result, square);
  }
  return result;
}

/** The odd power sums of some ids. */
export function plainSums<T extends number | bigint>(
  field: PlainField<T>,
  ids: readonly T[],
  capacity: number,
): Vector<T> {
  const sums = field.zeros(capacity);
  for (const id of ids) {
    const square = field.multiply(id, id);
    for (let i = 0, power = id; i < capacity; i++, power = field.multiply(square, power)) {
      sums[i] = field.add(sums[i], power);
    }
  }
  return sums;
}

/** The ids of odd power sums, for as many differences as there are sums: it is there for its time alone. */
export function plainDecode<T extends number | bigint>(
  field: PlainField<T>,
  odd: Vector<T>,
): Set<T> {
  const { zero, one, zeros, multiply, add, combine, bits } = field;
  const count = 2 * odd.length;
  const sums = zeros(count);
  for (let k = 1; k <= count; k++) {
    sums[k - 1] = k % 2 ? odd[k >> 1] : multiply(sums[k / 2 - 1], sums[k / 2 - 1]);
  }
  // Berlekamp–Massey.
  const current = zeros(count + 2);
  let former = zeros(count + 2), length = 0, shift = 1;
  current[0] = former[0] = one;
  for (let n = 0; n < count; n += 2, shift += 2) {
    let discrepancy = zero;
    for (let i = 0; i <= length; i++) {
      discrepancy = add(discrepancy, multiply(current[i], sums[n - i]));
    }
    if (discrepancy === zero) continue;
    const grows = 2 * length <= n, next = zeros(count + 2);
    if (grows) combine(next, 0, current, 0, length + 1, inverse(field, discrepancy));
    combine(current, shift, former, 0, odd.length + 1, discrepancy);
    if (grows) [former, length, shift] = [next, n + 1 - length, 0];
  }
  const f = zeros(length + 1);
  for (let i = 0; i <= length; i++) f[i] = current[length - i];

  // The matrix of squaring mod f, and with it the X^(2^i).
  const powers: Vector<T>[] = [], power = zeros(length + 1);
  for (let i = 0; i < length; i++) power[i] = f[i];
  for (let k = length; k < 2 * length; k++) {
    if (k % 2 === 0) powers.push(copy(field, power, length));
    const top = power[length - 1];
    for (let i = length - 1; i > 0; i--) power[i] = power[i - 1];
    power[0] = zero;
    combine(power, 0, f, 0, length, top);
  }
  const frobenius = [zeros(length)];
  frobenius[0][1] = one;
  for (let i = 1; i < bits; i++) {
    const before = frobenius[i - 1], next = zeros(length), low = (length + 1) >> 1;
    for (let j = 0; j < low; j++) next[2 * j] = multiply(before[j], before[j]);
    for (let j = low; j < length; j++) {
      combine(next, 0, powers[j - low], 0, length, multiply(before[j], before[j]));
    }
    frobenius.push(next);
  }
  const traces: Vector<T>[] = [];
  const trace = (level: number) => {
    if (!traces[level]) {
      traces[level] = zeros(length);
      let scalar = field.basis(level);
      for (const row of frobenius) {
        combine(traces[level], 0, row, 0, length, scalar);
        scalar = multiply(scalar, scalar);
      }
    }
    return copy(field, traces[level], length);
  };

  const roots = new Set<T>();
  const split = (g: Vector<T>, level: number): void => {
    const size = g.length - 1;
    if (size === 1) {
      roots.add(g[0]);
      return;
    }
    for (;; level++) {
      const t = trace(level);
      divide(field, t, g, size);
      const common = gcd(field, copy(field, g, size + 1), t, size);
      if (common.length === 1 || common.length > size) continue;
      const quotient = copy(field, g, size + 1);
      divide(field, quotient, common, common.length - 1);
      split(common, level + 1);
      split(copy(field, quotient, size + 1, common.length - 1), level + 1);
      return;
    }
  };
  split(f, 0);
  return roots;
}

function copy<T extends number | bigint>(
  field: PlainField<T>,
  from: Vector<T>,
  end: number,
  start = 0,
): Vector<T> {
  const to = field.zeros(end - start);
  for (let i = start; i < end; i++) to[i - start] = from[i];
  return to;
}

/** Divides by a monic g: the remainder stays below its degree, the quotient above. */
function divide<T extends number | bigint>(
  field: PlainField<T>,
  a: Vector<T>,
  g: Vector<T>,
  degree: number,
): void {
  for (let i = a.length - 1; i >= degree; i--) {
    field.combine(a, i - degree, g, 0, degree, a[i]);
  }
}

function gcd<T extends number | bigint>(
  field: PlainField<T>,
  a: Vector<T>,
  b: Vector<T>,
  below: number,
): Vector<T> {
  for (;;) {
    let degree = below - 1;
    while (degree >= 0 && b[degree] === field.zero) degree--;
    if (degree < 0) return a;
    const monic = field.zeros(degree + 1);
    field.combine(monic, 0, b, 0, degree + 1, inverse(field, b[degree]));
    divide(field, a, monic, degree);
    [a, b, below] = [monic, a, degree];
  }
}
