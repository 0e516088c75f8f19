import { deepEqual, equal, match, ok } from "node:assert/strict";
import fitted from "../../query_results/reconciliation/calibration/delay_model.json" with {
  type: "json",
};
import { generatedTraces } from "../../query_results/reconciliation/calibration/delay_model.ts";
import { calibrationFigures } from "../../query_results/reconciliation/calibration/figures.ts";
import { fitDelays } from "../../query_results/reconciliation/calibration/fit_model.ts";
import {
  calibrate,
  CALIBRATION_ROWS,
  type CalibrationRow,
} from "../../query_results/reconciliation/calibration/rows.ts";
import { mean } from "../../query_results/reconciliation/calibration/statistics.ts";
import { readTraceFile } from "../../query_results/reconciliation/calibration/trace_file.ts";
import {
  MAX_SETS,
  SET,
  type Trace,
  wideSets,
} from "../../query_results/reconciliation/calibration/traces.ts";
import { UserError } from "../../shared/errors.ts";
import { seededRandom, shuffled } from "../../shared/random.ts";
import { tempDir } from "../support/temp_dir.ts";

/** Every eighth peer of the real traces, times in whole milliseconds. */
const SAMPLE = new URL("data/receipt_traces.csv.gz", import.meta.url).pathname;
/** All of them, where they are at hand. */
const REAL = new URL("../../../shared/data/receipt-traces/traces.csv.gz", import.meta.url).pathname;
const missing = await Deno.stat(REAL).then(() => false, () => true);
if (missing) console.log(`${REAL} is not there: the calibration is tested on a sample of it only`);

const SPLITS = 10;

Deno.test("a sample of the real traces has the figures that other code computes from it", async () => {
  const traces = await readTraceFile(SAMPLE);
  equal(traces.peers, 122);
  const [set, ...others] = wideSets(traces);
  deepEqual([set.length, others], [43, []]);
  const expected = [
    [134.692, 198.027, 256.331, 360.775],
    [47.212],
    [108.347],
    [44.797, 91.047, 226.597],
    [52.205, 68.089, 73.2],
    [109.255, 221.27, 503.27],
    [0.2479, 0.4878, 0.2642],
    [0.6265],
    [12],
  ];
  calibrationFigures(set).forEach((row, i) =>
    row.forEach((value, j) => ok(Math.abs(value / expected[i][j] - 1) < 0.001, `${i}: ${row}`))
  );
});

Deno.test({
  name: "the real traces hold the table that was measured on them",
  ignore: missing,
  fn: async () => {
    const [set] = wideSets(await readTraceFile(REAL));
    equal(set.length, 44);
    for (const { name, found, real, holds } of calibrate([set])) {
      ok(holds, `${name}: ${found}`);
      found.forEach((value, i) => {
        const off = Math.abs(value - real[i]);
        ok(off <= Math.max(0.05 * real[i], 0.01), `${name}: ${found}, not ${real}`);
      });
    }
  },
});

/** How far `value` is from `other`, in units of what the table accepts: past 1 it is not accepted. */
function distance(row: CalibrationRow, i: number, value: number, other: number): number {
  const [low, high] = row.accepted[i];
  const off = row.digits === 2 ? value - other : (value / other - 1) * row.real[i];
  return off > 0 ? off / (high - row.real[i]) : off / (low - row.real[i]);
}

/** Over random splits of the real wide messages the mean {@link distance} of two figures that `compare` makes. */
async function meanDistances(
  compare: (half: readonly Trace[], other: readonly Trace[], split: number) => number[][],
): Promise<number[][]> {
  const [set] = wideSets(await readTraceFile(REAL));
  const random = seededRandom("splits");
  const all = Array.from({ length: SPLITS }, (_, split) => {
    const order = shuffled(set, random);
    const [half, other] = [order.slice(0, set.length / 2), order.slice(set.length / 2)];
    const found = compare(half, other, split);
    const expected = calibrationFigures(other);
    return CALIBRATION_ROWS.map((row, i) =>
      found[i].map((value, j) => distance(row, j, value, expected[i][j]))
    );
  });
  return all[0].map((row, i) => row.map((_, j) => mean(all.map((split) => split[i][j]))));
}

Deno.test({
  name: "half of the real traces is within the table's bounds of the other half",
  ignore: missing,
  fn: async () => {
    const distances = await meanDistances((half) => calibrationFigures(half));
    distances.forEach((row, i) =>
      row.forEach((off) => ok(off < 1, `${CALIBRATION_ROWS[i].name}: ${row}`))
    );
  },
});

Deno.test({
  name: "the model fitted on half of the real traces generates traces like the other half",
  ignore: missing,
  fn: async () => {
    const distances = await meanDistances((half, other, split) => {
      const of = (type: number) => other.filter((trace) => trace.type === type).length;
      const size = { peers: other[0].delays.length, updates: of(258), nodes: of(257) };
      const { messages } = generatedTraces(size, seededRandom(split), fitDelays(half));
      return calibrationFigures(messages);
    });
    distances.forEach((row, i) =>
      row.forEach((off) => ok(off < 1, `${CALIBRATION_ROWS[i].name}: ${row}`))
    );
  },
});

Deno.test({
  name: "the repository's model is what the fit makes of the real traces",
  ignore: missing,
  fn: async () => {
    const [set] = wideSets(await readTraceFile(REAL));
    deepEqual(JSON.parse(JSON.stringify(fitDelays(set))), fitted);
  },
});

Deno.test("the model's own traces hold every row of the table", () => {
  const size = { peers: 975, updates: MAX_SETS * SET[258], nodes: MAX_SETS * SET[257] };
  const sets = wideSets(generatedTraces(size, seededRandom("own")));
  equal(sets.length, MAX_SETS);
  for (const { name, found, holds } of calibrate(sets)) ok(holds, `${name}: ${found}`);
});

Deno.test("delays that are independent per delivery are refused by the table", () => {
  const random = seededRandom("independent");
  const messages = Array.from({ length: 44 }, (_, i) => ({
    type: i < 23 ? 258 : 257,
    delays: Float64Array.from({ length: 300 }, () => 400 * random.next()),
  }));
  const failed = calibrate(wideSets({ peers: 300, messages })).filter(({ holds }) => !holds);
  const names = failed.map(({ name }) => name).join();
  for (const name of ["by pair", "variance", "Spearman", "first 20"]) {
    ok(names.includes(name), names);
  }
});

const HEADER = "message_hash,type,peer,delay_ms\n";

Deno.test("a trace file may be plain, end its lines as it likes and hold other columns and repeats", async () => {
  await using dir = await tempDir();
  const path = dir.join("traces.csv");
  await Deno.writeTextFile(
    path,
    "peer,x,delay_ms,type,message_hash\r\na,,2000,channel_update,m\r\nb,,0.0,channel_update,m\r\n" +
      "a,,500.5,channel_update,m\r\nb,,1,channel_announcement,n",
  );
  const { peers, messages } = await readTraceFile(path);
  equal(peers, 2);
  deepEqual(messages.map(({ type, delays }) => [type, ...delays]), [
    [258, 0.5005, 0],
    [256, NaN, 0.001],
  ]);
});

Deno.test("what is no trace file is refused in one line", async () => {
  await using dir = await tempDir();
  const faults: [string, RegExp][] = [
    ["", /no receipts/],
    [HEADER, /no receipts/],
    ["a,b\n1,2\n", /columns should be message_hash, type, peer, delay_ms/],
    [`${HEADER}m,channel_update,a\n`, /line 2 is no receipt: m,channel_update,a$/],
    [`${HEADER}m,update,a,1\n`, /line 2 is no receipt/],
    [`${HEADER}m,channel_update,a,-1\n`, /line 2 is no receipt/],
    [`${HEADER}m,channel_update,a,Infinity\n`, /line 2 is no receipt/],
    [HEADER + crowd(3200), /messages times peers should be at most 10000000$/],
    [
      `${HEADER}m,channel_update,\x1b[2J,x\n`,
      /line 2 is no receipt: m,channel_update,\\u\{1b\}\[2J,x$/,
    ],
  ];
  for (const [text, message] of faults) {
    const path = dir.join("traces.csv");
    await Deno.writeTextFile(path, text);
    await refused(path, message);
  }
  await Deno.writeTextFile(dir.join("traces.csv.gz"), HEADER);
  await refused(dir.join("traces.csv.gz"), /Cannot read traces from .*gz/);
  await refused(dir.join("missing.csv"), /No such file/);
});

/** As many messages, each from a peer of its own. */
function crowd(count: number): string {
  return Array.from({ length: count }, (_, i) => `${i},channel_update,${i},0\n`).join("");
}

async function refused(path: string, message: RegExp): Promise<void> {
  const error = await readTraceFile(path).then(() => null, (error) => error);
  ok(error instanceof UserError, `${error}`);
  match(error.message, message);
  equal(error.message.split("\n").length, 1);
}

async function lab(...args: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "lab", "calibrate", ...args],
    cwd: new URL("../..", import.meta.url),
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), error: text(stderr) };
}

Deno.test("the command compares its own traces without a file, and ends with 1 when a row does not hold", async () => {
  const own = await lab();
  match(own.out, /Spearman of two messages +0\.64 +0\.\d\d +0\.54–0\.74 +pass/);
  match(own.out, /9 of 9 rows hold\./);
  equal(own.code, 0);
  // An eighth of the peers cannot share the first places as all do.
  const sample = await lab("--traces", "tests/query_results/data/receipt_traces.csv.gz");
  match(sample.out, /peers with half of first 20 +27 +12 +15–50 +FAIL/);
  match(sample.out, /8 of 9 rows hold\./);
  equal(sample.code, 1);
});

Deno.test("the command says what it cannot use", async () => {
  const { code, error } = await lab("--fit");
  match(error, /--fit needs --traces FILE/);
  equal(code, 2);
});
