/** Which implementation a peer runs: by the bits of real nodes, and by delivery of peers that no rule was fitted on. */
import assert from "node:assert/strict";
import { openArchive } from "../../query_results/archive/open.ts";
import { DEFINITIONS } from "../../query_results/catalog/catalog.ts";
import { columnValues } from "../../query_results/format/table.ts";
import { allProtocols } from "../../query_results/reconciliation/simulator/protocol.ts";
import { IMPLEMENTATIONS } from "../../query_results/reconciliation/simulator/implementations.ts";
import { writeObservedArchive } from "../../query_results/reconciliation/simulator/observed_archive.ts";
import { networkGraph, simulate } from "../../query_results/reconciliation/simulator/run.ts";
import { planRuns, SETTINGS } from "../../query_results/reconciliation/simulator/settings.ts";
import { runQueries } from "../../query_results/run.ts";
import { featureBitmap } from "../../shared/bolt/features.ts";
import { decodeMessage } from "../../shared/bolt/message.ts";
import { parseConfig } from "../../shared/config.ts";
import { makePlannedArchive } from "../bench/planned_archive.ts";
import { BEHAVIOURS } from "../simnet/behaviour.ts";
import { originCounts, peerTimers } from "../simnet/traffic.ts";
import { Universe } from "../simnet/universe.ts";
import { onArchive } from "../support/fixtures/archive.ts";
import { makeEmptyArchive } from "../support/fixtures/query_archive.ts";
import { testKey } from "../support/fixtures/signed_gossip.ts";
import { initMessage, Wire } from "../support/fixtures/wire.ts";
import { startLdk } from "../support/ldk/ldk_peer.ts";
import { startProgram } from "../support/servers/process.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

async function rows(path: string, sql: string): Promise<unknown[][]> {
  using reader = await openArchive(path);
  await reader.connection.run(DEFINITIONS);
  return (await reader.connection.runAndReadAll(sql)).getRows()
    .map((row) => row.map((value) => typeof value === "bigint" ? Number(value) : value));
}

const PEERS = `peer_implementations((SELECT min(received_at) FROM receipts),
  (SELECT max(received_at) FROM receipts), 1, 900)`;

/** What hex features say. */
async function said(dir: TempDir, ...features: readonly string[]): Promise<unknown[]> {
  const path = dir.join("empty.duckdb");
  await makeEmptyArchive(path);
  const list = features.map((hex) => `said_implementation('${hex}')`).join(", ");
  const [row] = await rows(path, `SELECT ${list}`);
  return row;
}

Deno.test("bits of real and simulated nodes say which implementation they are; ours say nothing", async () => {
  await using dir = await tempDir();
  await using ldk = await startLdk({ seed: testKey("ldk").privateKey });
  using wire = await Wire.dial(testKey("our key"), ldk.nodeId, ldk.port);
  await wire.send(initMessage());
  const init = decodeMessage(await wire.nextOf(16));
  assert.ok(init.known && init.type === 16);
  const simulated = Object.values(BEHAVIOURS)
    .map(({ features }) => featureBitmap(features).toHex());
  assert.deepEqual(
    await said(
      dir,
      ...[init.features.toHex(), "800898880a8a59a1", "800898880a8a59a1".toUpperCase()],
      ...["20000000aa82", "", "80", ...simulated],
    ),
    ["ldk", "cln", "cln", "unknown", "unknown", "unknown", ...Object.keys(BEHAVIOURS)],
  );
});

Deno.test("captured logs of a real CLN and LND: their bits are read, and so few receipts prove nothing else", async () => {
  await using dir = await tempDir();
  const archive = dir.join("archive.duckdb");
  for (const name of ["cln_io", "lnd_node_announcement"]) {
    const log = new URL(`../vectors/node_logs/${name}.log`, import.meta.url).pathname;
    await using program = startProgram("archiver/main.ts", [
      ...["import", "--from", log, "--archive", archive],
    ], [
      "--ignore-env",
      `--allow-read=${dir.path},${log}`,
      `--allow-write=${dir.path}`,
      "--allow-ffi",
    ]);
    assert.equal((await program.wait(60_000)).code, 0, program.lines.join("\n"));
  }
  const found = await rows(archive, `SELECT by_init, by_announcement, by_delivery FROM ${PEERS}`);
  const count = (column: number, word: string) =>
    found.filter((row) => row[column] === word).length;
  // Of CLN's log two peers are CLN, one is our collector.
  assert.equal(count(0, "cln"), 2);
  assert.equal(count(2, "unknown"), found.length);
  const announced = await rows(
    archive,
    `SELECT said_implementation(hex(raw[69:68 + CAST('0x' || hex(raw[67:68]) AS INTEGER)]))
    FROM messages WHERE type = 257 AND raw IS NOT NULL`,
  );
  assert.ok(announced.some(([word]) => word === "lnd"), `${announced}`);
  assert.ok(announced.every(([word]) => word === "lnd" || word === "cln"), `${announced}`);
});

/** By truth and judgement: how many peers. */
type Confusion = ReadonlyMap<string, number>;

function confusion(pairs: readonly (readonly [truth: string, judged: string])[]): Confusion {
  const groups = Map.groupBy(pairs, ([truth, judged]) => `${truth} as ${judged}`);
  return new Map([...groups].map(([key, those]) => [key, those.length]));
}

/** Shares of peers that were taken for another implementation, and for none. */
function faults(pairs: readonly (readonly [truth: string, judged: string])[]) {
  const wrong = pairs.filter(([truth, judged]) => judged !== "unknown" && !judged.includes(truth));
  const unknown = pairs.filter(([, judged]) => judged === "unknown");
  return { wrong: wrong.length / pairs.length, unknown: unknown.length / pairs.length };
}

Deno.test("planned peers of another seed are told apart by delivery, their times blurred by a fifth of a second", async () => {
  await using dir = await tempDir();
  const path = dir.join("planned.duckdb");
  const traffic = { seed: "held out", peers: 120, seconds: 2400, cutSeconds: 2400 };
  await makePlannedArchive(path, { collector: "a", startedAt: 1_758_844_800_000_000, traffic });
  await onArchive(path, async (connection) => {
    await connection.run("UPDATE sessions SET pings_received = NULL");
    await connection.run(`CREATE TABLE blurred AS SELECT * REPLACE (
      received_at + to_microseconds(CAST(200000 * sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random()) AS BIGINT))
      AS received_at) FROM hot_receipts`);
    await connection.run("DELETE FROM hot_receipts");
    await connection.run("INSERT INTO hot_receipts SELECT * FROM blurred ORDER BY received_at");
  });
  const universe = new Universe(traffic.seed, originCounts(traffic));
  const truth = new Map(
    peerTimers(traffic).map(({ implementation }, i) => [universe.node(i).id, implementation]),
  );
  const found = await rows(path, `SELECT node_id, by_delivery FROM ${PEERS} WHERE receipts >= 40`);
  const pairs = found.map(([id, word]) => [truth.get(String(id))!, String(word)] as const);
  assert.ok(pairs.length > 80);
  const { wrong, unknown } = faults(pairs);
  assert.ok(wrong === 0 && unknown <= 0.1, JSON.stringify([...confusion(pairs)]));
  // Without pings nobody tells CLN from Eclair; with them all do, and a peer that belies its bits is a finding.
  await onArchive(path, async (connection) => {
    await connection.run(`UPDATE sessions SET counted_at = handshake_at + INTERVAL 20 MINUTE,
      pings_received = CASE WHEN peer_id % 2 = 0 THEN 40 ELSE 0 END, features = '800898880a8a59a1'`);
  });
  const flushing = await rows(
    path,
    `SELECT DISTINCT peer_id % 2, by_delivery FROM ${PEERS} WHERE r_60 > 0.9 AND receipts >= 40 ORDER BY ALL`,
  );
  assert.deepEqual(flushing, [[0, "eclair"], [1, "cln"]]);
  const { tables } = await runQueries({
    archive: path,
    out: dir.join("out"),
    only: ["implementation_disagreements"],
  });
  const judged = columnValues(tables.get("implementation_disagreements")!, "by_delivery");
  assert.ok(judged.includes("eclair") && !judged.includes("cln"), `${judged}`);
});

Deno.test("peers of another simulator, which relay what they get, are told apart by delivery", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  const settings = {
    hours: 1,
    rate: 1.2,
    observer: 120,
    seed: 21,
    network: { nodes: 240, links: 4 },
  };
  const parsed = parseConfig(JSON.stringify(settings), SETTINGS, "test");
  const [plan] = planRuns(parsed, await allProtocols());
  await writeObservedArchive(path, simulate(plan, await networkGraph(parsed), () => {}), false);
  const found = await rows(
    path,
    `SELECT DISTINCT i.node_id, s.features, i.by_delivery FROM ${PEERS} i JOIN sessions s USING (peer_id)`,
  );
  // There the features are 128 and the implementation's number.
  const pairs = found.map(([, features, word]) =>
    [IMPLEMENTATIONS[parseInt(String(features), 16) - 128].name, String(word)] as const
  );
  assert.equal(pairs.length, 120);
  const { wrong, unknown } = faults(pairs);
  assert.ok(wrong <= 0.03 && unknown <= 0.05, JSON.stringify([...confusion(pairs)]));
});

Deno.test("where all peers are one implementation, its delays are the convergence delays", async () => {
  await using dir = await tempDir();
  const path = dir.join("one.duckdb");
  const traffic = { seed: "one", peers: 40, seconds: 600 };
  await makePlannedArchive(path, { collector: "a", startedAt: 1_758_844_800_000_000, traffic });
  await onArchive(path, async (connection) => {
    await connection.run("UPDATE sessions SET features = '800898880a8a59a1'");
  });
  const only = ["delay_by_implementation", "convergence_delay"];
  const { tables } = await runQueries({ archive: path, out: dir.join("out"), only });
  const [split, whole] = only.map((name) => tables.get(name)!);
  for (const quantile of ["5", "25", "50", "75", "95"]) {
    const name = `avg_delay_to_${quantile}pct`;
    const [one, all] = [split, whole].map((table) => Number(columnValues(table, name)[0]));
    // convergence_delay averages whole microseconds.
    assert.ok(all > 0 && Math.abs(one - all) <= 1e-6, `${name}: ${one}, ${all}`);
  }
  assert.deepEqual(columnValues(split, "messages")[0], columnValues(whole, "message_count")[0]);
});
