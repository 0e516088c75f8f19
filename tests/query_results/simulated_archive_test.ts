/** A simulated observer's archive: the same replay and queries read it as a real one, and find what the observer had. */
import assert from "node:assert/strict";
import { correctClocks } from "../../query_results/archive/clocks.ts";
import { readFrame } from "../../query_results/archive/frame.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { calibrationFigures } from "../../query_results/reconciliation/calibration/figures.ts";
import { mean } from "../../query_results/reconciliation/calibration/statistics.ts";
import { drawPairs, quantiles } from "../../query_results/reconciliation/replay/pairs.ts";
import { differencesByImplementation } from "../../query_results/reconciliation/replay/by_implementation.ts";
import {
  NEVER,
  readRecording,
  receiptsOf,
  type Recording,
} from "../../query_results/reconciliation/replay/recording.ts";
import { roundsOf } from "../../query_results/reconciliation/replay/rounds.ts";
import { replayReport } from "../../query_results/reconciliation/replay_report.ts";
import { allProtocols } from "../../query_results/reconciliation/simulator/protocol.ts";
import { simulateCommand } from "../../query_results/reconciliation/simulator/command.ts";
import {
  checkNewFile,
  writeObservedArchive,
} from "../../query_results/reconciliation/simulator/observed_archive.ts";
import { observedTraces } from "../../query_results/reconciliation/simulator/observer.ts";
import { networkGraph, simulate } from "../../query_results/reconciliation/simulator/run.ts";
import { planRuns, SETTINGS } from "../../query_results/reconciliation/simulator/settings.ts";
import { runQueries } from "../../query_results/run.ts";
import { parseConfig } from "../../shared/config.ts";
import { UserError } from "../../shared/errors.ts";
import { seededRandom } from "../../shared/random.ts";
import { tempDir } from "../support/temp_dir.ts";

const SMALL = { hours: 1, rate: 1, observer: 40, network: { nodes: 120, links: 3 } };
/** Messages/s at which the calibration table counts differences. */
const TABLE_RATE = 2.44;

async function archived(path: string, settings: object) {
  const parsed = parseConfig(JSON.stringify(settings), SETTINGS, "test");
  const [plan] = planRuns(parsed, await allProtocols());
  const run = simulate(plan, await networkGraph(parsed), () => {});
  await writeObservedArchive(path, run, false);
  return run;
}

async function opened(path: string) {
  const reader = await openArchive(path);
  await reader.connection.run(DEFINITIONS);
  await correctClocks(reader.connection);
  const frame = await readFrame(reader.connection);
  const rows = async (sql: string) => (await reader.connection.runAndReadAll(sql)).getRows();
  return { reader, frame, rows, [Symbol.dispose]: () => reader[Symbol.dispose]() };
}

/** D(30 s) by pair P5/50/95 of the messages that both of a pair had, at the table's rate. */
function replayedDifferences(recording: Recording): number[] {
  const pairs = drawPairs(recording, 1000, seededRandom("pairs"));
  return quantiles(
    pairs.map((pair) => {
      const rounds = roundsOf(recording, pair, 30_000, seededRandom(`${pair.a},${pair.b}`));
      const [a, b] = [receiptsOf(recording, pair.a), receiptsOf(recording, pair.b)];
      const endMs = rounds.startMs + rounds.count * rounds.intervalMs;
      const isCounted = (at: number) => at >= rounds.startMs && at < endMs;
      const common = a.filter((at, m) => at !== NEVER && isCounted(Math.min(at, b[m]))).length;
      return mean(rounds.common) / (common / rounds.count / 30) * TABLE_RATE;
    }),
    [0.05, 0.5, 0.95],
  );
}

Deno.test("D(30 s) by replay of a simulated archive is that of the observer's traces", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  const { simulation } = await archived(path, SMALL);
  using archive = await opened(path);
  const recording = await readRecording(archive.reader.connection, {
    window: archive.frame.window,
    scale: 1,
    peers: Infinity,
    random: seededRandom("peers"),
  });
  assert.equal(recording.features.length, 40);
  assert(new Set(recording.features).size > 1, "implementations cannot be held apart");
  assert(recording.features.includes("lnd"), "delivery does not show LND's timers");
  const pairs = drawPairs(recording, 300, seededRandom("by implementation"));
  const { rows } = differencesByImplementation(recording, pairs, seededRandom("rounds"));
  const at30 = rows.filter(([, seconds]) => seconds === 30);
  assert.equal(at30.reduce((sum, [, , count]) => sum + Number(count), 0), pairs.length);
  assert(at30.some(([kind]) => kind === "lnd, lnd"));
  const { messages } = observedTraces(simulation, recording.fromMs, recording.untilMs);
  const expected = calibrationFigures(messages)[4];
  // The least quantile also holds pairs whose counted rounds happened to differ least.
  const bounds = [0.06, 0.03, 0.03];
  replayedDifferences(recording).forEach((found, i) =>
    assert(
      Math.abs(found / expected[i] - 1) < bounds[i],
      `D(30 s) ${found} by replay, ${expected[i]} by traces`,
    )
  );
});

Deno.test("every receipt is in the archive once, marked as simulated, outside warm-up", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  const { simulation: { measures, traffic } } = await archived(path, SMALL);
  using archive = await opened(path);
  const { frame, rows } = archive;
  assert.deepEqual(frame.collectors, ["uncalibrated-simulation"]);
  assert.deepEqual(
    [frame.receipts, frame.warmupReceipts, frame.peers],
    [BigInt(measures.receipts.message.count), 0n, 40n].map(Number),
  );
  const [[version]] = await rows("SELECT version FROM epochs");
  assert.equal(version, "deno task lab simulate: flood, 120 nodes, seed 1");
  const [[distinct, sizes]] = await rows(
    "SELECT count(DISTINCT (message_id, peer_id))::INTEGER, sum(size)::INTEGER " +
      "FROM receipts JOIN messages USING (message_id)",
  );
  assert.equal(distinct, measures.receipts.message.count);
  const { message } = measures.receipts;
  assert.equal(sizes, message.held.reduce((sum, m) => sum + traffic.sizeBytes[m], 0));
  // A newer message about the same supersedes in the archive what it superseded in the run.
  const [[superseded]] = await rows(`SELECT count(*)::INTEGER FROM messages m WHERE EXISTS (
    FROM messages n WHERE n.message_id > m.message_id AND m.type = n.type
      AND coalesce(m.scid = n.scid, false) OR n.message_id > m.message_id AND m.node_id = n.node_id)`);
  const heard = new Set(message.held);
  const isSuperseded = (m: number): boolean =>
    traffic.newer[m] >= 0 && (heard.has(traffic.newer[m]) || isSuperseded(traffic.newer[m]));
  assert.equal(superseded, [...heard].filter(isSuperseded).length);
});

Deno.test("queries and replay run on a simulated archive", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  await archived(path, SMALL);
  const { tables } = await runQueries({ archive: path, out: dir.join("queries") });
  const [delays] = tables.get("convergence_delay")!.rows;
  assert(delays.length > 0, "no delays");
  const { report } = await replayReport({
    archive: path,
    out: dir.join("replay"),
    pairs: 40,
    seed: 1,
    scale: 1,
    memoryLimit: "1GiB",
    onProgress: () => {},
  });
  const page = await Deno.readTextFile(report);
  assert(page.includes("uncalibrated-simulation"), "the report hides where its receipts come from");
});

Deno.test("a peer that leaves ends its session, and comes back in another", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  await archived(path, { ...SMALL, churn: { online: "20m", offline: "10m" } });
  using archive = await opened(path);
  const [[sessions, peers, left, overlapping]] = await archive.rows(`SELECT count(*)::INTEGER,
    count(DISTINCT peer_id)::INTEGER, count(*) FILTER (closed_by = 'peer')::INTEGER,
    count(*) FILTER (next < closed_at)::INTEGER
    FROM (FROM sessions SELECT *, lead(filter_at) OVER (PARTITION BY peer_id ORDER BY filter_at) AS next)`);
  assert.equal(peers, 40);
  assert(Number(sessions) > 80 && Number(left) > 40, `${sessions} sessions, ${left} left`);
  assert.equal(overlapping, 0);
  const [[outside]] = await archive.rows(
    `SELECT count(*)::INTEGER FROM receipts r WHERE NOT EXISTS (
    FROM sessions s WHERE s.peer_id = r.peer_id AND r.received_at BETWEEN s.filter_at AND s.closed_at)`,
  );
  assert.equal(outside, 0, "receipts of peers that were away");
});

Deno.test("the command writes the archive of one protocol, and over no file", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  const flags = ["--nodes", "60", "--hours", "0.1", "--archive", path];
  await simulateCommand.run(["--protocol", "draft-bolt", ...flags]);
  using archive = await opened(path);
  assert.deepEqual(archive.frame.collectors, ["uncalibrated-simulation"]);
  await assert.rejects(checkNewFile(path), /Cannot write .*: it exists/);
  await assert.rejects(simulateCommand.run(["--protocol", "inv,riblt", ...flags]), UserError);
});
