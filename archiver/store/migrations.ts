// The archive's schema over time: numbered SQL files, each applied once, in order.

import type { DuckDBConnection } from "@duckdb/node-api";
import { UserError } from "../../shared/errors.ts";
import initial from "./migrations/0001_initial.sql" with { type: "text" };
import compat from "./migrations/0002_compat.duckdb.sql" with { type: "text" };
import clock from "./migrations/0003_clock.sql" with { type: "text" };
import comments from "./migrations/0004_comments.sql" with { type: "text" };
import days from "./migrations/0005_days.duckdb.sql" with { type: "text" };
import sessions from "./migrations/0006_sessions.sql" with { type: "text" };
import imports from "./migrations/0007_imports.sql" with { type: "text" };
import results from "./migrations/0008_results.sql" with { type: "text" };
import notStored from "./migrations/0009_not_stored.sql" with { type: "text" };
import type { OnStep } from "./crash_points.ts";

/** One step of the schema. */
export interface Migration {
  /** From 1, without holes. */
  readonly version: number;
  readonly name: string;
  /** Statements that DuckDB and PostgreSQL both take, unless {@link duckDbOnly}. */
  readonly sql: string;
  /** PostgreSQL lacks what it says, and goes without; its file's name says `.duckdb.sql`. */
  readonly duckDbOnly?: true;
}

/** The table of the steps taken, which comes before all of them. */
export const VERSION_TABLE: string = "CREATE TABLE IF NOT EXISTS schema_version " +
  "(version INTEGER NOT NULL, name TEXT NOT NULL, applied_at TIMESTAMPTZ NOT NULL)";

/** All steps, in order. */
export const MIGRATIONS: readonly Migration[] = [
  { version: 1, name: "initial", sql: initial },
  { version: 2, name: "compat", sql: compat, duckDbOnly: true },
  { version: 3, name: "clock", sql: clock },
  { version: 4, name: "comments", sql: comments },
  { version: 5, name: "days", sql: days, duckDbOnly: true },
  { version: 6, name: "sessions", sql: sessions },
  { version: 7, name: "imports", sql: imports },
  { version: 8, name: "results", sql: results },
  { version: 9, name: "not_stored", sql: notStored },
];

/**
 * Brings the schema up to the last of `migrations`, each in a transaction of its own.
 *
 * @param path names the archive in errors.
 * @param onStep see `steps.ts`.
 * @throws {UserError} when the archive was written by a newer program.
 */
export async function migrate(
  connection: DuckDBConnection,
  path: string,
  migrations: readonly Migration[] = MIGRATIONS,
  onStep: OnStep = () => {},
): Promise<void> {
  await connection.run(VERSION_TABLE);
  const found = await schemaVersion(connection);
  const known = migrations.at(-1)?.version ?? 0;
  if (found > known) {
    throw new UserError(
      `Cannot open archive ${path}: its schema has version ${found}, this program knows ${known}; ` +
        "use the program that wrote it, or a newer one",
    );
  }
  for (const { version, name, sql } of migrations.filter((step) => step.version > found)) {
    await connection.run("BEGIN");
    onStep("upgrade: begun");
    await connection.run(sql);
    await connection.run("INSERT INTO schema_version VALUES ($1, $2, now())", [version, name]);
    onStep("upgrade: statements run");
    await connection.run("COMMIT");
    onStep("upgrade: committed");
  }
}

/** The version an archive is at; 0 when it is empty. Its table must exist. */
export async function schemaVersion(connection: DuckDBConnection): Promise<number> {
  const sql = "SELECT COALESCE(max(version), 0) FROM schema_version";
  const reader = await connection.runAndReadAll(sql);
  return Number(reader.getRows()[0][0]);
}
