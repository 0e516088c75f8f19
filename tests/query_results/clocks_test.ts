/**
 * Delays between collectors whose clocks differ by known amounts; the comments work the figures out.
 *
 * Messages 1 to 4 spread as the table says, in seconds of true time after {@link START}, from peers P and Q of collector
 * alpha and R and S of beta; peer T is held by both. What each collector stamps is off by what its clock is off.
 */
import assert from "node:assert/strict";
import { clocksText } from "../../query_results/report/caption.ts";
import { runQueries, type RunResult } from "../../query_results/run.ts";
import type { Cell } from "../../query_results/format/table.ts";
import { at, makeEmptyArchive, nodeId } from "../support/fixtures/query_archive.ts";
import { tempDir } from "../support/temp_dir.ts";

const [ALPHA, BETA] = [1, 2];
const COLLECTORS = [ALPHA, BETA];
/** Peer, its collector, and the true second of each receipt by message. */
const HEARD:
  readonly (readonly [peer: number, collector: number, messages: Record<number, number>])[] = [
    [1, ALPHA, { 1: 100, 2: 202, 3: 300 }],
    [2, ALPHA, { 1: 104, 2: 208, 3: 306 }],
    [3, BETA, { 1: 101, 2: 200 }],
    [4, BETA, { 1: 108, 2: 206 }],
    [5, ALPHA, { 2: 210, 4: 400 }],
    [5, BETA, { 2: 205, 4: 403 }],
  ];

/** One measurement; all in seconds. */
interface Sample {
  readonly collector: number;
  readonly at: number;
  readonly offset: number;
  readonly uncertainty: number;
}

/** The delay queries on these receipts. @param clock how far a collector's clock is behind at a true second. */
async function run(
  samples: readonly Sample[],
  clock: (collector: number, second: number) => number = () => 0,
  collectors: readonly number[] = COLLECTORS,
): Promise<RunResult> {
  await using dir = await tempDir();
  const receipts = HEARD.filter(([, collector]) => collectors.includes(collector))
    .flatMap(([peer, collector, messages]) =>
      Object.entries(messages).map(([message, second]) => ({
        peer,
        collector,
        message,
        stamp: at(second - clock(collector, second)),
      }))
    );
  const messages = Map.groupBy(receipts, ({ message }) => message);
  const microseconds = (seconds: number) => Math.round(seconds * 1e6);
  await makeEmptyArchive(dir.join("gossip.duckdb"), async (connection) => {
    const insert = async (table: string, columns: string, rows: string[]) => {
      if (rows.length > 0) {
        await connection.run(`INSERT INTO ${table} (${columns}) VALUES ${rows.join(", ")}`);
      }
    };
    const instant = (time: number) => `make_timestamptz(${time})`;
    await insert("collectors", "collector_id, name", collectors.map((id) => `(${id}, 'c${id}')`));
    await insert(
      "epochs",
      "epoch_id, collector_id, started_at, next_batch, receipts, stamped_receipts, last_receipt_at, last_commit_at",
      collectors.map((id) =>
        `(${id}, ${id}, ${instant(at(0))}, 1, 9, 9, ${instant(at(403))}, ${instant(at(500))})`
      ),
    );
    const peers = [...new Set(receipts.map(({ peer }) => peer))];
    await insert("peers", "peer_id, node_id", peers.map((id) => `(${id}, '${nodeId(`${id}`)}')`));
    await insert(
      "sessions",
      "session_id, epoch_id, number, collector_id, peer_id, address, dialled_at, handshake_at, filter_at, " +
        "filter_first, features",
      HEARD.filter(([, collector]) => collectors.includes(collector)).map(([peer, collector], i) =>
        `(${i}, ${collector}, ${i}, ${collector}, ${peer}, '192.0.2.1:9735', ${instant(at(1))}, ` +
        `${instant(at(1))}, ${instant(at(2))}, 0, '')`
      ),
    );
    await insert(
      "hot_messages",
      "message_id, sha256, type, size, verdict, first_seen, raw",
      [...messages].map(([id, own]) =>
        `(${id}, from_hex(sha256('${id}')), 258, 100, 'valid', ` +
        `${instant(Math.min(...own.map(({ stamp }) => stamp)))}, 'raw'::BLOB)`
      ),
    );
    await insert(
      "hot_receipts",
      "received_at, message_id, peer_id, collector_id, is_repeat, is_warmup",
      receipts.map(({ stamp, message, peer, collector }) =>
        `(${instant(stamp)}, ${message}, ${peer}, ${collector}, false, false)`
      ),
    );
    await insert(
      "clock_samples",
      "epoch_id, collector_id, sampled_at, offset_microseconds, uncertainty_microseconds",
      samples.map(({ collector, at: second, offset, uncertainty }) =>
        `(${collector}, ${collector}, ${instant(at(second))}, ${microseconds(offset)}, ` +
        `${microseconds(uncertainty)})`
      ),
    );
  });
  return await runQueries({
    archive: dir.join("gossip.duckdb"),
    out: dir.join("out"),
    only: ["convergence_delay", "delay_distribution"],
    settings: { reach_share: "0.1" },
  });
}

/** Of all messages: how many, the average delays to 50 and 95 % of the peers, and their uncertainty, to the µs. */
function delays({ tables }: RunResult): Cell[] {
  const { columns, rows } = tables.get("convergence_delay")!;
  return ["message_count", "avg_delay_to_50pct", "avg_delay_to_95pct", "uncertainty_seconds"].map(
    (name) => {
      const value = rows[0][columns.findIndex((column) => column.name === name)];
      return typeof value === "number" ? Number(value.toFixed(6)) : value;
    },
  );
}

// True delays: of message 1 0, 1, 4, 8; of 2 0, 2, 5 (T's first, at beta), 6, 8; of 3 0, 6; of 4 0.
const HALF = (2.5 + 5 + 3 + 0) / 4;
const MOST = (7.4 + 7.6 + 5.7 + 0) / 4;

/** Both clocks measured all along to a millisecond. @param offset in seconds. */
function measured(offset: (collector: number, second: number) => number): Sample[] {
  return Array.from({ length: 15 }, (_, i) => 30 * i).flatMap((second) =>
    COLLECTORS.map((collector) => ({
      collector,
      at: second,
      offset: offset(collector, second),
      uncertainty: 0.001,
    }))
  );
}

Deno.test("clocks that agree and are known to a millisecond give true delays, unsure by two", async () => {
  const result = await run(measured(() => 0));
  // Messages 1, 2 and 4 were heard by both, 3 by alpha alone.
  assert.deepEqual(delays(result), [4, HALF, MOST, 3 * 0.002 / 4]);
  assert.deepEqual(result.frame.clocks, {
    count: 2,
    measured: 2,
    apartSeconds: 0,
    uncertaintySeconds: 0.002,
  });
});

Deno.test("a clock three seconds behind is set right, though its stamps put beta first", async () => {
  const clock = (collector: number) => collector === BETA ? 3 : 0;
  const result = await run(measured(clock), clock);
  assert.deepEqual(delays(result), [4, HALF, MOST, 0.0015]);
  assert.equal(
    clocksText(result.frame),
    "2 clocks, 3 s apart: delays between collectors are corrected, known to 2 ms; " +
      "1 clock up to 3 s off, all its times corrected",
  );
});

Deno.test("a clock that drifts is set right by the offset at that time, the bounds widened by the drift", async () => {
  // Beta loses a hundredth: 0.3 s between two measurements, of which any part may lie before or after a receipt.
  const clock = (collector: number, second: number) => collector === BETA ? second / 100 : 0;
  const result = await run(measured(clock), clock);
  const [count, half, most, uncertainty] = delays(result) as number[];
  assert.equal(count, 4);
  // Delays within beta are its own clock's, a hundredth short: 7 s in message 1, 6 s in 2.
  assert.ok(Math.abs(half - HALF) < 0.03, `${half}`);
  assert.ok(Math.abs(most - MOST) < 0.03, `${most}`);
  assert.ok(uncertainty > 0.1 && uncertainty < 0.3 + 0.002, `${uncertainty}`);
});

Deno.test("before the first and after the last measurement, and far from any, the error grows", async () => {
  const both = (second: number) =>
    COLLECTORS.map((collector) => ({ collector, at: second, offset: 0, uncertainty: 0.001 }));
  // Messages 1, 2 and 4 came 340, 240 and 40 s (and 3 s less at beta) before the only measurement, 60 s of it free:
  // alpha was first in 1 and 4, beta in 2.
  const one = delays(await run(both(440)));
  const error = (...seconds: number[]) =>
    seconds.reduce((sum, far) => sum + 0.001 + 1e-4 * Math.max(far - 60, 0), 0);
  const expected = (error(340, 339) + error(238, 240) + error(40, 37)) / 4;
  assert.deepEqual(one.slice(0, 3), [4, HALF, MOST]);
  assert.ok(Math.abs(Number(one[3]) - expected) < 1e-5, `${one[3]} ${expected}`);
});

Deno.test("a collector that was never measured makes the error unknown, not nought", async () => {
  const known = measured(() => 0).filter(({ collector }) => collector === ALPHA);
  const result = await run(known);
  assert.deepEqual(delays(result), [4, HALF, MOST, null]);
  assert.match(
    clocksText(result.frame),
    /^WARNING: 2 clocks, 1 of them not measured: .* off is unknown$/,
  );
  const { columns, rows } = result.tables.get("delay_distribution")!;
  assert.equal(columns.at(-1)?.name, "uncertainty_seconds");
  assert.ok(rows.some((row) => row.at(-1) === null));
  // Measured two days later is not measured.
  const late = await run(known.map((sample) => ({ ...sample, at: sample.at + 2 * 86_400 })));
  assert.equal(delays(late)[3], null);
});

Deno.test("a single collector's delays are exact, whatever its clock", async () => {
  const clock = (collector: number) => collector * 100;
  const result = await run([], clock, [ALPHA]);
  // Message 1: 0, 4; 2: 0, 6, 8; 3: 0, 6; 4: 0.
  assert.deepEqual(delays(result), [4, (2 + 6 + 3 + 0) / 4, (3.8 + 7.8 + 5.7 + 0) / 4, 0]);
  assert.equal(result.frame.clocks, null);
  assert.equal(clocksText(result.frame), "one clock");
  assert.ok(result.tables.get("delay_distribution")!.rows.every((row) => row.at(-1) === 0));
});
