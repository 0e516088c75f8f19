/** What pairs of peers differ by: against counting by hand, and against the lab's rounds of the same pairs. */
import type { DuckDBConnection } from "@duckdb/node-api";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { correctClocks } from "../../query_results/archive/clocks.ts";
import { openDatabase, valuesOf } from "../../query_results/archive/database.ts";
import { readFrame } from "../../query_results/archive/frame.ts";
import { openArchive } from "../../query_results/archive/open.ts";
import { readTable } from "../../query_results/archive/read_table.ts";
import { at as sqlAt } from "../../query_results/archive/sql.ts";
import { DEFINITIONS, selectQueries } from "../../query_results/catalog/catalog.ts";
import { useParameters, type Window } from "../../query_results/catalog/parameters.ts";
import {
  compareDifferences,
  SYNC_SECONDS,
} from "../../query_results/reconciliation/replay/differences.ts";
import { resample } from "../../query_results/reconciliation/replay/bootstrap.ts";
import { quantiles } from "../../query_results/reconciliation/replay/pairs.ts";
import {
  NEVER,
  readRecording,
  type Recording,
} from "../../query_results/reconciliation/replay/recording.ts";
import { allProtocols } from "../../query_results/reconciliation/simulator/protocol.ts";
import { writeObservedArchive } from "../../query_results/reconciliation/simulator/observed_archive.ts";
import { networkGraph, simulate } from "../../query_results/reconciliation/simulator/run.ts";
import { planRuns, SETTINGS } from "../../query_results/reconciliation/simulator/settings.ts";
import { parseConfig } from "../../shared/config.ts";
import { seededRandom } from "../../shared/random.ts";
import { at } from "../support/fixtures/query_archive.ts";
import { makeRecordedArchive, makeRecording } from "../support/fixtures/recording.ts";
import { tempDir } from "../support/temp_dir.ts";

const QUERY = selectQueries(["pair_differences"])[0];
const NAMES: Record<number, string> = {
  256: "channel_announcement",
  257: "node_announcement",
  258: "channel_update",
};
const SECONDS = 7200;
/** Peer 3 is away for some time; peer 5 is gone too early to be in the sample. */
const AWAY = { peer: 3, fromMs: 2_500_000, untilMs: 4_000_000 };
const GONE = { peer: 5, fromMs: 2_000_000 };

async function opened(path: string) {
  const reader = await openArchive(path);
  await reader.connection.run(DEFINITIONS);
  await correctClocks(reader.connection);
  return reader;
}

/** The rows of pair_groups, in order of peers and types. */
async function groups(connection: DuckDBConnection, { from, to }: Window, longestUs: number) {
  const rows = await valuesOf(
    connection,
    `FROM pair_groups(${sqlAt(from)}, ${sqlAt(to)}, ${longestUs}) ORDER BY peer_a, peer_b, type`,
  );
  return rows.map(([, ...values]) => values.map(Number));
}

/** The same, counted message by message. */
function counted(recording: Recording, longestMs: number): number[][] {
  const { messages, receivedMs, firstMs, type, features } = recording;
  const inWindow = receivedMs.filter((ms) => ms !== NEVER && ms < 1000 * SECONDS);
  const [first, last] = [
    inWindow.reduce((a, b) => Math.min(a, b)),
    inWindow.reduce((a, b) => Math.max(a, b)),
  ];
  const spans = (peer: number) =>
    peer === AWAY.peer ? [[first, AWAY.fromMs], [AWAY.untilMs, last]] : [[first, last]];
  const nodeId = (peer: number) => "02" + String(peer).padStart(64, "0");
  const md5 = (peer: number) => createHash("md5").update(nodeId(peer)).digest("hex");
  const sample = [...features.keys()].filter((peer) => peer !== GONE.peer)
    .sort((a, b) => md5(a) < md5(b) ? -1 : 1);
  const isSampled = (m: number) => createHash("sha256").update(`${m}`).digest()[0] < 16;
  const rows: number[][] = [];
  sample.slice(1).forEach((b, i) => {
    const a = sample[i];
    const stretches = spans(a).flatMap(([from, to]) =>
      spans(b).map(([f, t]) => [Math.max(from, f), Math.min(to, t)])
    ).filter(([from, to]) => to - from > 2 * (longestMs + 1000));
    if (stretches.length === 0) return;
    for (const kind of [256, 257, 258]) {
      let measuredMs = 0;
      const counts = [0, 0, 0], sums = SYNC_SECONDS.map(() => 0);
      for (const [from, to] of stretches) {
        const [begin, end] = [from + longestMs + 1000, to - longestMs - 1000];
        measuredMs += end - begin;
        for (let m = 0; m < messages; m++) {
          const had = [a, b].map((peer) => receivedMs[peer * messages + m])
            .map((ms) => ms === NEVER || ms >= 1000 * SECONDS ? Infinity : ms);
          const earlier = Math.min(...had), apart = Math.abs(had[0] - had[1]);
          if (
            type[m] !== kind || !isSampled(m) || firstMs[m] < from || earlier < begin ||
            earlier >= end
          ) continue;
          if (apart > longestMs) counts[had[0] < had[1] ? 1 : 2]++;
          else {
            counts[0]++;
            SYNC_SECONDS.forEach((seconds, t) =>
              sums[t] += Math.min(1000 * apart, longestMs * seconds / 0.6)
            );
          }
        }
      }
      rows.push([a + 1, b + 1, kind, 1000 * measuredMs, ...counts, ...sums]);
    }
  });
  return rows.sort(([a, b, t], [c, d, u]) => a - c || b - d || t - u);
}

function oneInSixteen(recording: Recording): Recording {
  const kept = [...recording.id.keys()].filter((m) => recording.id[m] >> 60n === 0n);
  const of = (column: Int32Array) => Int32Array.from(kept, (m) => column[m]);
  const { messages, features, receivedMs } = recording;
  return {
    ...recording,
    messages: kept.length,
    type: of(recording.type),
    sizeBytes: of(recording.sizeBytes),
    reach: of(recording.reach),
    firstMs: of(recording.firstMs),
    id: BigUint64Array.from(kept, (m) => recording.id[m]),
    receivedMs: Int32Array.from(
      { length: features.length * kept.length },
      (_, i) => receivedMs[Math.floor(i / kept.length) * messages + kept[i % kept.length]],
    ),
  };
}

Deno.test("pairs, their time, messages and sums are as counted one by one", async () => {
  await using dir = await tempDir();
  const path = dir.join("a.duckdb");
  const recording = makeRecording({ peers: 9, messages: 8000, seconds: SECONDS, seed: 11 });
  const { receivedMs, messages, firstMs } = recording;
  const drop = (peer: number, fromMs: number, untilMs: number) => {
    for (let i = peer * messages; i < (peer + 1) * messages; i++) {
      if (receivedMs[i] >= fromMs && receivedMs[i] < untilMs) receivedMs[i] = NEVER;
    }
  };
  drop(AWAY.peer, AWAY.fromMs, AWAY.untilMs);
  drop(GONE.peer, GONE.fromMs, Infinity);
  firstMs.forEach((_, m) => {
    const had = recording.features.map((_, peer) => receivedMs[peer * messages + m])
      .filter((ms) => ms !== NEVER);
    firstMs[m] = Math.min(...had, 2 ** 30);
  });
  await makeRecordedArchive(path, recording, SECONDS);
  {
    const instant = (ms: number) => sqlAt(at(ms / 1000));
    using database = await openDatabase(path);
    const { connection } = database;
    await connection.run(
      `UPDATE sessions SET closed_at = ${instant(GONE.fromMs)} WHERE peer_id = ${GONE.peer + 1}`,
    );
    await connection.run(
      `INSERT INTO sessions SELECT * REPLACE (99 AS session_id, 99 AS number,
        ${instant(AWAY.untilMs)} AS filter_at) FROM sessions WHERE peer_id = ${AWAY.peer + 1}`,
    );
    await connection.run(
      `UPDATE sessions SET closed_at = ${instant(AWAY.fromMs)}
      WHERE peer_id = ${AWAY.peer + 1} AND session_id < 99`,
    );
  }
  using reader = await opened(path);
  const window = { from: at(0), to: at(SECONDS) };
  for (const longest of [600, 60]) {
    const expected = counted(recording, 1000 * longest);
    assert.equal(expected.length, 3 * 7);
    assert.deepEqual(await groups(reader.connection, window, 1e6 * longest), expected);
    const parameters = useParameters(QUERY, window, { longest_seconds: `${longest}` });
    const { rows } = await readTable(reader.connection, QUERY.sql, window, parameters);
    assert.equal(rows.length, 4 * SYNC_SECONDS.length);
    for (const [kind, seconds, pairs, hours, messages, alone, ...shown] of rows) {
      const t = SYNC_SECONDS.findIndex((of) => of === Number(seconds) * 600 / longest);
      const byPair = [...Map.groupBy(expected, ([a, b]) => `${a} ${b}`).values()].map((types) => {
        const own = types.filter(([, , type]) => kind === "all" || kind === NAMES[type]);
        const sum = (of: (row: number[]) => number) =>
          own.reduce((total, row) => total + of(row), 0);
        const [one, common] = [sum(([, , , , , a, b]) => a + b), sum((row) => row[7 + t])];
        const us = types[0][3];
        return {
          us,
          all: one + sum((row) => row[4]),
          one,
          common,
          apart: common + one * Number(seconds) * 1e6,
        };
      });
      const total = (name: keyof typeof byPair[0]) =>
        byPair.reduce((sum, pair) => sum + pair[name], 0);
      assert.deepEqual([pairs, messages, alone].map(Number), [7, total("all"), total("one")]);
      assert.ok(total("one") > 0 && total("common") > 0);
      const expectedFigures = [
        ...[total("apart"), total("common")].map((us) => 16 * us / total("us")),
        ...quantiles(byPair.map(({ apart, us }) => 16 * apart / us), [0.05, 0.5, 0.95]),
      ];
      [hours, ...shown].forEach((figure, i) => {
        const wanted = [total("us") / 3.6e9, ...expectedFigures][i];
        assert.ok(
          Math.abs(Number(figure) / wanted - 1) < 1e-9,
          `${kind} ${seconds}: ${figure}, not ${wanted}`,
        );
      });
    }
  }
  const columns = (await reader.connection.runAndReadAll("FROM pair_days")).columnNames();
  const sums = SYNC_SECONDS.map((seconds) => `us_${seconds}s`);
  assert.deepEqual(columns.slice(-sums.length), sums);
});

Deno.test("what pairs differ by on average is what the lab's rounds of them find", async () => {
  await using dir = await tempDir();
  const path = dir.join("simulated.duckdb");
  const settings = { hours: 2, rate: 4, observer: 40, network: { nodes: 120, links: 3 } };
  const parsed = parseConfig(JSON.stringify(settings), SETTINGS, "test");
  const [plan] = planRuns(parsed, await allProtocols());
  await writeObservedArchive(path, simulate(plan, await networkGraph(parsed), () => {}), false);
  using reader = await opened(path);
  const { connection } = reader;
  const { window } = await readFrame(connection);
  const recording = await readRecording(connection, {
    window,
    scale: 1,
    peers: Infinity,
    random: seededRandom("peers"),
  });
  const numbers = new Map(
    (await valuesOf(connection, "SELECT peer_id, number FROM replay_peers"))
      .map((row) => row.map(Number) as [number, number]),
  );
  const pairs = (await groups(connection, window, 600_000_000)).filter(([, , type]) => type === 256)
    .map(([a, b]) => ({ a: numbers.get(a)!, b: numbers.get(b)!, strata: "" }));
  assert.equal(pairs.length, 39);
  const { fromMs, untilMs } = recording;
  const resamples = resample(pairs.length, fromMs, untilMs, seededRandom("bootstrap"));
  const lab = compareDifferences(oneInSixteen(recording), pairs, resamples, seededRandom("phase"));
  const found = await readTable(connection, QUERY.sql, window, useParameters(QUERY, window));
  const figures = new Map(
    found.rows.map((row) => [`${row[0]} ${row[1]}`, row.slice(6, 8).map(Number)]),
  );
  const within = (share: number, figure: number, expected: number, what: string) =>
    assert.ok(Math.abs(figure / expected - 1) < share, `${what}: ${figure}, not ${expected}`);
  let held = 0;
  for (const [name, expected, rounds, , holds] of lab.identities.rows) {
    const [, seconds, kind] = String(name).match(/Δ, (\d+) s\)\], (\w+)/) ?? [];
    if (seconds === undefined) continue;
    const figure = figures.get(`all ${seconds}`)![kind === "all" ? 0 : 1];
    // The lab's common messages may come later than ten minutes.
    within(kind === "all" ? 0.005 : 0.02, figure, 16 * Number(expected), `${name}`);
    if (holds !== true) continue;
    within(0.02, figure, 16 * Number(rounds), `${name} in rounds`);
    held++;
  }
  assert.ok(held >= 8, `${held} identities hold`);
  const whole = compareDifferences(recording, pairs, resamples, seededRandom("phase"));
  for (const [kind, seconds, , mean] of whole.differences.rows) {
    if (kind !== "channel_update" || Number(seconds) > 60) continue;
    // Two standard errors of the sample of messages.
    within(0.05, figures.get(`${kind} ${seconds}`)![0], Number(mean), `${kind} at ${seconds} s`);
  }
});
