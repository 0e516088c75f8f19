// Decoding of sketches: WebAssembly beside plain numbers and bigints in the same run, and beside the reference library's
// times on other machines.

import { decodeMs, MEASURED_DECODES } from "../../query_results/reconciliation/algorithms/costs.ts";
import { Decoder, Encoder } from "../../query_results/reconciliation/algorithms/riblt.ts";
import { Sketch } from "../../query_results/reconciliation/algorithms/sketch.ts";
import { type Benchmark, figure, median } from "./figure.ts";
import { bigintField, numberField, plainDecode, plainSums } from "./plain_sketch.ts";

/** Differences at which the two bars stand. */
const BARRED = [64, 256];

/** Different ids, all over the field. */
function ids(bits: 32 | 64, count: number): bigint[] {
  return Array.from(
    { length: count },
    (_, i) => BigInt.asUintN(bits, 0x9e3779b97f4a7c15n * BigInt(i + 1)) | 1n,
  );
}

/** Milliseconds of one call; a mean, where one would be too short to measure. */
function time(call: () => void, calls: number): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) call();
  return (performance.now() - start) / calls;
}

/** Times several things `runs` times, in turn, so that a busy machine is busy for all; once before to warm up. */
function times(runs: number, calls: number, ...things: (() => void)[]): number[][] {
  for (const thing of things) thing();
  const taken: number[][] = things.map(() => []);
  for (let i = 0; i < runs; i++) {
    for (const [k, thing] of things.entries()) taken[k].push(time(thing, calls));
  }
  return taken;
}

function expect(decoded: number | undefined, size: number): void {
  if (decoded !== size) throw new Error(`decoded ${decoded} of ${size} differences`);
}

/** Times of one run stand against each other; the reference library's are from other machines. */
export const reconciliationAlgorithmsBenchmark: Benchmark = {
  name: "reconciliation-algorithms",
  what: "decoding of 64-bit sketches, beside plain numbers, bigints and the reference library",
  async *run({ repeat, progress }) {
    const runs = Math.max(5, repeat);
    const numbers = numberField(), bigints = bigintField();
    const slow = new Map<number, () => void>();
    for (const [, size] of MEASURED_DECODES.server) {
      const set = BigUint64Array.from(ids(64, size)), sketch = new Sketch(64, size);
      sketch.addAll(set);
      const fast = () => expect(sketch.decode().ids?.length, size);
      const add = () => new Sketch(64, size).addAll(set);
      const barred = BARRED.includes(size);
      const sums = barred ? plainSums(numbers, ids(32, size).map(Number), size) : null;
      const plain = () => expect(sums ? plainDecode(numbers, sums).size : size, size);
      const calls = Math.ceil((128 / size) ** 2);
      const [decode, added, inNumbers] = times(runs, calls, fast, add, plain);
      progress(
        `${size} of ${size}: ${median(decode).toFixed(2)} ms; reference with carry-less ` +
          `multiplication ${decodeMs("server", 64, size, size).toPrecision(3)}, generic ` +
          `${decodeMs("genericServer", 64, size, size).toPrecision(3)}; ` +
          `${(median(added) * 1e6 / size / size).toFixed(1)} ns per element and unit of capacity ` +
          "(reference 7–12)",
      );
      yield figure(`decode of ${size} 64-bit differences`, decode, "ms");
      if (!barred) continue;
      yield figure(
        `decode of ${size} at 64 bits / at 32 bits in plain numbers`,
        decode.map((value, i) => value / inNumbers[i]),
        "ratio",
        { sense: "<=", limit: 1 },
      );
      slow.set(size, fast);
    }
    // Bigints last: once the plain code has seen both kinds of elements, it is slower for either.
    for (const [size, fast] of slow) {
      const sums = plainSums(bigints, ids(64, size), size);
      const plain = () => expect(plainDecode(bigints, sums).size, size);
      const [inBigints, decode] = times(3, 1, plain, fast);
      yield figure(
        `decode of ${size} in bigints / in WebAssembly`,
        inBigints.map((value, i) => value / decode[i]),
        "ratio",
        { sense: ">=", limit: 20 },
      );
    }
    const symbols = ids(64, 1000);
    const [riblt] = times(runs, 1, () => {
      const encoder = new Encoder(symbols), decoder = new Decoder([]);
      while (decoder.add(encoder.next()!) === "more");
      expect(decoder.theirs.length, symbols.length);
    });
    yield figure("RIBLT: encode and decode 1,000 differences", riblt, "ms");
  },
};
