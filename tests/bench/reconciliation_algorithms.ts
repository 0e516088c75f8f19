/**
 * Decoding of sketches: WebAssembly beside plain numbers and bigints in the same run, and beside the reference library's
 * times on other machines.
 *
 * @module
 */
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

/** Milliseconds that each of `runs` calls took, after one that warms up. */
function times(runs: number, call: () => void): number[] {
  call();
  return Array.from({ length: runs }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  });
}

function expect(decoded: number | undefined, size: number): void {
  if (decoded !== size) throw new Error(`decoded ${decoded} of ${size} differences`);
}

function sketchTimes(size: number, runs: number): { decode: number[]; addNs: number } {
  const set = BigUint64Array.from(ids(64, size)), sketch = new Sketch(64, size);
  const add = times(runs, () => new Sketch(64, size).addAll(set));
  sketch.addAll(set);
  const decode = times(runs, () => expect(sketch.decode().ids?.length, size));
  return { decode, addNs: median(add) * 1e6 / size / size };
}

/** Times of one run stand against each other; the reference library's are from other machines. */
export const reconciliationAlgorithmsBenchmark: Benchmark = {
  name: "reconciliation-algorithms",
  what: "decoding of 64-bit sketches, beside plain numbers, bigints and the reference library",
  async *run({ repeat, progress }) {
    const runs = Math.max(5, repeat);
    // Numbers first: once the same code has seen bigints, it is slower for both.
    const field = numberField();
    const numbers = new Map<number, number[]>();
    for (const size of BARRED) {
      const sums = plainSums(field, ids(32, size).map(Number), size);
      numbers.set(size, times(runs, () => expect(plainDecode(field, sums).size, size)));
    }
    const sizes = MEASURED_DECODES.server.map(({ difference }) => difference);
    for (const size of sizes) {
      const { decode, addNs } = sketchTimes(size, runs);
      const ms = median(decode);
      progress(
        `${size} of ${size}: ${ms.toFixed(2)} ms; reference with carry-less multiplication ` +
          `${decodeMs("server", 64, size, size).toPrecision(3)}, generic ` +
          `${decodeMs("genericServer", 64, size, size).toPrecision(3)}; ${
            addNs.toFixed(1)
          } ns an element and ` +
          "unit of capacity (reference 7–12)",
      );
      yield figure(`decode of ${size} 64-bit differences`, decode, "ms");
      const plain = numbers.get(size);
      if (!plain) continue;
      yield figure(
        `decode of ${size} at 64 bits / at 32 bits in plain numbers`,
        decode.map((value, i) => value / plain[i]),
        "ratio",
        { sense: "<=", limit: 1 },
      );
      const bigints = bigintField(), sums = plainSums(bigints, ids(64, size), size);
      const slow = times(1, () => expect(plainDecode(bigints, sums).size, size));
      progress(`${size} of ${size} in bigints: ${slow[0].toFixed()} ms`);
      yield figure(`decode of ${size} in bigints / in WebAssembly`, [slow[0] / ms], "ratio", {
        sense: ">=",
        limit: 20,
      });
    }
    const symbols = ids(64, 1000);
    const riblt = times(runs, () => {
      const encoder = new Encoder(symbols), decoder = new Decoder([]);
      while (decoder.add(encoder.next()!) === "more");
      expect(decoder.theirs.length, symbols.length);
    });
    yield figure("RIBLT: encode and decode 1,000 differences", riblt, "ms");
  },
};
