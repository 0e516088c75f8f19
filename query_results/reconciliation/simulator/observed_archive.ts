// What a simulated observer received, as an archive: replay and queries read it like a real one.

import { type DuckDBConnection, DuckDBDataChunk, INTEGER } from "@duckdb/node-api";
import duckdb from "@duckdb/node-bindings";
import { firstLine, UserError } from "../../../shared/errors.ts";
import { openDatabase } from "../../archive/database.ts";
import { makeTables } from "../../archive/open_days.ts";
import rows from "./observed_archive.sql" with { type: "text" };
import { observedPeers } from "./observer.ts";
import type { FinishedRun } from "./run.ts";
import type { Simulation } from "./simulation.ts";

/** When the observer connected: early enough that nothing it hears is warm-up. */
const CONNECTED_MS = -600_000;
/** Rows that a vector of DuckDB takes. */
const VECTOR_ROWS = 2048;

/** An archive is never written over: this says so before anything is simulated. @throws {UserError} */
export async function checkNewFile(path: string): Promise<void> {
  if (await Deno.stat(path).then(() => true, () => false)) {
    throw new UserError(`Cannot write ${path}: it exists; choose another path`);
  }
}

/**
 * Writes the archive to `path`, beside its place first.
 *
 * @param calibrated flooding holds the calibration table; otherwise the collector's name says that it does not.
 * @throws {UserError} when it cannot be written.
 */
export async function writeObservedArchive(
  path: string,
  { plan, simulation, durationMs }: FinishedRun,
  calibrated: boolean,
): Promise<void> {
  const { traffic, measures, population, nodes } = simulation;
  const [message, peer, atMs] = Object.values(measures.receipts).map(({ held }) => held);
  const peers = observedPeers(simulation);
  const part = `${path}.part`;
  try {
    await Deno.remove(part).catch(() => {});
    {
      using database = await openDatabase(part);
      const { connection } = database;
      await connection.run(
        `CREATE TEMP TABLE run AS SELECT $1 AS name, $2 AS version,
        CAST($3 AS INTEGER) AS duration_ms, CAST($4 AS INTEGER) AS connected_ms`,
        [
          calibrated ? "simulation" : "uncalibrated-simulation",
          `deno task lab simulate: ${plan.label}, ${nodes} nodes, seed ${plan.settings.seed}`,
          durationMs,
          CONNECTED_MS,
        ],
      );
      await stage(connection, "observed", {
        peer: peers,
        implementation: peers.map((peer) => population.implementation[peer]),
      });
      await stage(connection, "spans", sessionSpans(simulation, durationMs));
      await stage(connection, "born", {
        born_ms: traffic.bornMs,
        type: Int32Array.from(traffic.type),
        size_bytes: Int32Array.from(traffic.sizeBytes),
        subject: traffic.subject,
      });
      await stage(connection, "heard", { message, peer, at_ms: atMs });
      await makeTables(connection);
      await connection.run(rows);
    }
    await Deno.rename(part, path);
  } catch (error) {
    await Deno.remove(part).catch(() => {});
    const reason = firstLine(error);
    throw new UserError(`Cannot write ${path}: ${reason}`, { cause: error });
  }
}

/** When each peer was connected: one row per session. */
function sessionSpans(simulation: Simulation, durationMs: number) {
  const spans: number[][] = [];
  const since = new Map<number, number>();
  for (const peer of observedPeers(simulation)) since.set(peer, CONNECTED_MS);
  const isPeer = new Set(since.keys());
  const end = (peer: number, untilMs: number) => {
    spans.push([peer, since.get(peer)!, untilMs]);
    since.delete(peer);
  };
  for (const { node, atMs } of simulation.turns) {
    if (since.has(node)) end(node, atMs);
    else if (isPeer.has(node)) since.set(node, atMs);
  }
  for (const peer of [...since.keys()]) end(peer, durationMs);
  const column = (i: number) => Int32Array.from(spans, (span) => span[i]);
  return { peer: column(0), from_ms: column(1), until_ms: column(2) };
}

/** Makes a temporary table of 32-bit integers, copied in vector by vector: 8 million rows take a second or two. */
export async function stage(
  connection: DuckDBConnection,
  name: string,
  table: Readonly<Record<string, Int32Array>>,
): Promise<void> {
  const columns = Object.values(table);
  await connection.run(
    `CREATE TEMP TABLE ${name} (${Object.keys(table).map((column) => `${column} INTEGER`)})`,
  );
  const appender = await connection.createAppender(name);
  const chunk = DuckDBDataChunk.create(columns.map(() => INTEGER));
  for (let from = 0; from < columns[0].length; from += VECTOR_ROWS) {
    const count = Math.min(VECTOR_ROWS, columns[0].length - from);
    chunk.reset();
    columns.forEach((column, i) => {
      const vector = duckdb.data_chunk_get_vector(chunk.chunk, i);
      const bytes = column.slice(from, from + count).buffer;
      duckdb.copy_data_to_vector(vector, 0, bytes, 0, 4 * count);
    });
    chunk.rowCount = count;
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
}
