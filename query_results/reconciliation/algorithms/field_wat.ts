// WebAssembly text for GF(2^b), which multiplies by tables of 4-bit windows.
//
// Memory holds 16 multiples of one factor at 0, the window tables at 128, and the caller's data from `HEAP`.
// Pointers count bytes; an element is one little-endian 64-bit word.

/** Supported field sizes in bits. */
export const FIELD_BITS = [12, 32, 40, 48, 64] as const;

export type FieldBits = typeof FIELD_BITS[number];

/** Exponents of each modulus below its degree, as in minisketch. */
const MODULUS_TERMS: Record<FieldBits, readonly number[]> = {
  12: [3, 0],
  32: [7, 3, 2, 0],
  40: [5, 4, 3, 0],
  48: [5, 3, 2, 0],
  64: [4, 3, 1, 0],
};

/** The first byte of memory that belongs to the caller. */
export const HEAP = 4096;

/** One table of 16 words per nibble. */
const WINDOWS = 128;

/** The module for one field. */
export function fieldWat(bits: FieldBits): string {
  const nibbles = Array.from({ length: bits / 4 }, (_, k) => k);
  const terms = MODULUS_TERMS[bits];
  const mask = `(i64.const 0x${((1n << BigInt(bits)) - 1n).toString(16)})`;
  const modulus = `(i64.const ${terms.map((e) => 1 << e).reduce((sum, bit) => sum | bit)})`;
  const xor = (parts: string[]): string => parts.reduce((sum, part) => `(i64.xor ${sum} ${part})`);

  /** a·x for a local a. */
  const timesX = (a: string) =>
    `(i64.xor (i64.and (i64.shl ${a} (i64.const 1)) ${mask})
      (i64.and (i64.sub (i64.const 0) (i64.shr_u ${a} (i64.const ${bits - 1}))) ${modulus}))`;
  /** a·x⁴ for a local a. */
  const timesX4 = (a: string) =>
    xor([
      `(i64.and (i64.shl ${a} (i64.const 4)) ${mask})`,
      ...terms.map((e) => `(i64.shl (i64.shr_u ${a} (i64.const ${bits - 4})) (i64.const ${e}))`),
    ]);
  /** The byte offset that nibble k of local y selects in a table. */
  const nibble = (y: string, k: number) =>
    `(i32.and (i32.wrap_i64 ${
      k === 0 ? `(i64.shl ${y} (i64.const 3))` : `(i64.shr_u ${y} (i64.const ${4 * k - 3}))`
    }) (i32.const 0x78))`;
  const multiple = (y: string, k: number) => `(i64.load ${nibble(y, k)})`;
  /** Local y times the factor of the window tables. */
  const windowed = (y: string) =>
    xor(nibbles.map((k) => `(i64.load offset=${WINDOWS + 128 * k} ${nibble(y, k)})`));
  const horner = nibbles.slice(0, -1).reverse();

  return `(module
  (memory (export "memory") 1)

  ;; Writes $m times each polynomial below x⁴ to $at; the first word stays zero.
  (func $multiples (param $at i32) (param $m i64) (local $x1 i64) (local $x2 i64) (local $x3 i64)
    (local.set $x1 ${timesX("(local.get $m)")})
    (local.set $x2 ${timesX("(local.get $x1)")})
    (local.set $x3 ${timesX("(local.get $x2)")})
    ${
    Array.from({ length: 15 }, (_, i) => {
      const parts = ["$m", "$x1", "$x2", "$x3"].filter((_, bit) => (i + 1) >> bit & 1);
      return `(i64.store offset=${8 * (i + 1)} (local.get $at) ${
        xor(parts.map((part) => `(local.get ${part})`))
      })`;
    }).join("\n    ")
  })

  ;; Fills the window tables for the factor $m.
  (func $windows (param $m i64)
    ${
    nibbles.map((k) =>
      `(call $multiples (i32.const ${WINDOWS + 128 * k}) (local.get $m))
    (local.set $m ${timesX4("(local.get $m)")})`
    ).join("\n    ")
  })

  (func $multiply (param $a i64) (param $b i64) (result i64) (local $r i64)
    (call $multiples (i32.const 0) (local.get $b))
    (local.set $r ${multiple("(local.get $a)", nibbles.length - 1)})
    ${
    horner.map((k) =>
      `(local.set $r (i64.xor ${timesX4("(local.get $r)")} ${multiple("(local.get $a)", k)}))`
    ).join("\n    ")
  }
    (local.get $r))

  ;; out = 1/in by Euclid over GF(2)[x]. The first step is special: the modulus has b + 1 bits.
  (func (export "invert") (param $out i32) (param $in i32)
    (local $u i64) (local $v i64) (local $g i64) (local $h i64) (local $t i64) (local $j i64)
    (local.set $v (i64.load (local.get $in)))
    (local.set $g (local.tee $h (i64.const 1)))
    (if (i64.ne (local.get $v) (i64.const 1)) (then
      (local.set $j (i64.sub (i64.clz (local.get $v)) (i64.const ${63 - bits})))
      (local.set $u (i64.xor ${modulus} (i64.and ${mask} (i64.shl (local.get $v) (local.get $j)))))
      (local.set $g (i64.shl (local.get $h) (local.get $j)))
      (block $done (loop $step
        (br_if $done (i64.eq (local.get $u) (i64.const 1)))
        (local.set $j (i64.sub (i64.clz (local.get $v)) (i64.clz (local.get $u))))
        (if (i64.lt_s (local.get $j) (i64.const 0)) (then
          (local.set $t (local.get $u)) (local.set $u (local.get $v)) (local.set $v (local.get $t))
          (local.set $t (local.get $g)) (local.set $g (local.get $h)) (local.set $h (local.get $t))
          (local.set $j (i64.sub (i64.const 0) (local.get $j)))))
        (local.set $u (i64.xor (local.get $u) (i64.shl (local.get $v) (local.get $j))))
        (local.set $g (i64.xor (local.get $g) (i64.shl (local.get $h) (local.get $j))))
        (br $step)))))
    (i64.store (local.get $out) (local.get $g)))

  ;; to[i] = from[i]² in ascending order; elements of to are $stride bytes apart.
  (func (export "square") (param $to i32) (param $stride i32) (param $from i32) (param $n i32) (local $a i64)
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (local.set $a (i64.load (local.get $from)))
      (i64.store (local.get $to) (call $multiply (local.get $a) (local.get $a)))
      (local.set $to (i32.add (local.get $to) (local.get $stride)))
      (local.set $from (i32.add (local.get $from) (i32.const 8)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next))))

  ;; to[i] += Σ scalar[j]·row[j][i] over $count rows of $n elements, $stride bytes apart.
  (func (export "combine") (param $to i32) (param $row i32) (param $stride i32) (param $n i32)
    (param $scalar i32) (param $count i32) (local $i i32) (local $end i32) (local $y i64)
    (local.set $end (i32.shl (local.get $n) (i32.const 3)))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $count)))
      (local.set $y (i64.load (local.get $scalar)))
      (if (i64.ne (local.get $y) (i64.const 0)) (then
        (call $windows (local.get $y))
        (local.set $i (i32.const 0))
        (loop $element
          (local.set $y (i64.load (i32.add (local.get $row) (local.get $i))))
          (i64.store (i32.add (local.get $to) (local.get $i))
            (i64.xor (i64.load (i32.add (local.get $to) (local.get $i))) ${
    windowed("(local.get $y)")
  }))
          (local.set $i (i32.add (local.get $i) (i32.const 8)))
          (br_if $element (i32.lt_u (local.get $i) (local.get $end))))))
      (local.set $row (i32.add (local.get $row) (local.get $stride)))
      (local.set $scalar (i32.add (local.get $scalar) (i32.const 8)))
      (local.set $count (i32.sub (local.get $count) (i32.const 1)))
      (br $next))))

  ;; out = Σ a[i]·b[-i], with one partial sum per nibble of a. Returns whether out ≠ 0.
  (func (export "dot") (param $out i32) (param $a i32) (param $b i32) (param $n i32) (result i32)
    (local $y i64) (local $r i64) ${nibbles.map((k) => `(local $s${k} i64)`).join(" ")}
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (call $multiples (i32.const 0) (i64.load (local.get $b)))
      (local.set $y (i64.load (local.get $a)))
      ${
    nibbles.map((k) =>
      `(local.set $s${k} (i64.xor (local.get $s${k}) ${multiple("(local.get $y)", k)}))`
    ).join("\n      ")
  }
      (local.set $a (i32.add (local.get $a) (i32.const 8)))
      (local.set $b (i32.sub (local.get $b) (i32.const 8)))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next)))
    (local.set $r (local.get $s${nibbles.length - 1}))
    ${
    horner.map((k) => `(local.set $r (i64.xor ${timesX4("(local.get $r)")} (local.get $s${k})))`)
      .join("\n    ")
  }
    (i64.store (local.get $out) (local.get $r))
    (i64.ne (local.get $r) (i64.const 0)))

  ;; Adds $n ids to odd power sums. Returns how many it added: it stops at an invalid element.
  (func (export "add") (param $sketch i32) (param $capacity i32) (param $id i32) (param $n i32) (result i32)
    (local $s i64) (local $at i32) (local $end i32) (local $taken i32)
    (local.set $end (i32.add (local.get $sketch) (i32.shl (local.get $capacity) (i32.const 3))))
    (block $done (loop $next
      (br_if $done (i32.eq (local.get $taken) (local.get $n)))
      (local.set $s (i64.load (local.get $id)))
      (br_if $done (i64.eqz (local.get $s)))
      (br_if $done (i64.ne (local.get $s) (i64.and (local.get $s) ${mask})))
      (call $windows (call $multiply (local.get $s) (local.get $s)))
      (local.set $at (local.get $sketch))
      (loop $sum
        (i64.store (local.get $at) (i64.xor (i64.load (local.get $at)) (local.get $s)))
        (local.set $s ${windowed("(local.get $s)")})
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $sum (i32.lt_u (local.get $at) (local.get $end))))
      (local.set $id (i32.add (local.get $id) (i32.const 8)))
      (local.set $taken (i32.add (local.get $taken) (i32.const 1)))
      (br $next)))
    (local.get $taken)))
`;
}
